"""Figures of segmentation with intervals over episodes, and differences between rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tcn_robot.metrics import MetricInputError, class_iou, mean_iou, pixel_accuracy

Tables = NDArray[np.int64]
FIGURES: dict[str, Callable[[Any], NDArray[np.float64]]] = {
    "mean_iou": mean_iou,
    "pixel_accuracy": pixel_accuracy,
}
TRAINED = "trained"


def summarised(
    rows: Mapping[str, Sequence[Mapping[str, Tables]]],
    classes: Sequence[str],
    seed: int,
    num_resamples: int = 2000,
    confidence: float = 0.95,
) -> dict[str, Any]:
    """Return the figures of each row, and what the trained one has more than the others.

    Tables of pixels are added up over episodes before figures are made of them, within each draw
    of episodes too. A row of several seeds has the mean of their figures.

    Args:
        rows: By row, for each seed, the table (K, K) of each test episode by its name.
        classes: Names of the K classes.
        seed: Of the draws; all rows see the same.
        num_resamples: Draws of episodes with replacement.
        confidence: In (0, 1).

    Returns:
        By row "mean_iou", "pixel_accuracy" with their intervals, "class_iou" by name (None where a
        class is nowhere), and "above" it: the difference of the trained row's, with interval.
    """
    episodes = list(next(iter(rows.values()))[0])
    if not episodes:
        raise MetricInputError("expected 1 test episode or more, found none")
    share = np.full(len(episodes), 1 / len(episodes))
    drawn = np.random.default_rng(seed).multinomial(len(episodes), share, size=num_resamples)
    stacked = {
        name: np.stack([[of_seed[episode] for episode in episodes] for of_seed in seeds])
        for name, seeds in rows.items()
    }  # (R, E, K, K)
    summary: dict[str, Any] = {}
    for name, tables in stacked.items():
        row: dict[str, Any] = {}
        for figure, of in FIGURES.items():
            row[figure] = _figure(of, tables)
            row[f"{figure}_interval"] = _interval(_drawn(of, tables, drawn), confidence)
        row["class_iou"] = _by_class(tables, classes)
        if name != TRAINED and TRAINED in stacked:
            trained = stacked[TRAINED]
            for figure, of in FIGURES.items():
                gains = _drawn(of, trained, drawn) - _drawn(of, tables, drawn)
                row[f"above_{figure}"] = _figure(of, trained) - row[figure]
                row[f"above_{figure}_interval"] = _interval(gains, confidence)
        summary[name] = row
    return summary


def _figure(of: Callable[[Any], NDArray[np.float64]], tables: Tables) -> float:
    return float(of(tables.sum(axis=1)).mean())


def _drawn(
    of: Callable[[Any], NDArray[np.float64]], tables: Tables, drawn: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the figure of each draw of episodes, float64 (B,)."""
    sums = np.einsum("be,rekl->brkl", drawn, tables, optimize=True)
    return np.asarray(of(sums).mean(axis=1))


def _interval(values: NDArray[np.float64], confidence: float) -> list[float]:
    tail = (1 - confidence) / 2
    return [float(edge) for edge in np.quantile(values, [tail, 1 - tail])]


def _by_class(tables: Tables, classes: Sequence[str]) -> dict[str, float | None]:
    each = class_iou(tables.sum(axis=1))  # (R, K)
    occurs = tables.sum(axis=(0, 1, 3)) > 0
    means = np.where(np.isnan(each), 0.0, each).mean(axis=0)
    return {
        name: float(means[place]) if occurs[place] else None for place, name in enumerate(classes)
    }
