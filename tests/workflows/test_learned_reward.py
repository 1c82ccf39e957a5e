"""fit_reward from folders, and imitate with several encoders and with play: what a user is told."""

import numpy as np
import pytest

from tcn_robot.cli import main
from tcn_robot.errors import UserError
from tcn_robot.models import ConvolutionalConfig, ConvolutionalEncoder, seeded_generator
from tcn_robot.policies.config import load_config
from tcn_robot.recordings import DatasetWriter, open_recording
from tcn_robot.rewards import EnsembleReward, load_reward
from tcn_robot.workflows import imitate
from tcn_robot.workflows.learned_reward import fit_reward
from tests.policies.point_task import GOAL_TASK
from tests.support.films import moving_square
from tests.workflows.point_demos import record_demos
from tests.workflows.test_imitate import TINY

VIEWS = ("left", "right")


def write_films(path, lengths, body="hand", splits=("train",), brighter=0, task="pushing"):
    """Films of a square on its way; of 12 frames it goes all the way, of fewer it stops."""
    with DatasetWriter(path, task, "lossless", kind="film") as writer:
        for index, length in enumerate(lengths):
            with writer.episode(frame_rate_hz=10.0) as episode:
                split = splits[index % len(splits)]
                episode.metadata.update(split=split, embodiment=body)
                for frame, picture in enumerate(moving_square(12)[:length]):
                    shown = picture // 2 + brighter
                    episode.add_frames(frame / 10, {"left": shown, "right": shown[:, ::-1]})
    return path


def save_encoder(folder, seed, side=16):
    config = ConvolutionalConfig(
        image_size_px=side, dimension=4, channels=(4, 4), strides=(2, 1), hidden=8
    )
    ConvolutionalEncoder(config, seeded_generator(seed)).save(folder / "encoder")
    return folder


@pytest.fixture(scope="module")
def encoders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("encoders")
    return [save_encoder(folder / f"run-{seed}", seed) for seed in range(2)]


def told(capsys):
    return capsys.readouterr().err.strip().splitlines()


def test_a_demonstration_that_disagrees_is_named_by_its_id(encoders, tmp_path, capsys):
    demos = write_films(tmp_path / "demos", [12, 12, 5, 12, 12, 12])
    reward = fit_reward("progress", encoders[0], demos)
    lines = [line for line in told(capsys) if "demonstrations" in line]
    assert len(lines) == 1
    assert "of 6 demonstrations episode 2 " in lines[0]
    assert len(np.unique(reward.banks["left"].demos)) == 6
    dropped = fit_reward("progress", encoders[0], demos, options={"drop_outliers": True})
    assert len(np.unique(dropped.banks["left"].demos)) == 5


def test_one_demonstration_alone_is_told_in_one_line(encoders, tmp_path, capsys):
    demos = write_films(tmp_path / "demos", [12])
    fit_reward("progress", encoders[0], demos)
    lines = [line for line in told(capsys) if line.startswith("one demonstration")]
    assert len(lines) == 1
    both = write_films(tmp_path / "both", [12, 12], splits=("train", "valid"))
    fit_reward("progress", encoders[0], both)
    assert told(capsys) == []


def test_views_and_sizes_that_training_has_not_seen_are_told(tmp_path, capsys):
    films = write_films(tmp_path / "films", [12, 12, 12], splits=("train", "train", "valid"))
    run = tmp_path / "run"
    sizes = ["--image-size-px", "16", "--batch-frames", "16", "--steps", "1", "--pairing", "times"]
    assert main(["train", str(films), "--views", "left", "--out", str(run), *sizes]) == 0
    capsys.readouterr()
    fit_reward("progress", run, films, views=("left",))
    assert told(capsys) == []
    fit_reward("progress", run, films, views=("right",))
    lines = told(capsys)
    assert len(lines) == 1
    assert "was trained on views left, the reward sees right" in lines[0]
    with pytest.raises(UserError, match="did you mean 'right'"):
        fit_reward("progress", run, films, views=("rigt",))
    assert told(capsys) == []
    large = save_encoder(tmp_path / "large", 0, side=48)
    fit_reward("progress", large, films)
    lines = told(capsys)
    assert len(lines) == 1
    assert "are 40 x 32 px, the encoder sees 48 px" in lines[0]


