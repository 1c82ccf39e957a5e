"""Phase progression against scikit-learn by hand, TCC's definition, and the controls."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.metrics import r2_score

from tcn_robot.benchmarks.alignment.probes import (
    phase_progression,
    phase_starts,
    published_phase_progression,
)
from tcn_robot.errors import UserError


def rng():
    return np.random.default_rng(3)


def films(seed, count, spread):
    """(embeddings, phases): three phases, whose ends differ between films by `spread` frames."""
    draw = np.random.default_rng(seed)
    embeddings, phases = [], []
    for _ in range(count):
        ends = np.array([20, 40]) + draw.integers(-spread, spread + 1, 2)
        labels = np.searchsorted(ends, np.arange(60), side="right")
        to_events = np.arange(60)[:, None] - ends  # (T, 2)
        embeddings.append(to_events + draw.normal(size=(60, 2)))
        phases.append(labels)
    return embeddings, phases


def events(phases, num_phases=3):
    return [phase_starts(labels, num_phases) for labels in phases]


TRAIN, TEST = films(0, 8, 8), films(1, 5, 8)
COUNTER = [np.arange(60.0)[:, None]]


def test_phase_starts():
    np.testing.assert_array_equal(phase_starts([0, 0, 1, 1, 2], 3), [2, 4])
    np.testing.assert_array_equal(phase_starts([0, 0, 2], 4), [2, 2, np.nan])  # 1 is jumped over
    np.testing.assert_array_equal(phase_starts([1, 1, 1], 2), [0])
    assert phase_starts([0, 0], 1).shape == (0,)


def test_equals_a_ridge_by_hand():
    found = phase_progression(TRAIN[0], events(TRAIN[1]), TEST[0], events(TEST[1]), rng())
    frames = np.concatenate(TRAIN[0])
    mean, deviation = frames.mean(axis=0), frames.std(axis=0)
    within = np.empty((2, 5))
    for event in range(2):
        targets, truths = (
            [(np.arange(60) - e[event]) / 60 for e in events(part)] for part in (TRAIN[1], TEST[1])
        )
        line = Ridge(alpha=found.penalties[event] * len(frames))
        line.fit((frames - mean) / deviation, np.concatenate(targets))
        answers = [line.predict((film - mean) / deviation) for film in TEST[0]]
        expected = r2_score(np.concatenate(truths), np.concatenate(answers))
        assert found.per_event[event] == pytest.approx(expected, abs=1e-12)
        within[event] = [r2_score(t, a) for t, a in zip(truths, answers, strict=True)]
    np.testing.assert_allclose(found.per_episode, within.mean(axis=0), rtol=0, atol=1e-12)
    assert found.r2 == pytest.approx(found.per_event.mean(), abs=1e-12)
    by_sums = 1 - found.squared_errors.sum(axis=0) / found.spreads.sum(axis=0)
    np.testing.assert_allclose(by_sums, found.per_event, rtol=0, atol=1e-12)
    beyond = 1 - found.squared_errors.sum(axis=0) / found.clock_squared_errors.sum(axis=0)
    assert found.beyond_clock == pytest.approx(beyond.mean(), abs=1e-12)
    np.testing.assert_array_equal(found.never_happened, 0)


def published_by_hand(train, test, num_phases):
    """TCC's targets, frame by frame, and least squares."""
    scores, errors = [], []

    def target(labels, phase):
        at = len(labels) - 1
        for t in range(1, len(labels)):
            if labels[t] > phase:
                at = t - 1 if labels[t - 1] == phase else t
                break
        return np.array([(t - at) / len(labels) for t in range(len(labels))])

    for phase in range(num_phases - 1):
        line = LinearRegression()
        line.fit(np.concatenate(train[0]), np.concatenate([target(x, phase) for x in train[1]]))
        truth = np.concatenate([target(x, phase) for x in test[1]])
        scores.append(r2_score(truth, line.predict(np.concatenate(test[0]))))
        for film, labels in zip(test[0], test[1], strict=True):
            count = len(labels)
            votes = [
                np.mean([t - share * count for t, share in enumerate(shares)])
                for shares in (line.predict(film), target(labels, phase))
            ]
            errors.append(abs(votes[0] - votes[1]) / count)
    return np.mean(scores), np.mean(errors)


def test_published_equals_its_definition():
    jumped = [np.where(labels == 1, 2, labels) for labels in TEST[1]]
    stopped = [np.minimum(labels, 1) for labels in TEST[1]]
    for phases in (TEST[1], jumped, stopped):
        found = published_phase_progression(*TRAIN, TEST[0], phases, 3)
        r2, error = published_by_hand(TRAIN, (TEST[0], phases), 3)
        assert found.r2 == pytest.approx(r2, abs=1e-12)
        assert found.event_error == pytest.approx(error, abs=1e-12)
        by_sums = 1 - found.squared_errors.sum(axis=0) / found.spreads.sum(axis=0)
        assert by_sums.mean() == pytest.approx(r2, abs=1e-12)


