"""Embeddings that somebody else made: arrays in, the figures that arrays allow out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tcn_robot.benchmarks.alignment.basic import ROWS, AlignmentOptions
from tcn_robot.benchmarks.alignment.comparison import ordinary
from tcn_robot.benchmarks.alignment.controls import CONTROLS, collapsed, frame_counter
from tcn_robot.benchmarks.alignment.figures.basic import BASIC
from tcn_robot.benchmarks.alignment.figures.figure import Embedded, Figure, Measured, measured
from tcn_robot.benchmarks.alignment.held_out import HeldOutEpisode
from tcn_robot.benchmarks.alignment.references import chance_figures
from tcn_robot.benchmarks.alignment.summary import reached_by, summary
from tcn_robot.errors import UserError
from tcn_robot.metrics.checks import checked_embedding


@dataclass(frozen=True)
class EmbeddedRecording:
    """Embeddings of whole episodes.

    Attributes:
        name: Where they come from, for messages.
        episodes: {view: (T, D)} of each episode.
        times_seconds: {view: (T,)} of each; frames are counted where there are none.
    """

    name: str
    episodes: Sequence[Embedded]
    times_seconds: Sequence[dict[str, NDArray[np.float64]]] = ()


def compare_embeddings(
    *arrays: ArrayLike,
    figures: Mapping[str, Figure] = BASIC,
    options: AlignmentOptions | None = None,
) -> dict[str, Any]:
    """Measure embeddings that somebody else made, of views of one episode or of several episodes.

    Args:
        arrays: (T, D) each, two or more. Of equal lengths they are taken for views of the same
            moments too; of other lengths for episodes only, and the order counts.
        figures: What to measure.
        options: Of the intervals.

    Returns:
        Rows trained, collapsed, frame_counter and chance, {figure: value, figure_interval}; pairs
        of two have no interval. "frames": length of each. Arrays have no times: figures in
        seconds are left out.

    Raises:
        MetricInputError: Shapes that do not fit, or numbers that are not finite.
        UserError: A single array.
    """
    films = [checked_embedding(one, f"array {place}") for place, one in enumerate(arrays)]
    if len(films) < 2:
        raise UserError(f"expected 2 embeddings or more to compare, found {len(films)}")
    figures = {name: figure for name, figure in figures.items() if not figure.in_seconds}
    apart = [{"film": film} for film in films]
    rows = _rows(
        apart, [{} for _ in films], {n: f for n, f in figures.items() if f.over == "pairs"}
    )
    if len({len(film) for film in films}) == 1:
        together = {f"film {place}": film for place, film in enumerate(films)}
        moments = {n: f for n, f in figures.items() if f.over == "moments"}
        for row, found in _rows([together], [{}], moments).items():
            rows[row] |= found
    in_order = {row: {n: found.get(n) for n in figures} for row, found in rows.items()}
    result = _result(in_order, figures, options or AlignmentOptions())
    for row in ROWS:
        for name in figures if len(films) == 2 and row in result else ():
            result[row][f"{name}_interval"] = None  # one pair is nothing to draw from
    return {**result, "frames": [len(film) for film in films]}


def compare_recordings(
    recordings: Sequence[EmbeddedRecording],
    figures: Mapping[str, Figure],
    options: AlignmentOptions | None = None,
) -> dict[str, Any]:
    """Measure embeddings of whole episodes, such as `tcn-robot embed` writes.

    Args:
        recordings: All by the same encoder; their episodes are measured together.
        figures: What to measure.
        options: Of the intervals.

    Returns:
        As `compare_embeddings`, with intervals over episodes; "episodes" and "views": those that
        every episode has, others are left out. Figures in seconds need the times of all.

    Raises:
        MetricInputError: Shapes that do not fit, or numbers that are not finite.
        UserError: A single view of a single episode, or recordings without a common view.
    """
    views = shared_views(recordings)
    films = [{v: episode[v] for v in views} for one in recordings for episode in one.episodes]
    times = [
        (one.times_seconds[place] if one.times_seconds else {})
        for one in recordings
        for place in range(len(one.episodes))
    ]
    if len(films) < 2 and len(films[0]) < 2:
        raise UserError("expected 2 views or 2 episodes to compare, found 1 view of 1 episode")
    timed = all(one.keys() >= set(views) for one in times)
    chosen = {
        name: figure
        for name, figure in figures.items()
        if figure.over != "dataset" and (timed or not figure.in_seconds)
    }
    result = _result(_rows(films, times, chosen), chosen, options or AlignmentOptions())
    return {**result, "episodes": len(films), "views": views}


def shared_views(recordings: Sequence[EmbeddedRecording]) -> list[str]:
    """Return the views that every episode has, in the order of the first one.

    Raises:
        UserError: There is none.
    """
    every = [(one.name, episode) for one in recordings for episode in one.episodes]
    views = [v for v in every[0][1] if all(v in episode for _, episode in every)]
    if not views:
        found = dict.fromkeys(f"{' '.join(episode)} in {name}" for name, episode in every)
        raise UserError(
            f"expected episodes with a view in common, found {', '.join(found)}; tcn-robot bench "
            "alignment RUN DIR … compares the same moments from other cameras"
        )
    return views


def as_episode(
    name: str, films: Embedded, times_seconds: Mapping[str, NDArray[np.float64]]
) -> HeldOutEpisode:
    """Return an episode of which only embeddings are known: its frames hold no pixels.

    Args:
        name: For messages.
        films: {view: (T, D)}.
        times_seconds: {view: (T,)}; frames are counted for a view without.
    """
    return HeldOutEpisode(
        name=name,
        frames={view: np.zeros((len(film), 0, 0, 3), np.uint8) for view, film in films.items()},
        times_seconds={
            view: times_seconds.get(view, np.arange(len(film), dtype=np.float64))
            for view, film in films.items()
        },
    )


def _rows(
    films: Sequence[Embedded],
    times: Sequence[Mapping[str, NDArray[np.float64]]],
    figures: Mapping[str, Figure],
) -> dict[str, Measured]:
    episodes = [
        as_episode(f"episode {place}", *one)
        for place, one in enumerate(zip(films, times, strict=True))
    ]
    knows_nothing = measured(episodes, [collapsed(one) for one in episodes], figures)
    return {
        "trained": measured(episodes, films, figures),
        "collapsed": knows_nothing,
        "frame_counter": measured(episodes, [frame_counter(one) for one in episodes], figures),
        "chance": chance_figures(episodes, figures, ordinary(episodes), knows_nothing),
    }


def _result(
    rows: Mapping[str, Measured], figures: Mapping[str, Figure], options: AlignmentOptions
) -> dict[str, Any]:
    result: dict[str, Any] = {
        row: summary(found, options.seed, options.num_resamples, options.confidence)
        for row, found in rows.items()
    }
    controls = {row: found for row, found in rows.items() if row in CONTROLS}
    result["reached_by"] = reached_by(rows["trained"], controls, dict(figures), options.seed)
    result["figures"] = {name: figure.described() for name, figure in figures.items()}
    return result
