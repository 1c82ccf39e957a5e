"""Event completion: the change that is most likely against all changes, closed cases, controls."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from tcn_robot.benchmarks.alignment.probes import event_completion, events
from tcn_robot.errors import UserError


def rng():
    return np.random.default_rng(3)


def films(seed, count, noise=0.3):
    """(embeddings, events) of films in which one event happens at any time."""
    draw = np.random.default_rng(seed)
    at = draw.integers(5, 35, count)
    embeddings = [(np.arange(40)[:, None] >= [e]) + noise * draw.normal(size=(40, 2)) for e in at]
    return embeddings, [[float(e)] for e in at]


TRAIN, TEST = films(0, 10), films(1, 6)


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=8))
def test_the_change_is_the_most_likely_one(margins):
    margins = np.array(margins)
    happened, not_yet = -np.logaddexp(0, -margins), -np.logaddexp(0, margins)
    likelihood = [not_yet[:k].sum() + happened[k:].sum() for k in range(len(margins) + 1)]
    found = events._change(margins)
    assert likelihood[found] == pytest.approx(max(likelihood), abs=1e-9)


def test_equals_a_logistic_regression_by_hand():
    (found,) = event_completion(*TRAIN, *TEST, rng())
    frames = np.concatenate(TRAIN[0])
    mean, deviation = frames.mean(axis=0), frames.std(axis=0)
    labels = np.concatenate([np.arange(40) >= e[0] for e in TRAIN[1]])
    model = LogisticRegression(C=found.strength, max_iter=2000)
    model.fit((frames - mean) / deviation, labels)
    errors, recalls = [], {True: [], False: []}
    for film, (at,) in zip(*TEST, strict=True):
        chances = model.predict_proba((film - mean) / deviation)  # (T, 2)
        best = max(
            range(41),
            key=lambda k: np.log(chances[:k, 0]).sum() + np.log(chances[k:, 1]).sum(),
        )
        errors.append(abs(best - at))
        for t, share in enumerate(chances[:, 1]):
            recalls[t >= at].append((share > 0.5) == (t >= at))
    np.testing.assert_array_equal(found.per_episode_error_frames, errors)
    assert found.error_frames == pytest.approx(np.mean(errors))
    expected = np.mean([np.mean(x) for x in recalls.values()])
    assert found.balanced_accuracy == pytest.approx(expected, abs=1e-12)
    assert found.error_frames < 0.5 * found.chance_error_frames


def test_a_collapsed_embedding_is_worse_than_the_median():
    collapsed = [np.full((40, 3), 0.3)] * 10, [np.full((40, 3), 0.3)] * 6
    (found,) = event_completion(collapsed[0], TRAIN[1], collapsed[1], TEST[1], rng())
    assert found.balanced_accuracy == pytest.approx(0.5)
    assert found.error_frames >= found.chance_error_frames
    median = np.median(TRAIN[1])
    expected = np.mean([abs(median - e[0]) for e in TEST[1]])
    assert found.chance_error_frames == pytest.approx(expected)


def test_a_counter_is_about_as_good_as_the_median():
    counters = [np.arange(40.0)[:, None]] * 10, [np.arange(40.0)[:, None]] * 6
    (found,) = event_completion(counters[0], TRAIN[1], counters[1], TEST[1], rng())
    assert found.error_frames == pytest.approx(found.chance_error_frames, abs=3)
    (sees,) = event_completion(*TRAIN, *TEST, rng())
    assert sees.error_frames < 1 < found.error_frames


def test_what_never_happened_is_not_found_or_invented():
    draw = np.random.default_rng(5)
    still = [0.1 * draw.normal(size=(40, 2)) for _ in range(3)]
    embeddings, at = [*TEST[0], *still], [*TEST[1], *[[np.nan]] * 3]
    (found,) = event_completion(*TRAIN, embeddings, at, rng())
    assert (found.missed, found.invented) == (0, 0)
    assert np.isnan(found.per_episode_error_frames[-3:]).all()
    done = [film + 1 for film in still]  # looks done from the first frame on
    (wrong,) = event_completion(*TRAIN, [*TEST[0], *done], at, rng())
    assert wrong.invented == 1
    (lost,) = event_completion(*TRAIN, still, [[10.0], [20.0], [30.0]], rng())
    assert lost.missed == 1
    assert lost.error_frames == pytest.approx(20)  # 40 - 10, 40 - 20, 40 - 30
    assert found.error_seconds is None


def test_seconds_are_those_of_the_films_clock():
    times = [np.arange(40) / 20 + i for i in range(6)]
    (found,) = event_completion(*TRAIN, *TEST, rng(), test_times=times)
    assert found.error_seconds == pytest.approx(found.error_frames / 20, abs=1e-12)
    assert found.chance_error_seconds == pytest.approx(found.chance_error_frames / 20, abs=1e-12)
    with pytest.raises(UserError, match="times of 6 test episodes, found 5"):
        event_completion(*TRAIN, *TEST, rng(), test_times=times[:5])


def test_the_same_generator_the_same_result_and_one_training_film():
    first, second = (event_completion(*TRAIN, *TEST, rng())[0] for _ in range(2))
    assert first.error_frames == second.error_frames
    assert first.strength == second.strength
    (one,) = event_completion(TRAIN[0][:1], TRAIN[1][:1], *TEST, rng())
    assert one.strength == 1.0


def test_several_events_have_a_score_each():
    later = (
        [[e[0], min(e[0] + 3, 39.0)] for e in TRAIN[1]],
        [[e[0], min(e[0] + 3, 39.0)] for e in TEST[1]],
    )
    scores = event_completion(TRAIN[0], later[0], TEST[0], later[1], rng())
    assert len(scores) == 2
    for a, b in itertools.pairwise(scores):
        assert a.error_frames < b.error_frames  # the second looks like nothing
