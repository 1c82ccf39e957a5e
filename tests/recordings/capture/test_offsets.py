"""Planted delays of a camera are found, with an uncertainty that can be believed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcn_robot.recordings.capture.offsets import (
    Motion,
    MotionMeter,
    estimate_offset,
    regular_times,
)
from tests.support.mjpeg_server import Scene


def bursts(seconds: float, seed: int) -> np.ndarray:
    """Moments (start, length, size) at which something moves."""
    generator = np.random.default_rng(seed)
    starts = np.cumsum(generator.uniform(0.3, 1.2, round(seconds / 0.7)))
    return np.stack([starts, generator.uniform(0.2, 0.6, len(starts)),
                     generator.uniform(1, 5, len(starts))], axis=1)  # fmt: skip


def speed_at(times: np.ndarray, moves: np.ndarray) -> np.ndarray:
    inside = (times[:, None] > moves[:, 0]) & (times[:, None] < moves[:, 0] + moves[:, 1])
    phase = np.clip((times[:, None] - moves[:, 0]) / moves[:, 1], 0, 1)
    return (inside * moves[:, 2] * np.sin(np.pi * phase)).sum(axis=1)


def motion(
    moves: np.ndarray,
    seconds: float,
    *,
    offset_seconds: float = 0.0,
    fps: float = 30.0,
    gain: float = 1.0,
    seed: int = 0,
) -> Motion:
    """What a camera would measure: jitter, drops, another gain, noise."""
    generator = np.random.default_rng(seed)
    true = np.arange(generator.uniform(0, 1 / fps), seconds, 1 / fps)
    true = true[generator.random(len(true)) > 0.02]
    middles, gaps = 0.5 * (true[1:] + true[:-1]), np.diff(true)
    changes = gain * speed_at(middles, moves) * gaps * fps + generator.uniform(0, 0.1, len(gaps))
    stamps = true + offset_seconds + np.abs(generator.normal(0, 0.003, len(true)))
    return Motion(np.sort(stamps), changes)


@pytest.mark.parametrize("offset_ms", [-60, 0, 20, 50, 110, 300])
def test_planted_offsets_are_found(offset_ms: int) -> None:
    moves = bursts(60.0, seed=1)
    reference = motion(moves, 60.0, seed=2)
    view = motion(moves, 60.0, offset_seconds=offset_ms / 1e3, gain=4.0, seed=3)
    found = estimate_offset(reference, view)
    assert found is not None
    assert abs(1e3 * found.offset_seconds - offset_ms) < 4.0
    assert found.std_seconds < 0.006
    backwards = estimate_offset(view, reference)
    assert backwards is not None
    assert backwards.offset_seconds == pytest.approx(-found.offset_seconds, abs=0.004)


def test_pictures_of_one_scene_from_two_sides() -> None:
    scene, meters = Scene(20.0, seed=4), (MotionMeter(), MotionMeter())
    for camera, (meter, offset) in enumerate(zip(meters, (0.0, 0.05), strict=True)):
        for time_seconds in np.arange(0.01 * camera, 18.0, 1 / 30):
            picture = scene.picture(time_seconds, camera, (96, 72))
            meter.add(float(time_seconds) + offset, picture)
    found = estimate_offset(meters[0].motion(), meters[1].motion())
    assert found is not None
    assert abs(found.offset_seconds - 0.05) < max(0.008, 3 * found.std_seconds)
    assert found.std_seconds < 0.02


def test_the_uncertainty_can_be_believed() -> None:
    """Over many films the error is rarely beyond three standard errors, and often beyond half."""
    ratios = []
    for seed in range(40):
        moves = bursts(20.0, seed)
        found = estimate_offset(
            motion(moves, 20.0, seed=seed + 100),
            motion(moves, 20.0, seed=seed + 200, offset_seconds=0.03, gain=0.5),
        )
        assert found is not None
        ratios.append((found.offset_seconds - 0.03) / found.std_seconds)
    assert np.mean(np.abs(ratios) < 3) >= 0.95
    assert np.mean(np.abs(ratios) < 0.5) < 0.9


def test_nothing_that_moves_gives_no_estimate() -> None:
    times = np.arange(0, 30, 1 / 30)
    still = Motion(times, np.zeros(len(times) - 1))
    assert estimate_offset(still, still) is None


def test_motions_that_have_nothing_in_common_give_none_or_a_wide_one() -> None:
    found = estimate_offset(motion(bursts(30.0, 5), 30.0), motion(bursts(30.0, 6), 30.0, seed=1))
    assert found is None or found.std_seconds > 0.02


def test_periodic_motion_is_known_to_be_ambiguous() -> None:
    """Every second the same: a shift by a period fits as well, and the uncertainty says so."""
    beats = np.stack([np.arange(60) * 0.25, np.full(60, 0.12), np.full(60, 3.0)], axis=1)
    found = estimate_offset(motion(beats, 15.0, seed=1), motion(beats, 15.0, seed=2))
    assert found is None or found.std_seconds > 0.05


@pytest.mark.parametrize("seconds", [0.0, 0.1, 2.0])
def test_a_short_film_gives_none(seconds: float) -> None:
    short = motion(bursts(60.0, 1), max(seconds, 0.04))
    assert estimate_offset(short, short) is None


def test_other_rates_and_repeated_pictures() -> None:
    moves = bursts(60.0, seed=8)
    reference = motion(moves, 60.0, seed=1)
    slower = motion(moves, 60.0, seed=2, fps=25.0, offset_seconds=0.08)
    doubled = slower.changes.copy()
    doubled[::10] = 0.0  # a driver that gave the same picture twice
    found = estimate_offset(reference, Motion(slower.times_seconds, doubled))
    assert found is not None
    assert abs(found.offset_seconds - 0.08) < 0.008


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.floats(10, 60), st.floats(-5, 5))
def test_regular_times_undo_jitter_and_keep_drops(seed: int, fps: float, start: float) -> None:
    generator = np.random.default_rng(seed)
    true = start + np.arange(300) / fps
    true = true[np.append(True, generator.random(299) > 0.05)]
    stamps = true + generator.uniform(0, 0.2, len(true)) / fps
    times, periods = regular_times(stamps)
    np.testing.assert_array_equal(periods, np.rint(np.diff(true) * fps))
    assert abs((times - stamps).mean()) < 0.01 / fps
    assert np.abs(times - true - 0.1 / fps).max() < 0.1 / fps


def test_times_without_a_rate_stay_as_they_are() -> None:
    times = np.cumsum(np.random.default_rng(0).exponential(0.1, 200))
    np.testing.assert_array_equal(regular_times(times)[0], times)
