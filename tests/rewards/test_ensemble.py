"""Several rewards as one against a loop over the members, on the disk, and with state."""

import json

import numpy as np
import pytest

from tcn_robot.errors import UserError
from tcn_robot.models import ConvolutionalConfig, ConvolutionalEncoder, seeded_generator
from tcn_robot.rewards import (
    REWARDS,
    EnsembleReward,
    GoalReward,
    MixtureReward,
    ProgressReward,
    RewardWrapper,
    ShapingReward,
    TrajectoryReward,
    load_reward,
    memory_of,
)
from tests.rewards.test_wrappers import make_counting_env


def real_encoder(seed):
    config = ConvolutionalConfig(
        image_size_px=16 + 8 * seed, dimension=4, channels=(4, 4), strides=(2, 1), hidden=8
    )
    return ConvolutionalEncoder(config, seeded_generator(seed)).eval()


def combined_by_loop(how, pessimism, members):
    """One moment, from the definition; `members`: a score each."""
    mean = sum(members) / len(members)
    if how == "mean":
        return mean
    if how == "minimum":
        return min(members)
    deviation = (sum((score - mean) ** 2 for score in members) / len(members)) ** 0.5
    return max(mean - pessimism * deviation, min(members))


@pytest.fixture
def members(demos):
    return [ProgressReward.fit(real_encoder(seed), demos) for seed in range(3)]


@pytest.fixture
def episode(film):
    generator = np.random.default_rng(0)
    return {view: film(generator.integers(0, 256, size=(20, 3))) for view in ("front", "left")}


@pytest.mark.parametrize("how", ["mean", "pessimistic", "minimum"])
@pytest.mark.parametrize("pessimism", [0.0, 1.0, 9.0])
def test_equals_the_loop(members, episode, how, pessimism):
    ensemble = EnsembleReward(members, how, pessimism)
    each = np.stack([member.score_episode(episode) for member in members]).astype(float)
    parts = ensemble.explain(episode)
    expected = [combined_by_loop(how, pessimism, list(column)) for column in each.T]
    np.testing.assert_allclose(parts.reward, expected, atol=1e-6)
    np.testing.assert_array_equal(parts.members, each.astype(np.float32))
    np.testing.assert_allclose(parts.spread, each.std(axis=0), atol=1e-6)
    assert parts.spread.max() > 0.01
    assert (parts.reward >= 0).all()
    assert (parts.reward <= 1).all()


def test_steps_equal_the_episode_and_resets_reach_every_member(members, demos, episode):
    stateful = ProgressReward.fit(real_encoder(1), demos, monotone=True)
    ensemble = EnsembleReward([members[0], stateful])
    whole = ensemble.score_episode(episode)
    for _ in range(2):
        ensemble.reset(np.ones(1, dtype=bool))
        steps = [ensemble.step({v: f[t : t + 1] for v, f in episode.items()})[0] for t in range(20)]
        np.testing.assert_allclose(steps, whole, atol=1e-5)
    assert ensemble.memory_size == 1
    np.testing.assert_array_equal(memory_of(ensemble, 1), stateful.memory())
    assert memory_of(EnsembleReward(members), 3).shape == (3, 0)


def test_one_member_is_that_member(members, episode):
    alone = EnsembleReward(members[:1], "pessimistic", 3.0)
    np.testing.assert_allclose(
        alone.score_episode(episode), members[0].score_episode(episode), atol=1e-7
    )


def test_members_may_differ_in_kind_size_and_views(members, demos, episode):
    goal = GoalReward.fit(real_encoder(2), demos, views=("left",))
    ensemble = EnsembleReward([members[0], goal])
    assert ensemble.views == ("front", "left")
    assert ensemble.image_size_px == 32
    assert np.isfinite(ensemble.score_episode(episode)).all()


def test_save_and_load(members, episode, tmp_path):
    ensemble = EnsembleReward(members, "minimum")
    ensemble.save(tmp_path / "reward")
    loaded = load_reward(tmp_path / "reward")
    assert isinstance(loaded, EnsembleReward)
    assert loaded.options == ensemble.options
    np.testing.assert_array_equal(loaded.score_episode(episode), ensemble.score_episode(episode))
    encoders = [member.encoder for member in members]
    again = load_reward(tmp_path / "reward", encoders)
    np.testing.assert_array_equal(again.score_episode(episode), ensemble.score_episode(episode))
    with pytest.raises(UserError, match="expected 3 encoders for the ensemble"):
        load_reward(tmp_path / "reward", encoders[:2])
    with pytest.raises(UserError, match="expected a sequence of encoders"):
        load_reward(tmp_path / "reward", encoders[0])
    with pytest.raises(UserError, match="expected one encoder, found several"):
        load_reward(tmp_path / "reward" / "member_0", encoders)
    with pytest.raises(UserError, match=r"dimension|SHA-256"):
        load_reward(tmp_path / "reward", encoders[::-1])


