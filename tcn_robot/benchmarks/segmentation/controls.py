"""What a segmentation by maps is compared with: colours, coarse or fine, one class for all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tcn_robot.benchmarks.segmentation.films import Maps, SegmentedFilm, SegmentedSet
from tcn_robot.metrics import pixel_confusion
from tcn_robot.models.resize import area_weights


def place_maps(film: SegmentedFilm) -> NDArray[np.float32]:
    """Return where each pixel is, float32 (N, 5, H, W): x and y, their squares and product.

    x and y go from -1 to 1. A linear classifier of these knows an ellipse where a class mostly is,
    which films of cameras that stand still give away; every row is told, so that none can win by
    it.
    """
    count, height, width = film.masks.shape
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    place = np.stack([x, y, x * x, y * y, x * y]).astype(np.float32)  # (5, H, W)
    return np.broadcast_to(place, (count, *place.shape))


def pixel_maps(film: SegmentedFilm) -> Maps:
    """Return colours and place of each pixel, float32 (N, 3, H, W) from 0 to 1 and (N, 5, H, W)."""
    colours = film.frames.transpose(0, 3, 1, 2).astype(np.float32) / np.float32(255)
    return [colours, place_maps(film)]


def coarse_pixel_maps(film: SegmentedFilm, size: tuple[int, int]) -> Maps:
    """Return what `pixel_maps` does, but colours averaged over the places of a coarse map.

    What an encoder's maps are short of, compared with pixels, is to a large part their fineness.

    Args:
        film: The film.
        size: (h, w) of the map; its places are at least as large as pixels.
    """
    colours, place = pixel_maps(film)
    rows, columns = (
        area_weights(source, target).numpy()
        for source, target in zip(colours.shape[2:], size, strict=True)
    )
    means = np.einsum("hy,ncyx,wx->nchw", rows, colours, columns, optimize=True)
    return [means.astype(np.float32), place]


def majority_confusions(films: SegmentedSet) -> dict[str, NDArray[np.int64]]:
    """Return the tables of naming the most frequent class everywhere, of each test episode."""
    num_classes = len(films.classes)
    counts = _counts(films.films["fit"], num_classes)
    tables: dict[str, NDArray[np.int64]] = {}
    for film in films.films["test"]:
        guess = np.full(film.masks.shape, counts.argmax(), np.uint8)
        table = pixel_confusion(film.masks, guess, num_classes)
        tables[film.episode] = tables.get(film.episode, np.zeros_like(table)) + table
    return tables


def _counts(films: Sequence[SegmentedFilm], num_classes: int) -> NDArray[np.int64]:
    return np.sum([np.bincount(film.masks.reshape(-1), minlength=num_classes) for film in films], 0)
