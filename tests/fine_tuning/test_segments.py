"""Which frames a network sees, against the rules as their papers write them."""

from __future__ import annotations

import numpy as np
import pytest

from tcn_robot.fine_tuning.batches import Window, films_of_step, frames_of_step, frames_of_test
from tcn_robot.fine_tuning.options import FineTuningOptions
from tcn_robot.fine_tuning.segments import (
    segment_frames,
    spread_frames,
    window_places,
    windows_from,
)


def test_each_segment_gives_one_frame_and_each_of_its_frames_comes() -> None:
    generator = np.random.default_rng(0)
    drawn = segment_frames(np.full(4000, 10), 3, generator)  # (4000, 3)
    assert [sorted(set(column)) for column in drawn.T] == [[0, 1, 2], [3, 4, 5], [6, 7, 8, 9]]
    counts = np.bincount(drawn[:, 2], minlength=10)[6:]
    assert (np.abs(counts - 1000) < 150).all()


@pytest.mark.parametrize("num_frames", [1, 2, 3, 4, 19, 20])
def test_segments_of_films_of_any_length(num_frames: int) -> None:
    drawn = segment_frames(np.full(200, num_frames), 3, np.random.default_rng(1))
    assert drawn.min() >= 0
    assert drawn.max() < num_frames
    assert (np.diff(drawn, axis=1) >= 0).all()
    for segment, column in enumerate(drawn.T):  # the rule, frame by frame
        inside = [
            frame
            for frame in range(num_frames)
            if segment * num_frames // 3 <= frame < (segment + 1) * num_frames // 3
        ]
        if inside:
            assert set(column) <= set(inside)


def test_the_published_test_frames() -> None:
    # TCE counts frames from 1: frame = interval * i + 1 with interval = (n - 9) // 19.
    for num_frames in (28, 100, 101, 250):
        interval = (num_frames - 9) // 19
        published = [interval * i + 1 for i in range(19)]
        assert (spread_frames(num_frames, 19, "tce") + 1).tolist() == published
    assert spread_frames(20, 19, "tce").tolist() == [0] * 19  # what a short film comes to


def test_even_test_frames_are_the_middles_of_equal_parts() -> None:
    assert spread_frames(19, 19).tolist() == list(range(19))
    assert spread_frames(190, 19).tolist() == [10 * i + 5 for i in range(19)]
    assert spread_frames(1, 3).tolist() == [0, 0, 0]
    frames = spread_frames(50, 19)
    assert (frames + frames[::-1]).tolist() == [49] * 19 or abs(frames[0] - (49 - frames[-1])) <= 1


def test_windows_do_not_leave_the_film() -> None:
    lengths = np.array([20, 6, 3])
    assert window_places(lengths, 6).tolist() == [15, 1, 1]
    windows = windows_from(np.array([14, 0, 0]), lengths, 6, 1)
    assert windows[0].tolist() == [14, 15, 16, 17, 18, 19]
    assert windows[1].tolist() == [0, 1, 2, 3, 4, 5]
    assert windows[2].tolist() == [0, 0, 0, 0, 1, 2]  # too short: its first frame is repeated
    assert windows_from(np.array([3]), np.array([20]), 3, 2).tolist() == [[3, 5, 7]]


def test_each_film_comes_once_an_epoch() -> None:
    epochs = [
        np.concatenate([films_of_step(10, 4, 3 * epoch + step, seed=5) for step in range(3)])
        for epoch in range(2)
    ]
    assert [sorted(epoch) for epoch in epochs] == [list(range(10))] * 2
    assert epochs[0].tolist() != epochs[1].tolist()
    assert films_of_step(10, 4, 4, 5).tolist() == films_of_step(10, 4, 4, 5).tolist()


def test_frames_of_steps_and_tests_have_their_shapes() -> None:
    options = FineTuningOptions(segments=3, test_frames=5)
    lengths = np.array([30, 8])
    assert frames_of_step(lengths, options, Window(), 0, 0).shape == (2, 3)
    stacks = frames_of_step(lengths, options, Window(6), 0, 0)
    assert stacks.shape == (2, 3, 6)
    assert (np.diff(stacks, axis=2) == 1).all()
    tested = frames_of_test(lengths, options, Window(6))
    assert tested.shape == (2, 5, 6)
    assert tested[0, :, 0].tolist() == spread_frames(25, 5).tolist()
    assert (tested.max(axis=(1, 2)) < lengths).all()
