"""Every control scores where theory says, in every metric: docs/metrics.md has the table.

A perfect encoder embeds a frame as its progress, a counter as its number. Episodes are reversed,
shuffled, paused, or filmed at another speed; an embedding is collapsed or random.
"""

from math import comb

import numpy as np
import pytest

from tcn_robot.metrics import (
    alignment_accuracy,
    alignment_error,
    attribute_error,
    best_progress_error,
    chance_alignment_accuracy,
    chance_alignment_error,
    chance_progress_error,
    class_recall,
    goal_values,
    kendall_tau,
    moment_recall,
    progress_error,
    three_way_cycle_consistency,
    two_way_cycle_consistency,
    value_order_correlation,
)

T = 40
PROGRESS = np.linspace(0, 1, T)
PERFECT = PROGRESS[:, None]
COUNTER = np.arange(float(T))[:, None]
COLLAPSED = np.full((T, 8), 0.3, np.float32)
EXACT = {"rel": 0, "abs": 1e-12}


def three_way_chance(num_frames, tolerance):
    """Both ways round end anywhere: the mean of the squared share of frames within."""
    frames = np.arange(num_frames)
    near = np.abs(frames[:, None] - frames) <= tolerance
    return np.mean(np.square(near.mean(axis=1)))


@pytest.mark.parametrize("tolerance", [0, 1, 3])
def test_collapsed_is_chance_in_every_metric(tolerance):
    c, chance = COLLAPSED, chance_alignment_accuracy(T, tolerance)
    assert alignment_error(c, c) == pytest.approx(chance_alignment_error(T), **EXACT)
    assert alignment_accuracy(c, c, tolerance) == pytest.approx(chance, **EXACT)
    assert two_way_cycle_consistency(c, c, tolerance) == pytest.approx(chance, **EXACT)
    assert three_way_cycle_consistency(c, c, c, tolerance) == pytest.approx(
        three_way_chance(T, tolerance), **EXACT
    )
    tau = kendall_tau(c, c)
    assert (tau.tau_a, tau.tau_b, tau.ties) == (0, 0, 1)
    assert tau.effective_states == pytest.approx(1)
    assert value_order_correlation(goal_values(c)) == 0
    for k, recall in moment_recall(c, c, (1, 5, 10), tolerance).items():
        near = [min(t + tolerance, T - 1) - max(t - tolerance, 0) + 1 for t in range(T)]
        expected = np.mean([1 - comb(T - n, k) / comb(T, k) for n in near])
        assert recall.recall == pytest.approx(expected, **EXACT)
        assert recall.chance == pytest.approx(expected, **EXACT)
    gaps = np.abs(PROGRESS[:, None] - PROGRESS**2)
    found = progress_error(c, c, PROGRESS, PROGRESS**2)
    assert found == pytest.approx(gaps.mean(), **EXACT)
    assert chance_progress_error(PROGRESS, PROGRESS**2) == pytest.approx(gaps.mean(), **EXACT)


def test_collapsed_is_chance_among_labels():
    labels, episodes = np.tile([0, 0, 0, 1], 10), np.repeat(range(5), 8)
    found = attribute_error(COLLAPSED, labels, episodes)
    assert found.error == pytest.approx(0.5, **EXACT)  # of two values, each recalled by its share
    assert found.chance == pytest.approx(0.5, **EXACT)
    for k, recall in class_recall(COLLAPSED, labels, episodes).items():
        # Of the 32 frames of other episodes 24 are of class 0, which 3 of 4 queries are of.
        expected = 0.75 * (1 - comb(8, k) / comb(32, k)) + 0.25 * (1 - comb(24, k) / comb(32, k))
        assert recall.recall == pytest.approx(expected, **EXACT)
        assert recall.chance == pytest.approx(expected, **EXACT)


def test_random_is_chance_on_average():
    generator = np.random.default_rng(0)
    draws = [generator.normal(size=(2, T, 16)) for _ in range(120)]
    expected = {
        "error": (lambda u, v: alignment_error(u, v), chance_alignment_error(T)),
        "accuracy": (lambda u, v: alignment_accuracy(u, v, 1), chance_alignment_accuracy(T, 1)),
        "tau_a": (lambda u, v: kendall_tau(u, v).tau_a, 0),
        "tau_b": (lambda u, v: kendall_tau(u, v).tau_b, 0),
        "recall": (lambda u, v: moment_recall(u, v, (5,), 0)[5].recall, 5 / T),
        "progress": (
            lambda u, v: progress_error(u, v, PROGRESS, PROGRESS),
            chance_progress_error(PROGRESS, PROGRESS),
        ),
        "value order": (lambda u, v: value_order_correlation(u[:, 0]), 0),
    }
    for name, (metric, chance) in expected.items():
        found = [metric(u, v) for u, v in draws]
        standard_error = np.std(found) / np.sqrt(len(found))
        assert abs(np.mean(found) - chance) < 4 * standard_error, name


