"""Alignment error and accuracy against slow loops, closed forms and known collapses."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcn_robot.errors import UserError
from tcn_robot.metrics import (
    MetricInputError,
    alignment_accuracy,
    alignment_ceiling,
    alignment_error,
    chance_accuracy_within_seconds,
    chance_alignment_accuracy,
    chance_alignment_error,
)


def nearest_by_loop(query, targets):
    distances = [float(np.sqrt(((query - target) ** 2).sum())) for target in targets]
    return [s for s, distance in enumerate(distances) if distance <= min(distances)]


def error_by_loop(u, v):
    total = 0.0
    for a, b in ((u, v), (v, u)):
        gaps = []
        for t, query in enumerate(a):
            near = nearest_by_loop(query, b)
            gaps.append(sum(abs(t - s) for s in near) / len(near))
        total += sum(gaps) / len(gaps) / len(a)
    return total / 2


def accuracy_by_loop(u, v, tolerance):
    total = 0.0
    for a, b in ((u, v), (v, u)):
        hits = []
        for t, query in enumerate(a):
            near = nearest_by_loop(query, b)
            hits.append(sum(abs(t - s) <= tolerance for s in near) / len(near))
        total += sum(hits) / len(hits)
    return total / 2


def integer_embedding(seed, length, dimension=2, values=3):
    """Few values in few dimensions: many exact ties."""
    return np.random.default_rng(seed).integers(values, size=(length, dimension)).astype(float)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(0, 3))
def test_equals_the_loop_with_and_without_ties(seed, length, tolerance):
    generator = np.random.default_rng(seed)
    tied = integer_embedding(seed, length), integer_embedding(seed + 1, length)
    untied = generator.normal(size=(length, 3)), generator.normal(size=(length, 3))
    for u, v in (tied, untied):
        assert alignment_error(u, v) == pytest.approx(error_by_loop(u, v))
        assert alignment_accuracy(u, v, tolerance) == pytest.approx(
            accuracy_by_loop(u, v, tolerance)
        )


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 15))
def test_range_and_symmetry(seed, length):
    u, v = integer_embedding(seed, length), integer_embedding(seed + 1, length)
    assert 0.0 <= alignment_error(u, v) < 1.0
    assert alignment_error(u, v) == pytest.approx(alignment_error(v, u))
    assert 0.0 <= alignment_accuracy(u, v) <= 1.0
    assert alignment_accuracy(u, v, length) == 1.0


@pytest.mark.parametrize("length", [1, 2, 3, 10, 81])
@pytest.mark.parametrize("tolerance", [0, 1, 2, 5, 100])
def test_collapsed_is_exactly_chance(length, tolerance):
    """The TU Delft reproduction scores a collapsed embedding 100 %."""
    index = np.arange(length)
    gaps = np.abs(index[:, None] - index[None, :])
    for constant in (0.0, 7.3):
        collapsed = np.full((length, 4), constant, dtype=np.float32)
        error = alignment_error(collapsed, collapsed)
        accuracy = alignment_accuracy(collapsed, collapsed, tolerance)
        assert error == pytest.approx(chance_alignment_error(length))
        assert accuracy == pytest.approx(chance_alignment_accuracy(length, tolerance))
    assert chance_alignment_error(length) == pytest.approx(gaps.mean() / length)
    assert chance_alignment_accuracy(length, tolerance) == pytest.approx((gaps <= tolerance).mean())


def test_collapsed_up_to_rounding_is_chance_too():
    generator = np.random.default_rng(0)
    direction = generator.normal(size=32)
    direction /= np.linalg.norm(direction)
    noise = 1e-7 * generator.normal(size=(2, 60, 32))
    u, v = (direction + noise).astype(np.float32)
    assert alignment_error(u, v) == pytest.approx(chance_alignment_error(60))


def test_random_neighbours_are_near_chance():
    generator = np.random.default_rng(0)
    errors = [alignment_error(*generator.normal(size=(2, 50, 16))) for _ in range(40)]
    assert np.mean(errors) == pytest.approx(chance_alignment_error(50), abs=0.02)


def test_perfect_reversed_and_shifted():
    line = np.arange(40.0)[:, None]
    assert alignment_error(line, line) == 0.0
    assert alignment_accuracy(line, line, 0) == 1.0
    # |t - (39 - t)| on average, over 40
    assert alignment_error(line, line[::-1]) == pytest.approx(
        np.abs(2 * np.arange(40) - 39).mean() / 40
    )
    # Two frames late: the last two (or first two) find the border instead.
    assert alignment_error(line, line + 2) == pytest.approx((38 * 2 + 1) / 40 / 40)
    assert alignment_accuracy(line, line + 2, 1) == pytest.approx(2 / 40)
    assert alignment_accuracy(line, line + 2, 2) == 1.0


def test_both_directions_count():
    """u's frames all find themselves, v's mostly do not: one direction would hide it."""
    u = np.array([[0.0], [1.0], [2.0], [3.0]])
    v = np.array([[0.0], [0.9], [0.1], [0.2]])
    one_way = np.mean([abs(t - int(np.abs(v - q).argmin())) for t, q in enumerate(u)]) / 4
    other_way = np.mean([abs(t - int(np.abs(u - q).argmin())) for t, q in enumerate(v)]) / 4
    assert one_way != other_way
    assert alignment_error(u, v) == pytest.approx((one_way + other_way) / 2)


def test_times_of_triggered_cameras_change_nothing():
    generator = np.random.default_rng(3)
    u, v = generator.normal(size=(2, 30, 4))
    times = np.arange(30) * 0.04 + 100.0
    for function in (alignment_error, alignment_accuracy):
        assert function(u, v, times_u=times, times_v=times) == pytest.approx(function(u, v))


def test_times_of_cameras_with_other_rates_and_starts():
    times_u = np.arange(60) / 30
    times_v = np.arange(25) / 15 + 0.01
    u, v = times_u[:, None], times_v[:, None]
    # Frames of u between two of v, and those after v has ended, are off by what they must be.
    assert alignment_error(u, v, times_u=times_u, times_v=times_v) < 0.04
    assert alignment_accuracy(u, v, 0, times_u=times_u, times_v=times_v) == 1.0
    with pytest.raises(UserError, match="times_u"):
        alignment_error(u, v)
    with pytest.raises(UserError, match="both views or of neither"):
        alignment_error(u, v, times_u=times_u)
    with pytest.raises(UserError, match="increasing"):
        alignment_error(u, v, times_u=times_u[::-1], times_v=times_v)
    with pytest.raises(UserError, match="one time per frame"):
        alignment_error(u, v, times_u=times_v, times_v=times_u)


def accuracy_in_seconds_by_loop(u, v, times_u, times_v, tolerance):
    total = 0.0
    for a, b, t, s in ((u, v, times_u, times_v), (v, u, times_v, times_u)):
        hits = []
        for i, query in enumerate(a):
            near = nearest_by_loop(query, b)
            hits.append(sum(abs(t[i] - s[j]) <= tolerance for j in near) / len(near))
        total += sum(hits) / len(hits)
    return total / 2


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(1, 12), st.floats(0, 1))
def test_accuracy_within_seconds_equals_the_loop(seed, num_u, num_v, tolerance):
    generator = np.random.default_rng(seed)
    u, v = integer_embedding(seed, num_u), integer_embedding(seed + 1, num_v)
    times = [np.cumsum(generator.uniform(0.01, 0.2, size=n)) for n in (num_u, num_v)]
    clocks = {"times_u": times[0], "times_v": times[1]}
    found = alignment_accuracy(u, v, tolerance_seconds=tolerance, **clocks)
    expected = accuracy_in_seconds_by_loop(u, v, *times, tolerance)
    assert found == pytest.approx(expected, abs=1e-12)
    collapsed = alignment_accuracy(0 * u, 0 * v, tolerance_seconds=tolerance, **clocks)
    assert collapsed == pytest.approx(chance_accuracy_within_seconds(*times, tolerance), abs=1e-12)


def test_accuracy_within_seconds_is_that_within_frames_of_a_steady_camera():
    u, v = np.random.default_rng(0).normal(size=(2, 30, 2))
    clocks = {"times_u": np.arange(30) / 30, "times_v": np.arange(30) / 30}
    for frames in range(4):  # k / 30 is within k frames, whatever its rounding
        seconds = alignment_accuracy(u, v, tolerance_seconds=frames / 30, **clocks)
        assert seconds == pytest.approx(alignment_accuracy(u, v, frames), abs=1e-12)
        chance = chance_accuracy_within_seconds(*clocks.values(), frames / 30)
        assert chance == pytest.approx(chance_alignment_accuracy(30, frames), abs=1e-12)
    with pytest.raises(UserError, match="times of both views for a tolerance in seconds"):
        alignment_accuracy(u, v, tolerance_seconds=0.1)
    with pytest.raises(UserError, match="0 s or more, found -0"):
        alignment_accuracy(u, v, tolerance_seconds=-0.1, **clocks)


def test_cosine_forgets_lengths():
    angles = np.linspace(0, 1, 25)
    arc = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    scaled = arc * np.random.default_rng(0).uniform(0.1, 10, size=(25, 1))
    assert alignment_error(arc, scaled, distance="cosine") == 0
    assert alignment_accuracy(arc, scaled, 0, distance="cosine") == 1
    assert alignment_error(arc, scaled) > 0.05


@pytest.mark.parametrize("function", [alignment_error, alignment_accuracy])
def test_bad_input(function):
    good = np.zeros((5, 2))
    for bad, message in [
        (np.full((5, 2), np.nan), "NaN"),
        (np.full((5, 2), np.inf), "infinity"),
        (np.zeros(5), "shape"),
        (np.zeros((0, 2)), "shape"),
        (np.zeros((5, 3)), "one dimension"),
        (np.zeros((6, 2)), "one length"),
        (np.array([["a", "b"]] * 5), "real numbers"),
    ]:
        with pytest.raises(MetricInputError, match=message):
            function(good, bad)
        with pytest.raises(ValueError, match=message):
            function(bad, good)
    with pytest.raises(UserError, match="tolerance"):
        alignment_accuracy(good, good, -1)


def test_input_is_not_changed():
    generator = np.random.default_rng(0)
    u, v = generator.normal(size=(2, 20, 3)).astype(np.float32)
    before = u.copy(), v.copy()
    alignment_error(u, v)
    alignment_accuracy(u, v)
    np.testing.assert_array_equal(u, before[0])
    np.testing.assert_array_equal(v, before[1])


def test_ceiling_of_an_episode_with_a_pause():
    """Ten frames that move, five that stand, ten that move."""
    positions = np.concatenate([np.arange(10), np.full(5, 10), np.arange(11, 21)]).astype(float)
    ceiling = alignment_ceiling(positions[:, None], same_within=0.1)
    inside = np.arange(5)
    pause_gap = np.abs(inside[:, None] - inside[None, :]).mean()
    assert ceiling.error == pytest.approx(5 * pause_gap / 25 / 25)
    assert ceiling.accuracy == pytest.approx((20 + 5 * chance_alignment_accuracy(5)) / 25)
    assert ceiling.tau.ties == pytest.approx(10 / 300)
    assert ceiling.tau.tau_a == pytest.approx(1 - 10 / 300)
    # What an ideal encoder gets is what the metric gives for its embedding.
    assert ceiling.error == pytest.approx(alignment_error(positions[:, None], positions[:, None]))


def test_ceiling_without_a_pause_and_of_a_still_picture():
    moving = alignment_ceiling(np.arange(12.0)[:, None], same_within=0.1)
    assert (moving.error, moving.accuracy, moving.tau.tau_b) == (0.0, 1.0, 1.0)
    still = alignment_ceiling(np.zeros((12, 3)), same_within=0.0)
    assert still.error == pytest.approx(chance_alignment_error(12))
    assert still.tau.tau_b == 0.0
    with pytest.raises(UserError, match="same_within"):
        alignment_ceiling(np.zeros((12, 3)), same_within=float("nan"))
