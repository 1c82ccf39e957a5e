"""The demo: its plan names real commands, its folder is its own, and the whole chain runs."""

from __future__ import annotations

import dataclasses
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tcn_robot.cli import COMMANDS
from tcn_robot.errors import UserError
from tcn_robot.workflows.demo import run_demo
from tcn_robot.workflows.demo_config import (
    FULL,
    HAND,
    QUICK,
    QUICK_HAND,
    DemoConfig,
    DemoFolders,
    HandFilms,
)
from tcn_robot.workflows.demo_films import OPTIONS_FOR_TWO_BODIES
from tcn_robot.workflows.demo_plan import plan, start_demo
from tcn_robot.workflows.report_sources import find_sources

TINY = DemoConfig(
    task="tcn_robot/MujocoReach-v0",
    views=("front", "left"),
    image_size_px=32,
    demonstrations=2,
    calibration_demonstrations=1,
    play_episodes=1,
    held_out_episodes=2,
    train_steps=2,
    reward_views=("front",),
    policy_steps=1200,
    evaluation_interval_steps=1200,
    evaluation_starts=2,
    final_starts=2,
    record_workers=1,
)


@pytest.mark.parametrize("config", [FULL, HAND, QUICK_HAND])
def test_the_plan_uses_public_commands_each_stage_once(config: DemoConfig) -> None:
    groups = plan(config, Path("runs/demo"), 0)
    stages = [stage for group in groups for stage in group]
    assert {stage.arguments[0] for stage in stages} <= set(COMMANDS)
    assert len({stage.name for stage in stages}) == len(stages)
    outputs = [stage.output for stage in stages if stage.arguments[0] != "record"]
    assert len(set(outputs)) == len(outputs)
    assert [len(group) for group in groups].count(2) == 1  # learned and sparse side by side


def test_the_sizes_are_those_promised() -> None:
    assert FULL.demonstrations + FULL.calibration_demonstrations <= 20
    assert FULL.play_episodes <= 100


def test_with_a_hand_the_robot_never_does_the_task_in_what_is_learned_from() -> None:
    groups = plan(HAND, Path("demo"), 0)
    stages = {stage.name: stage.arguments for group in groups for stage in group}
    measured = str(DemoFolders(Path("demo")).held_out)
    shown = [
        stage
        for stage in stages.values()
        if stage[0] == "record" and "expert" in stage and measured not in stage
    ]
    assert shown
    assert all(stage[stage.index("--embodiment") + 1] == "hand" for stage in shown)
    folders = {stage[stage.index("--out") + 1] for stage in stages.values()}
    for name in ("train", "imitate-progress"):
        assert {word for word in stages[name] if word.startswith("demo/")} <= folders
    assert "--play" in stages["imitate-progress"]
    assert "--negatives" not in stages["train"]  # of the same film, as for bodies it must be


def test_the_encoder_of_two_bodies_is_that_of_the_script() -> None:
    root = Path(__file__).resolve().parents[2]
    script = (root / "scripts" / "prepare_hand_to_robot.sh").read_text("utf-8")
    assert " ".join(OPTIONS_FOR_TWO_BODIES) in " ".join(script.replace("\\\n", " ").split())


def test_nothing_is_trained_or_calibrated_on_what_is_measured() -> None:
    groups = plan(FULL, Path("demo"), 3)
    held_out = str(DemoFolders(Path("demo")).held_out)
    users = {stage.name for group in groups for stage in group if held_out in stage.arguments}
    assert users == {"record-held-out", "bench"}
    seeds = {
        stage.arguments[stage.arguments.index("--seed") + 1]
        for group in groups
        for stage in group
        if stage.arguments[0] == "record" and held_out in stage.arguments
    }
    assert seeds == {"4"}
    others = {
        stage.arguments[stage.arguments.index("--seed") + 1]
        for group in groups
        for stage in group
        if stage.arguments[0] == "record" and held_out not in stage.arguments
    }
    assert others == {"3", "5"}  # play starts elsewhere than the demonstrations


@pytest.mark.parametrize("reward", ["progress", "sparse"])
def test_only_the_learned_reward_sees_films(reward: str) -> None:
    stages = {stage.name: stage for group in plan(FULL, Path("demo"), 0) for stage in group}
    arguments = stages[f"imitate-{reward}"].arguments
    assert ("--encoder" in arguments) == ("--demos" in arguments) == (reward == "progress")


def test_both_policies_have_the_same_budget_and_starts() -> None:
    stages = {stage.name: stage for group in plan(FULL, Path("demo"), 0) for stage in group}
    for option in ("--steps", "--seeds", "--final-starts", "--evaluation-starts"):
        values = {
            arguments[arguments.index(option) + 1]
            for arguments in (stages[f"imitate-{r}"].arguments for r in ("progress", "sparse"))
        }
        assert len(values) == 1


