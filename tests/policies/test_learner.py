import json

import numpy as np
import pytest
import torch

from tcn_robot.errors import UserError
from tcn_robot.policies import learner as learning
from tcn_robot.policies.algorithms import ALGORITHMS, make_algorithm
from tcn_robot.policies.algorithms.interface import last_losses
from tcn_robot.policies.checkpoint import (
    restore_checkpoint,
    rewards_since_evaluation,
    save_checkpoint,
)
from tcn_robot.policies.learner import SeedJob, read_evaluations, segments, train_seed
from tcn_robot.policies.policy import load_policy
from tcn_robot.policies.training_log import TrainingLog
from tests.policies.learners import SMALL, point_envs, small_learner


def quiet(_line):
    pass


def train(config, seed, folder, **options):
    return train_seed(SeedJob(config, seed, folder, tensorboard=False, **options), quiet)


def weights(folder):
    return {name: tensor.clone() for name, tensor in load_policy(folder).state_dict().items()}


def timeless(result):
    """A result without the times it took."""
    text = json.dumps(result)
    result = json.loads(text)
    del result["seconds"]
    for line in result["evaluations"]:
        del line["seconds"]
    return result


def test_segments_are_whole_episodes_and_cover_every_step(tiny):
    config = tiny(steps=1000, num_envs=4, evaluation_interval_steps=300)
    ranges = list(segments(config, horizon=16))
    assert ranges[0] == (0, 320)
    assert all((stop - first) % (16 * 4) == 0 for first, stop in ranges[:-1])
    assert [first for first, _ in ranges[1:]] == [stop for _, stop in ranges[:-1]]
    assert ranges[-1][1] == 1000


def test_a_short_interval_is_one_episode(tiny):
    config = tiny(evaluation_interval_steps=1)
    assert next(segments(config, horizon=16)) == (0, 32)


def test_the_same_seed_gives_the_same_result_bit_for_bit(tiny, tmp_path):
    first = train(tiny(), 4, tmp_path / "a")
    second = train(tiny(), 4, tmp_path / "b")
    assert timeless(first) == timeless(second)
    for name, tensor in weights(tmp_path / "a").items():
        assert torch.equal(tensor, weights(tmp_path / "b")[name])


def test_another_seed_gives_another_result(tiny, tmp_path):
    train(tiny(), 4, tmp_path / "a")
    train(tiny(), 5, tmp_path / "b")
    first, second = weights(tmp_path / "a"), weights(tmp_path / "b")
    assert not torch.equal(first["mean.weight"], second["mean.weight"])


class Stop(Exception):
    """Stands for a power cut."""


def small(tiny, algo, **changes):
    """Tiny options of an algorithm, with updates that are delayed across segments."""
    ppo = {"learning_starts_steps": None} if algo == "ppo" else {}
    further = SMALL.get(algo, {}) | ({"rollout_steps": 32} if algo == "ppo" else {})
    return tiny(algo=algo, algo_options=further, **ppo, **changes)


@pytest.mark.parametrize("algo", ALGORITHMS)
@pytest.mark.parametrize("where", ["training", "between evaluation and checkpoint"])
def test_an_interrupted_seed_goes_on_as_if_it_had_not_been(
    tiny, tmp_path, monkeypatch, algo, where
):
    config = small(tiny, algo)
    whole = train(config, 1, tmp_path / "whole")

    calls = {"count": 0}
    name = "_train_segment" if where == "training" else "save_checkpoint"
    original = getattr(learning, name)

    def stop_at_the_third(*arguments):
        calls["count"] += 1
        if calls["count"] == 3:
            raise Stop
        original(*arguments)

    monkeypatch.setattr(learning, name, stop_at_the_third)
    with pytest.raises(Stop):
        train(config, 1, tmp_path / "cut")
    monkeypatch.setattr(learning, name, original)
    assert len(read_evaluations(tmp_path / "cut")) == (2 if where == "training" else 3)
    torch.manual_seed(99)  # whatever the process did in between
    np.random.seed(99)  # noqa: NPY002
    assert timeless(train(config, 1, tmp_path / "cut")) == timeless(whole)
    for name, tensor in weights(tmp_path / "whole").items():
        assert torch.equal(tensor, weights(tmp_path / "cut")[name])
    steps = [line["steps"] for line in read_evaluations(tmp_path / "cut")]
    assert steps == [32, 64, 96]
    losses = set(config.algorithm.losses)
    assert losses <= set(whole["evaluations"][-1])