def test_damaged_ensembles(members, tmp_path):
    folder = tmp_path / "reward"
    EnsembleReward(members).save(folder)
    good = json.loads((folder / "reward.json").read_text())
    for change, said in [
        ({"options": {"combine": "mean"}}, "damaged"),
        ({"options": {"members": "x"}}, "damaged"),
        ({"options": {"members": 3, "combine": "men"}}, "did you mean 'mean'"),
        ({"options": {"members": 4}}, r"member_3, found no reward\.json"),
        ({"options": {"members": 0}}, "1 reward or more"),
    ]:
        (folder / "reward.json").write_text(json.dumps(good | change))
        with pytest.raises(UserError, match=said):
            load_reward(folder)


def test_bad_ensembles(members):
    with pytest.raises(UserError, match="1 reward or more, found none"):
        EnsembleReward([])
    with pytest.raises(UserError, match="did you mean 'minimum'"):
        EnsembleReward(members, "minimun")
    with pytest.raises(UserError, match="pessimism of 0 or more"):
        EnsembleReward(members, "pessimistic", -1.0)


def films_of(film, count):
    generator = np.random.default_rng(3)
    return [
        {view: film(generator.integers(0, 256, size=(9, 3))) for view in ("front", "left")}
        for _ in range(count)
    ]


def shown(films, *moments):
    """The frames of (film, moment) each, {view: (N, H, W, 3)}."""
    return {view: np.stack([films[env][view][t] for env, t in moments]) for view in films[0]}


@pytest.mark.parametrize("name", REWARDS)
def test_of_each_reward_of_the_table_steps_equal_the_episode(name, demos, film):
    ensemble = EnsembleReward([REWARDS[name].fit(real_encoder(seed), demos) for seed in (0, 1)])
    films = films_of(film, 3)
    whole = np.stack([ensemble.score_episode(one) for one in films])
    ensemble.reset(np.ones(3, dtype=bool))
    steps = [ensemble.step(shown(films, (0, t), (1, t), (2, t))) for t in range(9)]
    np.testing.assert_allclose(np.transpose(steps), whole, atol=1e-5)


@pytest.mark.parametrize("name", REWARDS)
def test_of_each_reward_of_the_table_beginnings_are_seen(name, demos, film):
    """Begun with its first frame, an environment gets the film's scores but the first."""
    ensemble = EnsembleReward([REWARDS[name].fit(real_encoder(seed), demos) for seed in (0, 1)])
    films = films_of(film, 2)
    whole = np.stack([ensemble.score_episode(one) for one in films])
    ensemble.begin(shown(films, (0, 0), (1, 0)), np.ones(2, dtype=bool))
    for t in range(1, 4):
        np.testing.assert_allclose(
            ensemble.step(shown(films, (0, t), (1, t))), whole[:, t], atol=1e-5
        )
    ensemble.begin(shown(films, (1, 0)), np.array([False, True]))  # the other goes on
    for t in range(1, 5):
        np.testing.assert_allclose(
            ensemble.step(shown(films, (0, t + 3), (1, t))),
            [whole[0, t + 3], whole[1, t]],
            atol=1e-5,
        )


def test_the_wrapper_adds_the_own_reward_with_the_members_weight(demos):
    members = [
        MixtureReward.fit(real_encoder(seed), demos, learned="goal", sparse_weight=0.25)
        for seed in (0, 1)
    ]
    ensemble = EnsembleReward(members, "mean")
    assert ensemble.sparse_weight == 0.25
    env = RewardWrapper(make_counting_env(4), ensemble)
    env.reset()
    _, reward, _, _, info = env.step(np.zeros(1, dtype=np.float32))
    picture = {
        view: np.full((1, 8, 8, 3), level, np.uint8) for view, level in (("front", 10), ("left", 5))
    }
    learned = np.mean([member.score_episode(picture)[0] for member in members])
    assert reward == pytest.approx(learned + 0.25 * info["env_reward"], abs=1e-5)


def test_members_must_go_together(members, demos):
    shaping = [
        ShapingReward.fit(real_encoder(0), demos, discount=discount, sparse_weight=weight)
        for discount, weight in ((0.9, 1.0), (0.8, 1.0), (0.9, 0.5))
    ]
    assert EnsembleReward(members).shaping_discount is None
    assert EnsembleReward(members).sparse_weight == 0.0
    assert EnsembleReward([shaping[0], shaping[0]]).shaping_discount == 0.9
    with pytest.raises(UserError, match=r"one shaping_discount, found 0\.8, 0\.9"):
        EnsembleReward(shaping[:2])
    with pytest.raises(UserError, match=r"one sparse_weight, found 0\.5, 1\.0"):
        EnsembleReward([shaping[0], shaping[2]])
    with pytest.raises(UserError, match="one sparse_weight"):
        EnsembleReward([shaping[0], members[0]])
    late = TrajectoryReward.fit(real_encoder(0), demos, alignment="transport", scored="end")
    with pytest.raises(UserError, match="joins the scores of every step") as refused:
        EnsembleReward([members[0], late])
    assert "\n" not in str(refused.value)
