"""Means and intervals over episodes and seeds; when a control reaches a figure."""

import numpy as np
import pytest

from tcn_robot.benchmarks.alignment.figures.basic import BASIC
from tcn_robot.benchmarks.alignment.seeds import (
    differences,
    interval_over_seeds,
    over_seeds,
    same_but_for_seed,
)
from tcn_robot.benchmarks.alignment.summary import (
    difference,
    interval,
    mean,
    reached_by,
    resampled_means,
    summary,
)
from tcn_robot.metrics import bootstrap_interval, bootstrap_pairs_interval


def draw(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


def test_means_by_shape():
    values = draw(0, 4, 4)
    off_diagonal = [values[i, j] for i in range(4) for j in range(4) if i != j]
    assert mean(values) == pytest.approx(np.mean(off_diagonal))
    assert mean(draw(0, 3, 5)) == pytest.approx(draw(0, 3, 5).mean())
    assert mean(np.array(0.3)) == 0.3
    wrong, count = np.array([[1, 0], [2, 1.0]]), np.array([[4, 0], [4, 2.0]])
    # Class 0: 3 of 8 wrong; class 1: 1 of 2.
    assert mean(np.stack([wrong, count], axis=-1)) == pytest.approx((3 / 8 + 1 / 2) / 2)


def test_intervals_are_the_metrics_own():
    one, pairs = draw(0, 9), draw(1, 6, 6)
    assert interval(one) == list(bootstrap_interval(one, np.random.default_rng(0)))
    assert interval(pairs) == list(bootstrap_pairs_interval(pairs, np.random.default_rng(0)))
    assert interval(draw(0, 2, 2)) is None
    assert interval(np.array(0.3)) is None
    low, high = interval(draw(0, 7, 4))
    assert low < draw(0, 7, 4).mean() < high


def test_draws_by_weights_equal_draws_by_index():
    """A slow loop over the same multinomial draws."""
    values, counts = draw(0, 5, 5), np.abs(draw(1, 5, 2, 2)) + 0.1
    pairs = resampled_means(values, np.random.default_rng(3), 50)
    classes = resampled_means(counts, np.random.default_rng(3), 50)
    weights = np.random.default_rng(3).multinomial(5, [0.2] * 5, size=50)
    for b, times in enumerate(weights):
        drawn = np.repeat(np.arange(5), times)
        expected = [values[i, j] for i in drawn for j in drawn if i != j]
        assert pairs[b] == pytest.approx(np.mean(expected), abs=1e-12)
        assert classes[b] == pytest.approx(mean(counts[drawn]), abs=1e-12)


def test_a_difference_of_values_is_the_difference_of_means():
    counts = np.abs(draw(0, 4, 3, 2))
    other = counts.copy()
    other[..., 0] *= 0.5
    for first, second in (
        (draw(0, 6), draw(1, 6)),
        (draw(0, 4, 4), draw(1, 4, 4)),
        (counts, other),
    ):
        gap = difference(first, second)
        assert mean(gap) == pytest.approx(mean(first) - mean(second), abs=1e-12)
    assert difference(draw(0, 3), None) is None
    assert difference(draw(0, 3), draw(0, 4)) is None


def test_a_control_reaches_unless_the_difference_is_clear():
    error = np.full(12, 0.1) + 0.01 * draw(0, 12)
    shared = 0.05 * draw(1, 12)  # harder episodes are harder for both: the pairing takes it out
    trained = {"error": error + shared}
    controls = {
        "clearly worse": {"error": error + shared + 0.02},
        "the same": {"error": error + shared + 0.02 * draw(2, 12)},
        "better": {"error": error + shared - 0.05},
        "not measured": {"error": None},
    }
    assert reached_by(trained, controls, BASIC) == {"error": ["the same", "better"]}
    flipped = {name: {"accuracy_1": one["error"]} for name, one in controls.items()}
    found = reached_by({"accuracy_1": trained["error"]}, flipped, BASIC)
    assert found == {"accuracy_1": ["clearly worse", "the same"]}
    assert reached_by({"ties": error}, {"other": {"ties": error}}, BASIC) == {}


def test_runs_that_differ_in_their_seed_only_are_one_encoder():
    options = [
        {"objective": "tcn", "seed": 0},
        {"objective": "tce", "seed": 0},
        {"objective": "tcn", "seed": 1},
        None,
        None,
    ]
    assert same_but_for_seed(options) == [[0, 2], [1], [3], [4]]


def test_intervals_over_seeds_are_wider_when_seeds_differ():
    episodes = 0.1 + 0.01 * draw(0, 30)
    alike = [episodes, episodes, episodes]
    apart = [episodes - 0.05, episodes, episodes + 0.05]
    low, high = interval_over_seeds(alike)
    wide_low, wide_high = interval_over_seeds(apart)
    assert wide_high - wide_low > 3 * (high - low)
    assert interval_over_seeds([episodes]) == interval(episodes)
    assert interval_over_seeds(apart) == interval_over_seeds(apart)
    row = over_seeds([{"error": one, "tau_b": None} for one in apart])
    assert row["error"] == pytest.approx(episodes.mean())
    assert row["error_interval"] == [wide_low, wide_high]
    assert row["tau_b"] is row["tau_b_interval"] is None


def test_differences_of_encoders_are_paired():
    shared = draw(0, 20)
    first = [{"error": shared + 0.01 * draw(seed, 20)} for seed in (1, 2)]
    second = [{"error": shared + 0.1 + 0.01 * draw(seed, 20)} for seed in (3, 4)]
    found = differences(first, second)
    low, high = found["error_interval"]
    assert found["error"] == pytest.approx(-0.1, abs=0.01)
    assert low < found["error"] < high < -0.08  # far narrower than either's own interval
    assert np.ptp(summary(first[0])["error_interval"]) > 0.5


def test_pairs_over_seeds():
    pairs = [draw(seed, 5, 5) for seed in (0, 1)]
    low, high = interval_over_seeds(pairs)
    assert low < np.mean([mean(one) for one in pairs]) < high
    assert interval_over_seeds([draw(0, 2, 2), draw(1, 2, 2)]) is None
