"""Numbers for the moments that frames of several views show."""

from __future__ import annotations

import numpy as np

from tcn_robot.data.film_table import FilmTable
from tcn_robot.matching import match_frames


def moment_numbers(table: FilmTable) -> np.ndarray:
    """Number the moments of all films.

    A moment is a frame of the episode's longest view; a frame of another view shows it if it is
    the nearest in time, within half a frame period. What shows no such moment has one of its own.

    Args:
        table: The films.

    Returns:
        int64 (F,), of every frame of the table: the same for frames that show one moment, and for
        nobody else; no two frames of one view share one.
    """
    numbers = np.arange(len(table))
    num_episodes, num_views = table.lengths.shape
    for episode in range(num_episodes):
        longest = int(table.lengths[episode].argmax()) if num_views else 0
        for view in range(num_views):
            if view == longest or table.lengths[episode, view] == 0:
                continue
            own, seen = _nearest_pairs(table, episode, view, longest)
            numbers[_positions(table, episode, view, own)] = _positions(
                table, episode, longest, seen
            )
    return numbers


def _positions(table: FilmTable, episode: int, view: int, frame: np.ndarray) -> np.ndarray:
    return table.positions(np.full(len(frame), episode), np.full(len(frame), view), frame)


def _nearest_pairs(
    table: FilmTable, episode: int, view: int, other: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return frames of a view and of another that belong together, each at most once."""
    mine, theirs = table.view_times(episode, view), table.view_times(episode, other)
    matched = match_frames(mine, theirs)  # (K, 2)
    gaps = np.abs(mine[matched[:, 0]] - theirs[matched[:, 1]])
    matched = matched[np.argsort(gaps, kind="stable")]
    # The first of several rows with the same partner, which is the nearest.
    _, first = np.unique(matched[:, 1], return_index=True)
    return matched[first, 0], matched[first, 1]
