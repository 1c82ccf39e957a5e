"""Which demonstrations disagree with the others: most likely failures among successes."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tcn_robot.rewards.frames import EmbeddedDemo
from tcn_robot.rewards.nearest import CLOCKS, Clock, FrameBank
from tcn_robot.rewards.notes import RewardWarning

#: A demonstration that gets no further than this share of the others' way has not got there.
SMALLEST_SHARE = 0.75
#: Beyond this many times the furthest of the others lies what belongs to another scene or place.
FURTHEST_SHARE = 2.0
#: Demonstrations that it takes to say what is usual: at all, and of distances.
FEWEST = 3
FEWEST_FOR_DISTANCES = 6
#: Last frames of others that an end is compared with.
NEAREST_ENDS = 3


@dataclass(frozen=True)
class Agreement:
    """Each of M demonstrations compared with the M - 1 others; every array float64 (M,).

    Attributes:
        distance: Median distance of its frames to the nearest frames of the others.
        end_distance: Mean distance of its last frame to the nearest of their last frames.
        furthest: Highest progress found in the others at any of its frames, 0 to 1.
        end: Progress found in the others at its last frame, 0 to 1.
        order: Kendall's tau-b of the progress found in the others with its time, -1 to 1.
    """

    distance: NDArray[np.float64]
    end_distance: NDArray[np.float64]
    furthest: NDArray[np.float64]
    end: NDArray[np.float64]
    order: NDArray[np.float64]


def order_in_time(values: NDArray[np.floating]) -> float:
    """Return Kendall's tau-b of values with their index, (T,) -> [-1, 1]; 0 if all are equal."""
    earlier, later = np.triu_indices(len(values), k=1)
    signs = np.sign(values[later] - values[earlier])  # time itself has no ties
    untied = float(np.abs(signs).sum())
    return float(signs.sum()) / np.sqrt(untied * len(signs)) if untied else 0.0


def agreement_of(films: Sequence[NDArray[np.float32]], neighbours: int, clock: Clock) -> Agreement:
    """Compare each demonstration with the others.

    Args:
        films: Embedded demonstrations in one view, (T, D) each; 2 or more.
        neighbours: Nearest frames that are asked.
        clock: How far along its film a frame is.
    """
    ends = np.stack([film[-1] for film in films]).astype(np.float64)  # (M, D)
    nearest_ends = max(1, min(NEAREST_ENDS, (len(films) - 1) // 2))
    rows = []
    for index, film in enumerate(films):
        bank = FrameBank.of([other for i, other in enumerate(films) if i != index], clock)
        distance = float(np.median(bank.progress(film, neighbours, 1.0).distance))
        width = max(distance, 1e-9 * bank.root_mean_square_norm, 1e-12)
        progress = bank.progress(film, neighbours, width).progress
        to_ends = np.sort(np.linalg.norm(np.delete(ends, index, axis=0) - ends[index], axis=1))
        gained = (progress.max(), progress[-1], order_in_time(progress))
        rows.append((distance, to_ends[:nearest_ends].mean(), *gained))
    return Agreement(*np.array(rows, dtype=np.float64).T)


def disagreements(found: Sequence[Agreement]) -> dict[int, str]:
    """Return the demonstrations that disagree with the others, and what is wrong with each.

    It never gets as far as the others; it ends on their way, further from their ends than any of
    them; its frames come in no order; or its frames or its end lie `FURTHEST_SHARE` times as far
    from the others as any other's do. Thresholds are the same for all tasks; `docs/rewards.md` has
    how often they are wrong. Where failures are as many as successes nothing tells which is which.

    Args:
        found: The same demonstrations in each view; views are averaged.
    """
    furthest = np.mean([view.furthest for view in found], axis=0)  # (M,)
    ends = np.mean([view.end for view in found], axis=0)
    orders = np.mean([view.order for view in found], axis=0)
    away = np.mean([_beyond_the_others(view.end_distance) for view in found], axis=0)
    apart = np.mean([_beyond_the_others(view.distance) for view in found], axis=0)
    tells_distances = len(ends) >= FEWEST_FOR_DISTANCES
    told: dict[int, str] = {}
    if len(ends) < FEWEST:
        return told
    for index in range(len(ends)):
        if furthest[index] < SMALLEST_SHARE:
            told[index] = f"gets no further than {furthest[index]:.0%} of the others' way"
        elif ends[index] < SMALLEST_SHARE and away[index] > 1.0:
            told[index] = f"ends where the others are at {ends[index]:.0%} of their way"
        elif orders[index] <= 0.0:
            told[index] = "shows what the others show in no order, or backwards"
        elif tells_distances and away[index] > FURTHEST_SHARE:
            told[index] = f"ends {away[index]:.1f} times as far from their ends as any of them"
        elif tells_distances and apart[index] > FURTHEST_SHARE:
            told[index] = f"lies {apart[index]:.1f} times as far from them as any of them"
    return told


def _beyond_the_others(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each value as a share of the largest of the others, (M,) -> (M,)."""
    largest = np.array([np.delete(values, i).max(initial=0.0) for i in range(len(values))])
    return np.asarray(values / np.maximum(largest, 1e-12))


def agreeing_demos(
    demos: Sequence[EmbeddedDemo], neighbours: int, clock: str, drop: bool
) -> list[EmbeddedDemo]:
    """Name the demonstrations that disagree with the others in one warning.

    Args:
        demos: Embedded demonstrations.
        neighbours: As in the reward.
        clock: Likewise, a name of `CLOCKS`.
        drop: Whether to leave them out.

    Returns:
        Those to fit on: all of them, or those that agree.
    """
    if len(demos) < FEWEST:
        return list(demos)
    views = [
        agreement_of([demo[view] for demo in demos], neighbours, CLOCKS[clock]) for view in demos[0]
    ]
    told = disagreements(views)
    if not told:
        return list(demos)
    if 2 * len(told) > len(demos):
        line = (
            f"{len(told)} of {len(demos)} demonstrations disagree with the others, too many to "
            "tell which failed; look whether they show one task, and one that the encoder knows"
        )
        warnings.warn(RewardWarning(line), stacklevel=3)
        return list(demos)
    named = ", ".join(f"{{{place}}} {what}" for place, what in enumerate(told.values()))
    what_next = (
        "left out of the reward"
        if drop
        else "look whether it failed; reward option drop_outliers=true leaves it out"
    )
    line = f"of {len(demos)} demonstrations {named}: {what_next}"
    warnings.warn(RewardWarning(line, tuple(told)), stacklevel=3)
    return [demo for index, demo in enumerate(demos) if not (drop and index in told)]