def test_a_counter_is_perfect_across_synchronised_views():
    """That is what fools all of these: a counter sees nothing."""
    assert alignment_error(COUNTER, COUNTER) == 0
    assert alignment_accuracy(COUNTER, COUNTER, 0) == 1
    assert moment_recall(COUNTER, COUNTER, (1,), 0)[1].recall == 1
    assert two_way_cycle_consistency(COUNTER, COUNTER, 0) == 1
    assert three_way_cycle_consistency(COUNTER, COUNTER, COUNTER, 0) == 1
    assert kendall_tau(COUNTER, COUNTER).tau_a == 1
    assert value_order_correlation(goal_values(COUNTER)) == pytest.approx(1)


def test_a_counter_is_off_by_what_episodes_differ():
    """The other episode is twice as fast, then over: the counter finds its frame t, or its last."""
    other = PROGRESS[::2]
    found = progress_error(COUNTER, COUNTER[: len(other)], PROGRESS, other)
    at = np.minimum(np.arange(T), len(other) - 1)
    assert found == pytest.approx(np.abs(PROGRESS - other[at]).mean(), **EXACT)
    assert found > 5 * best_progress_error(PROGRESS, other)
    # Frames 19 to 39 all find the last one: C(21, 2) pairs without an order, no pair in reverse.
    tau = kendall_tau(COUNTER, COUNTER[: len(other)])
    assert tau.tau_a == pytest.approx(1 - comb(21, 2) / comb(T, 2), **EXACT)


def test_reversed_flips_the_order_and_closes_every_cycle():
    backwards = PERFECT[::-1]
    tau = kendall_tau(PERFECT, backwards)
    assert (tau.tau_a, tau.tau_b) == (-1, -1)
    assert value_order_correlation(PROGRESS[::-1]) == pytest.approx(-1)
    # mean |2t - (T - 1)| / T is 1/2 for an even T: worse than chance.
    assert alignment_error(PERFECT, backwards) == pytest.approx(0.5, **EXACT)
    assert alignment_accuracy(PERFECT, backwards, 0) == 0
    odd = COUNTER[:39]
    expected = (39**2 - 1) / (2 * 39**2)
    assert alignment_error(odd, odd[::-1]) == pytest.approx(expected, **EXACT)
    assert two_way_cycle_consistency(PERFECT, backwards, 0) == 1
    assert three_way_cycle_consistency(PERFECT, backwards, PERFECT, 0) == 1
    # Labels are reversed with their frames: nothing is wrong where progress counts.
    assert progress_error(PERFECT, backwards, PROGRESS, PROGRESS[::-1]) == 0


def test_shuffled_has_no_order_on_average_and_closes_every_cycle():
    generator = np.random.default_rng(1)
    taus, errors, shares, values = [], [], [], []
    for _ in range(100):
        order = generator.permutation(T)
        shares.append(alignment_accuracy(PERFECT[order], PERFECT, 0))
        values.append(value_order_correlation(PROGRESS[order]))
        taus.append(kendall_tau(PERFECT[order], PERFECT).tau_a)
        errors.append(alignment_error(PERFECT[order], PERFECT))
        assert two_way_cycle_consistency(PERFECT[order], PERFECT, 0) == 1
        assert progress_error(PERFECT[order], PERFECT, PROGRESS[order], PROGRESS) == 0
    # The variance of tau of a random order is 2 (2 T + 5) / (9 T (T - 1)).
    deviation = np.sqrt(2 * (2 * T + 5) / (9 * T * (T - 1)))
    assert abs(np.mean(taus)) < 4 * deviation / np.sqrt(100)
    assert np.std(taus) == pytest.approx(deviation, rel=0.25)
    assert np.mean(errors) == pytest.approx(chance_alignment_error(T), abs=0.015)
    assert np.mean(shares) == pytest.approx(1 / T, abs=0.012)
    assert abs(np.mean(values)) < 4 / np.sqrt(100 * (T - 1))