def test_several_encoders_make_an_ensemble(encoders, tmp_path, capsys):
    demos = write_films(tmp_path / "demos", [12, 12, 5, 12, 12, 12])
    options = {"pessimism": 2.0, "gate": "root"}
    reward = fit_reward("progress", encoders, demos, options=options)
    assert isinstance(reward, EnsembleReward)
    assert reward.options.pessimism == 2.0
    assert [member.config.gate for member in reward.members] == ["root", "root"]
    lines = [line for line in told(capsys) if "demonstrations episode" in line]
    assert len(set(lines)) == len(lines)  # what both say is told once
    assert all("episode 2 " in line for line in lines)
    with pytest.raises(UserError, match="'pessimism' joins the rewards of several encoders"):
        fit_reward("progress", encoders[0], demos, options=options)
    with pytest.raises(UserError, match="1 encoder or more"):
        fit_reward("progress", (), demos)
    with pytest.raises(UserError, match="option of the progress reward 'pessimis'"):
        fit_reward("progress", encoders, demos, options={"pessimis": 1.0})


def test_play_reaches_the_reward(encoders, tmp_path):
    demos = write_films(tmp_path / "demos", [12, 12, 12])
    hand = write_films(tmp_path / "hand", [12, 9, 12])
    robot = write_films(tmp_path / "robot", [12, 9, 12], body="robot", brighter=60)
    plain = fit_reward("progress", encoders[0], demos, acting="robot")
    given = {"acting": "robot", "play": (hand, robot)}
    raised = fit_reward(
        "progress", encoders[0], demos, options={"body_calibration": "quantile"}, **given
    )
    assert raised.scales["left"] > plain.scales["left"]
    mapped = fit_reward("progress", encoders[0], demos, **given)
    film = {"left": open_recording(robot)[0].frames("left")}
    assert mapped.score_episode(film)[-1] > plain.score_episode(film)[-1]
    for wrong, said in [
        ({"acting": "hand"}, "expected demonstrations of one named body and a task of another"),
        ({"acting": ""}, "found hand and no name"),
        ({"play": (hand,)}, "no episode of the acting body 'robot' .found: hand"),
        ({"play": (robot,)}, "no episode of the shown body 'hand' .found: robot"),
    ]:
        with pytest.raises(UserError, match=said):
            fit_reward("progress", encoders[0], demos, **(given | wrong))
    with pytest.raises(UserError, match="reward 'goal' does not use play"):
        fit_reward("goal", encoders[0], demos, **given)


def test_imitate_with_two_encoders(encoders, tmp_path):
    demos, out = record_demos(tmp_path / "demos"), tmp_path / "run"
    imitate.main(
        [
            *(GOAL_TASK, "--reward", "progress", "--demos", str(demos), "--out", str(out)),
            *("--encoder", *map(str, encoders), "--reward-options", "pessimism=0.5"),
            *("--no-films", *TINY),
        ]
    )
    config = load_config(out)
    assert (config.encoder, *config.further_encoders) == tuple(map(str, encoders))
    reward = load_reward(out / "reward")
    assert isinstance(reward, EnsembleReward)
    assert reward.options.pessimism == 0.5
    assert (out / "seed_0" / "result.json").is_file()


def test_demonstrations_from_a_camera_that_the_task_lacks(encoders, tmp_path):
    demos = write_films(tmp_path / "demos", [12, 12], task="PointGoal-v0")
    out = tmp_path / "run"
    given = ["--reward", "goal", "--encoder", str(encoders[0]), "--demos", str(demos)]
    with pytest.raises(UserError, match=r"unknown view of the demonstrations in .*'left'"):
        imitate.main([GOAL_TASK, *given, "--out", str(out), *TINY])
    assert not out.exists()
