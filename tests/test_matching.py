"""Frames of two cameras are matched by measured time, never by index."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tcn_robot.matching import frame_period_seconds, match_frames, nearest_frames

CLOCKS = st.lists(st.floats(0.01, 0.5), min_size=1, max_size=30).map(np.cumsum)


@given(CLOCKS, CLOCKS)
def test_nearest_frames_equal_a_search_over_all(times, of):
    found = nearest_frames(times, of)
    for time, index in zip(times, found, strict=True):
        assert abs(of[index] - time) == np.abs(of - time).min()


@given(CLOCKS, CLOCKS)
def test_matches_are_the_nearest_and_within_half_a_period(first, second):
    pairs = match_frames(first, second)
    reach = frame_period_seconds(first, second) / 2
    within = np.abs(first[:, None] - second[None]).min(axis=1) <= reach + 1e-6
    assert np.array_equal(pairs[:, 0], np.flatnonzero(within))
    for i, j in pairs:
        assert abs(first[i] - second[j]) == np.abs(second - first[i]).min()


def test_synchronised_views_match_frame_by_frame():
    times = np.arange(50) / 30
    assert np.array_equal(match_frames(times, times), np.stack([np.arange(50)] * 2, axis=1))


def test_a_dropped_frame_has_no_partner_and_shifts_nobody():
    times = np.arange(10) * 0.1
    dropped = np.delete(times, 4)
    pairs = match_frames(times, dropped)
    assert np.array_equal(times[pairs[:, 0]], dropped[pairs[:, 1]])
    assert 4 not in pairs[:, 0]
    assert len(pairs) == 9


def test_cameras_that_ran_one_after_the_other_share_nothing():
    assert len(match_frames(np.arange(5) * 0.1, 10 + np.arange(5) * 0.1)) == 0
    assert len(match_frames(np.arange(5) * 0.1, np.empty(0))) == 0


def test_single_frames_match_only_at_the_same_time():
    assert len(match_frames(np.array([1.0]), np.array([1.0]))) == 1
    assert len(match_frames(np.array([1.0]), np.array([1.1]))) == 0
