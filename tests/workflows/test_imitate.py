"""imitate, evaluate and study as a user runs them, on a task small enough to wait for."""

import json
import os
import signal
import subprocess
import sys
import time

import av
import numpy as np
import pytest

from tcn_robot import cli
from tcn_robot.errors import UserError
from tcn_robot.policies import load_policy
from tcn_robot.policies.config import load_config
from tcn_robot.policies.run import read_result
from tcn_robot.workflows import evaluate, imitate
from tests.policies.point_task import GOAL_TASK, TASK, PointReach
from tests.workflows.point_demos import record_demos

TINY = [
    *("--steps", "64", "--num-envs", "2", "--batch-size", "16", "--hidden-units", "16"),
    *("--learning-starts", "32", "--evaluate-every", "32", "--evaluation-starts", "2"),
    *("--final-starts", "3", "--no-tensorboard"),
]


def run_imitate(*arguments):
    imitate.main([*arguments, *TINY])


def test_a_run_with_the_tasks_own_reward(tmp_path, capsys):
    out = tmp_path / "run"
    run_imitate(TASK, "--reward", "dense", "--seeds", "0", "7", "--workers", "1", "--out", str(out))
    names = sorted(path.name for path in out.iterdir())
    assert names == [
        *("config.json", "curves.png", "seed_0", "seed_7", "summary.json", "versions.json")
    ]
    summary = json.loads((out / "summary.json").read_text())
    assert summary["seeds"] == [0, 7]
    assert summary["starts"] == 3
    assert summary["success"] == np.mean(summary["success_per_seed"])
    assert "2 seeds" in capsys.readouterr().out
    assert load_config(out).task == TASK
    for view in ("front", "top"):
        with av.open(str(out / "seed_0" / "films" / f"{view}.mp4")) as film:
            frames = list(film.decode(video=0))
        assert len(frames) == PointReach().horizon + 1
        assert (frames[0].width, frames[0].height) == (320, 240)
    assert load_policy(out).metadata["task"] == TASK


@pytest.mark.parametrize("reward", ["progress", "trajectory", "goal"])
def test_a_run_with_a_learned_reward(reward, demos, encoder, tmp_path, capsys):
    out = tmp_path / "run"
    given = ["--reward", reward, "--encoder", str(encoder), "--demos", str(demos)]
    run_imitate(GOAL_TASK, *given, "--out", str(out), "--no-films", "--views", "front", "top")
    result = json.loads((out / "seed_0" / "result.json").read_text())
    assert np.isfinite(result["final"]["return_learned"])
    assert load_config(out).views == ("front", "top")
    evaluate.main([str(out), "--starts", "3"])
    figures = json.loads((out / "evaluation.json").read_text())
    assert figures["per_seed"][0]["final"] == result["final"]
    assert "learned" in capsys.readouterr().out


def test_the_first_view_of_the_demonstrations_is_the_default(demos, encoder, tmp_path):
    out = tmp_path / "run"
    given = ["--reward", "goal", "--encoder", str(encoder), "--demos", str(demos)]
    run_imitate(GOAL_TASK, *given, "--out", str(out), "--no-films")
    assert load_config(out).views == ("front",)


@pytest.mark.slow
def test_seeds_in_processes_give_what_one_process_gives(tmp_path):
    for name, workers in (("one", "1"), ("two", "2")):
        run_imitate(
            *(TASK, "--reward", "sparse", "--seeds", "0", "1", "--workers", workers),
            *("--out", str(tmp_path / name), "--no-films"),
        )
    for seed in (0, 1):
        one, two = (load_policy(tmp_path / name / f"seed_{seed}") for name in ("one", "two"))
        for (_, ours), (_, theirs) in zip(
            one.state_dict().items(), two.state_dict().items(), strict=True
        ):
            assert ours.equal(theirs)


def test_resume_adds_seeds_and_leaves_finished_ones_alone(tmp_path, capsys):
    out = tmp_path / "run"
    first = [TASK, "--reward", "sparse", "--out", str(out), "--no-films", "--workers", "1"]
    run_imitate(*first)
    before = (out / "seed_0" / "result.json").stat().st_mtime_ns
    capsys.readouterr()
    run_imitate(*first, "--seeds", "0", "1", "--resume", "--save-zip")
    assert "seed 0: no model.zip: it was finished without" in capsys.readouterr().err
    assert (out / "seed_1" / "model.zip").is_file()
    assert (out / "seed_0" / "result.json").stat().st_mtime_ns == before
    assert json.loads((out / "summary.json").read_text())["seeds"] == [0, 1]


