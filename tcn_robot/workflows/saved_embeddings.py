"""Embeddings that anybody has saved: .npy, .npz (such as `tcn-robot embed` writes) and Parquet."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tcn_robot.errors import UserError

SUFFIXES = (".npy", ".npz", ".parquet")
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
    """Read the embeddings of a file; nothing in it is executed.

    A .npy file is one array (N, D). A .npz file has it under "embeddings", or as its only array of
    two axes; its other arrays of N values are columns. A Parquet file has it as a column of lists
    called "embeddings", or else as all of its columns of floating numbers.

    Raises:
        UserError: No such file, no embeddings in it, or numbers that are not finite.
    """
    from tcn_robot.metrics.checks import checked_embedding

    if not path.is_file():
        raise UserError(f"expected embeddings in {path}, found no such file; check the path")
    try:
        saved = _READERS[path.suffix.lower()](path)
    except (ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise UserError(
            f"{path} cannot be read as embeddings ({' '.join(str(error).split())}); save an array "
            "of shape (frames, dimensions)"
        ) from error
    embeddings = checked_embedding(saved.embeddings, str(path))
    rows = len(embeddings)
    columns = {
        name: values
        for name, values in saved.columns.items()
        if values.shape == (rows,) and values.dtype.kind in "fiubUSO"
    }
    return SavedEmbeddings(embeddings, columns)


def _read_npy(path: Path) -> SavedEmbeddings:
    return SavedEmbeddings(np.load(path, allow_pickle=False))


def _read_npz(path: Path) -> SavedEmbeddings:
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    named = [name for name in EMBEDDING_NAMES if name in arrays]
    found = named or [name for name, array in arrays.items() if array.ndim == 2]
    if len(found) != 1 and not named:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise UserError(
            f"expected one array 'embeddings' of shape (frames, dimensions) in {path}, found "
            f"{shapes or 'none'}; save it under that name"
        )
    embeddings = arrays.pop(found[0])
    return SavedEmbeddings(embeddings, arrays)


def _read_parquet(path: Path) -> SavedEmbeddings:
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise ValueError(str(error)) from error
    columns: dict[str, Any] = {name: table[name].to_pylist() for name in table.column_names}
    for name in EMBEDDING_NAMES:
        if name in columns:
            lists = columns.pop(name)
            embeddings = np.array(lists, np.float64)
            break
    else:
        floating = [
            field.name
            for field in table.schema
            if pyarrow.types.is_floating(field.type) and field.name not in _KNOWN_COLUMNS
        ]
        if not floating:
            raise ValueError("no column 'embeddings', and none of floating numbers")
        embeddings = np.array([columns.pop(name) for name in floating], np.float64).T  # (N, D)
    return SavedEmbeddings(embeddings, {name: np.array(values) for name, values in columns.items()})


_KNOWN_COLUMNS = ("timestamps", "time_seconds")
_READERS = {".npy": _read_npy, ".npz": _read_npz, ".parquet": _read_parquet}
