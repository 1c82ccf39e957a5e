"""Policies that see embeddings, clones, and gaps: as a user runs them, on a task of points."""

import json
import shutil

import numpy as np
import pytest

from tcn_robot import cli
from tcn_robot.errors import UserError
from tcn_robot.models import ConvolutionalEncoder, load_encoder, seeded_generator
from tcn_robot.policies import load_policy
from tcn_robot.policies.config import load_config
from tcn_robot.recordings import open_recording
from tcn_robot.workflows import evaluate
from tcn_robot.workflows.policy_sight import load_seeing
from tests.policies.point_task import GOAL_TASK, HORIZON, TASK
from tests.workflows.point_demos import record_demos
from tests.workflows.test_imitate import run_imitate

SEES = ("--observation", "embedding")


@pytest.fixture(scope="module")
def run(demos, encoder, tmp_path_factory):
    """A run with a learned reward whose policy sees embeddings and proprioception."""
    out = tmp_path_factory.mktemp("runs") / "sees"
    given = ("--encoder", str(encoder), "--demos", str(demos), "--views", "front", "top")
    run_imitate(
        GOAL_TASK, "--reward", "progress", *given, *SEES, "--training-films", "1", "--out", str(out)
    )
    return out


@pytest.fixture
def copy(run, tmp_path):
    return shutil.copytree(run, tmp_path / "copy")


def test_the_run_says_what_its_policy_sees(run):
    policy = load_policy(run)
    assert policy.observation_size == 2 + 2 * 4  # the point, and two views in four dimensions
    assert policy.metadata["observation"] == "embedding"
    seen = policy.metadata["seen"]
    assert seen["cameras"] == {"front": "front", "top": "top"}
    sight = json.loads((run / "observation" / "sight.json").read_text())
    assert seen["encoder"] == sight["encoder"]
    assert len(sight["centre"]) == 8


def embedded_frames_of_a_training(out, config, monkeypatch):
    """Count the frames that encoders embed in three steps of two environments of a run."""
    from tcn_robot.models import Encoder
    from tcn_robot.policies.environments import make_training_env

    counts = []
    embed = Encoder.embed
    monkeypatch.setattr(
        Encoder, "embed", lambda self, frames: counts.append(len(frames)) or embed(self, frames)
    )
    seeing, filming = load_seeing(out, config)
    venv = make_training_env(config, filming, seeing.sight)
    venv.seed(0)  # from a start at the border a step may show the same picture again
    venv.reset()
    counts.clear()
    for way in (0.6, -0.9, 0.3):  # every picture is another than the one before
        venv.step(np.full((2, *venv.action_space.shape), way, np.float32))
    venv.close()
    monkeypatch.undo()
    return sum(counts)


@pytest.mark.parametrize("name", ["progress", "shaping"])
def test_frames_that_reward_and_policy_see_are_embedded_once(
    demos,
    encoder,
    tmp_path,
    monkeypatch,
    name,
):
    out = tmp_path / "run"
    given = ("--encoder", str(encoder), "--demos", str(demos), "--no-films")
    run_imitate(GOAL_TASK, "--reward", name, *given, *SEES, "--out", str(out))
    assert embedded_frames_of_a_training(out, load_config(out), monkeypatch) == 3 * 2


def test_a_policy_sees_by_the_first_of_several_encoders(
    demos,
    encoder,
    tmp_path,
    monkeypatch,
):
    """The ensemble's first member shares its embeddings; the second has an encoder of its own."""
    other = tmp_path / "other"
    config = load_encoder(encoder).config
    ConvolutionalEncoder(config, seeded_generator(5)).save(other / "encoder")
    out = tmp_path / "run"
    given = ("--encoder", str(encoder), str(other), "--demos", str(demos), "--no-films")
    run_imitate(GOAL_TASK, "--reward", "progress", *given, *SEES, "--out", str(out))
    assert load_policy(out).observation_size == 2 + 4
    assert embedded_frames_of_a_training(out, load_config(out), monkeypatch) == 3 * 2 * 2


def test_it_left_films_of_its_training(run):
    names = sorted(str(path.relative_to(run)) for path in run.glob("seed_0/training_films/*/*"))
    steps = ("step_000000", "step_000032")
    views = ("front.mp4", "top.mp4")
    assert names == [f"seed_0/training_films/{step}/{view}" for step in steps for view in views]
    assert sorted(path.name for path in (run / "seed_0" / "films").iterdir()) == list(views)