@pytest.mark.slow
def test_ctrl_c_keeps_evaluations_and_resume_goes_on(tmp_path, root):
    out = tmp_path / "run"
    command = [sys.executable, "-m", "tcn_robot", "imitate", TASK, "--reward", "dense"]
    command += [*("--seeds", "0", "1", "--workers", "2", "--out", str(out), "--no-films"), *TINY]
    command[command.index("--steps") + 1] = "100000"
    process = subprocess.Popen(
        command, cwd=root, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    deadline = time.monotonic() + 120
    files = [out / f"seed_{seed}" / "evaluations.jsonl" for seed in (0, 1)]
    while not all(file.exists() for file in files) and time.monotonic() < deadline:
        time.sleep(0.2)
    os.killpg(process.pid, signal.SIGINT)
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in complaint
    assert "--resume" in complaint
    assert not list(out.rglob(".partial-*"))
    for file in files:
        assert [json.loads(line)["steps"] for line in file.read_text().splitlines()][:1] == [32]
    with pytest.raises(UserError, match="steps = 100000, found 64"):
        imitate.main([TASK, "--reward", "dense", "--out", str(out), "--resume", *TINY])


def test_an_algorithm_with_options_of_its_own_goes_on_with_the_same_only(tmp_path, capsys):
    out = tmp_path / "run"
    first = [TASK, "--reward", "dense", "--out", str(out), "--no-films", "--save-zip"]
    run_imitate(*first, "--algo", "tqc", "--algo-options", "quantiles=5")
    assert "executes the code in it (pickle)" in capsys.readouterr().err
    assert (out / "seed_0" / "model.zip").is_file()
    config = load_config(out)
    assert config.algo_options["quantiles"] == 5
    assert config.algo_options["target_rate"] == 0.005
    assert load_policy(out).metadata["algo"] == "tqc"
    again = [*first, "--resume", "--algo", "tqc", "--algo-options"]
    run_imitate(*again, "quantiles=5", "target_rate=0.005")
    with pytest.raises(UserError, match="algo_options quantiles = 5, found 6"):
        run_imitate(*again, "quantiles=6")
    with pytest.raises(UserError, match="was started with algo = tqc, found sac"):
        run_imitate(*first, "--resume")


BAD_INPUT = [
    ([TASK, "--reward", "dense", "--resume"], "holds no run to resume"),
    (["PointReech-v0", "--reward", "dense"], "unknown task"),
    (["MujocoReech-v0", "--reward", "dense"], "did you mean 'tcn_robot/MujocoReach-v0'"),
    (["no_module:Task-v0", "--reward", "dense"], "cannot import 'no_module'"),
    ([TASK, "--reward", "dence"], "did you mean 'dense'"),
    ([TASK, "--reward", "progres"], "did you mean 'progress'"),
    ([TASK, "--reward", "progress"], "needs --encoder RUN and --demos DIR"),
    ([TASK, "--reward", "dense", "--algo", "sacc"], "did you mean 'sac'"),
    ([TASK, "--reward", "dense", "--algo", "ppo"], "ppo has no learning_starts_steps; leave it"),
    ([TASK, "--reward", "dense", "--algo-options", "quantiles=9"], "(it is for tqc)"),
    ([TASK, "--reward", "dense", "--algo-options", "target_rat=9"], "did you mean 'target_rate'"),
    ([TASK, "--reward", "dense", "--algo-options", "x"], "expected --algo-options name=value"),
    ([TASK, "--reward", "dense", "--steps", "20"], "20 steps end before the first update"),
    ([TASK, "--reward", "dense", "--checkpoint-every", "0"], "checkpoint_interval_steps must be"),
    (["CartPole-v1", "--reward", "dense"], "sac learns continuous ones (Box)"),
    ([TASK, "--reward", "dense", "--views", "front"], "--views is for learned rewards"),
    ([TASK, "--reward", "dense", "--encoder", "e"], "--encoder is for learned rewards"),
    ([TASK, "--reward", "sparse", "--demos", "d"], "--demos is for learned rewards"),
    ([TASK, "--reward", "dense", "--max-demos", "2"], "--max-demos is for learned rewards"),
    ([TASK, "--reward", "dense", "--play", "p"], "--play is for learned rewards"),
    ([TASK, "--reward", "dense", "--reward-options", "a=1"], "--reward-options is for learned"),
    (
        [TASK, "--reward", "dense", "--observation", "embedding", "--encoder", "e", "--demos", "d"],
        "--demos is for learned rewards, and would be ignored with reward 'dense'; leave it out",
    ),
    ([TASK, "--reward", "dense", "--observation", "embedding", "--encoder", "e"], "no run at e"),
    ([TASK, "--reward", "dense", "--seeds", "1", "1"], "seeds must be different"),
    ([TASK, "--reward", "dense", "--num-envs", "0"], "num_envs must be above 0"),
    ([TASK, "--reward", "dense", "--discount", "1.5"], "discount must lie between"),
    ([TASK, "--reward", "dense", "--learning-rate", "nan"], "learning_rate must be above 0"),
    ([TASK, "--reward", "dense", "--workers", "0"], "--workers must be at least 1, found 0"),
    ([TASK, "--reward", "dense", "--reward-options", "x"], "expected --reward-options name=value"),
    ([TASK, "--reward", "dense", "--stepps", "3"], "did you mean '--steps'"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD_INPUT)
def test_bad_input_is_one_line_and_exit_code_2(arguments, message, tmp_path, capsys):
    out = tmp_path / "run"
    overruled = {"--num-envs", "--learning-rate", "--steps"} & set(arguments)
    given = [*TINY, *arguments] if overruled else [*arguments, *TINY]
    assert cli.main(["imitate", *given, "--out", str(out)]) == 2
    complaint = capsys.readouterr().err
    assert message in complaint
    assert complaint.count("\n") == 1
    assert not out.exists()


def refused(tmp_path, encoder, demos, *more):
    out = tmp_path / "run"
    with pytest.raises(UserError) as error:
        run_imitate(
            *(GOAL_TASK, "--reward", "progress", "--encoder", str(encoder)),
            *("--demos", str(demos), "--out", str(out), *more),
        )
    assert not out.exists()
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_run_without_an_encoder(demos, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "holds no encoder" in refused(tmp_path, tmp_path / "empty", demos)
    assert "no run at" in refused(tmp_path, tmp_path / "nowhere", demos)


def test_demonstrations_of_another_task(encoder, tmp_path):
    other = record_demos(tmp_path / "other", task="MujocoPush-v0")
    assert "shows task MujocoPush-v0" in refused(tmp_path, encoder, other)


def test_an_empty_dataset(encoder, tmp_path):
    empty = record_demos(tmp_path / "empty", episodes=())
    assert "no whole episode" in refused(tmp_path, encoder, empty)


def test_only_failed_demonstrations(encoder, tmp_path):
    failed = record_demos(tmp_path / "failed", episodes=(("train", False), ("valid", True)))
    assert "no demonstration of split 'train'" in refused(tmp_path, encoder, failed)


def test_a_view_that_the_demonstrations_lack(demos, encoder, tmp_path, monkeypatch):
    monkeypatch.setattr(PointReach, "view_names", ("front", "top", "left"))
    assert "unknown view of demonstration" in refused(tmp_path, encoder, demos, "--views", "left")


def test_a_view_that_the_task_lacks(demos, encoder, tmp_path):
    assert "did you mean 'front'" in refused(tmp_path, encoder, demos, "--views", "frunt")


@pytest.mark.parametrize("given", [(), ("--views", "front"), ("--gap", "same-body")])
@pytest.mark.parametrize(
    ("lacking", "told"), [("view_names", "has no camera"), ("render_views", "cannot be filmed")]
)
def test_a_task_without_cameras(demos, encoder, tmp_path, monkeypatch, lacking, told, given):
    monkeypatch.delattr(PointReach, lacking)
    assert told in refused(tmp_path, encoder, demos, *given)
    seen = ["--observation", "embedding", "--encoder", str(encoder)]
    with pytest.raises(UserError, match=told):
        run_imitate(GOAL_TASK, "--reward", "dense", *seen, "--out", str(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_other_views_than_it_was_started_with(demos, encoder, tmp_path):
    given = [GOAL_TASK, "--reward", "goal", "--encoder", str(encoder), "--demos", str(demos)]
    out = tmp_path / "run"
    run_imitate(*given, "--views", "front", "--out", str(out), "--no-films")
    with pytest.raises(UserError, match=r"was started with views = .*front.*, found .*top"):
        run_imitate(*given, "--views", "top", "--out", str(out), "--no-films", "--resume")
    assert load_config(out).views == ("front",)
    run_imitate(*given, "--out", str(out), "--no-films", "--resume")


def test_no_demonstrations_there(encoder, tmp_path):
    assert "nowhere" in refused(tmp_path, encoder, tmp_path / "nowhere")


def test_an_unknown_reward_option(demos, encoder, tmp_path):
    message = refused(tmp_path, encoder, demos, "--reward-options", "neighbors=3")
    assert "did you mean 'neighbours'" in message


@pytest.mark.parametrize("text", ["[]", "{}", '{"seed": 0, "seconds": 1, "final": {}}'])
def test_a_result_without_its_figures_is_refused(tmp_path, text):
    (tmp_path / "seed_0").mkdir()
    (tmp_path / "seed_0" / "result.json").write_text(text)
    with pytest.raises(UserError, match=r"result\.json is damaged \(.*\); delete it") as caught:
        read_result(tmp_path, 0)
    assert "\n" not in str(caught.value)


def test_a_run_that_exists_is_not_overwritten(tmp_path):
    out = tmp_path / "run"
    first = [TASK, "--reward", "sparse", "--out", str(out), "--no-films"]
    run_imitate(*first)
    with pytest.raises(UserError, match="exists already"):
        run_imitate(*first)
    other = tmp_path / "other"
    other.mkdir()
    (other / "something").write_text("mine")
    with pytest.raises(UserError, match="is no policy run"):
        run_imitate(TASK, "--reward", "sparse", "--out", str(other))


def test_evaluating_what_is_no_run(tmp_path):
    with pytest.raises(UserError, match="no policy run"):
        evaluate.main([str(tmp_path)])
    (tmp_path / "config.json").write_text('{"kind": "embedding", "objective": "tcn"}')
    with pytest.raises(UserError, match="name a run of `tcn-robot imitate`"):
        evaluate.main([str(tmp_path)])
    run_imitate(TASK, "--reward", "sparse", "--out", str(tmp_path / "run"), "--no-films")
    with pytest.raises(UserError, match="--starts must be at least 1"):
        evaluate.main([str(tmp_path / "run"), "--starts", "0"])


def test_a_policy_crosses_over_to_another_simulator_and_body(tmp_path, capsys):
    out = tmp_path / "run"
    run_imitate("MujocoReach-v0", "--reward", "dense", "--out", str(out), "--no-films")
    evaluate.main([str(out), "--starts", "2"])
    evaluate.main([str(out), "--starts", "2", "--embodiment", "hand"])
    figures = json.loads((out / "evaluation-hand.json").read_text())
    assert figures["embodiment"] == "hand"
    here = json.loads((out / "evaluation.json").read_text())
    assert figures["return_dense"] != here["return_dense"]
    capsys.readouterr()
    with pytest.raises(UserError, match="MujocoPush-v0 has observations of length"):
        evaluate.main([str(out), "--task", "MujocoPush-v0"])
    with pytest.raises(UserError, match="did you mean 'hand'"):
        evaluate.main([str(out), "--embodiment", "hands"])
    pytest.importorskip("pybullet")
    evaluate.main([str(out), "--starts", "2", "--task", "tcn_robot/BulletReach-v0"])
    assert "BulletReach-v0, reward dense, 2 held-out starts" in capsys.readouterr().out
    figures = json.loads((out / "evaluation-BulletReach-v0.json").read_text())
    assert figures["return_dense"] == pytest.approx(here["return_dense"], rel=0.1)


def test_a_sparse_reward_that_can_never_come_is_refused(tmp_path):
    pytest.importorskip("gymnasium.envs.mujoco")
    with pytest.raises(UserError, match="never reports success, so its sparse reward is always 0"):
        run_imitate("Pusher-v5", "--reward", "sparse", "--out", str(tmp_path / "run"))
    assert not (tmp_path / "run").exists()
