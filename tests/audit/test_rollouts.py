"""Rollouts: edits of time keep frames and labels together."""

from __future__ import annotations

import numpy as np
import pytest

from tcn_robot.audit.rollouts import (
    Rollout,
    back_and_forth,
    held,
    moment_at,
    moving_steps,
)
from tcn_robot.errors import UserError


def rollout_of(progress: list[float], success: list[bool | None] | None = None) -> Rollout:
    """A rollout whose frame i is the number i everywhere."""
    done = success if success is not None else [value >= 1.0 for value in progress]
    frames = np.arange(len(progress), dtype=np.uint8)[:, None, None, None]
    infos = tuple(
        {"progress": value, "success": one} for value, one in zip(progress, done, strict=True)
    )
    return Rollout("expert", 7, {"front": np.broadcast_to(frames, (len(progress), 4, 4, 3))}, infos)


def shown_numbers(rollout: Rollout) -> list[int]:
    return rollout.film()["front"][:, 0, 0, 0].tolist()


def test_an_edit_of_time_moves_frames_and_labels_together() -> None:
    backwards = rollout_of([0.0, 0.5, 1.0]).shown("reverse", np.array([2, 1, 0]))
    assert shown_numbers(backwards) == [2, 1, 0]
    assert backwards.progress is not None
    assert backwards.progress.tolist() == [1.0, 0.5, 0.0]
    assert backwards.success is False
    assert backwards.ever_success is True
    again = backwards.shown("again", backwards.index[:2])
    assert shown_numbers(again) == [2, 1]


def test_success_is_unknown_where_one_step_does_not_say() -> None:
    rollout = rollout_of([0.0, 0.5], [False, None])
    assert rollout.success is None
    assert rollout.ever_success is None


def test_an_order_without_steps_is_refused() -> None:
    with pytest.raises(UserError, match="1 step or more"):
        rollout_of([0.0, 1.0]).shown("nothing", np.zeros(0, dtype=np.int64))


def test_holding_cuts_or_repeats_the_last() -> None:
    assert held(np.array([3, 4, 5]), 5).tolist() == [3, 4, 5, 5, 5]
    assert held(np.array([3, 4, 5]), 2).tolist() == [3, 4]


@pytest.mark.parametrize(("first", "last", "steps"), [(2, 5, 14), (0, 1, 5), (4, 9, 3)])
def test_back_and_forth_as_a_walk(first: int, last: int, steps: int) -> None:
    walk, place, direction = [], first, 1
    for _ in range(steps):
        walk.append(place)
        if place + direction > last or (direction < 0 and place + direction < first):
            direction = -direction
        place += direction
    assert back_and_forth(first, last, steps).tolist() == walk


def test_back_and_forth_needs_room() -> None:
    with pytest.raises(ValueError, match="3 to 3"):
        back_and_forth(3, 3, 4)


def test_what_comes_after_the_end_is_waiting() -> None:
    assert moving_steps(rollout_of([0.0, 0.4, 1.0, 1.0, 1.0])) == 3
    # Done, undone, done for good: the last time counts.
    assert moving_steps(rollout_of([0.0, 1.0, 0.5, 1.0, 1.0])) == 4
    assert moving_steps(rollout_of([0.0, 0.4, 0.5])) == 3
    assert moving_steps(rollout_of([1.0, 1.0])) == 2


def test_half_way_by_progress_or_by_time() -> None:
    assert moment_at(rollout_of([0.0, 0.1, 0.6, 1.0]), 0.5) == 2
    unknown = Rollout("demo", 0, {"front": np.zeros((5, 2, 2, 3), np.uint8)}, ({},) * 5)
    assert moment_at(unknown, 0.5) == 2
    assert moment_at(rollout_of([0.0, 0.1, 0.2]), 0.5) == 2