def test_evaluating_it_again_gives_its_own_figures(run, capsys):
    evaluate.main([str(run), "--starts", "3"])
    figures = json.loads((run / "evaluation.json").read_text())
    result = json.loads((run / "seed_0" / "result.json").read_text())
    assert figures["per_seed"][0]["final"] == result["final"]
    assert len(result["final"]["episodes"]["success"]) == 3
    assert "learned" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--out", "file/figures.json"), "is a file"),
        (("--out", "."), "expects a file"),
        (("--curves", "file/curves.png"), "is a file"),
        (("--curves", "curves.txt"), "must end with .png"),
        (("--out", "a.png", "--curves", "a.png"), "the same file"),
    ],
)
def test_files_that_cannot_be_written_are_found_before_anything_is_played(
    copy, tmp_path, capsys, options, words
):
    (tmp_path / "file").write_text("")
    (copy / "evaluation.json").unlink(missing_ok=True)
    given = [word if word.startswith("--") else str(tmp_path / word) for word in options]
    assert cli.main(["evaluate", str(copy), "--starts", "3", *given]) == 2
    assert words in capsys.readouterr().err
    assert not (copy / "evaluation.json").exists()


@pytest.mark.parametrize(
    "change",
    [
        {"cameras": {}},
        {"scale": float("nan")},
        {"scale": 0.0},
        {"scale": -1.0},
        {"centre": [0.0] * 4},
        {"centre": [0.0] * 7 + [float("inf")]},
        {"centre": [[0.0] * 8]},
    ],
)
def test_a_sight_without_meaning_is_one_line(copy, capsys, change):
    path = copy / "observation" / "sight.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    assert cli.main(["evaluate", str(copy), "--starts", "3"]) == 2
    assert "sight.json is damaged: expected a camera or more" in capsys.readouterr().err


def test_it_can_be_recorded(run, tmp_path):
    command = ["record", GOAL_TASK, "--out", str(tmp_path / "data"), "--episodes", "1"]
    assert cli.main([*command, "--size", "32", "--policy", str(run)]) == 0
    [episode] = open_recording(tmp_path / "data")
    assert len(episode.steps["action"]) == HORIZON + 1


