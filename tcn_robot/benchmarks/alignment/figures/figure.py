"""Figures of an embedding per episode and per pair of episodes: what one is, and how all are taken.

A figure is one function and one line of a table (the other files here).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tcn_robot.benchmarks.alignment.comparison import Comparison, Shown, ordinary
from tcn_robot.benchmarks.alignment.figures.found import EmbeddedFilm, Found
from tcn_robot.benchmarks.alignment.held_out import HeldOutEpisode

#: One embedded episode, {view: (T, D)}.
Embedded = dict[str, NDArray[Any]]
#: {figure: (N,) per item, (N, M) per pair of items, (N, C, 2) per item and class or event:
#: two sums whose ratio counts, or () of all at once; None where it is not defined}.
Measured = dict[str, NDArray[np.float64] | None]
Better = Literal["lower", "higher", "neither"]
Over = Literal["moments", "pairs", "dataset"]


@dataclass(frozen=True)
class EmbeddedEpisodes:
    """Episodes and what an encoder makes of them.

    Attributes:
        episodes: Their labels and times.
        embedded: {view: (T, D)} of each.
        comparison: What is compared among them.
        training: Episodes that the encoder may have been trained on, for probes; may be empty.
        training_embedded: {view: (T, D)} of each of those.
        kept: What several figures share, by name; see `once`.
    """

    episodes: Sequence[HeldOutEpisode]
    embedded: Sequence[Embedded]
    comparison: Comparison
    training: Sequence[HeldOutEpisode] = ()
    training_embedded: Sequence[Embedded] = ()
    kept: dict[str, Any] = field(default_factory=dict)

    def once(self, name: str, find: Callable[[EmbeddedEpisodes], Any]) -> Any:
        """Return what `find` gives for these episodes, found once for all figures that ask."""
        if name not in self.kept:
            self.kept[name] = find(self)
        return self.kept[name]

    def items(self) -> list[list[EmbeddedFilm]]:
        """Return the films of each item that asks."""
        return [[self.film(shown) for shown in item] for item in self.comparison.queries]

    def film(self, shown: Shown) -> EmbeddedFilm:
        """Return one film."""
        episode = self.episodes[shown.episode]
        return EmbeddedFilm(
            self.embedded[shown.episode][shown.view],
            episode.times_seconds[shown.view],
            episode.progress,
        )


@dataclass(frozen=True)
class Figure:
    """One figure of an embedding.

    Attributes:
        name: Its key in results.
        heading: How a table calls it; ends with % for a share.
        is_share: Whether it lies in [0, 1] and is shown in %.
        better: Which end is good.
        over: "moments": of two films of the same moments, averaged over such pairs of an item;
            "pairs": of two films of different items; "dataset": of all at once.
        measure: Takes `Found` for moments and pairs, `EmbeddedEpisodes` for a dataset; returns a
            number, or for a dataset an array as in `Measured`; None where it is not defined.
        chance: Takes the (T,) times of a film; what a collapsed embedding scores. None where
            no closed form is given: then one is measured.
        is_published: Whether it is the definition of older papers, kept for comparison only.
        in_seconds: Whether it means nothing without true times.
    """

    name: str
    heading: str
    is_share: bool
    better: Better
    over: Over
    measure: Callable[[Any], Any]
    chance: Callable[[NDArray[np.float64]], float] | None = None
    is_published: bool = False
    in_seconds: bool = False

    def described(self) -> dict[str, Any]:
        """Return what whoever reads the results needs to show it."""
        return {
            "heading": self.heading,
            "is_share": self.is_share,
            "better": self.better,
            "over": self.over,
            "is_published": self.is_published,
        }


def measured(
    episodes: Sequence[HeldOutEpisode],
    embedded: Sequence[Embedded],
    figures: Mapping[str, Figure],
    comparison: Comparison | None = None,
    training: tuple[Sequence[HeldOutEpisode], Sequence[Embedded]] = ((), ()),
) -> Measured:
    """Measure one embedding of all episodes.

    Args:
        episodes: The episodes.
        embedded: {view: (T, D)} of each.
        figures: What to measure.
        comparison: What to compare; the episodes among themselves when None.
        training: Episodes for probes to learn from, and their embeddings.
    """
    compared = comparison or ordinary(episodes)
    everything = EmbeddedEpisodes(episodes, embedded, compared, *training)
    by_kind: dict[str, list[Figure]] = {"moments": [], "pairs": [], "dataset": []}
    for figure in figures.values():
        by_kind[figure.over].append(figure)
    found = _of_moments(everything, by_kind["moments"]) | _of_pairs(everything, by_kind["pairs"])
    for figure in by_kind["dataset"]:
        found[figure.name] = figure.measure(everything)
    return {name: found[name] for name in figures}


def _of_moments(everything: EmbeddedEpisodes, figures: Sequence[Figure]) -> Measured:
    """Return (N,) of each figure; None where an item has no such films, or a pair no value."""
    comparison = everything.comparison
    items = range(len(comparison.queries))
    simultaneous = [comparison.simultaneous(item) for item in items]
    if not simultaneous or not all(simultaneous):
        return {figure.name: None for figure in figures}
    values = {figure.name: np.zeros(len(items)) for figure in figures}
    undefined: set[str] = set()
    for item, pairs in enumerate(simultaneous):
        for query, target in pairs:
            found = Found(everything.film(query), everything.film(target))
            for figure in figures:
                value = figure.measure(found)
                if value is None:
                    undefined.add(figure.name)
                else:
                    values[figure.name][item] += value / len(pairs)
    return {name: None if name in undefined else found for name, found in values.items()}


def _of_pairs(everything: EmbeddedEpisodes, figures: Sequence[Figure]) -> Measured:
    """Return (N, M) of each figure; None where there are no pairs, or one of them has none."""
    comparison = everything.comparison
    shape = (len(comparison.queries), len(comparison.targets))
    values = {figure.name: np.zeros(shape) for figure in figures}
    undefined: set[str] = set()
    has_items = False
    films = {
        shown: everything.film(shown)
        for item in (*comparison.queries, *comparison.targets)
        for shown in item
    }
    for i, j in comparison.item_pairs():
        pairs = comparison.across(i, j)
        if not pairs:  # a mean without this one would not be of all episodes
            return {figure.name: None for figure in figures}
        has_items = True
        for query, target in pairs:
            found = Found(films[query], films[target])
            for figure in figures:
                value = None if figure.name in undefined else figure.measure(found)
                if value is None:
                    undefined.add(figure.name)
                else:
                    values[figure.name][i, j] += value / len(pairs)
    return {
        name: None if name in undefined or not has_items else matrix
        for name, matrix in values.items()
    }


def averaged_over_seeds(figures: Sequence[Measured]) -> Measured:
    """Average several embeddings' figures item by item."""
    averages: Measured = {}
    for name in figures[0]:
        per_seed = [one[name] for one in figures]
        known = [values for values in per_seed if values is not None]
        averages[name] = np.mean(known, axis=0) if len(known) == len(per_seed) else None
    return averages
