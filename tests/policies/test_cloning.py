"""Behaviour cloning: a demonstrator's actions; evaluation and policy are those of any run."""

import numpy as np
import pytest
import torch

from tcn_robot.errors import UserError
from tcn_robot.policies.cloning import Pairs, action_error, clone_seed
from tcn_robot.policies.learner import SeedJob, read_evaluations
from tcn_robot.policies.policy import load_policy
from tests.policies.test_evaluation import go_to_target


def pairs_of_expert(count, seed=0):
    observations = np.random.default_rng(seed).uniform(-0.9, 0.9, (count, 4)).astype(np.float32)
    return Pairs(observations, go_to_target(observations).astype(np.float32))


@pytest.fixture
def cloned(tiny):
    def make(**changes):
        given = {"reward": "none", "algo": "bc", "demos": "d", "learning_starts_steps": None}
        return tiny(**(given | {"steps": 600, "evaluation_interval_steps": 400} | changes))

    return make


def clone(config, folder, seed=0, pairs=None, held_out=None):
    job = SeedJob(config, seed, folder, tensorboard=False)
    return clone_seed(job, pairs or pairs_of_expert(2000), held_out, lambda _: None)


def test_it_does_what_the_demonstrator_does(cloned, tmp_path):
    config = cloned(hidden_units=(64, 64), batch_size=128, final_starts=20)
    held_out = pairs_of_expert(300, seed=1)
    result = clone(config, tmp_path, held_out=held_out)
    assert result["final"]["success"] >= 0.9
    first, last = result["evaluations"]
    assert [first["steps"], last["steps"]] == [400, 600]
    assert last["held_out_action_error"] < first["action_error"]
    policy = load_policy(tmp_path)
    assert last["held_out_action_error"] == pytest.approx(action_error(policy, held_out))
    assert policy.metadata["algo"] == "bc"
    assert read_evaluations(tmp_path) == result["evaluations"]


def test_the_error_is_the_mean_of_squares(cloned, tmp_path):
    clone(cloned(steps=2), tmp_path)
    policy, pairs = load_policy(tmp_path), pairs_of_expert(7)
    expected = np.mean(
        [(policy.act(o) - a) ** 2 for o, a in zip(pairs.observations, pairs.actions, strict=True)]
    )
    assert action_error(policy, pairs) == pytest.approx(expected)


def test_the_same_seed_gives_the_same_policy_and_another_another(cloned, tmp_path):
    config = cloned(steps=20, evaluation_interval_steps=20)
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        torch.manual_seed(99)  # whatever happened before
        clone(config, tmp_path / name, seed)
    a, b, c = (load_policy(tmp_path / name).mean.weight for name in "abc")
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


def test_demonstrations_of_another_task_are_one_line(cloned, tmp_path):
    other = Pairs(np.zeros((5, 9), np.float32), np.zeros((5, 3), np.float32))
    with pytest.raises(UserError, match="the demonstrations have 9 and 3") as error:
        clone(cloned(), tmp_path, pairs=other)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"reward": "dense"}, "leave --reward out"),
        ({"demos": None}, "needs --demos"),
        ({"algo": "sac"}, "sac needs --reward"),
        ({"discount": 0.9}, "bc has no discount"),
        ({"batch_size": 0}, "batch_size must be above 0"),
    ],
)
def test_options_that_do_not_go_together(cloned, options, line):
    with pytest.raises(UserError, match=line):
        cloned(**options)


@pytest.mark.parametrize(
    "options",
    [{"save_zip": True}, {"checkpoint_interval_steps": 100}, {"reward_options": {"a": 1}}],
)
def test_options_that_it_would_not_read_are_refused(cloned, options):
    cloned().refuse_ignored()
    with pytest.raises(UserError, match=r"--.* would be ignored .*leave it out"):
        cloned(**options).refuse_ignored()