def test_an_encoder_that_is_missing_or_altered_is_one_line(copy, encoder, capsys):
    other = ConvolutionalEncoder(load_encoder(encoder).config, seeded_generator(7))
    other.save(copy / "observation" / "encoder")
    assert cli.main(["evaluate", str(copy)]) == 2
    assert "has been changed: expected the encoder" in capsys.readouterr().err
    # Even where its description was changed with it: the policy knows.
    path = copy / "observation" / "sight.json"
    from tcn_robot.models.digest import encoder_digest

    document = json.loads(path.read_text()) | {"encoder": encoder_digest(other)}
    path.write_text(json.dumps(document))
    assert cli.main(["evaluate", str(copy)]) == 2
    assert "was trained with encoder" in capsys.readouterr().err
    path.write_text(path.read_text()[:40])
    assert cli.main(["evaluate", str(copy)]) == 2
    shutil.rmtree(copy / "observation")
    assert cli.main(["evaluate", str(copy)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert all("sight.json is missing or damaged" in line for line in lines)


def test_a_policy_taken_out_of_its_run_is_one_line(run, tmp_path, capsys):
    alone = shutil.copytree(run / "seed_0" / "policy", tmp_path / "elsewhere" / "seed_0" / "policy")
    command = ["record", GOAL_TASK, "--out", str(tmp_path / "data"), "--episodes", "1"]
    assert cli.main([*command, "--policy", str(alone)]) == 2
    assert "leave the policy where it was trained" in capsys.readouterr().err


def test_a_run_by_the_sparse_reward_sees_too(encoder, tmp_path):
    out = tmp_path / "run"
    run_imitate(TASK, "--reward", "sparse", "--encoder", str(encoder), *SEES, "--out", str(out))
    assert load_config(out).views == ("front",)
    assert load_policy(out).observation_size == 2 + 4
    assert not (out / "reward").exists()


def test_a_clone_of_actions(demos, encoder, run, tmp_path, capsys):
    states, sees = tmp_path / "states", tmp_path / "embedding"
    tiny = ["--steps", "64", "--evaluate-every", "32", "--evaluation-starts", "2", "--no-films"]
    tiny += ["--final-starts", "3", "--algo", "bc", "--demos", str(demos)]
    assert cli.main(["imitate", GOAL_TASK, *tiny, "--out", str(states)]) == 0
    command = ["imitate", GOAL_TASK, *tiny, *SEES, "--encoder", str(encoder), "--out", str(sees)]
    assert cli.main(command) == 0
    assert load_policy(sees).observation_size == 2 + 4
    for out in (states, sees):
        [first, last] = json.loads((out / "seed_0" / "result.json").read_text())["evaluations"]
        assert last["action_error"] < first["action_error"]
        assert "held_out_action_error" in last
    capsys.readouterr()
    picture, together = tmp_path / "curves.png", tmp_path / "together.json"
    command = ["evaluate", str(states), str(sees), str(run), "--starts", "4"]
    assert cli.main([*command, "--curves", str(picture), "--out", str(together)]) == 0
    shown = capsys.readouterr().out
    assert "bc, sees embedding" in shown
    assert "sac, progress, sees embedding" in shown
    comparison = json.loads(together.read_text())
    assert [row["run"] for row in comparison["runs"]] == ["states", "embedding", "sees"]
    for row in comparison["runs"]:
        success = row["interquartile"]["success"]
        alike = success["interval"] is None  # every start ends the same
        low, high = (0.0, 1.0) if alike else success["interval"]
        assert low <= success["value"] <= high
        assert not alike or success["value"] in (0.0, 1.0)
    assert picture.stat().st_size > 5000


def test_what_cannot_be_evaluated_together_is_one_line(run, tmp_path, capsys):
    assert cli.main(["evaluate", str(run), str(run)]) == 2
    assert cli.main(["evaluate"]) == 2
    assert cli.main(["evaluate", str(run), str(tmp_path)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[2].split(";")[0] for line in lines[:2]] == [
        "the same run is named twice",
        "expected a run of `tcn-robot imitate` or more, found none",
    ]
    assert "is no policy run" in lines[2]


def test_plain_films_have_no_actions_to_clone(tmp_path, capsys):
    films = record_demos(tmp_path / "films", episodes=(("train", True),))
    for path in films.glob("episode_*/steps.parquet"):
        path.unlink()
    out = ["--out", str(tmp_path / "run")]
    command = ["imitate", GOAL_TASK, "--algo", "bc", "--steps", "9", "--demos", str(films), *out]
    assert cli.main(command) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "no actions: it is a plain film" in line or "steps.parquet" in line
    assert not (tmp_path / "run").exists()


def test_one_demonstration_says_what_is_not_calibrated(demos, encoder, tmp_path, capsys):
    given = ("--encoder", str(encoder), "--demos", str(demos), "--max-demos", "1", "--no-films")
    run_imitate(GOAL_TASK, "--reward", "progress", *given, "--out", str(tmp_path / "run"))
    assert "nothing is left to calibrate on" in capsys.readouterr().err


def test_another_camera_than_in_the_demonstrations(demos, encoder, tmp_path):
    given = ("--encoder", str(encoder), "--demos", str(demos), "--no-films")
    out = tmp_path / "run"
    cameras = ("--views", "front", "--scored-views", "top")
    run_imitate(GOAL_TASK, "--reward", "goal", *given, *cameras, "--out", str(out))
    result = json.loads((out / "seed_0" / "result.json").read_text())
    evaluate.main([str(out), "--starts", "3"])
    figures = json.loads((out / "evaluation.json").read_text())
    assert figures["per_seed"][0]["final"] == result["final"]
    with pytest.raises(UserError, match="unknown view 'tpo'"):
        run_imitate(
            *(GOAL_TASK, "--reward", "goal", *given, "--views", "front", "--scored-views", "tpo"),
            *("--out", str(tmp_path / "other")),
        )
    # The same reward by the camera that it was fitted on gives other returns.
    same = tmp_path / "same"
    run_imitate(GOAL_TASK, "--reward", "goal", *given, "--views", "front", "--out", str(same))
    other = json.loads((same / "seed_0" / "result.json").read_text())
    assert not np.isclose(result["final"]["return_learned"], other["final"]["return_learned"])
