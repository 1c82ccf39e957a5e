"""Figures of whole films and of all films together, and those that older papers define."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from tcn_robot.benchmarks.alignment.figures.figure import EmbeddedEpisodes, Figure
from tcn_robot.benchmarks.alignment.figures.found import EmbeddedFilm, Found
from tcn_robot.metrics import (
    goal_values,
    moment_recall,
    published_alignment_error,
    published_cycle_consistency,
    published_delft_accuracy,
    published_kendall_tau,
    three_way_cycle_consistency,
    value_order_correlation,
)

#: How many of the nearest frames are looked at.
RETRIEVED = (1, 5, 10)


def _per_item(
    everything: EmbeddedEpisodes, measure: Callable[[EmbeddedFilm], float]
) -> NDArray[np.float64]:
    """Return (N,), a figure of one film averaged over the films of each item."""
    return np.array([np.mean([measure(film) for film in films]) for films in everything.items()])


def _value_order(everything: EmbeddedEpisodes) -> NDArray[np.float64]:
    return _per_item(everything, lambda film: value_order_correlation(goal_values(film.embedding)))


def _three_way_cycle(everything: EmbeddedEpisodes) -> NDArray[np.float64] | None:
    """Return (N,), each episode through the next two, the last ones through the first."""
    items = everything.comparison.queries
    if len(items) < 3:
        return None
    values = np.zeros(len(items))
    for i, item in enumerate(items):
        second, third = (
            {
                shown.view: everything.film(shown).embedding
                for shown in items[(i + step) % len(items)]
            }
            for step in (1, 2)
        )
        cycles = [
            three_way_cycle_consistency(
                everything.film(shown).embedding, second[shown.view], third[shown.view]
            )
            for shown in item
            if shown.view in second and shown.view in third
        ]
        if not cycles:
            return None
        values[i] = np.mean(cycles)
    return values


def _recall(found: Found, k: int) -> float | None:
    """Return the share of frames whose moment is among the k nearest, both ways round."""
    u, v = found.query.embedding, found.target.embedding
    if not found.is_synchronised or k > len(u):
        return None
    ways = (moment_recall(u, v, (k,)), moment_recall(v, u, (k,)))
    return float(np.mean([way[k].recall for way in ways]))


def _published_error(found: Found) -> float | None:
    if not found.is_synchronised:
        return None
    return published_alignment_error(found.query.embedding, found.target.embedding)


def _published_of_all(
    everything: EmbeddedEpisodes, measure: Callable[[list[NDArray[np.generic]]], float]
) -> NDArray[np.float64] | None:
    """Return a figure of all episodes from one view, averaged over the views."""
    by_view: dict[str, list[NDArray[np.generic]]] = {}
    for item in everything.comparison.queries:
        for shown in item:
            by_view.setdefault(shown.view, []).append(everything.film(shown).embedding)
    several = [films for films in by_view.values() if len(films) > 1]
    return np.array(np.mean([measure(films) for films in several])) if several else None


def _published_delft(everything: EmbeddedEpisodes) -> NDArray[np.float64]:
    return _per_item(everything, lambda film: published_delft_accuracy(film.embedding))


def film_figures() -> tuple[Figure, ...]:
    """Return the figures of retrieval, cycles and values."""
    return (
        *(
            Figure(
                f"retrieval_{k}", f"moment among {k} nearest %", True, "higher", "moments",
                partial(_recall, k=k),
            )
            for k in RETRIEVED
        ),
        Figure("cycle_3", "three-way cycles %", True, "higher", "dataset", _three_way_cycle),
        Figure("value_order", "value order (VOC)", False, "higher", "dataset", _value_order),
    )  # fmt: skip


def published_figures() -> tuple[Figure, ...]:
    """Return figures as older papers' code has them; what fools each is in `metrics.published`."""
    return (
        Figure(
            "published_error", "error, TCN's code %", True, "lower", "moments", _published_error,
            is_published=True,
        ),
        Figure(
            "published_tau", "tau, TCC's and XIRL's code", False, "higher", "dataset",
            partial(_published_of_all, measure=published_kendall_tau), is_published=True,
        ),
        Figure(
            "published_cycle_2", "two-way cycles, XIRL's code %", True, "higher", "dataset",
            partial(_published_of_all, measure=published_cycle_consistency), is_published=True,
        ),
        Figure(
            "published_delft", "accuracy, TU Delft's code %", True, "higher", "dataset",
            _published_delft, is_published=True,
        ),
    )  # fmt: skip