@pytest.mark.parametrize("pause", [2, 5, 20])
def test_a_pause_costs_order_by_the_closed_form_and_no_progress(pause):
    """One frame is repeated until it is there `pause` times."""
    at = np.concatenate([np.arange(15), np.full(pause - 1, 14), np.arange(15, T)])
    paused, frames = PERFECT[at], len(at)
    tied = comb(pause, 2) / comb(frames, 2)
    tau = kendall_tau(paused, PERFECT)
    assert tau.tau_a == pytest.approx(1 - tied, **EXACT)
    assert tau.tau_b == pytest.approx(np.sqrt(1 - tied), **EXACT)
    assert tau.ties == pytest.approx(tied, **EXACT)
    assert tau.effective_states < frames
    # The other way about every frame has a place of its own.
    assert kendall_tau(PERFECT, paused).tau_a == 1
    assert progress_error(paused, PERFECT, PROGRESS[at], PROGRESS) == 0
    assert progress_error(PERFECT, paused, PROGRESS, PROGRESS[at]) == 0
    # Two views of the pause: its frames cannot be told apart, all others are found.
    error = (pause**2 - 1) / (3 * frames**2)
    assert alignment_error(paused, paused) == pytest.approx(error, **EXACT)
    accuracy = (frames - pause + 1) / frames
    assert alignment_accuracy(paused, paused, 0) == pytest.approx(accuracy, **EXACT)
    assert two_way_cycle_consistency(paused, paused, 0) == pytest.approx(accuracy, **EXACT)
    order = value_order_correlation(goal_values(paused))
    expected = np.sqrt(1 - (pause**3 - pause) / (frames**3 - frames))
    assert order == pytest.approx(expected, **EXACT)
    # A counter does not see the pause, so it pays none of that.
    counter = np.arange(float(frames))[:, None]
    assert alignment_error(counter, counter) == 0
    assert kendall_tau(counter, counter).tau_a == 1


@pytest.mark.parametrize("every", [2, 3])
def test_another_speed_costs_neither_order_nor_progress(every):
    fast, labels = PERFECT[::every], PROGRESS[::every]
    assert kendall_tau(fast, PERFECT).tau_a == 1
    assert progress_error(fast, PERFECT, labels, PROGRESS) == 0
    back = progress_error(PERFECT, fast, PROGRESS, labels)
    assert back == pytest.approx(best_progress_error(PROGRESS, labels), **EXACT)
    assert value_order_correlation(labels) == pytest.approx(1)
    # Every frame of the fast film comes back; those between two of its frames come near.
    assert two_way_cycle_consistency(fast, PERFECT, 0) == 1
    assert two_way_cycle_consistency(PERFECT, fast, every) == 1
    # With measured times both show the same moments.
    times = np.arange(T) / 20
    error = alignment_error(fast, PERFECT, times_u=times[::every], times_v=times)
    assert error < every / T


def test_a_coarse_embedding_keeps_tau_b_and_loses_tau_a():
    """k states in order: tau_a is about 1 - 1/k and tau_b its root."""
    states = np.floor(np.arange(T) / 10)[:, None]  # 4 states
    tau = kendall_tau(states, states)
    tied = 4 * comb(10, 2) / comb(T, 2)
    assert tau.tau_a == pytest.approx(1 - tied, **EXACT)
    assert tau.tau_b == pytest.approx(np.sqrt(1 - tied), **EXACT)
    assert tau.effective_states == pytest.approx(4)
    error = 4 * (10**2 - 1) / (3 * T**2)
    assert alignment_error(states, states) == pytest.approx(error, **EXACT)
    assert alignment_accuracy(states, states, 0) == pytest.approx(4 / T, **EXACT)
    assert two_way_cycle_consistency(states, states, 0) == pytest.approx(4 / T, **EXACT)
    order = value_order_correlation(states[:, 0])
    assert order == pytest.approx(np.sqrt(1 - 4 * (10**3 - 10) / (T**3 - T)), **EXACT)


def test_one_frame_that_answers_everything_beats_chance_in_error_and_nothing_else():
    """All of u is nearest to v's middle frame: 1/4 one way, where chance is 1/3."""
    middle = np.where(np.arange(T)[:, None] == T // 2, COLLAPSED, COLLAPSED + 1)
    error = (0.25 + chance_alignment_error(T)) / 2
    assert alignment_error(COLLAPSED, middle) == pytest.approx(error, **EXACT)
    assert error < chance_alignment_error(T)
    assert alignment_accuracy(COLLAPSED, middle, 0) == pytest.approx(1 / T, **EXACT)
    assert kendall_tau(COLLAPSED, middle).tau_a == 0
