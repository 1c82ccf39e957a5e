"""Probes and scores against slow loops and scikit-learn, and on features that know nothing."""

import warnings

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix as sklearn_confusion
from sklearn.metrics import recall_score, top_k_accuracy_score
from sklearn.preprocessing import StandardScaler

from tcn_robot.benchmarks.recognition import few_labels
from tcn_robot.benchmarks.recognition.few_labels import (
    draw_per_class,
    draw_share,
    few_label_scores,
)
from tcn_robot.benchmarks.recognition.probes import (
    COSTS,
    DEFAULT_COST,
    NEIGHBOURS,
    Standardisation,
    choose,
    linear_scores,
    neighbour_scores,
)
from tcn_robot.benchmarks.recognition.scores import (
    confusion_matrix,
    macro_accuracy,
    per_class_accuracy,
    top_k_hits,
)
from tcn_robot.errors import UserError
from tcn_robot.metrics import MetricInputError

ALONE = ("",) * 48


@pytest.fixture
def generator():
    return np.random.default_rng(0)


def blobs(generator, per_class=12, width=6, classes=4, spread=1.0):
    labels = np.repeat(np.arange(classes), per_class)
    centres = generator.normal(size=(classes, width))
    return centres[labels] + spread * generator.normal(size=(len(labels), width)), labels


def test_top_k_is_scikit_learns_where_nothing_is_tied(generator):
    scores = generator.normal(size=(60, 7))
    labels = generator.integers(7, size=60)
    for k in (1, 2, 5):
        expected = top_k_accuracy_score(labels, scores, k=k, labels=np.arange(7))
        assert top_k_hits(scores, labels, k).mean() == pytest.approx(expected, abs=1e-12)


