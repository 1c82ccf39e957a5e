"""Films to compare from files of embeddings, those of `tcn-robot embed` too."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tcn_robot.errors import UserError
from tcn_robot.metrics.checks import checked_embedding
from tcn_robot.workflows.saved_embeddings import (
    ENCODERS,
    embedding_names,
    expect_one_encoder,
    read_arrays,
)

if TYPE_CHECKING:
    from tcn_robot.benchmarks.alignment.arrays import EmbeddedRecording

#: What `tcn-robot embed` writes for each frame.
_COLUMNS = ("embeddings", "episode_ids", "views", "timestamps")


def read_embeddings(
    paths: Sequence[Path],
) -> tuple[list[tuple[str, np.ndarray]], list[EmbeddedRecording]]:
    """Read embeddings of films, and look whether they can be compared.

    Args:
        paths: .npy with one (T, D) array; .npz with arrays of one film each, or what
            `tcn-robot embed` wrote, which may stand in a .parquet too; .parquet with D columns of
            numbers or one column of lists.

    Returns:
        (name, (T, D)) of each film whose episode nobody names, and recordings of those that
        `tcn-robot embed` wrote. One of the two is empty.

    Raises:
        UserError: A file that is missing, given twice or holds no embeddings, NaN, a single
            frame, different dimensions, or different encoders.
    """
    films: list[tuple[str, np.ndarray]] = []
    recordings: list[EmbeddedRecording] = []
    encoders: list[tuple[np.ndarray, str]] = []
    for path in paths:
        arrays = read_arrays(path)
        if set(_COLUMNS) <= arrays.keys():
            encoders.append((arrays.get(ENCODERS, np.empty(0, "S1")), str(path)))
            recordings.append(_recording(path, arrays))
        else:
            found = sorted(embedding_names(arrays))
            if not found:
                raise UserError(
                    f"expected arrays of shape (frames, dimensions) in {path}, found "
                    f"{', '.join(arrays) or 'none'}; save one per film"
                )
            films += [
                (f"{path}:{name}" if len(found) > 1 else str(path), arrays[name]) for name in found
            ]
    if films and recordings:
        raise UserError(
            "expected films without episodes, or files of `tcn-robot embed`, found both; give one "
            "kind"
        )
    expect_one_encoder(encoders)
    _check(films + [(f"{one.name} {view}", film)
                    for one in recordings for films_of in one.episodes
                    for view, film in films_of.items()])  # fmt: skip
    _refuse_twice(paths)
    return films, recordings


def _refuse_twice(paths: Sequence[Path]) -> None:
    """Refuse a path that is given twice: what is compared with itself is always found."""
    known: set[Path] = set()
    for path in paths:
        if path.resolve() in known:
            raise UserError(
                f"expected each file once, found {path} twice; what is compared with itself is "
                "always found"
            )
        known.add(path.resolve())


def _check(films: Sequence[tuple[str, np.ndarray]]) -> None:
    """Refuse what cannot be compared; say it where an embedding is constant."""
    dimensions: dict[int, str] = {}
    constant: list[str] = []
    for name, film in films:
        checked_embedding(film, name)
        if len(film) < 2:
            raise UserError(f"{name}: expected 2 frames or more, found 1; nothing can be aligned")
        dimensions.setdefault(film.shape[1], name)
        if np.ptp(film, axis=0).max() == 0:
            constant.append(name)
    if len(dimensions) > 1:
        (first, its), (second, other) = list(dimensions.items())[:2]
        raise UserError(
            f"expected embeddings of one dimension, found {first} in {its}, {second} in {other}; "
            "embed both with the same encoder"
        )
    what = (
        "every figure is chance"
        if len(constant) == len(films)
        else "its frames cannot be told apart, and figures that it is part of say nothing"
    )
    for name in dict.fromkeys(constant):
        print(f"{name}: constant embedding, {what}", file=sys.stderr)


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
