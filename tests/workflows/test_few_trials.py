"""few-trials as a user runs it, on a task small enough to wait for."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

from tcn_robot import cli
from tcn_robot.errors import UserError
from tcn_robot.policies.few_trials import search
from tcn_robot.policies.few_trials.config import load_few_trials_config
from tcn_robot.policies.few_trials.run import pool_searches, write_summary
from tcn_robot.workflows import evaluate, few_trials
from tests.policies.point_task import GOAL_TASK, TASK

SMALL = ("--rollouts", "40", "--iterations", "5", "--starts", "2", "--workers", "1", "--no-films")


def run(*arguments):
    few_trials.main([*arguments])


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "dense"
    run(TASK, "--reward", "dense", "--step-size", "0.2", *SMALL, "--out", str(out))
    return out


def everything_of(folder):
    """{name: bytes} of what a search wrote."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_a_run_finds_controllers_and_says_so(finished, capsys):
    summary = json.loads((finished / "summary.json").read_text())
    assert summary["searches"] == summary["searches_asked_for"] == 2
    assert summary["success"] == 1.0
    assert summary["success_per_start"] == {"0": [True], "1": [True]}
    assert summary["replays_equal_rollouts"] is True
    assert [point["rollouts"] for point in summary["after_iterations"]] == [8, 16, 24, 32, 40]
    folder = finished / "seed_0" / "start_1"
    lines = [json.loads(line) for line in (folder / "iterations.jsonl").read_text().splitlines()]
    assert [line["rollouts"] for line in lines] == [8, 16, 24, 32, 40]
    best = [line["return_best"] for line in lines]
    assert best == sorted(best)
    arrays = load_file(str(folder / "controller.safetensors"))
    assert arrays["actions"].shape == (16, 2)
    assert np.abs(arrays["actions"]).max() <= 1.0
    assert Image.open(finished / "success.png").width > 500


def test_the_same_seed_gives_the_same_files_and_a_stop_changes_nothing(finished, tmp_path):
    stopped = tmp_path / "stopped"
    shutil.copytree(finished, stopped)
    folder = stopped / "seed_0" / "start_1"
    for name in ("result.json", "iteration_004.safetensors", "iteration_003.safetensors"):
        (folder / name).unlink()
    shutil.rmtree(stopped / "seed_0" / "start_0")
    resumed = ("--reward", "dense", "--step-size", "0.2", *SMALL, "--out", str(stopped), "--resume")
    run(TASK, *resumed)
    for start in ("start_0", "start_1"):
        expected = everything_of(finished / "seed_0" / start)
        assert everything_of(stopped / "seed_0" / start) == expected
    assert (stopped / "summary.json").read_bytes() == (finished / "summary.json").read_bytes()


@pytest.mark.parametrize("optimiser", ["cma-es", "pi2-bb"])
def test_ctrl_c_keeps_finished_iterations(tmp_path, monkeypatch, capsys, optimiser):
    arguments = [
        *("few-trials", TASK, "--reward", "dense", "--optimiser", optimiser, *SMALL),
        *("--starts", "1", "--out"),
    ]
    assert cli.main([*arguments, str(tmp_path / "whole")]) == 0
    save = search.save_iteration

    def save_and_stop(folder, index, iteration):
        save(folder, index, iteration)
        if index == 1:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(search, "save_iteration", save_and_stop)
        assert cli.main([*arguments, str(tmp_path / "cut")]) == 130
    assert "--resume" in capsys.readouterr().err
    assert json.loads((tmp_path / "cut" / "summary.json").read_text())["searches"] == 0
    assert cli.main([*arguments, str(tmp_path / "cut"), "--resume"]) == 0
    folder = "seed_0/start_0"
    assert everything_of(tmp_path / "cut" / folder) == everything_of(tmp_path / "whole" / folder)


def test_a_learned_reward_of_one_demonstration(tmp_path, demos, encoder, capsys):
    out = tmp_path / "run"
    learned = ("--encoder", str(encoder), "--demos", str(demos), "--max-demos", "1")
    small = ("--rollouts", "12", "--iterations", "2", "--starts", "1", "--workers", "1")
    noisy = ("--replays", "3", "--replay-noise", "0.05")
    run(GOAL_TASK, "--reward", "progress", *learned, *small, *noisy, "--out", str(out))
    assert "nothing is left to calibrate on" in capsys.readouterr().err
    assert (out / "reward" / "reward.json").is_file()
    config = json.loads((out / "config.json").read_text())
    assert config["views"] == ["front", "top"]  # all of the demonstrations'
    with pytest.raises(UserError, match=r"was started with views = .*front.*, found .*top"):
        run(
            *(GOAL_TASK, "--reward", "progress", *learned, *small, *noisy, "--out", str(out)),
            *("--views", "top", "--resume"),
        )
    films = sorted(path.name for path in (out / "seed_0" / "start_0" / "films").iterdir())
    assert films == ["front.mp4", "top.mp4"]
    noisy_replays = json.loads((out / "summary.json").read_text())["noisy_replays"]
    assert noisy_replays["replays"] == 3
    assert noisy_replays["noise"] == 0.05


def test_of_the_demonstrations_views_those_are_taken_that_the_task_has(demos):
    assert few_trials.shared_views(demos, ("top", "side", "front"), 1) == ("front", "top")
    assert few_trials.shared_views(demos, ("side", "top"), None) == ("top",)
    assert few_trials.shared_views(demos, ("side",), 1) == ()


