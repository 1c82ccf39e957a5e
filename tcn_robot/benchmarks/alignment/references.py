"""Rows that need no encoder: chance, the best that is possible, what the simulator sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tcn_robot.benchmarks.alignment.comparison import Comparison
from tcn_robot.benchmarks.alignment.figures.figure import Figure, Measured
from tcn_robot.benchmarks.alignment.held_out import HeldOutEpisode
from tcn_robot.metrics import AlignmentCeiling, alignment_ceiling


def chance_figures(
    episodes: Sequence[HeldOutEpisode],
    figures: Mapping[str, Figure],
    comparison: Comparison,
    collapsed: Measured,
) -> Measured:
    """Return what knowing nothing scores: closed forms, else what a collapsed embedding got.

    Of films of unequal lengths the closed form is the middle one's. Older papers' definitions
    give a collapsed embedding anything up to 100 %, so that without a closed form theirs is None;
    so is what is neither good nor bad, such as ties.

    Args:
        episodes: The episodes.
        figures: What is measured.
        comparison: What is compared.
        collapsed: The figures of a collapsed embedding.
    """
    films = [[episodes[s.episode].times_seconds[s.view] for s in i] for i in comparison.queries]
    # Of several views the one of middle length stands for all.
    clocks = [sorted(times, key=len)[len(times) // 2] for times in films]
    has_moments = bool(clocks) and all(map(comparison.simultaneous, range(len(clocks))))
    has_pairs = any(True for _ in comparison.item_pairs())
    shape = (len(comparison.queries), len(comparison.targets))
    found: Measured = {}
    for name, figure in figures.items():
        found[name] = None
        if figure.chance is None:
            has_chance = not figure.is_published and figure.better != "neither"
            found[name] = collapsed[name] if has_chance else None
            continue
        if figure.over == "moments" and has_moments:
            found[name] = np.array([figure.chance(times) for times in clocks])
        elif figure.over == "pairs" and has_pairs:
            found[name] = np.full(shape, figure.chance(clocks[0]))
    return found


def ceiling_figures(
    episodes: Sequence[HeldOutEpisode],
    figures: Mapping[str, Figure],
    same_within: float,
    same_pixels_within: float,
) -> Measured:
    """Return what an ideal encoder of single frames reaches on each episode.

    Frames that cannot be told apart are ties. The order's ceiling is that of an episode against
    itself: frames of a pause share their neighbours in any other episode.

    Args:
        episodes: All with the same views.
        figures: Error, accuracy within k frames and order have a ceiling; the others are None.
        same_within: Difference of observations that cannot be seen.
        same_pixels_within: The same of grey values, for films.
    """
    seen: list[tuple[NDArray, float]] = []
    for episode in episodes:
        if episode.observation is not None:
            seen.append((episode.observation, same_within))
        else:
            seen.append((_pixels(episode), same_pixels_within))
    several_views, several_episodes = len(episodes[0].frames) > 1, len(episodes) > 1
    by_tolerance: dict[int, list[AlignmentCeiling]] = {}

    def ceilings(tolerance: int) -> list[AlignmentCeiling]:
        if tolerance not in by_tolerance:
            by_tolerance[tolerance] = [alignment_ceiling(*one, tolerance) for one in seen]
        return by_tolerance[tolerance]

    found: Measured = dict.fromkeys(figures)
    for name in figures:
        kind, _, rest = name.partition("_")
        if name == "error" and several_views:
            found[name] = np.array([one.error for one in ceilings(1)])
        elif kind == "accuracy" and rest.isdigit() and several_views:
            found[name] = np.array([one.accuracy for one in ceilings(int(rest))])
        elif name in ("tau_a", "tau_b", "ties") and several_episodes:
            found[name] = np.array([getattr(one.tau, name) for one in ceilings(1)])
    return found


def _pixels(episode: HeldOutEpisode) -> NDArray[np.float32]:
    """Return (T, everything seen at once): frames are the same only if no view tells them apart."""
    shortest = min(len(film) for film in episode.frames.values())
    films = [film[:shortest].reshape(shortest, -1) for film in episode.frames.values()]
    return np.concatenate(films, axis=1).astype(np.float32)  # (T, V * H * W * 3)