def test_one_label_per_class_is_no_reason_to_warn(generator):
    train, labels = blobs(generator, per_class=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = linear_scores(train, labels, train, 4, 1.0)
    np.testing.assert_array_equal(scores.argmax(axis=1), labels)


def test_ties_are_worth_what_guessing_is(generator):
    scores = generator.integers(3, size=(40, 6)).astype(float)
    labels = generator.integers(6, size=40)
    for k in (1, 3):
        hits = np.zeros(40)
        for _ in range(4000):
            shuffled = scores + 1e-6 * generator.random(scores.shape)
            best = np.argsort(-shuffled, axis=1)[:, :k]
            hits += (best == labels[:, None]).any(axis=1) / 4000
        np.testing.assert_allclose(top_k_hits(scores, labels, k), hits, atol=0.04)
    np.testing.assert_array_equal(top_k_hits(np.zeros((4, 5)), np.arange(4), 1), 0.2)
    np.testing.assert_array_equal(top_k_hits(np.zeros((4, 5)), np.arange(4), 5), 1.0)
    np.testing.assert_array_equal(top_k_hits(np.zeros((4, 5)), np.arange(4), 9), 1.0)


def test_confusion_and_per_class_are_scikit_learns(generator):
    scores = generator.normal(size=(80, 5))
    labels = generator.integers(5, size=80)
    counts = confusion_matrix(scores, labels)
    named = scores.argmax(axis=1)
    np.testing.assert_array_equal(counts, sklearn_confusion(labels, named))
    expected = recall_score(labels, named, average=None)
    np.testing.assert_allclose(per_class_accuracy(counts), expected, atol=1e-12)
    assert macro_accuracy(counts) == pytest.approx(expected.mean(), abs=1e-12)
    tied = confusion_matrix(np.zeros((3, 2)), np.array([0, 0, 1]))
    np.testing.assert_array_equal(tied, [[1, 1], [0.5, 0.5]])
    assert np.isnan(per_class_accuracy(np.zeros((2, 2)))).all()


@pytest.mark.parametrize(
    ("scores", "labels", "k"),
    [
        (np.zeros((3, 2)), np.zeros(2, int), 1),
        (np.zeros((0, 2)), np.zeros(0, int), 1),
        (np.full((2, 2), np.nan), np.zeros(2, int), 1),
        (np.zeros((2, 2)), np.array([0, 2]), 1),
        (np.zeros((2, 2)), np.zeros(2, int), 0),
    ],
)
def test_scores_that_cannot_be_are_refused(scores, labels, k):
    with pytest.raises(MetricInputError):
        top_k_hits(scores, labels, k)


def slow_votes(train, labels, test, num_classes, k, temperature):
    votes = np.zeros((len(test), num_classes))
    for row, asked in enumerate(test):
        similar = [
            (float(asked @ known) / (np.linalg.norm(asked) * np.linalg.norm(known)), label)
            for known, label in zip(train, labels, strict=True)
        ]
        for similarity, label in sorted(similar, reverse=True)[:k]:
            votes[row, label] += np.exp(similarity / temperature)
        votes[row] /= votes[row].sum()
    return votes


@pytest.mark.parametrize("k", [1, 3, 48, 1000])
def test_neighbours_vote_as_in_a_slow_loop(generator, k):
    train, labels = blobs(generator)
    test = generator.normal(size=(9, 6))
    votes = neighbour_scores(train, labels, test, 4, k, 0.1)
    np.testing.assert_allclose(votes, slow_votes(train, labels, test, 4, k, 0.1), atol=1e-9)


def test_the_order_of_training_clips_does_not_matter_where_neighbours_are_tied(generator):
    train = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    labels = np.array([0, 1, 1, 2])
    votes = neighbour_scores(train, labels, np.array([[1.0, 0.0]]), 3, 1)
    np.testing.assert_allclose(votes, [[1 / 3, 2 / 3, 0]], atol=1e-12)
    back = neighbour_scores(train[::-1], labels[::-1], np.array([[1.0, 0.0]]), 3, 1)
    np.testing.assert_allclose(back, votes, atol=1e-12)


def test_the_linear_probe_is_scikit_learns_also_in_many_dimensions(generator):
    for width in (5, 90):  # fewer and more dimensions than clips
        train, labels = blobs(generator, width=width)
        test = generator.normal(size=(20, width))
        ours = linear_scores(train, labels, test, 4, 0.1, largest_gradient=1e-9)
        theirs = LogisticRegression(C=0.1, max_iter=5000, tol=1e-9).fit(train, labels)
        np.testing.assert_allclose(ours, theirs.decision_function(test), atol=1e-5)
        assert (ours.argmax(axis=1) == theirs.predict(test)).all()


def test_classes_without_a_label_are_never_named(generator):
    train, labels = blobs(generator, classes=2)
    scores = linear_scores(train, labels + 1, train, 4, 1.0)
    assert np.isneginf(scores[:, [0, 3]]).all()
    assert top_k_hits(scores, labels + 1, 1).mean() > 0.9
    one = linear_scores(train[:3], np.full(3, 2), train, 4, 1.0)
    assert (one.argmax(axis=1) == 2).all()


def test_standardisation_is_scikit_learns_and_knows_constants(generator):
    train, _ = blobs(generator)
    train[:, 2] = 0.1 + 1e-13 * generator.normal(size=len(train))
    other = generator.normal(size=(5, 6))
    fitted = Standardisation.fit(train)
    scaler = StandardScaler().fit(train)
    kept = [0, 1, 3, 4, 5]
    np.testing.assert_allclose(
        fitted.apply(other)[:, kept], scaler.transform(other)[:, kept], atol=1e-12
    )
    assert (fitted.apply(train)[:, 2] == 0).all()
    for bad in (np.full((3, 2), np.nan), np.zeros((0, 2)), np.zeros(3)):
        with pytest.raises(UserError):
            Standardisation.fit(bad)


def test_collapsed_features_get_chance(generator):
    _, labels = blobs(generator)
    train, test = np.full((48, 6), 0.3), np.full((40, 6), 0.3)
    tested = np.repeat(np.arange(4), 10)
    fitted = Standardisation.fit(train)
    known, asked = fitted.apply(train), fitted.apply(test)
    votes = neighbour_scores(known, labels, asked, 4, 5)
    odds = linear_scores(known, labels, asked, 4, 1.0)
    for scores in (votes, np.round(odds, 9)):
        assert top_k_hits(scores, tested, 1).mean() == pytest.approx(0.25)


@pytest.mark.parametrize("probe", ["knn", "linear"])
def test_what_is_chosen_is_the_best_on_validation_clips_alone(generator, probe):
    train, labels = blobs(generator, spread=2.0)
    validates = np.arange(48) % 4 == 0
    fitted = Standardisation.fit(train[~validates])
    known, asked = fitted.apply(train[~validates]), fitted.apply(train[validates])
    found = []
    for one in COSTS if probe == "linear" else NEIGHBOURS:
        scores = (
            linear_scores(known, labels[~validates], asked, 4, one)
            if probe == "linear"
            else neighbour_scores(known, labels[~validates], asked, 4, one)
        )
        found.append((top_k_hits(scores, labels[validates], 1).mean(), -one))
    assert choose(train, labels, validates, 4, probe) == -max(found)[1]


def test_without_validation_clips_defaults_are_taken(generator):
    train, labels = blobs(generator)
    nothing = np.zeros(48, bool)
    assert choose(train, labels, nothing, 4, "linear") == DEFAULT_COST
    assert choose(train, labels, nothing, 4, "knn") == NEIGHBOURS[0]


def test_labels_are_drawn_evenly(generator):
    labels = np.repeat(np.arange(3), [10, 4, 100])
    drawn = draw_per_class(labels, 5, generator)
    assert np.bincount(labels[drawn]).tolist() == [5, 4, 5]
    assert len(set(drawn.tolist())) == len(drawn)
    assert (np.diff(drawn) > 0).all()
    share = draw_share(labels, 0.1, generator)
    assert np.bincount(labels[share]).tolist() == [1, 1, 10]
    assert draw_share(labels, 1.0, generator).tolist() == list(range(114))


def test_labels_outside_the_budget_are_not_looked_at(generator):
    train, labels = blobs(generator)
    test = generator.normal(size=(10, 6))
    labelled = draw_per_class(labels, 3, generator)
    hidden = labels.copy()
    others = np.setdiff1d(np.arange(48), labelled)
    hidden[others] = generator.integers(4, size=len(others))
    first = few_label_scores(train, labels, ALONE, labelled, test, 4, np.random.default_rng(1))
    second = few_label_scores(train, hidden, ALONE, labelled, test, 4, np.random.default_rng(1))
    np.testing.assert_array_equal(first, second)


def test_one_label_each_is_enough_for_classes_far_apart(generator):
    train, labels = blobs(generator, spread=0.05)
    labelled = draw_per_class(labels, 1, generator)
    scores = few_label_scores(train, labels, ALONE, labelled, train, 4, generator)
    assert top_k_hits(scores, labels, 1).mean() == 1.0


def test_with_few_labels_no_group_validates_itself(generator, monkeypatch):
    train, labels = blobs(generator)
    groups = [f"scene {index % 4}" for index in range(48)]
    seen = []
    hits = few_labels.validation_hits

    def noted(known, given, half, *rest):
        seen.append(half)
        return hits(known, given, half, *rest)

    monkeypatch.setattr(few_labels, "validation_hits", noted)
    labelled = draw_per_class(labels, 6, generator)
    few_label_scores(train, labels, groups, labelled, train, 4, generator)
    own = np.array(groups)[labelled]
    first, second = seen
    np.testing.assert_array_equal(first, ~second)
    assert first.any()
    assert second.any()
    assert not set(own[first]) & set(own[second])
    seen.clear()
    few_label_scores(train, labels, ["one scene"] * 48, labelled, train, 4, generator)
    assert not seen  # nothing to validate with: the fixed penalty
