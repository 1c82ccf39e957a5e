"""What LeRobot keeps of every feature: least, most, mean, deviation, count, quantiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

Stats = dict[str, np.ndarray]

QUANTILES = {"q01": 0.01, "q10": 0.10, "q50": 0.50, "q90": 0.90, "q99": 0.99}
LEAST_SAMPLES = 100
MOST_SAMPLES = 10_000
LARGE_PX = 300
SMALL_PX = 150


def value_stats(values: np.ndarray) -> Stats:
    """Return the figures over the first axis, float64; each keeps at least one axis.

    Args:
        values: (T,) or (T, D), numbers or truth values; NaN is passed over.
    """
    rows = np.asarray(values, np.float64).reshape(len(values), -1)  # (T, D)
    known = np.where(np.isfinite(rows), rows, np.nan)
    empty = np.isnan(known).all(axis=0)
    known = np.where(empty, 0.0, known)  # nothing is known of it: zeros, not NaN
    figures = {
        "min": np.nanmin(known, axis=0),
        "max": np.nanmax(known, axis=0),
        "mean": np.nanmean(known, axis=0),
        "std": np.nanstd(known, axis=0),
        "count": np.array([len(rows)]),
    }
    return {**figures, **{name: np.nanquantile(known, q, axis=0) for name, q in QUANTILES.items()}}


def sampled_rows(length: int) -> np.ndarray:
    """Return which of an episode's frames the figures of pictures are made from, ascending."""
    least = min(LEAST_SAMPLES, length)
    count = max(least, min(int(length**0.75), MOST_SAMPLES))
    return np.unique(np.round(np.linspace(0, length - 1, count)).astype(np.int64))


def thinned(picture: np.ndarray) -> np.ndarray:
    """Return a large picture with pixels left out, uint8 (h, w, 3)."""
    longest = max(picture.shape[:2])
    step = longest // SMALL_PX if longest >= LARGE_PX else 1
    return picture[::step, ::step]


class PictureFigures:
    """Gathers the figures of pictures one by one; only how often each level occurs is kept."""

    def __init__(self) -> None:
        self._counts = np.zeros((3, 256), np.int64)
        self._pictures = 0

    def add(self, picture: np.ndarray) -> None:
        """Take a picture in, uint8 (H, W, 3)."""
        pixels = thinned(picture).reshape(-1, 3)
        for colour in range(3):
            self._counts[colour] += np.bincount(pixels[:, colour], minlength=256)
        self._pictures += 1

    def stats(self) -> Stats:
        """Return the figures of each colour, between 0 and 1, as (3, 1, 1)."""
        levels = np.arange(256) / 255.0
        shares = self._counts / self._counts.sum(axis=1, keepdims=True)  # (3, 256)
        mean = shares @ levels  # (3,)
        variance = (shares * (levels - mean[:, None]) ** 2).sum(axis=1)
        reached = np.cumsum(shares, axis=1)
        figures = {
            "min": np.array([levels[np.flatnonzero(row)[0]] for row in shares]),
            "max": np.array([levels[np.flatnonzero(row)[-1]] for row in shares]),
            "mean": mean,
            "std": np.sqrt(variance),
        }
        for name, q in QUANTILES.items():
            places = [min(int(np.searchsorted(row, q)), 255) for row in reached]
            figures[name] = levels[places]
        shaped = {name: values.reshape(3, 1, 1) for name, values in figures.items()}
        return {**shaped, "count": np.array([self._pictures])}


def joined(stats: Sequence[Stats]) -> Stats:
    """Return the figures of several episodes together; quantiles are weighted means of theirs."""
    counts = np.array([float(one["count"][0]) for one in stats])
    weights = counts / counts.sum()

    def weighted(arrays: Sequence[np.ndarray]) -> np.ndarray:
        return np.tensordot(weights, np.stack(arrays), axes=1)

    mean = weighted([one["mean"] for one in stats])
    spread = weighted([one["std"] ** 2 + (one["mean"] - mean) ** 2 for one in stats])
    return {
        "min": np.min([one["min"] for one in stats], axis=0),
        "max": np.max([one["max"] for one in stats], axis=0),
        "mean": mean,
        "std": np.sqrt(spread),
        "count": np.array([int(counts.sum())]),
        **{name: weighted([one[name] for one in stats]) for name in QUANTILES},
    }


def as_columns(stats: Mapping[str, Stats]) -> dict[str, Any]:
    """Return figures by feature as columns of `meta/episodes`."""
    return {
        f"stats/{feature}/{name}": values.tolist()
        for feature, figures in stats.items()
        for name, values in figures.items()
    }
