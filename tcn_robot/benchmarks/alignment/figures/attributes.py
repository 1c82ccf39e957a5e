"""Figures of labels without a probe: do a frame's neighbours in other episodes have them?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tcn_robot.benchmarks.alignment.figures.figure import EmbeddedEpisodes, Figure
from tcn_robot.benchmarks.alignment.held_out import HeldOutEpisode
from tcn_robot.metrics import attribute_error, class_recall

PHASE = "phase_index"
RETRIEVED = (1, 5, 10)
#: Most frames that are looked for: every k-th of each film.
MOST_FRAMES = 2400


def attribute_figures(episodes: Sequence[HeldOutEpisode]) -> tuple[Figure, ...]:
    """Return the figures that the labels of some episodes allow; none without labels.

    An attribute is a label that is true in some frames and false in others.

    Args:
        episodes: Held-out episodes; a label counts where all have it.
    """
    shared = set.intersection(*(set(one.labels) for one in episodes)) if episodes else set()
    attributes = [name for name in sorted(shared) if _is_attribute(name, episodes)]
    found = [
        Figure(
            f"attribute_error_{name}", f"{name.replace('_', ' ')}: error %", True, "lower",
            "dataset", partial(_attribute_error, name=name),
        )
        for name in attributes
    ]  # fmt: skip
    found += [
        Figure(
            f"published_attribute_error_{name}",
            f"{name.replace('_', ' ')}: error, TCN's code %", True, "lower", "dataset",
            partial(_published_attribute_error, name=name), is_published=True,
        )
        for name in attributes
    ]  # fmt: skip
    if PHASE in shared:
        found += [
            Figure(
                f"phase_retrieval_{k}", f"phase among {k} nearest %", True, "higher", "dataset",
                partial(_phase_recall, k=k),
            )
            for k in RETRIEVED
        ]  # fmt: skip
    return tuple(found)


def _is_attribute(name: str, episodes: Sequence[HeldOutEpisode]) -> bool:
    """Return whether a label is true in some frames and false in others."""
    columns = [episode.labels[name] for episode in episodes]
    if any(column.dtype != np.bool_ or column.ndim != 1 for column in columns):
        return False
    share = np.concatenate(columns).mean()
    return 0 < float(share) < 1


@dataclass(frozen=True)
class _Frames:
    """Every k-th frame of all films together."""

    embedding: NDArray[Any]
    owners: NDArray[np.int64]
    step: int

    def labels(self, everything: EmbeddedEpisodes, name: str) -> NDArray[Any]:
        """Return a label of each frame."""
        return np.concatenate([
            everything.episodes[shown.episode].labels[name][:: self.step]
            for item in everything.comparison.queries
            for shown in item
        ])  # fmt: skip


def _frames(everything: EmbeddedEpisodes) -> _Frames | None:
    items = everything.items()
    if len(items) < 2:
        return None
    step = -(-sum(len(film.embedding) for films in items for film in films) // MOST_FRAMES)
    parts = [film.embedding[::step] for films in items for film in films]
    owners = [i for i, films in enumerate(items) for _ in films]
    return _Frames(np.concatenate(parts), np.repeat(owners, [len(part) for part in parts]), step)


def _hits(everything: EmbeddedEpisodes, name: str, ks: Sequence[int]) -> Mapping[int, Any] | None:
    frames = everything.once("frames", _frames)
    if frames is None:
        return None
    return class_recall(frames.embedding, frames.labels(everything, name), frames.owners, ks)


def _attribute_error(everything: EmbeddedEpisodes, name: str) -> NDArray[np.float64] | None:
    """Return (N, C, 2): of each episode and value, frames not found and frames there are."""
    found = _hits(everything, name, (1,))
    if found is None:
        return None
    frames = everything.once("frames", _frames)
    labels = frames.labels(everything, name)
    counts = np.zeros((len(everything.comparison.queries), len(np.unique(labels)), 2))
    for place, value in enumerate(np.unique(labels)):
        own = labels == value
        np.add.at(counts[:, place, 0], frames.owners[own], 1 - found[1].per_query[own])
        np.add.at(counts[:, place, 1], frames.owners[own], 1)
    return counts


def _phase_recall(everything: EmbeddedEpisodes, k: int) -> NDArray[np.float64] | None:
    """Return (N,), the share of frames with one of their phase among the k nearest."""
    found = everything.once("phase recall", lambda one: _hits(one, PHASE, RETRIEVED))
    if found is None:
        return None
    owners = everything.once("frames", _frames).owners
    return np.bincount(owners, found[k].per_query) / np.bincount(owners)


def _published_attribute_error(
    everything: EmbeddedEpisodes, name: str
) -> NDArray[np.float64] | None:
    frames = everything.once("frames", _frames)
    if frames is None:
        return None
    labels = frames.labels(everything, name)
    return np.array(attribute_error(frames.embedding, labels, frames.owners).published)