REFUSED = [
    (("--rollouts", "151"), "multiple of --iterations 15, found 151; give --rollouts 150"),
    (("--rollouts", "10"), "multiple of --iterations 15, found 10; give --rollouts 45"),
    (("--rollouts", "30"), "are 2 each, expected 3 or more"),
    (("--optimiser", "cma"), "unknown optimiser 'cma'; did you mean 'cma-es'"),
    (("--controller", "knot"), "did you mean 'knots'"),
    (("--functions", "17"), "expected 1 to 16 basis functions"),
    (("--step-size", "0"), "--step-size must be above 0"),
    (("--starts", "0"), "--starts must be at least 1"),
    (("--reward", "progess"), "did you mean 'progress'"),
    (("--encoder", "e"), "--encoder is for learned rewards"),
    (("--demos", "d"), "--demos is for learned rewards"),
    (("--max-demos", "2"), "--max-demos is for learned rewards"),
    (("--views", "front"), "--views is for learned rewards"),
    (("--reward-options", "a=1"), "--reward-options is for learned rewards"),
    (("--reward", "mixture"), "'mixture' adds the task's own reward, and few-trials scores films"),
    (("--reward", "shaping"), "'shaping' adds the task's own reward, and few-trials scores films"),
    (("--reward", "progress"), "needs --encoder RUN and --demos DIR"),
    (("--resume",), "holds no run to resume"),
    (("--optimizer", "pi2"), "unknown option '--optimizer'; did you mean '--optimiser'"),
    (("--seeds", "1", "1"), "seeds must be different"),
]


@pytest.mark.parametrize(("arguments", "message"), REFUSED)
def test_bad_input_is_one_line_and_leaves_nothing(tmp_path, arguments, message):
    out = tmp_path / "run"
    with pytest.raises(UserError) as caught:
        run(TASK, "--reward", "dense", *arguments, "--out", str(out))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not out.exists()


def test_folders_that_do_not_fit_are_refused(finished, tmp_path):
    dense = (TASK, "--reward", "dense", *SMALL)
    with pytest.raises(UserError, match="exists already; go on with it by --resume"):
        run(*dense, "--out", str(finished))
    with pytest.raises(UserError, match=r"was started with step_size = 0\.2, found 0\.1"):
        run(*dense, "--out", str(finished), "--resume")
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="is no few-trials run"):
        run(*dense, "--out", str(tmp_path))


def test_records_that_are_damaged_or_not_ours_are_refused(finished, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(finished, broken)
    folder = broken / "seed_0" / "start_0"
    again = (TASK, "--reward", "dense", "--step-size", "0.2", *SMALL, "--resume", "--out")
    (folder / "result.json").unlink()
    second = folder / "iteration_001.safetensors"
    whole = second.read_bytes()
    second.write_bytes(whole[:50])
    with pytest.raises(UserError, match="seed 0 start 0 failed"):
        run(*again, str(broken))
    shutil.copy(folder / "iteration_000.safetensors", second)
    with pytest.raises(UserError, match="seed 0 start 0 failed"):
        run(*again, str(broken))
    second.write_bytes(whole)
    run(*again, str(broken))
    (folder / "result.json").write_text("{")
    with pytest.raises(UserError, match=r"failed|damaged"):
        run(*again, str(broken))


@pytest.mark.parametrize("text", ["[]", "{}", '"x"', '{"start": 0, "final": {"success": true}}'])
def test_a_result_without_its_figures_is_refused(finished, tmp_path, text):
    broken = tmp_path / "broken"
    shutil.copytree(finished, broken)
    (broken / "seed_0" / "start_0" / "result.json").write_text(text)
    with pytest.raises(UserError, match=r"result\.json is damaged \(.*\); delete it") as caught:
        write_summary(broken, load_few_trials_config(broken))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"), [("functions", "3"), ("seeds", ["a"]), ("views", "front"), ("films", 1)]
)
def test_options_of_a_wrong_type_are_refused(finished, tmp_path, name, value):
    options = json.loads((finished / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(options | {name: value}))
    with pytest.raises(UserError, match=f"option '{name}' expects .*; restore it or start again"):
        load_few_trials_config(tmp_path)


def test_it_is_no_policy_to_evaluate(finished):
    with pytest.raises(UserError, match="is a run of `tcn-robot few-trials`"):
        evaluate.main([str(finished)])


def search_result(start, best, mean):
    return {
        "start": start,
        "final": {"success": best[-1], "replay_equals_rollout": True},
        "mean": {"success": mean[-1]},
        "iterations": {
            "rollouts": [10, 20, 30],
            "success_best": best,
            "success_mean": mean,
            "success_share": [0.0, 0.0, 0.0],
        },
        "noisy_replays": None,
    }


def test_searches_are_pooled():
    pooled = pool_searches(
        [
            search_result(0, [False, True, True], [False, False, True]),
            search_result(0, [True, False, True], [False, False, False]),
            search_result(1, [True, True, False], [True, True, True]),
            search_result(1, [True, True, True], [False, True, True]),
        ]
    )
    assert pooled["success"] == 0.75
    assert pooled["success_of_mean"] == 0.75
    assert pooled["success_per_start"] == {"0": [True, True], "1": [False, True]}
    assert pooled["rollouts_to_success"] == [20, 30, None, 10]
    assert [point["success_best"] for point in pooled["after_iterations"]] == [0.75, 0.75, 0.75]
    assert [point["success_mean"] for point in pooled["after_iterations"]] == [0.25, 0.5, 0.75]
    low, high = pooled["success_interval"]
    assert low < 0.75 < high
    assert pool_searches([])["success"] is None
