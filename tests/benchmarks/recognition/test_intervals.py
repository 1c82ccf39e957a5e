"""Intervals draw groups; validation keeps them whole; pooling keeps or loses the order of time."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from tcn_robot.benchmarks.recognition.clips import Clip, Split
from tcn_robot.benchmarks.recognition.controls import chance_levels, principal_components
from tcn_robot.benchmarks.recognition.intervals import accuracy, accuracy_interval
from tcn_robot.benchmarks.recognition.pooling import (
    first_frame,
    mean_pooled,
    segment_centres,
    segments_pooled,
    shuffled_in_time,
)
from tcn_robot.benchmarks.recognition.validation import validation_clips
from tcn_robot.errors import UserError
from tcn_robot.metrics import MetricInputError, bootstrap_interval


def test_the_interval_is_that_of_a_slow_loop():
    generator = np.random.default_rng(0)
    values = {1: generator.random(7), 2: generator.random(5)}
    groups = {1: list("aabbccd"), 2: list("dddee")}
    names = ["a", "b", "c", "d", "e"]
    found = accuracy_interval(values, groups, np.random.default_rng(3), num_resamples=300)
    drawing = np.random.default_rng(3)
    means = []
    for size in (256, 44):
        for counts in drawing.multinomial(5, [0.2] * 5, size=size):
            of_splits = []
            for split in (1, 2):
                weights = [counts[names.index(group)] for group in groups[split]]
                if sum(weights):
                    of_splits.append(np.average(values[split], weights=weights))
            means.append(np.mean(of_splits))
    np.testing.assert_allclose(found, np.quantile(means, [0.025, 0.975]), atol=1e-12)
    assert accuracy(values) == pytest.approx((values[1].mean() + values[2].mean()) / 2)


def test_trainings_and_draws_of_labels_are_drawn_too_as_in_a_slow_loop():
    generator = np.random.default_rng(0)
    ours = {1: generator.random((3, 2, 5)), 2: generator.random((3, 2, 4))}
    theirs = {1: generator.random((4, 2, 5)), 2: generator.random((4, 2, 4))}
    groups = {1: list("aabbc"), 2: list("ccdd")}
    names = list("abcd")
    found = accuracy_interval(
        ours, groups, np.random.default_rng(3), rivals=theirs, num_resamples=200
    )
    drawing = np.random.default_rng(3)
    counts, labels, seeds, others = (
        drawing.multinomial(n, [1 / n] * n, size=200) for n in (4, 2, 3, 4)
    )

    def mean(values, b, of_seeds):
        of_splits = []
        for split in (1, 2):
            weights = [counts[b][names.index(group)] for group in groups[split]]
            if sum(weights):
                drawn = [
                    np.average(values[split][s, d], weights=weights)
                    for s in np.repeat(np.arange(len(of_seeds)), of_seeds)
                    for d in np.repeat(np.arange(2), labels[b])
                ]
                of_splits.append(np.mean(drawn))
        return np.mean(of_splits)

    gaps = [mean(ours, b, seeds[b]) - mean(theirs, b, others[b]) for b in range(200)]
    np.testing.assert_allclose(found, np.quantile(gaps, [0.025, 0.975]), atol=1e-12)


def test_trainings_that_differ_make_the_interval_wider():
    hits = np.repeat([0.2, 0.5, 0.8], 40).reshape(3, 1, 40)
    groups = {1: [""] * 40}
    low, high = accuracy_interval({1: hits}, groups, np.random.default_rng(0))
    assert high - low > 0.3
    alike = {1: np.broadcast_to(hits.mean(axis=0), hits.shape)}
    assert accuracy_interval(alike, groups, np.random.default_rng(0)) == pytest.approx((0.5, 0.5))


def test_groups_that_agree_within_make_the_interval_wider():
    values = {1: np.repeat(np.arange(8) % 2, 10).astype(float)}
    by_group = {1: np.repeat(list("abcdefgh"), 10).tolist()}
    alone = {1: [""] * 80}
    wide = accuracy_interval(values, by_group, np.random.default_rng(0))
    narrow = accuracy_interval(values, alone, np.random.default_rng(0))
    assert wide[1] - wide[0] > 2 * (narrow[1] - narrow[0])
    # Without groups it is the bootstrap of clips.
    clips = bootstrap_interval(values[1], np.random.default_rng(1))
    np.testing.assert_allclose(narrow, clips, atol=0.02)


def test_one_group_has_no_width_and_bad_figures_are_refused():
    one = accuracy_interval({1: np.array([1.0, 0.0])}, {1: ["a", "a"]}, np.random.default_rng(0))
    assert one == (0.5, 0.5)
    for bad in (np.array([]), np.array([np.nan, 1.0])):
        with pytest.raises(MetricInputError):
            accuracy_interval({1: bad}, {1: ["a"] * len(bad)}, np.random.default_rng(0))
    with pytest.raises(MetricInputError):
        accuracy_interval({1: np.ones(2)}, {1: ["a", "b"]}, np.random.default_rng(0), confidence=1)


@pytest.mark.parametrize("shared", [False, True])
def test_validation_takes_whole_groups_and_leaves_every_class_one(shared):
    labels = np.repeat(np.arange(4), 30)
    groups = [f"{'' if shared else label}g{index % 10}" for index, label in enumerate(labels)]
    for seed in range(20):
        validates = validation_clips(labels, groups, np.random.default_rng(seed))
        taken = {group for group, is_in in zip(groups, validates, strict=True) if is_in}
        assert not taken & {g for g, is_in in zip(groups, validates, strict=True) if not is_in}
        assert np.bincount(labels[validates]).tolist() == [6, 6, 6, 6]


def test_classes_of_one_clip_or_group_are_never_validated():
    labels = np.array([0, 1, 1, 1, 2, 2])
    groups = ["a", "b", "c", "d", "e", "e"]
    for seed in range(20):
        validates = validation_clips(labels, groups, np.random.default_rng(seed))
        assert np.bincount(labels[validates], minlength=3)[[0, 2]].tolist() == [0, 0]
        assert validates.sum() == 1
    lonely = validation_clips(np.arange(3), ["", "", ""], np.random.default_rng(0))
    assert not lonely.any()


def test_segment_centres_are_the_middles():
    assert segment_centres(8, 4).tolist() == [1, 3, 5, 7]
    assert segment_centres(30, 3).tolist() == [5, 15, 25]
    assert segment_centres(1, 4).tolist() == [0, 0, 0, 0]
    for length in range(1, 40):
        middles = segment_centres(length, 8)
        expected = [int((i + 0.5) * length / 8) for i in range(8)]
        assert middles.tolist() == expected
        assert middles.max() < length


def test_pooling_keeps_or_loses_the_order_of_time():
    frames = np.random.default_rng(0).normal(size=(5, 8, 3))
    back = frames[:, ::-1]
    np.testing.assert_allclose(mean_pooled(frames), mean_pooled(back), atol=1e-12)
    pooled = segments_pooled(frames, 4)
    assert pooled.shape == (5, 12)
    np.testing.assert_allclose(pooled[:, 3:6], frames[:, 2:4].mean(axis=1), atol=1e-12)
    assert np.abs(pooled - segments_pooled(back, 4)).max() > 0.1
    np.testing.assert_array_equal(first_frame(frames), frames[:, 0])
    shuffled = shuffled_in_time(frames, 0)
    np.testing.assert_allclose(mean_pooled(shuffled), mean_pooled(frames), atol=1e-12)
    np.testing.assert_array_equal(shuffled, shuffled_in_time(frames, 0))
    assert np.abs(shuffled - frames).max() > 0.1
    with pytest.raises(UserError, match="must divide the 8 frames"):
        segments_pooled(frames, 3)


def test_principal_components_are_scikit_learns_on_training_clips():
    generator = np.random.default_rng(0)
    frames = generator.normal(size=(9, 4, 6)) * np.arange(1, 7)
    train = np.array([0, 2, 3, 5])
    found = principal_components(frames, train, 3)
    assert found.shape == (9, 4, 3)
    theirs = PCA(3, svd_solver="full").fit(frames[train].reshape(-1, 6))
    expected = theirs.transform(frames.reshape(-1, 6)).reshape(9, 4, 3)
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-4)
    assert principal_components(frames, train, 100).shape == (9, 4, 6)


def test_chance_levels(tmp_path):
    def clips(labels):
        return tuple(Clip(f"{i}{name}", name, "", tmp_path) for i, name in enumerate(labels))

    first = Split(1, clips("aaab"), clips("aabbbb"), ("a", "b", "c"))
    second = Split(2, clips("aabb"), clips("abb"), ("a", "b", "c"))
    levels = chance_levels([first, second])
    assert levels["top1"] == pytest.approx(1 / 3)
    assert levels["top5"] == 1.0
    assert levels["majority"] == pytest.approx((2 / 6 + (1 / 3 + 2 / 3) / 2) / 2)
