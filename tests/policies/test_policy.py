import json

import gymnasium
import numpy as np
import pytest
from stable_baselines3.common.vec_env import DummyVecEnv

from tcn_robot.errors import UserError
from tcn_robot.policies import find_policies, load_policy
from tcn_robot.policies.algorithms import ALGORITHMS
from tcn_robot.policies.policy import Policy, action_bounds, holds_policy
from tests.policies.learners import advance, small_algorithm, small_learner
from tests.policies.point_task import PointReach

OBSERVATIONS = np.random.default_rng(0).normal(size=(200, 4)).astype(np.float32)


def saved_policy(folder, name):
    algorithm, learner = small_learner(name)
    advance(algorithm, learner, 96)
    policy = algorithm.policy_of(learner)
    policy.save(folder / "run" / "seed_0" / "policy", {"task": "point", "seed": 0})
    return learner, folder / "run"


@pytest.fixture
def saved(tmp_path):
    return saved_policy(tmp_path, "sac")


@pytest.mark.parametrize("name", ALGORITHMS)
def test_acts_bit_for_bit_as_the_learner_does_without_noise(name, tmp_path):
    learner, run = saved_policy(tmp_path, name)
    expected, _ = learner.predict(OBSERVATIONS, deterministic=True)
    policy = load_policy(run)
    assert np.array_equal(policy.act(OBSERVATIONS), expected)
    alone, _ = learner.predict(OBSERVATIONS[0], deterministic=True)
    assert np.array_equal(policy.act(OBSERVATIONS[0]), alone)
    assert policy.act(OBSERVATIONS).dtype == np.float32
    assert policy.metadata == {"task": "point", "seed": 0}
    assert np.abs(expected).max() <= 1
    assert len(np.unique(expected)) > 100  # it does react to what it sees


class WideActions(PointReach):
    """The same point, whose actions have ranges of their own."""

    def __init__(self):
        super().__init__()
        self.action_space = gymnasium.spaces.Box(
            np.float32([-3, 0]), np.float32([1, 0.25]), dtype=np.float32
        )


@pytest.mark.parametrize("name", ALGORITHMS)
def test_actions_have_the_range_of_the_task(name, tmp_path):
    algorithm = small_algorithm(name)
    envs = DummyVecEnv([WideActions] * 2)
    learner = algorithm.make(envs, seed=0, transitions=1000, device="cpu")
    advance(algorithm, learner, 96)
    algorithm.policy_of(learner).save(tmp_path, {})
    expected, _ = learner.predict(OBSERVATIONS, deterministic=True)
    actions = load_policy(tmp_path).act(OBSERVATIONS)
    assert np.array_equal(actions, expected)
    assert (actions >= [-3, 0]).all()
    assert (actions <= [1, 0.25]).all()


def test_bounds_of_all_actions_alike_are_one_number():
    box = gymnasium.spaces.Box
    assert action_bounds(box(-1.0, 1.0, (3,))) == ((-1.0,), (1.0,))
    mixed = box(np.float32([-1, -2]), np.float32([1, 1]))
    assert action_bounds(mixed) == ((-1.0, -2.0), (1.0, 1.0))


def test_a_policy_of_the_first_version_still_loads(saved):
    _, run = saved
    before = load_policy(run).act(OBSERVATIONS)
    config = run / "seed_0" / "policy" / "config.json"
    values = json.loads(config.read_text())
    old = ("observation_size", "action_size", "hidden_units", "metadata")
    config.write_text(json.dumps({"schema_version": 1} | {name: values[name] for name in old}))
    assert np.array_equal(load_policy(run).act(OBSERVATIONS), before)


def test_a_policy_of_a_newer_version_is_one_line(saved):
    config = saved[1] / "seed_0" / "policy" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"schema_version": 3}))
    with pytest.raises(UserError, match="schema version 3, expected 2 or older"):
        load_policy(saved[1])


def test_what_holds_a_policy(saved, tmp_path):
    _, run = saved
    assert holds_policy(run)
    assert holds_policy(run / "seed_0" / "policy")
    assert not holds_policy(tmp_path)
    (run / "seed_0" / "policy" / "config.json").write_text('{"kind": "convolutional"}')
    assert not holds_policy(run)


def test_is_json_and_safetensors_only(saved):
    _, run = saved
    names = sorted(path.name for path in (run / "seed_0" / "policy").iterdir())
    assert names == ["config.json", "model.safetensors"]


def test_every_way_of_naming_a_policy(saved):
    _, run = saved
    folder = run / "seed_0" / "policy"
    assert find_policies(run) == find_policies(run / "seed_0") == find_policies(folder) == [folder]


def test_seeds_come_in_the_order_of_their_numbers(tmp_path):
    for seed in (10, 2):
        Policy(3, 2, (4,)).save(tmp_path / f"seed_{seed}" / "policy", {})
    assert [folder.parent.name for folder in find_policies(tmp_path)] == ["seed_2", "seed_10"]


def test_no_policy_is_one_line(tmp_path):
    with pytest.raises(UserError, match="holds no policy"):
        load_policy(tmp_path)


@pytest.mark.parametrize("damage", ["truncated", "other shape", "no config", "not an object"])
def test_a_damaged_policy_is_one_line(saved, damage):
    _, run = saved
    folder = run / "seed_0" / "policy"
    weights, config = folder / "model.safetensors", folder / "config.json"
    if damage == "truncated":
        weights.write_bytes(weights.read_bytes()[:100])
    elif damage == "not an object":
        config.write_text("[]")
    elif damage == "other shape":
        values = json.loads(config.read_text())
        config.write_text(json.dumps(values | {"observation_size": 7}))
    else:
        config.unlink()
    with pytest.raises(UserError, match="no whole policy") as error:
        load_policy(run)
    assert "\n" not in str(error.value)


def test_observations_of_another_task_are_refused(saved):
    with pytest.raises(UserError, match="length 4, found 9"):
        load_policy(saved[1]).act(np.zeros((2, 9), np.float32))
