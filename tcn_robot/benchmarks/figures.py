"""Figures per episode and per pair of episodes, and their means with intervals over episodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import combinations, permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tcn_robot.benchmarks.held_out import HeldOutEpisode
from tcn_robot.metrics import (
    KendallTau,
    alignment_accuracy,
    alignment_ceiling,
    alignment_error,
    bootstrap_interval,
    bootstrap_pairs_interval,
    kendall_tau_of_ties,
    nearest_neighbours,
)

#: One embedded episode, {view: (T, D)}.
Embedded = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class EpisodeFigures:
    """One embedding's figures; None where they are not defined.

    Attributes:
        error: (N,) alignment error per episode, averaged over its pairs of views.
        accuracy_1: (N,) share within one frame, the same way.
        tau_a: (N, N) for queries from episode i found in j, averaged over views; or (N,).
        tau_b: The same.
        ties: Share of tied pairs, the same.
        progress_error: (N, N), mean difference of the simulator's progress between a frame of i
            and its neighbours in j: what a counter of frames cannot get right.
    """

    error: NDArray[np.float64] | None
    accuracy_1: NDArray[np.float64] | None
    tau_a: NDArray[np.float64] | None
    tau_b: NDArray[np.float64] | None
    ties: NDArray[np.float64] | None
    progress_error: NDArray[np.float64] | None


def measured(episodes: Sequence[HeldOutEpisode], embedded: Sequence[Embedded]) -> EpisodeFigures:
    """Measure one embedding of all episodes."""
    errors, accuracies = _across_views(episodes, embedded)
    taus, progress_error = _across_episodes(episodes, embedded)
    return EpisodeFigures(
        error=errors,
        accuracy_1=accuracies,
        tau_a=None if taus is None else taus["tau_a"],
        tau_b=None if taus is None else taus["tau_b"],
        ties=None if taus is None else taus["ties"],
        progress_error=progress_error,
    )


def _across_views(
    episodes: Sequence[HeldOutEpisode], embedded: Sequence[Embedded]
) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None]:
    """Return (N,) error and accuracy within one frame, None with a single view."""
    pairs = list(combinations(embedded[0], 2))
    if not pairs:
        return None, None
    errors = np.empty((len(episodes), len(pairs)))
    accuracies = np.empty((len(episodes), len(pairs)))
    for i, (episode, views) in enumerate(zip(episodes, embedded, strict=True)):
        for p, (first, second) in enumerate(pairs):
            clocks: dict[str, Any] = {}
            if not episode.synchronised:
                clocks["times_u"] = episode.times_seconds[first]
                clocks["times_v"] = episode.times_seconds[second]
            errors[i, p] = alignment_error(views[first], views[second], **clocks)
            accuracies[i, p] = alignment_accuracy(views[first], views[second], 1, **clocks)
    return errors.mean(axis=1), accuracies.mean(axis=1)


def _across_episodes(
    episodes: Sequence[HeldOutEpisode], embedded: Sequence[Embedded]
) -> tuple[dict[str, NDArray[np.float64]] | None, NDArray[np.float64] | None]:
    """Return (N, N) of each order figure and of the progress error; None where not defined."""
    count = len(episodes)
    if count < 2:
        return None, None
    views = list(embedded[0])
    labels = [episode.progress for episode in episodes]
    orders = {name: np.zeros((count, count)) for name in ("tau_a", "tau_b", "ties")}
    progress_errors = np.zeros((count, count))
    for i, j in permutations(range(count), 2):
        queries, targets = labels[i], labels[j]
        for view in views:
            ties = nearest_neighbours(embedded[i][view], embedded[j][view])
            order = kendall_tau_of_ties(ties)
            for name, matrix in orders.items():
                matrix[i, j] += getattr(order, name) / len(views)
            if queries is not None and targets is not None:
                found = (ties * np.abs(queries[:, None] - targets[None, :])).sum(axis=1)
                progress_errors[i, j] += float((found / ties.sum(axis=1)).mean()) / len(views)
    labelled = all(label is not None for label in labels)
    return orders, progress_errors if labelled else None


def ceiling_figures(
    episodes: Sequence[HeldOutEpisode], same_within: float, same_pixels_within: float
) -> EpisodeFigures:
    """Return what an ideal encoder of single frames reaches on each episode.

    Frames that cannot be told apart are ties. The order's ceiling is that of an episode against
    itself: frames of a pause share their neighbours in any other episode.
    """
    ceilings = []
    for episode in episodes:
        if episode.observation is not None:
            ceilings.append(alignment_ceiling(episode.observation, same_within))
        else:
            ceilings.append(alignment_ceiling(_pixels(episode), same_pixels_within))
    several_views, several_episodes = len(episodes[0].frames) > 1, len(episodes) > 1
    taus: list[KendallTau] = [ceiling.tau for ceiling in ceilings]
    return EpisodeFigures(
        error=np.array([c.error for c in ceilings]) if several_views else None,
        accuracy_1=np.array([c.accuracy for c in ceilings]) if several_views else None,
        tau_a=np.array([tau.tau_a for tau in taus]) if several_episodes else None,
        tau_b=np.array([tau.tau_b for tau in taus]) if several_episodes else None,
        ties=np.array([tau.ties for tau in taus]) if several_episodes else None,
        progress_error=None,
    )


def _pixels(episode: HeldOutEpisode) -> NDArray[np.float32]:
    """Return (T, everything seen at once): frames are the same only if no view tells them apart."""
    shortest = min(len(film) for film in episode.frames.values())
    films = [film[:shortest].reshape(shortest, -1) for film in episode.frames.values()]
    return np.concatenate(films, axis=1).astype(np.float32)  # (T, V * H * W * 3)


def averaged_over_seeds(figures: Sequence[EpisodeFigures]) -> EpisodeFigures:
    """Average several embeddings' figures episode by episode."""
    averages: dict[str, NDArray[np.float64] | None] = {}
    for field in fields(EpisodeFigures):
        per_seed = [getattr(one, field.name) for one in figures]
        missing = any(values is None for values in per_seed)
        averages[field.name] = None if missing else np.mean(per_seed, axis=0)
    return EpisodeFigures(**averages)


def summary(
    figures: EpisodeFigures, seed: int, num_resamples: int, confidence: float
) -> dict[str, Any]:
    """Return {figure: mean, figure_interval: [low, high]} over episodes, None where not defined.

    Orders of two episodes have no interval. Every figure draws the same episodes, so that rows can
    be compared.
    """
    row: dict[str, Any] = {}
    for field in fields(EpisodeFigures):
        values = getattr(figures, field.name)
        row[field.name] = row[f"{field.name}_interval"] = None
        if values is None:
            continue
        row[field.name] = _mean(values)
        if values.ndim == 2 and len(values) < 3:
            continue  # Two episodes are one pair: nothing to draw from.
        generator = np.random.default_rng(seed)
        draw = bootstrap_pairs_interval if values.ndim == 2 else bootstrap_interval
        row[f"{field.name}_interval"] = list(
            draw(values, generator, confidence=confidence, num_resamples=num_resamples)
        )
    return row


def _mean(values: NDArray[np.float64]) -> float:
    """Average over episodes, or over the ordered pairs of different ones."""
    if values.ndim == 1:
        return float(values.mean())
    return float(values[~np.eye(len(values), dtype=bool)].mean())
