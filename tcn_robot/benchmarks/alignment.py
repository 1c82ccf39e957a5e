"""Alignment: is the same moment found in another view, and in the right order in another episode?

Each figure stands beside what it has to be compared with: chance, a collapsed embedding, the same
encoder untrained, a counter of frames that sees nothing, and the best that is possible.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tcn_robot.benchmarks.figures import (
    Embedded,
    EpisodeFigures,
    averaged_over_seeds,
    ceiling_figures,
    measured,
    summary,
)
from tcn_robot.benchmarks.held_out import HeldOutEpisode
from tcn_robot.errors import UserError
from tcn_robot.metrics import (
    alignment_accuracy,
    alignment_error,
    chance_alignment_accuracy,
    chance_alignment_error,
    kendall_tau,
)

ROWS = (
    "trained",
    "untrained",
    "collapsed",
    "frame_counter",
    "chance",
    "ceiling",
    "simulator_state",
)

# (frames, embodiment) -> embeddings: `tcn_robot.models.film_embedder` of an encoder.
Embed = Callable[[NDArray[np.uint8], str], NDArray[np.float32]]


@dataclass(frozen=True)
class AlignmentOptions:
    """Options of the benchmark.

    Attributes:
        seed: Of the bootstrap.
        num_resamples: Draws of the bootstrap.
        confidence: Of the intervals, in (0, 1).
        same_within: Frames whose observations differ by at most this in every component cannot
            be told apart. The tasks of tcn_robot observe tenths of a metre, so that the
            default is 1 mm: about a tenth of a pixel at 84 px.
        same_pixels_within: The same for films without observations, in grey values of 0-255.
    """

    seed: int = 0
    num_resamples: int = 2000
    confidence: float = 0.95
    same_within: float = 0.01
    same_pixels_within: float = 8.0


def benchmark_alignment(
    episodes: Sequence[HeldOutEpisode],
    trained: Embed,
    untrained: Sequence[Embed],
    options: AlignmentOptions | None = None,
) -> dict[str, Any]:
    """Measure an encoder on held-out episodes, with every baseline.

    Args:
        episodes: All with the same views.
        trained: Embeds uint8 (N, H, W, 3) of an embodiment as float32 (N, D).
        untrained: Encoders of the same shape with other weights; their figures are averaged.
        options: The options.

    Returns:
        {row: {"error", "accuracy_1", "tau_a", "tau_b", "ties", "progress_error", each with
        "..._interval"}} for `ROWS`, "episodes", "views" and how it was measured. Figures that are
        not defined (error of one view, order of one episode, progress without labels) are None.
        The row simulator_state looks up what the simulator observes instead of an embedding:
        what perfect sight would reach, order across episodes included; films have none.

    Raises:
        UserError: Nothing to compare: a single view of a single episode.
    """
    options = options or AlignmentOptions()
    rows = {"trained": embedded_figures(episodes, trained), **reference_figures(episodes, options)}
    if untrained:
        rows["untrained"] = averaged_over_seeds(
            [embedded_figures(episodes, embed) for embed in untrained]
        )
    result: dict[str, Any] = {row: summarised(rows[row], options) for row in ROWS if row in rows}
    result["episodes"] = len(episodes)
    result["views"] = list(episodes[0].frames)
    result["frames"] = int(sum(len(film) for e in episodes for film in e.frames.values()))
    result["untrained_seeds"] = len(untrained)
    result["confidence"] = options.confidence
    result["ceiling_from"] = "observation" if "simulator_state" in rows else "pixels"
    return result


def embedded_figures(episodes: Sequence[HeldOutEpisode], embed: Embed) -> EpisodeFigures:
    """Return the figures of an encoder per episode and pair of episodes.

    Args:
        episodes: All with the same views.
        embed: Embeds uint8 (N, H, W, 3) of an embodiment as float32 (N, D).

    Raises:
        UserError: Nothing to compare: a single view of a single episode.
    """
    _check_comparable(episodes)
    embedded = [
        {view: embed(film, episode.embodiment) for view, film in episode.frames.items()}
        for episode in episodes
    ]
    return measured(episodes, embedded)


def reference_figures(
    episodes: Sequence[HeldOutEpisode], options: AlignmentOptions | None = None
) -> dict[str, EpisodeFigures]:
    """Return the rows that need no encoder: the same for everything measured on these episodes.

    Args:
        episodes: All with the same views.
        options: Of the ceiling.

    Returns:
        collapsed, frame_counter, chance, ceiling and, where the simulator's observations were
        recorded, simulator_state.

    Raises:
        UserError: Nothing to compare: a single view of a single episode.
    """
    _check_comparable(episodes)
    options = options or AlignmentOptions()
    rows = {
        "collapsed": measured(episodes, _embedded_as(episodes, lambda film: np.zeros((film, 1)))),
        "frame_counter": measured(
            episodes, _embedded_as(episodes, lambda film: np.arange(film, dtype=float)[:, None])
        ),
        "chance": _chance_figures(episodes, tuple(episodes[0].frames)),
        "ceiling": ceiling_figures(episodes, options.same_within, options.same_pixels_within),
    }
    states = [episode.observation for episode in episodes if episode.observation is not None]
    if len(states) == len(episodes):
        looked_up = [
            dict.fromkeys(episode.frames, state)
            for episode, state in zip(episodes, states, strict=True)
        ]
        rows["simulator_state"] = measured(episodes, looked_up)
    return rows


def summarised(figures: EpisodeFigures, options: AlignmentOptions | None = None) -> dict[str, Any]:
    """Return {figure: mean, figure_interval: [low, high]} over the episodes."""
    options = options or AlignmentOptions()
    return summary(figures, options.seed, options.num_resamples, options.confidence)


def _check_comparable(episodes: Sequence[HeldOutEpisode]) -> None:
    if len(episodes) < 2 and len(episodes[0].frames) < 2:
        raise UserError(
            "expected 2 views or 2 episodes to compare, found 1 view of 1 episode; record more"
        )


def compare_embeddings(u: ArrayLike, v: ArrayLike) -> dict[str, Any]:
    """Measure two embeddings that somebody else made, of two views or two episodes.

    Args:
        u: (T, D).
        v: (T, D) of the same moments, or (S, D) of another episode; then only the order counts.

    Returns:
        Rows trained, collapsed, frame_counter and chance, as `benchmark_alignment`, without
        intervals: one pair has none.

    Raises:
        MetricInputError: Shapes that do not fit, or numbers that are not finite.
    """
    first, second = np.asarray(u), np.asarray(v)
    trained = _pair_figures(first, second)
    counters = [np.arange(len(x), dtype=float)[:, None] for x in (first, second)]
    collapsed = [np.zeros((len(x), 1)) for x in (first, second)]
    chance: dict[str, float | None] = {"error": None, "accuracy_1": None, "tau_a": 0, "tau_b": 0}
    if len(first) == len(second):
        chance["error"] = chance_alignment_error(len(first))
        chance["accuracy_1"] = chance_alignment_accuracy(len(first))
    return {
        "trained": trained,
        "collapsed": _pair_figures(*collapsed),
        "frame_counter": _pair_figures(*counters),
        "chance": chance,
        "frames": [len(first), len(second)],
    }


def _pair_figures(u: NDArray[Any], v: NDArray[Any]) -> dict[str, float | None]:
    forward, backward = kendall_tau(u, v), kendall_tau(v, u)
    same_length = len(u) == len(v)
    return {
        "error": alignment_error(u, v) if same_length else None,
        "accuracy_1": alignment_accuracy(u, v, 1) if same_length else None,
        "tau_a": (forward.tau_a + backward.tau_a) / 2,
        "tau_b": (forward.tau_b + backward.tau_b) / 2,
        "ties": (forward.ties + backward.ties) / 2,
    }


def _embedded_as(
    episodes: Sequence[HeldOutEpisode], of_length: Callable[[int], NDArray[np.float64]]
) -> list[Embedded]:
    return [{view: of_length(len(film)) for view, film in e.frames.items()} for e in episodes]


def _chance_figures(episodes: Sequence[HeldOutEpisode], views: Sequence[str]) -> EpisodeFigures:
    """Return the closed forms; views of unequal lengths count with their mean length."""
    lengths = [round(float(np.mean([len(film) for film in e.frames.values()]))) for e in episodes]
    several_views, several_episodes = len(views) > 1, len(episodes) > 1
    no_order = np.zeros((len(episodes), len(episodes))) if several_episodes else None
    return EpisodeFigures(
        error=np.array([chance_alignment_error(n) for n in lengths]) if several_views else None,
        accuracy_1=(
            np.array([chance_alignment_accuracy(n) for n in lengths]) if several_views else None
        ),
        tau_a=no_order,
        tau_b=no_order,
        ties=None,
        progress_error=None,
    )