@pytest.mark.parametrize("algo", ALGORITHMS)
def test_every_number_of_a_learner_is_in_its_checkpoint(algo, tmp_path):
    """Whatever the library itself would save of a learner is the same after a restore."""
    algorithm, learner = small_learner(algo)
    algorithm.advance(learner, 96, 16, None)
    save_checkpoint(algorithm, learner, tmp_path / "state", 4.5)
    _, fresh = small_learner(algo, seed=8)
    assert restore_checkpoint(algorithm, fresh, tmp_path / "state") == 4.5
    assert_same(learner.get_parameters(), fresh.get_parameters())
    _, loose_names = learner._get_torch_save_params()
    for name in loose_names:
        assert torch.equal(getattr(learner, name), getattr(fresh, name))
    assert (fresh.num_timesteps, fresh._n_updates) == (96, learner._n_updates)
    assert last_losses(algorithm, fresh) == last_losses(algorithm, learner)
    if algo != "ppo":
        for name in ("observations", "next_observations", "actions", "rewards", "timeouts"):
            ours, theirs = (getattr(one.replay_buffer, name) for one in (learner, fresh))
            assert np.array_equal(ours[:48], theirs[:48])
        assert fresh.replay_buffer.pos == learner.replay_buffer.pos == 48


def assert_same(first, second):
    if isinstance(first, torch.Tensor):
        assert torch.equal(first, second)
    elif isinstance(first, dict):
        assert first.keys() == second.keys()
        for name in first:
            assert_same(first[name], second[name])
    else:
        assert first == second


def test_states_between_evaluations_lose_less(tiny, tmp_path, monkeypatch):
    config = tiny(steps=192, evaluation_interval_steps=96, checkpoint_interval_steps=32)
    assert list(segments(config, 16)) == [(first, first + 32) for first in range(0, 192, 32)]
    whole = train(config, 1, tmp_path / "whole")
    assert [line["steps"] for line in whole["evaluations"]] == [96, 192]
    original = learning._train_segment

    def stop_at_the_fifth(job, learner, first, *more):
        if first == 128:
            raise Stop
        original(job, learner, first, *more)

    monkeypatch.setattr(learning, "_train_segment", stop_at_the_fifth)
    with pytest.raises(Stop):
        train(config, 1, tmp_path / "cut")
    monkeypatch.undo()
    lines = []
    job = SeedJob(config, 1, tmp_path / "cut", tensorboard=False)
    assert timeless(train_seed(job, lines.append)) == timeless(whole)
    assert "continues at step 128" in lines[0]


def test_the_reward_of_an_evaluation_is_that_of_all_steps_since_the_one_before(tiny, tmp_path):
    seen = []
    original = TrainingLog._on_step

    class Listening(TrainingLog):
        def _on_step(self):
            seen.append(float(np.mean(self.locals["rewards"], dtype=np.float64)))
            return original(self)

    config = tiny(steps=192, evaluation_interval_steps=96, checkpoint_interval_steps=32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learning, "TrainingLog", Listening)
        result = train(config, 1, tmp_path)
    assert len(seen) == 192 // config.num_envs
    for line, rewards in zip(result["evaluations"], (seen[:48], seen[48:]), strict=True):
        assert line["training_reward_per_step"] == pytest.approx(np.mean(rewards))
    assert np.mean(seen[:48]) != pytest.approx(np.mean(seen[32:48]))


def test_rewards_since_the_last_evaluation_are_kept_in_the_state(state):
    algorithm, learner, folder = state
    assert rewards_since_evaluation(folder) == []
    save_checkpoint(algorithm, learner, folder, 0.0, (0.1, -1 / 3))
    assert rewards_since_evaluation(folder) == [0.1, -1 / 3]
    path = folder / "state.json"
    for text in ("[]", "{", json.dumps(json.loads(path.read_text()) | {"rewards": ["a"]})):
        path.write_text(text)
        with pytest.raises(UserError, match="cannot be continued"):
            rewards_since_evaluation(folder)


def test_a_training_of_whole_episodes_rounds_its_steps_up(tiny):
    assert list(segments(small(tiny, "ppo", steps=70), 16)) == [(0, 32), (32, 64), (64, 96)]
    assert list(segments(tiny(steps=70), 16)) == [(0, 32), (32, 64), (64, 70)]


def test_what_a_seed_leaves_on_disk(tiny, tmp_path):
    result = train(tiny(), 0, tmp_path / "seed_0")
    names = sorted(path.name for path in (tmp_path / "seed_0").iterdir())
    assert names == ["evaluations.jsonl", "policy", "result.json"]
    assert result["updates"] == 96 - 32
    assert result["final"]["starts"] == 4
    assert [line["starts"] for line in result["evaluations"]] == [3, 3, 3]
    assert json.loads((tmp_path / "seed_0" / "result.json").read_text()) == result


@pytest.fixture
def state(tmp_path):
    """A learner's state on disk, with the learner."""
    algorithm, learner = small_learner()
    algorithm.advance(learner, 96, 16, None)
    save_checkpoint(algorithm, learner, tmp_path / "state")
    return algorithm, learner, tmp_path / "state"


