import json

import numpy as np
import pytest
import torch

from tcn_robot.errors import UserError
from tcn_robot.policies import learner as learning
from tcn_robot.policies.checkpoint import restore_checkpoint
from tcn_robot.policies.learner import SeedJob, read_evaluations, segments, train_seed
from tcn_robot.policies.policy import load_policy
from tests.policies.test_sac import point_envs, small_sac


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


@pytest.mark.parametrize("where", ["training", "between evaluation and checkpoint"])
def test_an_interrupted_seed_goes_on_as_if_it_had_not_been(tiny, tmp_path, monkeypatch, where):
    whole = train(tiny(), 1, tmp_path / "whole")

    calls = {"count": 0}
    name = "_train_segment" if where == "training" else "save_checkpoint"
    original = getattr(learning, name)

    def stop_at_the_second(*arguments):
        calls["count"] += 1
        if calls["count"] == 2:
            raise Stop
        original(*arguments)

    monkeypatch.setattr(learning, name, stop_at_the_second)
    with pytest.raises(Stop):
        train(tiny(), 1, tmp_path / "cut")
    monkeypatch.setattr(learning, name, original)
    assert len(read_evaluations(tmp_path / "cut")) == (1 if where == "training" else 2)
    torch.manual_seed(99)  # whatever the process did in between
    np.random.seed(99)  # noqa: NPY002
    assert timeless(train(tiny(), 1, tmp_path / "cut")) == timeless(whole)
    for name, tensor in weights(tmp_path / "whole").items():
        assert torch.equal(tensor, weights(tmp_path / "cut")[name])
    steps = [line["steps"] for line in read_evaluations(tmp_path / "cut")]
    assert steps == [32, 64, 96]


def test_what_a_seed_leaves_on_disk(tiny, tmp_path):
    result = train(tiny(), 0, tmp_path / "seed_0")
    names = sorted(path.name for path in (tmp_path / "seed_0").iterdir())
    assert names == ["evaluations.jsonl", "policy", "result.json"]
    assert result["updates"] == 96 - 32
    assert result["final"]["starts"] == 4
    assert [line["starts"] for line in result["evaluations"]] == [3, 3, 3]
    assert json.loads((tmp_path / "seed_0" / "result.json").read_text()) == result


def test_a_checkpoint_of_other_options_is_refused_in_one_line(tiny, tmp_path, monkeypatch):
    def stop(*_arguments):
        raise Stop

    monkeypatch.setattr(learning, "_finish", stop)
    with pytest.raises(Stop):
        train(tiny(), 0, tmp_path / "a")
    with pytest.raises(UserError, match="cannot be continued") as error:
        restore_checkpoint(small_sac(point_envs()), tmp_path / "a" / "state")
    assert "\n" not in str(error.value)
    (tmp_path / "a" / "state" / "state.safetensors").write_bytes(b"torn")
    with pytest.raises(UserError, match="cannot be continued"):
        train(tiny(), 0, tmp_path / "a")


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
