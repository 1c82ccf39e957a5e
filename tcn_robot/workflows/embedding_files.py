"""Embeddings in files: .npy, .npz (those of `tcn-robot embed` too) and Parquet."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tcn_robot.errors import UserError
from tcn_robot.metrics.checks import checked_embedding

if TYPE_CHECKING:
    from tcn_robot.benchmarks.alignment.arrays import EmbeddedRecording

ENDINGS = (".npy", ".npz", ".parquet")
#: What `tcn-robot embed` writes for each frame.
_COLUMNS = ("embeddings", "episode_ids", "views", "timestamps")
_ENCODERS = "encoders"


def read_embeddings(
    paths: Sequence[Path],
) -> tuple[list[tuple[str, np.ndarray]], list[EmbeddedRecording]]:
    """Read embeddings of films, and look whether they can be compared.

    Args:
        paths: .npy with one (T, D) array; .npz with arrays of one film each, or what
            `tcn-robot embed` wrote; .parquet with D columns of numbers or one column of lists.

    Returns:
        (name, (T, D)) of each film whose episode nobody names, and recordings of those that
        `tcn-robot embed` wrote. One of the two is empty.

    Raises:
        UserError: A file that is missing or holds no embeddings, NaN, a single frame, different
            dimensions, or different encoders.
    """
    films: list[tuple[str, np.ndarray]] = []
    recordings: list[EmbeddedRecording] = []
    encoders: dict[str, Path] = {}
    for path in paths:
        arrays = _arrays(path)
        if set(_COLUMNS) <= arrays.keys():
            for digest in np.unique(arrays.get(_ENCODERS, np.empty(0, "S1"))).astype("S"):
                encoders.setdefault(digest.decode("ascii", "replace"), path)
            recordings.append(_recording(path, arrays))
        else:
            names = {name: f"{path}:{name}" if len(arrays) > 1 else str(path) for name in arrays}
            films += [(names[name], arrays[name]) for name in sorted(arrays)]
    if films and recordings:
        raise UserError(
            "expected films without episodes, or files of `tcn-robot embed`, found both; give one "
            "kind"
        )
    if len(encoders) > 1:
        (first, its), (second, other) = list(encoders.items())[:2]
        raise UserError(
            f"expected embeddings of one encoder, found {first} in {its}, {second} in {other}; "
            "embed both recordings with the same encoder"
        )
    _check(films + [(f"{one.name} {view}", film)
                    for one in recordings for films_of in one.episodes
                    for view, film in films_of.items()])  # fmt: skip
    return films, recordings


def _check(films: Sequence[tuple[str, np.ndarray]]) -> None:
    """Refuse what cannot be compared; say it where an embedding is constant."""
    dimensions: dict[int, str] = {}
    for name, film in films:
        checked_embedding(film, name)
        if len(film) < 2:
            raise UserError(f"{name}: expected 2 frames or more, found 1; nothing can be aligned")
        dimensions.setdefault(film.shape[1], name)
        if np.ptp(film, axis=0).max() == 0:
            print(f"{name}: constant embedding, every figure is chance", file=sys.stderr)
    if len(dimensions) > 1:
        (first, its), (second, other) = list(dimensions.items())[:2]
        raise UserError(
            f"expected embeddings of one dimension, found {first} in {its}, {second} in {other}; "
            "embed both with the same encoder"
        )


def _arrays(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of one file by name."""
    if not path.is_file():
        raise UserError(
            f"expected embeddings in {path}, found no such file; save them with np.save"
        )
    if path.suffix == ".parquet":
        return {"embeddings": _parquet(path)}
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return {"embeddings": loaded}
        with loaded:
            return {name: loaded[name] for name in loaded.files}
    except (ValueError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise UserError(
            f"expected one array in {path}, found none ({error}); save it with np.save"
        ) from error


def _parquet(path: Path) -> np.ndarray:
    """Return (T, D): columns of numbers side by side, or the only column of lists."""
    import pyarrow as pa
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        first_line = next(iter(str(error).splitlines()), "damaged")
        raise UserError(f"{path} is no Parquet file ({first_line}); write it again") from error
    lists = [f.name for f in table.schema if pa.types.is_list(f.type) or _is_fixed(f.type)]
    numbers = [f.name for f in table.schema if pa.types.is_floating(f.type)]
    if len(lists) == 1:
        rows = table.column(lists[0]).to_pylist()
        lengths = {len(row) if row is not None else 0 for row in rows}
        if len(lengths) != 1:
            raise UserError(
                f"{path}: expected lists of one length in {lists[0]!r}, found lengths "
                f"{sorted(lengths)}; one embedding per row"
            )
        return np.array(rows, dtype=np.float64)
    if lists or not numbers:
        found = ", ".join(f"{f.name} ({f.type})" for f in table.schema) or "none"
        raise UserError(
            f"{path}: expected one column of lists or columns of floating-point numbers, found "
            f"{found}; write (T, D) numbers"
        )
    columns = [table.column(name).to_numpy() for name in numbers]
    return np.stack(columns, axis=1)  # (T, D)


def _is_fixed(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_fixed_size_list(kind) or pa.types.is_large_list(kind))


def _recording(path: Path, arrays: dict[str, np.ndarray]) -> EmbeddedRecording:
    """Return the episodes of a file of `tcn-robot embed`."""
    from tcn_robot.benchmarks.alignment.arrays import EmbeddedRecording

    embeddings, ids, views, times = (arrays[name] for name in _COLUMNS)
    if not len(embeddings) == len(ids) == len(views) == len(times):
        raise UserError(f"{path}: expected one row per frame in each array; embed it again")
    episodes, clocks = [], []
    for episode in np.unique(ids):
        films, seconds = {}, {}
        for view in dict.fromkeys(views[ids == episode].tolist()):
            rows = (ids == episode) & (views == view)
            films[view], seconds[view] = embeddings[rows], times[rows].astype(np.float64)
        episodes.append(films)
        clocks.append(seconds)
    return EmbeddedRecording(str(path), episodes, clocks)
