"""Phase classification against scikit-learn by hand, and the controls."""

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score
from sklearn.svm import SVC, LinearSVC

from tcn_robot.benchmarks.alignment.probes import (
    few_shot_classification,
    phase_classification,
    phases,
    published_phase_accuracy,
)
from tcn_robot.benchmarks.alignment.probes.labels import folds
from tcn_robot.errors import UserError

COUNT = 12


def films(seed, count=COUNT, noise=0.3):
    """Films of four phases of different lengths; the embedding is a noisy way through them."""
    rng = np.random.default_rng(seed)
    embeddings, labels = [], []
    for _ in range(count):
        phases_of = np.repeat(np.arange(4), rng.integers(3, 9, 4) * [1, 1, 1, 3])
        way = np.stack([np.sin(phases_of * k) for k in (1, 2, 3)], axis=1)
        embeddings.append(way + noise * rng.normal(size=way.shape))
        labels.append(phases_of)
    return embeddings, labels


TRAIN, TEST = films(0), films(1, 5)


def rng():
    return np.random.default_rng(3)


def test_all_labels_equal_an_svm_by_hand():
    score = phase_classification(*TRAIN, *TEST, rng(), fractions=(1.0,))[1.0]
    frames, labels = np.concatenate(TRAIN[0]), np.concatenate(TRAIN[1])
    mean, deviation = frames.mean(axis=0), frames.std(axis=0)
    machine = LinearSVC(C=score.strengths[0], dual=False).fit((frames - mean) / deviation, labels)
    answers = [machine.predict((film - mean) / deviation) for film in TEST[0]]
    right = [(a == b).mean() for a, b in zip(answers, TEST[1], strict=True)]
    np.testing.assert_allclose(score.per_episode, [right], rtol=0, atol=1e-12)
    assert score.accuracy == pytest.approx(np.mean(right), abs=1e-12)
    truth, answer = np.concatenate(TEST[1]), np.concatenate(answers)
    assert score.pooled_accuracy == pytest.approx((answer == truth).mean(), abs=1e-12)
    expected = balanced_accuracy_score(truth, answer)
    assert score.balanced_accuracy == pytest.approx(expected, abs=1e-12)
    assert list(score.per_phase) == ["0", "1", "2", "3"]
    assert score.interval[0] < score.accuracy < score.interval[1]
    assert score.accuracy > score.chance_accuracy + 0.1


def test_published_equals_its_definition():
    for fraction, used in ((1.0, COUNT), (0.5, 6), (0.01, 1)):
        machine = SVC().fit(np.concatenate(TRAIN[0][:used]), np.concatenate(TRAIN[1][:used]))
        expected = machine.score(np.concatenate(TEST[0]), np.concatenate(TEST[1]))
        assert published_phase_accuracy(*TRAIN, *TEST, fraction) == pytest.approx(expected)


def test_a_collapsed_embedding_scores_chance_and_published_does_not_say_so():
    collapsed = [[np.full((len(x), 4), 0.1) for x in part[0]] for part in (TRAIN, TEST)]
    score = phase_classification(collapsed[0], TRAIN[1], collapsed[1], TEST[1], rng())[1.0]
    assert score.accuracy == pytest.approx(score.chance_accuracy, abs=1e-12)
    assert score.balanced_accuracy == score.chance_balanced_accuracy == 0.25
    # Half of the frames are of the last phase: the published figure looks like knowledge.
    share = (np.concatenate(TEST[1]) == 3).mean()
    published = published_phase_accuracy(collapsed[0], TRAIN[1], collapsed[1], TEST[1])
    assert published == pytest.approx(share) == score.pooled_accuracy
    assert published > 0.4


def test_the_last_bits_of_a_collapsed_embedding_are_no_signal():
    """Blown up to deviation 1 they would tell the phases: here they are the phase."""
    bits = [
        [(1 + 1e-7 * labels[:, None] * np.ones(4)).astype(np.float32) for labels in part]
        for part in (TRAIN[1], TEST[1])
    ]
    score = phase_classification(bits[0], TRAIN[1], bits[1], TEST[1], rng())[1.0]
    assert score.balanced_accuracy == 0.25
    exact = [[x.astype(np.float64) for x in part] for part in bits]
    assert phase_classification(exact[0], TRAIN[1], exact[1], TEST[1], rng())[1.0].accuracy > 0.9


def test_shares_and_shots_take_so_many_episodes_and_more_help():
    by_share = phase_classification(*TRAIN, *TEST, rng(), num_draws=3)
    assert [s.num_labelled for s in by_share.values()] == [1, 6, 12]
    assert [len(s.per_episode) for s in by_share.values()] == [3, 3, 1]
    by_shots = few_shot_classification(*TRAIN, *TEST, rng(), shots=(1, 10), num_draws=6)
    assert [s.num_labelled for s in by_shots.values()] == [1, 10]
    assert by_shots[1].accuracy < by_shots[10].accuracy
    assert by_shots[1].strengths == (1.0,) * 6
    assert all(s.interval[0] < s.accuracy < s.interval[1] for s in by_shots.values())