def test_a_folder_keeps_to_one_demo(tmp_path: Path) -> None:
    start_demo(FULL, tmp_path / "demo", 0)
    start_demo(FULL, tmp_path / "demo", 0)
    for config, seed in ((QUICK, 0), (FULL, 1)):
        with pytest.raises(UserError, match="another seed or size"):
            start_demo(config, tmp_path / "demo", seed)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").touch()
    with pytest.raises(UserError, match="holds no demo"):
        start_demo(FULL, tmp_path / "other", 0)


def test_recordings_are_resumed_only_if_that_was_their_last_request(tmp_path: Path) -> None:
    stages = {stage.name: stage for group in plan(TINY, tmp_path, 0) for stage in group}
    first, second = stages["record-demonstrations"], stages["record-calibration"]
    assert not first.can_resume()
    folder = DemoFolders(tmp_path).demonstrations
    folder.mkdir(parents=True)
    request = {"episodes": TINY.demonstrations, "policy": "expert", "split": "train"}
    (folder / "request.json").write_text(json.dumps(request))
    assert first.can_resume()
    assert not second.can_resume()


def test_a_report_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no config\.json"):
        find_sources([tmp_path])
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UserError, match="should be a folder of"):
        find_sources([tmp_path])
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(UserError, match="no readable JSON"):
        find_sources([tmp_path])


def test_the_chain_from_a_hand_in_miniature(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    config = dataclasses.replace(TINY, hand=HandFilms(2, 1, 1, 1))
    summary = run_demo(config, out, 0, "tcn-robot demo")
    stages = {stage.name for group in plan(config, out, 0) for stage in group}
    assert set(summary["stages"]) == stages
    assert {"progress, shown by another body", "sparse"} == set(summary["policy"])
    assert (out / "report.html").is_file()


def test_the_whole_chain_in_miniature(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "demo"
    summary = run_demo(TINY, out, 0, "tcn-robot demo")
    assert summary == json.loads((out / "summary.json").read_text("utf-8"))
    for row in ("trained", "untrained", "collapsed", "frame_counter"):
        assert {"error", "accuracy_1", "tau_a", "tau_b"} <= set(summary["alignment"][row])
    for reward in ("progress", "sparse"):
        figures = summary["policy"][reward]
        assert 0 <= figures["success"] <= 1
        assert (figures["starts"], figures["seeds"], figures["steps"]) == (2, 1, 1200)
    stages = [stage.name for group in plan(TINY, out, 0) for stage in group]
    assert set(summary["stages"]) == set(stages)
    assert all(
        cost["seconds"] > 0 and cost["peak_memory_mb"] > 0 for cost in summary["stages"].values()
    )
    assert {"tcn_robot", "torch", "mujoco", "python", "commit"} <= set(summary["versions"])
    report = (out / "report.html").read_text("utf-8")
    for section in ("views", "found", "similarity", "embedding", "alignment", "reward", "policy"):
        assert f'<section id="{section}"' in report
    printed = capfd.readouterr().out
    assert "$ tcn-robot train " in printed
    assert str(out / "report.html") in printed
    again = run_demo(TINY, out, 0, "tcn-robot demo")
    assert again["stages"] == summary["stages"]
    assert capfd.readouterr().out.count("done before") == len(stages)


@pytest.mark.slow
def test_after_an_interruption_it_goes_on_where_it_was(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    config = dataclasses.replace(TINY, demonstrations=30)
    script = (
        "import sys, pathlib\n"
        "from tcn_robot.cli import complain\n"
        "from tcn_robot.workflows.demo import run_demo\n"
        "from tcn_robot.workflows.demo_config import DemoConfig\n"
        f"run_demo({config!r}, pathlib.Path(sys.argv[1]), 0, 'tcn-robot demo AGAIN')\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(out)],
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    demonstrations = DemoFolders(out).demonstrations
    deadline = time.monotonic() + 90
    while not list(demonstrations.glob("episode_*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    children = psutil.Process(process.pid).children(recursive=True)
    assert children
    process.send_signal(signal.SIGTERM)
    _, words = process.communicate(timeout=90)
    assert process.returncode == 130
    assert "to go on: tcn-robot demo AGAIN" in words
    assert not any(child.is_running() for child in children)
    kept = len(list(demonstrations.glob("episode_*")))
    assert 1 <= kept < 30
    stages = [stage for group in plan(config, out, 0) for stage in group]
    assert stages[0].can_resume()
