"""The interquartile mean and its interval, against SciPy and a loop over the definition."""

import numpy as np
import pytest
from scipy.stats import trim_mean

from tcn_robot.metrics import MetricInputError
from tcn_robot.metrics.aggregates import interquartile_mean, stratified_iqm


def figures(seeds, episodes, share, seed=0):
    return (np.random.default_rng(seed).uniform(size=(seeds, episodes)) < share).astype(float)


def test_the_interquartile_mean_is_the_trimmed_mean_of_scipy():
    for count in (1, 2, 3, 4, 5, 9, 30):
        scores = np.random.default_rng(count).normal(size=(4, count))
        expected = trim_mean(scores, 0.25, axis=1)
        np.testing.assert_allclose(interquartile_mean(scores), expected, atol=1e-12)
    assert interquartile_mean([0.0, 1.0, 2.0, 100.0]) == 1.5


def interval_by_a_loop(tasks, generator, resamples):
    """Draw by draw: episodes of a task with replacement, then seeds, then SciPy's trimmed mean."""
    iqms = []
    for _ in range(resamples):
        scores = []
        for task in tasks:
            episodes = generator.integers(task.shape[1], size=task.shape[1])
            for seed in generator.integers(len(task), size=len(task)):
                scores.append(np.mean([task[seed, episode] for episode in episodes]))
        iqms.append(trim_mean(scores, 0.25))
    return np.quantile(iqms, [0.025, 0.975])


def test_value_and_interval_are_those_of_a_loop():
    tasks = [figures(3, 20, 0.4), figures(5, 12, 0.8, 1), figures(2, 30, 0.1, 2)]
    found = stratified_iqm(tasks, np.random.default_rng(0), num_resamples=6000)
    scores = np.concatenate([task.mean(axis=1) for task in tasks])
    assert found.value == pytest.approx(trim_mean(scores, 0.25), abs=1e-12)
    assert found.num_scores == 10
    # Other draws: equal up to their own scatter.
    expected = interval_by_a_loop(tasks, np.random.default_rng(1), 3000)
    np.testing.assert_allclose(found.interval, expected, atol=0.02)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    """Tasks of known success: 95 % intervals of 200 made-up studies."""
    covered = 0
    for trial in range(200):
        tasks = [figures(6, 40, share, 10 * trial + i) for i, share in enumerate((0.4, 0.5, 0.6))]
        low, high = stratified_iqm(tasks, np.random.default_rng(trial), num_resamples=400).interval
        covered += low <= 0.5 <= high
    assert covered >= 180


def test_what_is_all_alike_has_no_interval_and_tasks_stay_strata():
    certain = stratified_iqm([np.ones((3, 5)), np.zeros((3, 5))], np.random.default_rng(0))
    # Drawn across tasks it would scatter between 0 and 1.
    assert certain.value == 0.5
    assert certain.interval is None
    for value in (0.0, 1.0):
        border = stratified_iqm([np.full((1, 1), value)], np.random.default_rng(0))
        assert (border.value, border.interval) == (value, None)
    one = stratified_iqm([figures(1, 50, 0.5)], np.random.default_rng(0))
    assert one.interval[0] < one.value < one.interval[1]


def test_the_same_generator_gives_the_same_interval():
    tasks = [figures(3, 20, 0.5)]
    first, second = (stratified_iqm(tasks, np.random.default_rng(3)) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("tasks", "line"),
    [
        ([], "a task or more"),
        ([[[]]], "shape"),
        ([[1.0, 0.0]], "shape"),
        ([[[np.nan]]], "NaN"),
    ],
)
def test_what_has_no_score_is_refused(tasks, line):
    with pytest.raises(MetricInputError, match=line):
        stratified_iqm(tasks, np.random.default_rng(0))
    with pytest.raises(MetricInputError, match="found none"):
        interquartile_mean([])
    with pytest.raises(MetricInputError, match="confidence"):
        stratified_iqm([[[1.0]]], np.random.default_rng(0), confidence=1.0)