def test_frames_are_thinned_after_the_episodes_are_drawn():
    count = sum(map(len, TRAIN[1]))
    thin = [x[::2] for x in TRAIN[0]], [x[::2] for x in TRAIN[1]]
    options = {"fractions": (0.1, 1.0), "num_draws": 2}
    found = phase_classification(*TRAIN, *TEST, rng(), most_frames=count - 1, **options)
    whole, half = (phase_classification(*part, *TEST, rng(), **options) for part in (TRAIN, thin))
    np.testing.assert_array_equal(found[0.1].per_episode, whole[0.1].per_episode)
    np.testing.assert_array_equal(found[1.0].per_episode, half[1.0].per_episode)
    assert (whole[1.0].per_episode != half[1.0].per_episode).any()
    with pytest.raises(UserError, match="expected most_frames of 1 or more, found 0"):
        few_shot_classification(*TRAIN, *TEST, rng(), shots=(1,), most_frames=0)


def test_the_interval_draws_labelled_and_test_episodes():
    """All of the spread is between draws, or all of it between test episodes."""
    spread = np.random.default_rng(0).normal(size=40)
    for table in (np.tile(spread[:, None], 40), np.tile(spread, (40, 1))):
        low, high = phases._interval(table, rng())
        assert low < spread.mean() < high
        assert high - low == pytest.approx(2 * 1.96 * spread.std() / np.sqrt(40), rel=0.1)
    assert phases._interval(np.full((1, 1), 0.7), rng()) == (0.7, 0.7)


def test_the_same_generator_the_same_result():
    scores = [phase_classification(*TRAIN, *TEST, rng(), fractions=(0.5,)) for _ in range(2)]
    np.testing.assert_array_equal(scores[0][0.5].per_episode, scores[1][0.5].per_episode)
    assert scores[0][0.5].interval == scores[1][0.5].interval
    other = phase_classification(*TRAIN, *TEST, np.random.default_rng(4), fractions=(0.5,))[0.5]
    assert not np.array_equal(other.per_episode, scores[0][0.5].per_episode)


def test_test_episodes_do_not_choose_the_strength():
    """Test labels are turned over: what is fitted stays, what is right becomes wrong."""
    turned = [3 - labels for labels in TEST[1]]
    honest = phase_classification(*TRAIN, *TEST, rng())
    other = phase_classification(*TRAIN, TEST[0], turned, rng())
    assert all(honest[f].strengths == other[f].strengths for f in honest)


def test_the_strength_is_chosen_on_whole_episodes():
    held_out = folds(7, rng())
    assert sorted(np.concatenate(held_out)) == list(range(7))
    assert len(held_out) == 3
    assert folds(1, rng()) == []


def test_names_as_phases_a_phase_never_seen_and_a_single_phase():
    names = [np.array(["reach", "grasp", "lift", "pour"])[labels] for labels in TRAIN[1]]
    test = [np.array(["reach", "grasp", "lift", "spill"])[labels] for labels in TEST[1]]
    score = phase_classification(TRAIN[0], names, TEST[0], test, rng(), kernel="rbf")[1.0]
    assert score.per_phase["spill"] == 0
    only = few_shot_classification(
        TRAIN[0],
        [n[:1].repeat(len(n)) for n in names],
        TEST[0],
        test,
        rng(),
        shots=(2,),
        num_draws=2,
    )[2]
    assert only.accuracy == only.chance_accuracy
    assert (
        published_phase_accuracy(TRAIN[0], [n[:1].repeat(len(n)) for n in names], TEST[0], test)
        == only.pooled_accuracy
    )


def test_one_frame_per_film():
    one = [x[:1] for x in TRAIN[0]], [x[:1] for x in TRAIN[1]]
    score = phase_classification(*one, *one, rng())[1.0]
    assert score.accuracy == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train_phases": TRAIN[1][:3]}, "expected phases of 12 episodes, found 3"),
        ({"train_embeddings": [x[:2] for x in TRAIN[0]]}, "training episode 0: expected one per"),
        ({"test_embeddings": [x[:, :2] for x in TEST[0]]}, "found 3 for training and 2 for"),
        ({"test_embeddings": [x * np.nan for x in TEST[0]]}, "test episode 0: expected finite"),
        ({"train_embeddings": [], "train_phases": []}, "1 episode or more, found none"),
        ({"fractions": (0.0,)}, "fractions above 0 and up to 1, found 0"),
        ({"num_draws": 0}, "1 draw or more"),
        ({"kernel": "poly"}, "linear or rbf, found 'poly'"),
    ],
)
def test_bad_input_is_one_line(change, message):
    names = ("train_embeddings", "train_phases", "test_embeddings", "test_phases")
    options = dict(zip(names, (*TRAIN, *TEST), strict=True)) | change
    with pytest.raises(UserError, match=message) as caught:
        phase_classification(**options, generator=rng())
    assert "\n" not in str(caught.value)


def test_more_shots_than_episodes():
    with pytest.raises(UserError, match="expected 1 to 12 labelled episodes"):
        few_shot_classification(*TRAIN, *TEST, rng(), shots=(13,))
