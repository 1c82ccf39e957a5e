"""Alignment: is the same moment found in another view, and in the right order in another episode?

Each figure stands beside what it has to be compared with: chance, a collapsed embedding, the same
encoder untrained, a counter of frames that sees nothing, and the best that is possible.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tcn_robot.benchmarks.alignment.comparison import ordinary
from tcn_robot.benchmarks.alignment.controls import Embed, collapsed, frame_counter
from tcn_robot.benchmarks.alignment.figures.basic import BASIC
from tcn_robot.benchmarks.alignment.figures.figure import (
    Embedded,
    Figure,
    Measured,
    averaged_over_seeds,
    measured,
)
from tcn_robot.benchmarks.alignment.held_out import HeldOutEpisode
from tcn_robot.benchmarks.alignment.references import ceiling_figures, chance_figures
from tcn_robot.benchmarks.alignment.summary import summary
from tcn_robot.errors import UserError

ROWS = (
    "trained",
    "untrained",
    "collapsed",
    "frame_counter",
    "pixels",
    "pixel_pca",
    "chance",
    "ceiling",
    "simulator_state",
)


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
    """Measure an encoder by the basic figures, beside what needs no training.

    `alignment_suite` has all figures and controls.

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
    return result | measured_on(episodes, options, len(untrained))


def measured_on(
    episodes: Sequence[HeldOutEpisode], options: AlignmentOptions, num_untrained: int
) -> dict[str, Any]:
    """Return what the figures were measured on, for results."""
    has_states = all(episode.observation is not None for episode in episodes)
    return {
        "episodes": len(episodes),
        "views": list(episodes[0].frames),
        "frames": int(sum(len(film) for e in episodes for film in e.frames.values())),
        "untrained_seeds": num_untrained,
        "confidence": options.confidence,
        "ceiling_from": "observation" if has_states else "pixels",
    }


def embedded_figures(
    episodes: Sequence[HeldOutEpisode], embed: Embed, figures: Mapping[str, Figure] = BASIC
) -> Measured:
    """Return the figures of an encoder per episode and pair of episodes.

    Args:
        episodes: All with the same views.
        embed: Embeds uint8 (N, H, W, 3) of an embodiment as float32 (N, D).
        figures: What to measure.

    Raises:
        UserError: Nothing to compare: a single view of a single episode.
    """
    check_comparable(episodes)
    return measured(episodes, embedded_by(embed, episodes), figures)


def embedded_by(embed: Embed, episodes: Sequence[HeldOutEpisode]) -> list[Embedded]:
    """Return every film of every episode as vectors, {view: (T, D)} each."""
    return [
        {view: embed(film, episode.embodiment) for view, film in episode.frames.items()}
        for episode in episodes
    ]


def reference_figures(
    episodes: Sequence[HeldOutEpisode],
    options: AlignmentOptions | None = None,
    figures: Mapping[str, Figure] = BASIC,
) -> dict[str, Measured]:
    """Return the rows that need no encoder: the same for everything measured on these episodes.

    Args:
        episodes: All with the same views.
        options: Of the ceiling.
        figures: What to measure.

    Returns:
        collapsed, frame_counter, chance, ceiling and, where the simulator's observations were
        recorded, simulator_state.

    Raises:
        UserError: Nothing to compare: a single view of a single episode.
    """
    check_comparable(episodes)
    options = options or AlignmentOptions()
    knows_nothing = measured(episodes, [collapsed(one) for one in episodes], figures)
    rows = {
        "collapsed": knows_nothing,
        "frame_counter": measured(episodes, [frame_counter(one) for one in episodes], figures),
        "chance": chance_figures(episodes, figures, ordinary(episodes), knows_nothing),
        "ceiling": ceiling_figures(
            episodes, figures, options.same_within, options.same_pixels_within
        ),
    }
    states = [episode.observation for episode in episodes if episode.observation is not None]
    if len(states) == len(episodes):
        looked_up = [
            dict.fromkeys(episode.frames, state)
            for episode, state in zip(episodes, states, strict=True)
        ]
        rows["simulator_state"] = measured(episodes, looked_up, figures)
    return rows


def summarised(figures: Measured, options: AlignmentOptions | None = None) -> dict[str, Any]:
    """Return {figure: mean, figure_interval: [low, high]} over the episodes."""
    options = options or AlignmentOptions()
    return summary(figures, options.seed, options.num_resamples, options.confidence)


def check_comparable(episodes: Sequence[HeldOutEpisode]) -> None:
    """Raise UserError where there is a single view of a single episode."""
    if len(episodes) < 2 and len(episodes[0].frames) < 2:
        raise UserError(
            "expected 2 views or 2 episodes to compare, found 1 view of 1 episode; record more"
        )
