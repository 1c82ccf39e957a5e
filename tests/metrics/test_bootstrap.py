"""Intervals over episodes: coverage, determinism, the unit that is drawn."""

import numpy as np
import pytest

from tcn_robot.errors import UserError
from tcn_robot.metrics import bootstrap_interval, bootstrap_pairs_interval


def test_same_generator_same_interval():
    values = np.random.default_rng(0).normal(size=12)
    first = bootstrap_interval(values, np.random.default_rng(5))
    assert first == bootstrap_interval(values, np.random.default_rng(5))
    assert first != bootstrap_interval(values, np.random.default_rng(6))


def test_width_is_that_of_the_standard_error():
    values = np.random.default_rng(0).normal(size=200)
    low, high = bootstrap_interval(values, np.random.default_rng(1), num_resamples=4000)
    standard_error = values.std() / np.sqrt(len(values))
    assert low < values.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * standard_error, rel=0.1)


def test_covers_the_truth_about_as_often_as_it_says():
    generator = np.random.default_rng(2)
    hits = 0
    for _ in range(200):
        low, high = bootstrap_interval(
            generator.normal(size=30), generator, confidence=0.9, num_resamples=300
        )
        hits += low <= 0.0 <= high
    assert 0.82 <= hits / 200 <= 0.96


def test_pairs_draw_episodes_not_pairs():
    """Every pair with episode 0 is bad: that is one bad episode of six, not ten bad pairs."""
    values = np.ones((6, 6))
    values[0] = values[:, 0] = 0.0
    low, high = bootstrap_pairs_interval(values, np.random.default_rng(0), num_resamples=4000)
    pairs = values[~np.eye(6, dtype=bool)]
    naive_low, naive_high = bootstrap_interval(pairs, np.random.default_rng(0))
    assert low < naive_low
    assert high > naive_high


def test_pairs_equal_the_loop():
    values = np.random.default_rng(0).normal(size=(5, 5))
    weights = np.random.default_rng(7).multinomial(5, np.full(5, 0.2), size=300)
    means = []
    for weight in weights:
        drawn = np.repeat(np.arange(5), weight)
        pairs = [values[a, b] for a in drawn for b in drawn if a != b]
        if pairs:
            means.append(np.mean(pairs))
    assert len(means) == 300
    expected = np.quantile(means, [0.025, 0.975])
    found = bootstrap_pairs_interval(values, np.random.default_rng(7), num_resamples=300)
    np.testing.assert_allclose(found, expected)


def test_pairs_ignore_the_diagonal_and_redraw_single_episodes():
    values = np.array([[np.nan, 1.0], [3.0, np.nan]])
    assert bootstrap_pairs_interval(values, np.random.default_rng(0)) == (2.0, 2.0)
    assert np.isnan(values[0, 0])


def test_one_episode_has_nothing_to_draw():
    assert bootstrap_interval([0.3], np.random.default_rng(0)) == (0.3, 0.3)


def test_bad_input():
    generator = np.random.default_rng(0)
    with pytest.raises(UserError, match="1 episode or more"):
        bootstrap_interval([], generator)
    with pytest.raises(UserError, match="NaN"):
        bootstrap_interval([1.0, np.nan], generator)
    with pytest.raises(UserError, match="confidence"):
        bootstrap_interval([1.0, 2.0], generator, confidence=95)
    with pytest.raises(UserError, match="2 episodes or more"):
        bootstrap_pairs_interval(np.zeros((1, 1)), generator)
    with pytest.raises(UserError, match="NaN"):
        bootstrap_pairs_interval([[0.0, np.nan], [1.0, 0.0]], generator)
