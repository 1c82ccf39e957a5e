"""The files of TensorBoard's projector, without TensorFlow: vectors, what each is, its picture.

`projector_config.pbtxt` in a folder that TensorBoard looks at names one table of vectors or more.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

CONFIG_FILE = "projector_config.pbtxt"
VECTORS_FILE = "vectors.tsv"
METADATA_FILE = "metadata.tsv"
SPRITE_FILE = "thumbnails.png"
THUMBNAIL_PX = 32
# A browser draws these easily, and a sheet of 50 x 50 thumbnails is 1600 pixels wide.
MOST_POINTS = 2500


@dataclass(frozen=True)
class ProjectorTable:
    """One entry of the projector's menu.

    Attributes:
        name: What it is called there.
        shape: Points N and dimension D of its vectors.
        vectors: Path of the vectors, as seen from the folder of the configuration.
        metadata: Path of what each point is.
        sprite: Path of the sheet of thumbnails; None where the points have no picture.
    """

    name: str
    shape: tuple[int, int]
    vectors: str
    metadata: str
    sprite: str | None = None


def write_vectors(path: Path, embeddings: np.ndarray) -> None:
    """Write embeddings (N, D), a line per point."""
    lines = ("\t".join(f"{value:.6g}" for value in row) + "\n" for row in embeddings)
    _write_lines(path, lines)


def write_metadata(path: Path, columns: Mapping[str, Sequence[Any]]) -> None:
    """Write what each point is: a line of names, then a line per point.

    Args:
        path: File to write.
        columns: N values each, under two names or more: the projector reads one column without
            its name.
    """
    _write_lines(path, _metadata_lines(columns))


def write_sprite(path: Path, thumbnails: np.ndarray) -> None:
    """Write thumbnails uint8 (N, S, S, 3) as one sheet."""
    from PIL import Image

    encoded = io.BytesIO()
    Image.fromarray(square_sheet(thumbnails)).save(encoded, format="PNG")
    path.write_bytes(encoded.getvalue())


def config_text(tables: Iterable[ProjectorTable]) -> str:
    """Return the configuration; the first table is shown first."""
    return "".join(map(_entry, tables))


def square_sheet(thumbnails: np.ndarray) -> np.ndarray:
    """Return pictures side by side in a square, row by row, as TensorBoard's projector wants them.

    Args:
        thumbnails: uint8 (N, S, S, 3), N at least 1.

    Returns:
        uint8 (n * S, n * S, 3) with n = ceil(sqrt(N)); what is left over is black.
    """
    count, size = thumbnails.shape[:2]
    side = int(np.ceil(np.sqrt(count)))
    sheet = np.zeros((side * side, size, size, 3), np.uint8)
    sheet[:count] = thumbnails
    grid = sheet.reshape(side, side, size, size, 3).swapaxes(1, 2)  # (n, S, n, S, 3)
    return grid.reshape(side * size, side * size, 3)


def _metadata_lines(columns: Mapping[str, Sequence[Any]]) -> Iterator[str]:
    for cells in [columns.keys(), *zip(*columns.values(), strict=True)]:
        yield "\t".join(map(_cell, cells)) + "\n"


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    return " ".join(str(value).split())


def _entry(table: ProjectorTable) -> str:
    sprite = (
        ""
        if table.sprite is None
        else (
            "  sprite {\n"
            f"    image_path: {_quoted(table.sprite)}\n"
            f"    single_image_dim: {THUMBNAIL_PX}\n"
            f"    single_image_dim: {THUMBNAIL_PX}\n"
            "  }\n"
        )
    )
    return (
        "embeddings {\n"
        f"  tensor_name: {_quoted(table.name)}\n"
        f"  tensor_shape: {table.shape[0]}\n"
        f"  tensor_shape: {table.shape[1]}\n"
        f"  tensor_path: {_quoted(table.vectors)}\n"
        f"  metadata_path: {_quoted(table.metadata)}\n"
        f"{sprite}"
        "}\n"
    )


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{" ".join(escaped.split())}"'


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(lines)
