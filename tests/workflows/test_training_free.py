"""The training-free baseline: a frozen network of others, or an untrained one, and neighbours."""

import numpy as np
import pytest

from tcn_robot.models import load_encoder
from tcn_robot.rewards import load_reward
from tcn_robot.workflows.learned_reward import fit_reward


@pytest.fixture(scope="module")
def demos(tmp_path_factory):
    from tcn_robot.cli import main

    out = tmp_path_factory.mktemp("demos") / "reach"
    task = ["record", "MujocoReach-v0", "--out", str(out), "--size", "32", "--views", "front"]
    assert main([*task, "--episodes", "2"]) == 0
    assert main([*task, "--episodes", "1", "--split", "valid"]) == 0
    return out


def pretrained_folder(folder):
    """A network as others store it: a tiny ResNet with weights of its own."""
    transformers = pytest.importorskip("transformers")
    config = transformers.ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1])
    transformers.ResNetModel(config).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("objective", ["random", "pretrained"])
@pytest.mark.parametrize("reward", ["progress", "trajectory"])
def test_one_command_makes_the_encoder_of_a_reward(demos, tmp_path, objective, reward):
    from tcn_robot.cli import main

    run = tmp_path / "run"
    options = ["--objective", objective, "--image-size-px", "32"]
    if objective == "pretrained":
        options += ["--pretrained", str(pretrained_folder(tmp_path / "resnet"))]
    assert main(["train", str(demos), *options, "--out", str(run)]) == 0
    fitted = fit_reward(reward, run, demos)
    frames = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
    scores = fitted.score_episode({"front": frames})
    assert np.isfinite(scores).all()
    fitted.save(tmp_path / "reward")
    again = load_reward(tmp_path / "reward")
    np.testing.assert_array_equal(again.score_episode({"front": frames}), scores)
    if objective == "pretrained":
        assert load_encoder(run).dimension == 16  # the network's own features, nothing learnt


@pytest.mark.parametrize(
    ("reward", "options", "told"),
    [
        ("trajectory", ["alignment=transport", "scored=end"], "leave scored=end out"),
        ("shaping", ["discount=0.9"], "give --reward-options discount=0.95"),
        ("mixture", ["learned=shaping", "discount=0.9"], "give --reward-options discount=0.95"),
    ],
)
def test_what_would_teach_something_else_is_refused(demos, tmp_path, capsys, reward, options, told):
    """Zeros until the end of an episode, or shaping for another discount than the learner's."""
    from tcn_robot.cli import main

    run = tmp_path / "run"
    assert main(["train", str(demos), "--objective", "random", "--out", str(run)]) == 0
    command = ["imitate", "MujocoReach-v0", "--reward", reward, "--steps", "2000"]
    command += ["--encoder", str(run), "--demos", str(demos), "--out", str(tmp_path / "policy")]
    if reward == "trajectory":  # off-policy learners wait for the scores, this one cannot
        command += ["--algo", "ppo"]
    assert main([*command, "--reward-options", *options]) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "policy").exists()
