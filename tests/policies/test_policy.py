import json

import numpy as np
import pytest

from tcn_robot.errors import UserError
from tcn_robot.policies import find_policies, load_policy
from tcn_robot.policies.policy import Policy, policy_of
from tests.policies.test_sac import point_envs, small_sac


@pytest.fixture
def saved(tmp_path):
    learner = small_sac(point_envs())
    learner.learn(80)
    policy_of(learner).save(tmp_path / "run" / "seed_0" / "policy", {"task": "point", "seed": 0})
    return learner, tmp_path / "run"


def test_acts_as_the_learner_does_without_noise(saved):
    learner, run = saved
    observations = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    expected, _ = learner.predict(observations, deterministic=True)
    policy = load_policy(run)
    np.testing.assert_allclose(policy.act(observations), expected, atol=1e-6)
    np.testing.assert_allclose(policy.act(observations[0]), expected[0], atol=1e-6)
    assert policy.act(observations).dtype == np.float32
    assert policy.metadata == {"task": "point", "seed": 0}


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


@pytest.mark.parametrize("damage", ["truncated", "other shape", "no config"])
def test_a_damaged_policy_is_one_line(saved, damage):
    _, run = saved
    folder = run / "seed_0" / "policy"
    weights, config = folder / "model.safetensors", folder / "config.json"
    if damage == "truncated":
        weights.write_bytes(weights.read_bytes()[:100])
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