def refused(algorithm, learner, folder):
    with pytest.raises(UserError, match="cannot be continued") as error:
        restore_checkpoint(algorithm, learner, folder)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("algo", [name for name in ALGORITHMS if name != "sac"])
def test_a_checkpoint_of_another_algorithm_is_refused(algo, state):
    refused(*small_learner(algo), state[2])


def test_a_checkpoint_of_other_widths_is_refused(state):
    algorithm = make_algorithm("sac", {"hidden_units": (24, 1)}, {})
    learner = algorithm.make(point_envs(), seed=0, transitions=1000, device="cpu")
    assert "expected (1, 24)" in refused(algorithm, learner, state[2])
    algorithm, learner = small_learner()
    learner = algorithm.make(point_envs(3), seed=0, transitions=1000, device="cpu")
    assert "the buffer's observations are (48, 2, 4)" in refused(algorithm, learner, state[2])


@pytest.mark.parametrize("text", ["", "[]", "{}", "7", '{"schema_version": 9}'])
def test_a_damaged_state_is_one_line(text, state):
    (state[2] / "state.json").write_text(text)
    refused(*state)


def test_torn_tensors_are_one_line(state):
    file = state[2] / "state.safetensors"
    file.write_bytes(file.read_bytes()[:1000])
    assert "remove that folder to start the seed again" in refused(*state)
    file.unlink()
    refused(*state)


def test_damaged_evaluations_are_one_line(tmp_path):
    (tmp_path / "evaluations.jsonl").write_text('{"steps": 3}\n{"ste')
    with pytest.raises(UserError, match=r"evaluations\.jsonl is damaged"):
        read_evaluations(tmp_path)


def test_lines_of_progress_say_rate_and_time_left(tiny, tmp_path):
    lines = []
    train_seed(SeedJob(tiny(), 0, tmp_path, tensorboard=False, name="push seed 0"), lines.append)
    assert len(lines) == 3
    assert lines[-1].startswith("push seed 0: 96/96 steps, ")
    assert "steps/s, 0.0 min left, success " in lines[-1]


def test_tensorboard_gets_each_evaluation_once(tiny, tmp_path):
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason="needs TensorBoard"
    )
    train_seed(SeedJob(tiny(), 0, tmp_path, tensorboard=True), quiet)
    events = accumulator.EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [event.step for event in events.Scalars("success")] == [32, 64, 96]
    for name in ("return", "return_sparse", "return_dense", "success"):
        assert [event.step for event in events.Scalars(f"training/{name}")] == [32, 64, 96]
    returns, dense = (
        [event.value for event in events.Scalars(f"training/{name}")]
        for name in ("return", "return_dense")
    )
    assert returns == dense  # what is learned from is the dense reward
    reward = events.Scalars("training_reward_per_step")[1].value
    assert reward * 16 == pytest.approx(returns[1], rel=1e-6)
    for name in ("critic_loss", "actor_loss", "temperature"):
        assert [event.step for event in events.Scalars(f"training/{name}")] == [64, 96]


def test_tensorboard_is_not_written_twice_by_a_training_that_goes_on(tiny, tmp_path, monkeypatch):
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason="needs TensorBoard"
    )
    monkeypatch.setattr(learning, "save_checkpoint", _stop)
    with pytest.raises(Stop):
        train_seed(SeedJob(tiny(), 0, tmp_path, tensorboard=True), quiet)
    monkeypatch.undo()
    train_seed(SeedJob(tiny(), 0, tmp_path, tensorboard=True), quiet)
    events = accumulator.EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    for name in ("success", "training/return"):
        assert [event.step for event in events.Scalars(name)] == [32, 64, 96]


def _stop(*_arguments):
    raise Stop


@pytest.mark.parametrize("algo", ALGORITHMS)
def test_stable_baselines_file_by_option(algo, tiny, tmp_path):
    import sb3_contrib
    import stable_baselines3

    train(small(tiny, algo, save_zip=True), 0, tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["evaluations.jsonl", "model.zip", "policy", "result.json"]
    name = {"crossq": "CrossQ"}.get(algo, algo.upper())
    library = stable_baselines3 if hasattr(stable_baselines3, name) else sb3_contrib
    loaded = getattr(library, name).load(tmp_path / "model.zip", device="cpu")
    observations = np.random.default_rng(0).uniform(-1, 1, (20, 4)).astype(np.float32)
    expected, _ = loaded.predict(observations, deterministic=True)
    assert np.array_equal(load_policy(tmp_path).act(observations), expected)


@pytest.mark.slow
def test_learns_to_reach_with_the_dense_reward(tiny, tmp_path):
    config = tiny(
        steps=3000,
        batch_size=128,
        hidden_units=(64, 64),
        learning_starts_steps=300,
        evaluation_interval_steps=3000,
        final_starts=50,
    )
    assert train(config, 0, tmp_path)["final"]["success"] >= 0.9
