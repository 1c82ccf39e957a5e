"""Several rewards as one against a loop over the members, on the disk, and with state."""

import json

import numpy as np
import pytest

from tcn_robot.errors import UserError
from tcn_robot.models import ConvolutionalConfig, ConvolutionalEncoder, seeded_generator
from tcn_robot.rewards import EnsembleReward, GoalReward, ProgressReward, load_reward, memory_of


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
