"""Demonstrations that disagree: figures by a loop, planted failures, recorded ones, one alone."""

import warnings

import numpy as np
import pytest
from scipy.stats import kendalltau

from tcn_robot import load_encoder, open_recording
from tcn_robot.cli import main
from tcn_robot.rewards import ProgressReward, RewardWarning
from tcn_robot.rewards.agreement import agreement_of, disagreements, order_in_time
from tcn_robot.rewards.nearest import by_path


def walk(length, start=0.0, stop=1.0, seed=0):
    """An embedded film that goes along a line with a little noise, (length, 3)."""
    noise = np.random.default_rng(seed).normal(scale=0.01, size=(length, 3))
    line = np.zeros((length, 3))
    line[:, 0] = np.linspace(start, stop, length)
    return (line + noise).astype(np.float32)


@pytest.fixture
def films():
    return [walk(20 + 3 * index, seed=index) for index in range(7)]


def told(films):
    return disagreements([agreement_of(films, 5, by_path)])


@pytest.mark.parametrize("values", [[1, 2, 3], [3, 2, 1], [1, 1, 2, 0], [5, 5]])
def test_order_is_kendalls_tau(values):
    found = order_in_time(np.array(values, dtype=float))
    expected = kendalltau(np.arange(len(values)), values).statistic
    assert found == pytest.approx(0.0 if np.isnan(expected) else expected)


def test_figures_by_a_loop(films):
    found = agreement_of(films, 3, by_path)
    for i, film in enumerate(films):
        others = [other for j, other in enumerate(films) if j != i]
        frames = np.concatenate(others).astype(float)
        distances = [np.sort(np.linalg.norm(frames - f, axis=1))[:3].mean() for f in film]
        assert found.distance[i] == pytest.approx(np.median(distances), rel=1e-5)
        ends = sorted(float(np.linalg.norm(o[-1].astype(float) - film[-1])) for o in others)
        assert found.end_distance[i] == pytest.approx(np.mean(ends[:3]), rel=1e-5)
    assert (found.order > 0.8).all()
    assert (found.end > 0.9).all()
    assert (found.furthest >= found.end).all()


def test_successes_agree(films):
    assert told(films) == {}


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (walk(20, stop=0.5, seed=9), "gets no further than"),
        (np.concatenate([walk(20, seed=9), walk(20, 1.0, 0.2, seed=8)]), "ends where the others"),
        (walk(20, 1.0, 0.0, seed=9), "ends where the others are at"),
        (walk(20, seed=9) + np.float32([0, 0, 0.5]), "as any of them"),
        (np.concatenate([walk(20, seed=9), walk(9) * 0 + [[1.6, 0, 0]]]), "from their ends"),
    ],
    ids=["half-way", "undone", "backwards", "elsewhere", "too far"],
)
@pytest.mark.parametrize("place", [0, 4, 7])
def test_a_planted_failure_is_named_and_no_other(films, failure, said, place):
    films.insert(place, failure.astype(np.float32))
    found = told(films)
    assert list(found) == [place]
    assert said in found[place]


def test_views_are_averaged(films):
    """Half-way in one view, all the way in the other: the mean decides."""
    half = [*films[:-1], walk(20, stop=0.3, seed=9)]
    whole = agreement_of(films, 5, by_path)
    assert list(disagreements([agreement_of(half, 5, by_path)] * 2)) == [6]
    assert list(disagreements([agreement_of(half, 5, by_path), whole])) == [6]
    nearly = [walk(20, stop=1.0 if seed else 0.65, seed=seed) for seed in range(4)]
    seen_less, seen_whole = (agreement_of(made, 5, by_path) for made in (nearly, films[:4]))
    assert list(disagreements([seen_less])) == [0]
    assert disagreements([seen_less, seen_whole]) == {}


def test_few_or_equal_demonstrations_say_nothing(films):
    assert told([films[0], walk(20, stop=0.3)]) == {}
    still = [np.zeros((5, 3), dtype=np.float32)] * 4
    assert set(told(still)) == {0, 1, 2, 3}  # all in no order


def red_walks(film, stops, length=24):
    return [
        {"front": film(np.linspace([0, 2 * index, 0], [stop, 2 * index, 0], length))}
        for index, stop in enumerate(stops)
    ]


def test_it_is_told_in_one_line_and_dropped_by_option_only(encoder, film):
    demos = red_walks(film, [250, 250, 100, 250, 250])
    with pytest.warns(RewardWarning, match=r"of 5 demonstrations demonstration 2 gets") as caught:
        kept = ProgressReward.fit(encoder, demos)
    assert len(caught) == 1
    line = caught[0].message
    assert "\n" not in str(line)
    assert line.demos == (2,)
    assert "episode 17 gets no further" in line.naming(["episode 17"])
    assert len(np.unique(kept.banks["front"].demos)) == 5
    with pytest.warns(RewardWarning, match="left out of the reward"):
        dropped = ProgressReward.fit(encoder, demos, drop_outliers=True)
    without = ProgressReward.fit(encoder, demos[:2] + demos[3:])
    np.testing.assert_array_equal(
        dropped.banks["front"].embeddings, without.banks["front"].embeddings
    )
    assert dropped.scales == without.scales


def test_where_most_disagree_none_is_dropped(encoder, film):
    demos = [{"front": film(np.full(5, 90))}] * 4
    with pytest.warns(RewardWarning, match="4 of 4 demonstrations disagree"):
        reward = ProgressReward.fit(encoder, demos, drop_outliers=True)
    assert len(np.unique(reward.banks["front"].demos)) == 4


def test_one_demonstration_says_what_is_not_calibrated(encoder, film):
    one = red_walks(film, [250])
    with pytest.warns(RewardWarning, match="one demonstration: .* its own frames") as caught:
        reward = ProgressReward.fit(encoder, one)
    assert len(caught) == 1
    assert reward.score_episode(one[0])[-1] > 0.5
    with pytest.warns(RewardWarning, match="of its only frame s is the scale_floor"):
        ProgressReward.fit(encoder, [{"front": film([100])}])
    with warnings.catch_warnings():
        warnings.simplefilter("error", RewardWarning)
        ProgressReward.fit(encoder, one, calibration=red_walks(film, [250, 250])[1:])
        ProgressReward.fit(encoder, red_walks(film, [250, 250]))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """Seven successes of Reach and a failure that stops half-way, embedded by one of the zoo."""
    folder = tmp_path_factory.mktemp("reach")
    common = ["record", "MujocoReach-v0", "--size", "64", "--views", "front"]
    successes, failure = str(folder / "expert"), str(folder / "stop")
    assert main([*common, "--out", successes, "--episodes", "7"]) == 0
    stop = ["--policy", "failure-stop", "--seed", "5"]
    assert main([*common, "--out", failure, "--episodes", "1", *stop]) == 0
    return [
        {"front": episode.frames("front")}
        for path in (successes, failure)
        for episode in open_recording(path)
    ]


def test_a_recorded_failure_among_recorded_successes(recorded):
    encoder = load_encoder("reach-tcn")
    with warnings.catch_warnings():
        warnings.simplefilter("error", RewardWarning)
        ProgressReward.fit(encoder, recorded[:7])
    with pytest.warns(RewardWarning) as caught:
        ProgressReward.fit(encoder, recorded)
    assert [warning.message.demos for warning in caught] == [(7,)]
