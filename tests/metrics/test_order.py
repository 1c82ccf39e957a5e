"""Kendall's tau of neighbours against SciPy, closed forms and the controls."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau

from tcn_robot.errors import UserError
from tcn_robot.metrics import kendall_tau, kendall_tau_of_sequence, nearest_neighbours


def tau_a_by_loop(sequence):
    n = len(sequence)
    surplus = sum(np.sign(sequence[j] - sequence[i]) for i in range(n) for j in range(i + 1, n))
    return surplus / (n * (n - 1) / 2)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 6), min_size=2, max_size=25))
def test_equals_scipy_and_the_loop(neighbours):
    tau = kendall_tau_of_sequence(neighbours)
    expected = kendalltau(np.arange(len(neighbours)), neighbours).statistic
    assert tau.tau_b == pytest.approx(0.0 if np.isnan(expected) else expected)
    assert tau.tau_a == pytest.approx(tau_a_by_loop(neighbours))


@pytest.mark.parametrize("num_values", [1, 3, 3000])
@pytest.mark.parametrize("count", [2, 255, 256, 257, 1000])
def test_equals_scipy_and_the_loop_for_long_episodes(count, num_values):
    neighbours = np.random.default_rng(count).integers(num_values, size=count) / 7
    tau = kendall_tau_of_sequence(neighbours)
    expected = kendalltau(np.arange(count), neighbours).statistic
    assert tau.tau_b == pytest.approx(0.0 if np.isnan(expected) else expected, abs=1e-12)
    assert tau.tau_a == pytest.approx(tau_a_by_loop(neighbours), abs=1e-12)


def test_cosine_forgets_lengths():
    angles = np.linspace(0, 1, 30)
    arc = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    scaled = arc * np.random.default_rng(0).uniform(0.1, 10, size=(30, 1))
    assert kendall_tau(arc, scaled, distance="cosine").tau_a == 1
    assert kendall_tau(arc, scaled).tau_a < 1


# reference: a perfectly ordered embedding of k states, 100 frames
QUANTISED = {
    2: (0.505, 0.711),
    3: (0.673, 0.821),
    4: (0.758, 0.870),
    5: (0.808, 0.899),
    8: (0.884, 0.940),
    10: (0.909, 0.953),
    20: (0.960, 0.980),
    50: (0.990, 0.995),
}


@pytest.mark.parametrize(("states", "expected"), QUANTISED.items())
def test_quantised_time(states, expected):
    """A coarse embedding gets a high tau_b; tau_a, ties and effective states tell."""
    time = np.floor(np.arange(100) * states / 100)[:, None]
    tau = kendall_tau(time, time)
    assert tau.tau_a == pytest.approx(expected[0], abs=6e-4)
    assert tau.tau_b == pytest.approx(expected[1], abs=6e-4)
    assert tau.ties == pytest.approx(1 - tau.tau_a)
    assert tau.effective_states == pytest.approx(states, rel=2e-3)


def test_controls():
    generator = np.random.default_rng(0)
    u = np.cumsum(generator.uniform(0.5, 1.5, size=60))[:, None]
    v = np.linspace(u[0, 0], u[-1, 0], 200)[:, None]
    forward = kendall_tau(u, v)
    assert forward.tau_a == forward.tau_b == 1.0
    assert kendall_tau(u, v[::-1]).tau_a == -1.0
    assert kendall_tau(u[::-1], v).tau_b == -1.0
    shuffled = [kendall_tau(generator.permutation(u), v).tau_b for _ in range(50)]
    assert abs(np.mean(shuffled)) < 0.05
    counter = kendall_tau(np.arange(50.0)[:, None], np.arange(80.0)[:, None])
    assert counter.tau_a == 1.0
    # A counter of frames in a shorter episode runs out of frames.
    short = kendall_tau(np.arange(80.0)[:, None], np.arange(40.0)[:, None])
    assert short.tau_a < short.tau_b < 1.0


def test_reversed_is_minus_tau():
    generator = np.random.default_rng(1)
    u, v = generator.normal(size=(30, 3)), generator.normal(size=(40, 3))
    forward, backward = kendall_tau(u, v), kendall_tau(u, v[::-1])
    assert backward.tau_a == pytest.approx(-forward.tau_a)
    assert backward.tau_b == pytest.approx(-forward.tau_b)


@pytest.mark.parametrize("constant", [0.0, 1.0, 0.3])
def test_collapsed_is_zero_not_left_out(constant):
    """TCC's and XIRL's code gets NaN here and drops it from the mean."""
    collapsed = np.full((20, 8), constant, dtype=np.float32)
    moving = np.random.default_rng(0).normal(size=(15, 8)).astype(np.float32)
    for u, v in ((collapsed, collapsed), (moving, collapsed), (collapsed, moving)):
        tau = kendall_tau(u, v)
        assert (tau.tau_a, tau.tau_b, tau.ties) == (0.0, 0.0, 1.0)
        assert tau.effective_states == pytest.approx(1.0)


def test_equidistant_neighbours_give_their_mean_index():
    u = np.array([[0.0], [1.0], [2.0]])
    v = np.array([[0.0], [2.0], [2.0], [0.0]])
    ties = nearest_neighbours(u, v)
    np.testing.assert_array_equal(
        ties, [[True, False, False, True], [True] * 4, [False, True, True, False]]
    )
    tau = kendall_tau(u, v)
    # Mean indices are 1.5 three times: no order to be seen.
    assert (tau.tau_a, tau.ties) == (0.0, 1.0)


def test_order_of_the_frames_in_memory_does_not_decide():
    """An arg-min would say that the first half comes first."""
    u = np.zeros((10, 2))
    v = np.concatenate([np.zeros((5, 2)), np.ones((5, 2))])
    assert kendall_tau(u, v).tau_b == 0.0


def test_degenerate_lengths():
    one = kendall_tau(np.zeros((1, 2)), np.zeros((4, 2)))
    assert (one.tau_a, one.tau_b, one.ties) == (0.0, 0.0, 0.0)
    assert kendall_tau(np.arange(5.0)[:, None], np.zeros((1, 1))).tau_b == 0.0


def test_bad_input():
    good = np.zeros((4, 2))
    bad = good.copy()
    bad[2, 1] = np.nan
    with pytest.raises(UserError, match="1 of 4 frames"):
        kendall_tau(good, bad)
    with pytest.raises(UserError, match="one dimension"):
        kendall_tau(good, np.zeros((4, 3)))
    with pytest.raises(UserError, match="NaN"):
        kendall_tau_of_sequence([1.0, np.nan])
    with pytest.raises(UserError, match="shape"):
        kendall_tau_of_sequence([])
