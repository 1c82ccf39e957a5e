"""`tcn-robot audit` as a user runs it, on a task small enough to wait for."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

from tcn_robot import cli
from tcn_robot.audit.material import Material
from tcn_robot.audit.probes.table import PROBES
from tcn_robot.audit.verdicts import Finding
from tcn_robot.errors import UserError
from tcn_robot.models import ConvolutionalConfig, ConvolutionalEncoder, seeded_generator
from tcn_robot.workflows.audit import main
from tcn_robot.workflows.learned_reward import fit_reward
from tests.policies.point_task import GOAL_TASK, PointReach
from tests.workflows.point_demos import record_demos

QUICK = ["--episodes", "2", "--adversary-rollouts", "10"]


class Blind(PointReach):
    """A task without a camera."""

    view_names = ()  # type: ignore[assignment]


class Silent(PointReach):
    """A task that never says whether it is done, nor how far it has come."""

    def labels(self) -> dict[str, Any]:
        return {**super().labels(), "success": None, "progress": None}


gymnasium.register("PointBlind-v0", entry_point=lambda **options: Blind(**options))
gymnasium.register(
    "PointSilent-v0", entry_point=lambda **options: Silent(fixed_target=True, **options)
)


@pytest.fixture(scope="module")
def demos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(record_demos(tmp_path_factory.mktemp("data") / "demos"))


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "encoder-run"
    config = ConvolutionalConfig(
        image_size_px=16, dimension=4, channels=(4, 4), strides=(2, 1), hidden=8
    )
    ConvolutionalEncoder(config, seeded_generator(0)).save(folder / "encoder")
    return folder


@pytest.fixture
def given(encoder: Path, demos: Path) -> list[str]:
    return ["--task", GOAL_TASK, "--encoder", str(encoder), "--demos", str(demos), *QUICK]


def test_the_whole_command(
    given: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, page = tmp_path / "deep" / "audit.json", tmp_path / "page.html"
    main([*given, "--out", str(out), "--report", str(page)])
    record = json.loads(out.read_text("utf-8"))
    assert record["schema_version"] == 1
    assert record["complete"]
    assert list(record["probes"]) == list(PROBES)
    assert 0.0 <= record["score"] <= 1.0
    assert record["accepted"] in (True, False)
    assert record["settings"] == {"episodes": 2, "adversary_rollouts": 10, "seed": 0}
    assert record["views"] == ["front"]
    assert len(record["encoder_sha256"]) == 64
    assert {"versions", "commit", "task", "reward"} <= set(record)
    assert record["probes"]["mimicry"]["verdict"] == "not applicable"
    assert record["probes"]["adversary"]["figures"]["rollouts"] == 10
    assert "recorded demonstrations" in record["notes"][0]
    printed = capsys.readouterr().out
    assert all(re.search(rf"^(pass|FAIL|n/a) +{name} ", printed, re.M) for name in PROBES)
    text = page.read_text("utf-8")
    assert "<video" in text
    assert not re.findall(r'(?:src|srcset|poster|href)="(?!data:|#)', text)


def test_the_same_command_finds_the_same(given: list[str], tmp_path: Path) -> None:
    found = []
    for name in ("a.json", "b.json"):
        main([*given, "--out", str(tmp_path / name)])
        found.append((tmp_path / name).read_text("utf-8"))
    assert found[0] == found[1]


def test_a_fitted_reward(
    encoder: Path, demos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fit_reward("goal", encoder, demos).save(tmp_path / "reward")
    task = ["--task", GOAL_TASK, "--fitted", str(tmp_path / "reward"), *QUICK]
    main([*task, "--demos", str(demos), "--probes", "order", "--out", str(tmp_path / "a.json")])
    record = json.loads((tmp_path / "a.json").read_text("utf-8"))
    assert record["reward"] == "goal"
    assert len(record["fitted_sha256"]) == 64
    assert list(record["probes"]) == ["order"]
    assert record["score"] is None
    assert record["accepted"] in (None, False)  # order alone accepts nothing
    assert "adversary" in record["not_tried"]
    assert "no score" in capsys.readouterr().out
    with pytest.raises(UserError, match="no recorded success"):
        main(task)  # nobody acts this task out, and no demonstrations are given


def test_a_task_that_never_says_it_is_done(given: list[str], tmp_path: Path) -> None:
    given[1] = "tests.workflows.test_audit:PointSilent-v0"
    given[5] = str(record_demos(tmp_path / "demos", task="PointSilent-v0"))
    main([*given, "--out", str(tmp_path / "a.json")])
    probes = json.loads((tmp_path / "a.json").read_text("utf-8"))["probes"]
    assert probes["adversary"]["verdict"] == "not applicable"
    assert probes["separation"]["verdict"] in ("pass", "fail")


def test_what_was_done_before_a_stop_is_kept(
    given: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    def stopped(material: Material) -> Finding:
        raise KeyboardInterrupt

    monkeypatch.setitem(PROBES, "stall", replace(PROBES["stall"], run=stopped))
    out = tmp_path / "audit.json"
    assert cli.main(["audit", *given, "--out", str(out)]) == cli.EXIT_INTERRUPTED
    record = json.loads(out.read_text("utf-8"))
    assert list(record["probes"]) == ["separation", "order"]
    assert record["complete"] is False
    assert record["score"] is None
    assert str(out) in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (["--probes", "order", "mimikry"], "did you mean 'mimicry'"),
        (["--adversary-rollouts", "-3"], "0 or more"),
        (["--episodes", "0"], "at least 2"),
        (["--horizon", "1"], "at least 2"),
        (["--reward", "sparse"], "the task's own reward"),
        (["--reward", "progres"], "did you mean 'progress'"),
        (["--reward-options", "gate"], "name=value"),
        (["--views", "frond"], "did you mean 'front'"),
        (["--task", "tests.workflows.test_audit:PointBlind-v0"], "shows task"),
        (["--task", "MujocoReach-v0"], "shows task"),
        (["--task", "PointGaol-v0"], "unknown task"),
        (["--encoder", "no-such-run"], "no run at"),
        (["--demos", "no-such-folder"], "no-such-folder"),
        (["--fitted", "somewhere"], "leave --encoder"),
    ],
)
def test_bad_input_is_one_line(
    given: list[str], tmp_path: Path, changes: list[str], words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    if changes[0] in given:
        place = given.index(changes[0])
        given[place + 1] = changes[1]
        changes = []
    assert cli.main(["audit", *given, *changes, "--out", str(tmp_path / "a.json")]) == 2
    errors = capsys.readouterr().err.strip().splitlines()
    assert errors[-1].startswith("tcn-robot: error:")
    assert words in errors[-1]
    assert not (tmp_path / "a.json").exists()


def test_nothing_to_audit(demos: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="or --fitted"):
        main(["--task", GOAL_TASK, "--demos", str(demos)])
    with pytest.raises(UserError, match=r"found no reward\.json"):
        main(["--task", GOAL_TASK, "--fitted", str(tmp_path)])


def test_a_task_without_a_camera(encoder: Path, tmp_path: Path) -> None:
    blind = "tests.workflows.test_audit:PointBlind-v0"
    recorded = record_demos(tmp_path / "demos", task="PointBlind-v0")
    with pytest.raises(UserError, match="no camera"):
        main(["--task", blind, "--encoder", str(encoder), "--demos", str(recorded)])


def test_a_folder_is_no_file(given: list[str], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="expects a file"):
        main([*given, "--report", str(tmp_path)])


def test_figures_and_page_are_two_files(given: list[str], tmp_path: Path) -> None:
    path, same = tmp_path / "a.json", tmp_path / "x" / ".." / "a.json"
    with pytest.raises(UserError, match="the same file"):
        main([*given, "--out", str(path), "--report", str(same)])
    assert not path.exists()


def test_one_demonstration_is_enough_to_be_audited(
    encoder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    demos = record_demos(tmp_path / "demos", (("train", True),))
    main(["--task", GOAL_TASK, "--encoder", str(encoder), "--demos", str(demos), *QUICK,
          "--probes", "order", "separation"])  # fmt: skip
    assert "score" in capsys.readouterr().out


def test_recorded_labels_give_the_credit(given: list[str], tmp_path: Path) -> None:
    main([*given, "--probes", "stop", "--out", str(tmp_path / "a.json")])
    figures = json.loads((tmp_path / "a.json").read_text("utf-8"))["probes"]["stop"]["figures"]
    assert np.isfinite(figures["due"])