def test_a_counter_scores_high_as_published_and_is_no_more_than_a_clock():
    counters = COUNTER * 8, COUNTER * 5
    published = published_phase_progression(counters[0], TRAIN[1], counters[1], TEST[1], 3)
    ours = phase_progression(counters[0], events(TRAIN[1]), counters[1], events(TEST[1]), rng())
    assert published.r2 > 0.9
    assert ours.clock_r2 == pytest.approx(ours.r2, abs=1e-3)
    assert abs(ours.beyond_clock) < 0.02
    sees = phase_progression(TRAIN[0], events(TRAIN[1]), TEST[0], events(TEST[1]), rng())
    assert sees.beyond_clock > 0.9
    assert sees.r2 > 0.99


def test_the_clock_runs_on_where_frames_are_left_out():
    thin = [film[::3] for film in TRAIN[0]], [labels[::3] for labels in TRAIN[1]]
    whole = phase_progression(TRAIN[0], events(TRAIN[1]), TEST[0], events(TEST[1]), rng())
    asked = (thin[0], events(thin[1]), TEST[0], events(TEST[1]), rng())
    times = {"train_times": [np.arange(0.0, 60, 3)] * 8, "test_times": [np.arange(60.0)] * 5}
    told = phase_progression(*asked, **times)
    assert told.clock_r2 == pytest.approx(whole.clock_r2, abs=0.02)
    assert phase_progression(*asked).clock_r2 < told.clock_r2 - 0.02  # a third of the frames
    with pytest.raises(UserError, match="training: expected times of 8 episodes, found 1"):
        phase_progression(*asked, train_times=times["train_times"][:1])


def test_a_collapsed_embedding_knows_nothing():
    collapsed = [np.full((60, 4), 0.3)] * 8, [np.full((60, 4), 0.3)] * 5
    found = phase_progression(collapsed[0], events(TRAIN[1]), collapsed[1], events(TEST[1]), rng())
    assert -0.1 < found.r2 <= 0
    # Exactly: the training mean for every test frame.
    mean = np.mean([(np.arange(60) - e) / 60 for x in events(TRAIN[1]) for e in x[:1]])
    truth = np.concatenate([(np.arange(60) - e[0]) / 60 for e in events(TEST[1])])
    assert found.per_event[0] == pytest.approx(r2_score(truth, np.full(300, mean)), abs=1e-12)
    assert found.beyond_clock == -1
    # The published event error is that of the mean time: it looks as if something was known.
    published = published_phase_progression(collapsed[0], TRAIN[1], collapsed[1], TEST[1], 3)
    ends = [np.array([phase_starts(x, 3) - 1 for x in part]) / 60 for part in (TRAIN[1], TEST[1])]
    expected = np.abs(ends[1] - ends[0].mean(axis=0)).mean()
    assert published.event_error == pytest.approx(expected, abs=1e-9)
    assert published.event_error < 0.1
    assert published.r2 <= 0


def test_an_event_that_never_happened_counts_for_nothing():
    some = [labels.copy() for labels in TEST[1]]
    some[0] = np.minimum(some[0], 1)
    found = phase_progression(TRAIN[0], events(TRAIN[1]), TEST[0], events(some), rng())
    np.testing.assert_array_equal(found.never_happened, [0, 1])
    rest = phase_progression(TRAIN[0], events(TRAIN[1]), TEST[0][1:], events(some)[1:], rng())
    assert found.per_event[1] == rest.per_event[1]
    assert published_phase_progression(*TRAIN, TEST[0], some, 3).r2 < found.r2


def test_films_of_one_frame():
    long, short = [np.ones((4, 2))] * 3, [np.ones((1, 2))] * 3
    found = phase_progression(long, [[0.0]] * 3, [*long, *short], [[0.0]] * 6, rng())
    assert np.isnan(found.per_episode[3:]).all()
    with pytest.raises(UserError, match="found films of one frame; take longer ones"):
        phase_progression(long, [[0.0]] * 3, short, [[0.0]] * 3, rng())


def test_an_event_at_the_same_frame_of_all_films_leaves_nothing_beyond_the_clock():
    embedding = [np.random.default_rng(i).normal(size=(30, 2)) for i in range(4)]
    found = phase_progression(embedding, [[9.0]] * 4, embedding, [[9.0]] * 4, rng())
    assert found.clock_r2 == pytest.approx(1, abs=1e-6)
    assert found.beyond_clock == -1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train_events": [[1.0]] * 7}, "the same events for 8 episodes"),
        ({"train_events": [[1.0]] * 7 + [[1.0, 2.0]]}, "the same events for 8 episodes"),
        ({"test_events": [[1.0]] * 5}, "same events in training and testing, 1 or more, found 2"),
        ({"test_events": [[1.0, 60.0]] * 5}, "event 1 at a frame of 0 to 59, found 60"),
        ({"test_events": [[1.0, np.nan]] * 5}, "test: expected every event in 1 episode or more"),
        ({"test_embeddings": [x[:, :1] for x in TEST[0]]}, "found 2 for training and 1 for"),
    ],
)
def test_bad_input_is_one_line(change, message):
    names = ("train_embeddings", "train_events", "test_embeddings", "test_events")
    given = (TRAIN[0], events(TRAIN[1]), TEST[0], events(TEST[1]))
    options = dict(zip(names, given, strict=True)) | change
    with pytest.raises(UserError, match=message) as caught:
        phase_progression(**options, generator=rng())
    assert "\n" not in str(caught.value)


def test_one_phase_has_no_event():
    with pytest.raises(UserError, match="2 phases or more, found 1"):
        published_phase_progression(*TRAIN, *TEST, 1)
