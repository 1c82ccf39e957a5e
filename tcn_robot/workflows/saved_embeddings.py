"""Embeddings that anybody has saved: .npy, .npz (such as `tcn-robot embed` writes) and Parquet."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tcn_robot.errors import UserError

SUFFIXES = (".npy", ".npz", ".parquet")
#: The column of `tcn-robot embed` that says whose embeddings they are.
ENCODERS = "encoders"
EMBEDDING_NAMES = ("embeddings", "embedding", "features")


@dataclass(frozen=True)
class SavedEmbeddings:
    """What a file holds.

    Attributes:
        embeddings: (N, D), finite.
        columns: What else is known of each row, (N,) each, by name.
    """

    embeddings: np.ndarray
    columns: dict[str, np.ndarray] = field(default_factory=dict)


def read_embeddings(path: Path) -> SavedEmbeddings:
    """Read the one embedding of a file; nothing in it is executed.

    It is what `read_arrays` calls "embeddings", or else its only array of two axes; other arrays of
    N values are columns.

    Raises:
        UserError: No such file, no embeddings in it, or numbers that are not finite.
    """
    from tcn_robot.metrics.checks import checked_embedding

    arrays = read_arrays(path)
    found = embedding_names(arrays)
    if len(found) != 1:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise UserError(
            f"expected one array 'embeddings' of shape (frames, dimensions) in {path}, found "
            f"{shapes or 'none'}; save it under that name"
        )
    embeddings = checked_embedding(arrays.pop(found[0]), str(path))
    columns = {
        name: values
        for name, values in arrays.items()
        if values.shape == (len(embeddings),) and values.dtype.kind in "fiubUSO"
    }
    return SavedEmbeddings(embeddings, columns)


def expect_one_encoder(digests: Iterable[tuple[np.ndarray, str]]) -> None:
    """Refuse embeddings of several encoders, or of several versions of one: no space holds both.

    Args:
        digests: (N,) digests of encoders as `tcn-robot embed` writes them, of any length, and
            where they were found.

    Raises:
        UserError: There are two.
    """
    known: dict[str, str] = {}
    for array, where in digests:
        for digest in np.unique(array).astype("S"):
            known.setdefault(digest.decode("ascii", "replace"), where)
    if len(known) > 1:
        (first, its), (second, other) = list(known.items())[:2]
        raise UserError(
            f"expected embeddings of one encoder, found {first} in {its}, {second} in {other}; "
            "embed both recordings with the same encoder"
        )


def embedding_names(arrays: Mapping[str, np.ndarray]) -> list[str]:
    """Return which arrays of a file are embeddings: the one that is called so, or all of two axes.

    The only array of a file is returned whatever its shape: its check says what is wrong with it.
    """
    named = [name for name in EMBEDDING_NAMES if name in arrays][:1]
    wide = [name for name, array in arrays.items() if array.ndim == 2]
    return named or wide or list(arrays)[: len(arrays) == 1]


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read every array of a file by name; nothing in it is executed.

    A .npy file is the array "embeddings". In a Parquet file the embeddings are a column of lists,
    the one with that name where there are several, or else all columns of floating numbers side by
    side; its other columns are arrays of N values.

    Raises:
        UserError: No such file, or no arrays in it.
    """
    if not path.is_file():
        raise UserError(f"expected embeddings in {path}, found no such file; check the path")
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(
            f"expected embeddings in {path}, found a file that ends with neither of "
            f"{', '.join(SUFFIXES)}; save them as one of these"
        )
    try:
        if path.suffix.lower() == ".parquet":
            return _read_parquet(path)
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return {"embeddings": loaded}
        with loaded:
            return {name: loaded[name] for name in loaded.files}
    except (ValueError, EOFError, OSError, zipfile.BadZipFile) as error:
        # NumPy's own words advise to load pickled objects, which execute what they like.
        pickled = "pickle" in str(error)
        why = "no plain numbers" if pickled else " ".join(str(error).split()) or "damaged"
        raise UserError(
            f"{path} cannot be read as embeddings ({why}); save plain arrays of numbers anew"
        ) from error


def _read_parquet(path: Path) -> dict[str, np.ndarray]:
    import pyarrow as pa
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(path)
    except pa.ArrowException as error:
        raise ValueError(str(error)) from error
    lists = [one.name for one in table.schema if _is_list(one.type)]
    named = [name for name in EMBEDDING_NAMES if name in lists][:1] or lists
    floating = [
        one.name
        for one in table.schema
        if pa.types.is_floating(one.type) and one.name not in _KNOWN_COLUMNS
    ]
    if len(named) > 1 or not (named or floating):
        found = ", ".join(f"{one.name} ({one.type})" for one in table.schema) or "none"
        raise ValueError(
            f"expected one column of lists or columns of floating-point numbers, found {found}"
        )
    used = named or floating
    if named:
        embeddings = _stacked(table[named[0]].to_pylist(), named[0])
    else:
        columns = [table[name].to_numpy() for name in floating]
        embeddings = np.stack(columns, axis=1)  # (N, D)
    rest = [name for name in table.column_names if name not in (*used, *lists)]
    return {"embeddings": embeddings} | {n: np.array(table[n].to_pylist()) for n in rest}


def _stacked(rows: Sequence[Sequence[float] | None], name: str) -> np.ndarray:
    lengths = sorted({0 if row is None else len(row) for row in rows})
    if len(lengths) != 1:
        raise ValueError(f"expected lists of one length in {name!r}, found lengths {lengths}")
    return np.array(rows, dtype=np.float64)


def _is_list(kind: Any) -> bool:
    import pyarrow as pa

    tests = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    return any(test(kind) for test in tests)


_KNOWN_COLUMNS = ("timestamps", "time_seconds")
