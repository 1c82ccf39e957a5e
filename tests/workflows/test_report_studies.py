"""`tcn-robot report` on several runs and on studies: what is compared, from folders and lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tcn_robot import cli
from tcn_robot.errors import UserError
from tcn_robot.report.policy_evidence import PolicyRun
from tcn_robot.workflows import imitate, study
from tcn_robot.workflows import report as report_command
from tcn_robot.workflows.report import gather_evidence
from tests.policies.point_task import TASK
from tests.report.browser import Browser, find_browser
from tests.report.synthetic import AUDIT_RECORD
from tests.support.source_files import ROOT

TINY = {
    "task": TASK, "steps": 64, "num_envs": 2, "batch_size": 16, "hidden_units": [16],
    "learning_starts_steps": 32, "evaluation_interval_steps": 32, "evaluation_starts": 2,
    "final_starts": 3, "films": False,
}  # fmt: skip
AS_OPTIONS = [
    *("--steps", "64", "--num-envs", "2", "--batch-size", "16", "--hidden-units", "16"),
    *("--learning-starts", "32", "--evaluate-every", "32", "--evaluation-starts", "2"),
    *("--final-starts", "3", "--no-tensorboard", "--workers", "1"),
]


def write_plan(path: Path, runs: list[dict[str, Any]], **more: Any) -> Path:
    plan = {"name": path.stem, "defaults": TINY | {"seeds": [0, 1]}, "runs": runs, **more}
    path.write_text(json.dumps(plan))
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished study of two rewards, and a run of its own with films."""
    folder = tmp_path_factory.mktemp("studies")
    plan = write_plan(
        folder / "points.json", [{"reward": "dense"}, {"reward": "sparse", "seeds": [0]}],
        description="Points; `make` <nothing>.",
    )  # fmt: skip
    places = ["--results", str(folder / "results"), "--runs", str(folder / "runs")]
    study.main([str(plan), *places, "--workers", "1"])
    imitate.main([TASK, "--reward", "dense", *AS_OPTIONS, "--out", str(folder / "alone")])
    return folder


def by_name(runs: list[PolicyRun]) -> dict[str, PolicyRun]:
    return {run.name: run for run in runs}


def test_a_study_shows_the_same_as_its_lines_and_its_folders(made: Path) -> None:
    planned = gather_evidence([made / "points.json"], results=made / "results")
    from_lines = gather_evidence([made / "results" / "points.jsonl"])
    from_folders = gather_evidence(sorted((made / "runs" / "points").iterdir()))
    assert list(by_name(planned.runs)) == ["dense", "sparse"]
    for name, run in by_name(planned.runs).items():
        for other in (by_name(from_lines.runs)[name], by_name(from_folders.runs)[name]):
            assert run.figures == other.figures
            assert run.curve is not None
            assert other.curve is not None
            np.testing.assert_array_equal(run.curve.success, other.curve.success)
            np.testing.assert_array_equal(run.curve.interval, other.curve.interval)
            assert dict(run.options) == dict(other.options)
    assert planned.description == "Points; `make` <nothing>."
    assert planned.repeat == [f"tcn-robot study {made / 'points.json'}"]
    assert from_folders.repeat[0].startswith(f"tcn-robot imitate {TASK} --reward dense")
    assert planned.missing == ["Films of studies: lines of results hold figures alone."]


def test_figures_are_those_of_the_results(made: Path) -> None:
    results = [
        json.loads((made / "runs" / "points" / "PointReach-dense" / f"seed_{seed}" / "result.json")
                   .read_text())
        for seed in (0, 1)
    ]  # fmt: skip
    dense = by_name(gather_evidence([made / "results" / "points.jsonl"]).runs)["dense"]
    assert dense.figures is not None
    assert dense.curve is not None
    returns = np.array([result["final"]["episodes"]["return_dense"] for result in results])
    value, (low, high) = dense.figures["true_return"]
    assert value == pytest.approx(returns.mean())  # of two seeds nothing is cut off
    assert returns.min() <= low < value < high <= returns.max()
    seeds = [[line["success"] for line in result["evaluations"]] for result in results]
    np.testing.assert_array_equal(dense.curve.success, seeds)
    np.testing.assert_allclose(dense.curve.middle, np.mean(seeds, axis=0))


def test_runs_of_one_reward_in_several_studies_are_told_apart(made: Path) -> None:
    lines = made / "results" / "points.jsonl"
    again = made / "again.jsonl"
    again.write_text(lines.read_text().replace('"study": "points"', '"study": "again"'))
    evidence = gather_evidence([lines, again, made / "alone"])
    assert set(by_name(evidence.runs)) == {
        "dense (alone)", "dense (again: PointReach-dense)", "dense (points: PointReach-dense)",
        "sparse (again: PointReach-sparse)", "sparse (points: PointReach-sparse)",
    }  # fmt: skip
    assert evidence.studies == ["points", "again"]
    alone = by_name(evidence.runs)["dense (alone)"]
    assert set(alone.films) == {"front", "top"}
    assert alone.command in evidence.repeat


def test_what_a_study_lacks_is_named(made: Path, tmp_path: Path) -> None:
    runs = [{"reward": "dense", "seeds": [0, 5]}, {"reward": "dense", "name": "slow", "steps": 96}]
    plan = write_plan(tmp_path / "points.json", runs)
    evidence = gather_evidence([plan], results=made / "results")
    (run,) = evidence.runs
    assert run.figures is not None
    assert run.figures["seed_numbers"] == [0]
    missing = "\n".join(evidence.missing)
    assert "points, run PointReach-dense, seed 5: no line in" in missing
    assert "points, run slow, seeds 0, 1: no line in" in missing
    assert "2 lines of" in missing  # dense 1, sparse 0


def test_of_results_with_several_options_the_newest_count(made: Path, tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    lines = [
        json.loads(text)
        for text in (made / "results" / "points.jsonl").read_text().split("\n")
        if text
    ]
    old = {**lines[0], "key": "old", "finished_utc": "2000-01-01", "seed": 9}
    old["config"] = {**old["config"], "batch_size": 8}
    path.write_text("".join(json.dumps(line) + "\n" for line in [old, *lines]))
    evidence = gather_evidence([path])
    dense = by_name(evidence.runs)["dense"]
    assert dense.figures is not None
    assert dense.figures["seed_numbers"] == [0, 1]
    assert any("1 of 3 lines of points, run PointReach-dense" in line for line in evidence.missing)


def test_a_torn_line_is_named_and_the_others_are_shown(made: Path, tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    first, *rest = (made / "results" / "points.jsonl").read_text().splitlines()
    path.write_text("\n".join([first, first[:50], *rest]))
    evidence = gather_evidence([path])
    assert f"{path} line 2: torn, no JSON." in evidence.missing
    assert len(evidence.runs) == 2


DAMAGES = {
    "expected 'figures'": lambda line: line.pop("figures"),
    "expected 'task' of 'config'": lambda line: line["config"].pop("task"),
    "expected 'final' of 'figures'": lambda line: line.update(figures={"evaluations": []}),
    "expected a list as 'evaluations'": lambda line: line["figures"].update(evaluations=[]),
    "expected a number as 'success'": lambda line: line["figures"]["final"].update(success="x"),
    "expected a number as 'steps'": lambda line: line["figures"]["evaluations"][0].pop("steps"),
    "unknown option 'wings'": lambda line: line["config"].update(wings=2),
}


@pytest.mark.parametrize("message", DAMAGES)
def test_a_damaged_line_is_refused(made: Path, tmp_path: Path, message: str) -> None:
    line = json.loads((made / "results" / "points.jsonl").read_text().splitlines()[0])
    DAMAGES[message](line)
    (tmp_path / "results.jsonl").write_text(json.dumps(line) + "\n")
    with pytest.raises(UserError, match=message) as caught:
        gather_evidence([tmp_path / "results.jsonl"])
    assert "\n" not in str(caught.value)


def few_trials(folder: Path) -> str:
    (folder / "config.json").write_text('{"kind": "few_trials"}')
    return "."


REFUSED = {
    "nothing.json": "found nothing there",
    "other.json": "found another file",
    "notes.txt": "found another file",
    "broken.json": "no readable JSON",
    "empty.jsonl": "nothing is finished yet",
    "torn.jsonl": r"found torn ones only \(line 1\); restore",
    "encoders.jsonl": r"found \[\"embedding\"\]; the page of embeddings is made by `tcn-robot lead",
    "audit.json": "found no task; audit",
    "probes.json": "found no family of probe stall",
    ".": "another config.json of kind 'few_trials'",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_run_study_or_audit_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text('{"a": 1}')
    (tmp_path / "notes.txt").write_text("seen")
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "torn.jsonl").write_text('{"schema_version": 1, "ki', "utf-8")
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "encoders.jsonl").write_text('{"schema_version": 1, "kind": "embedding"}\n')
    (tmp_path / "audit.json").write_text('{"probes": {}}')
    record = {**AUDIT_RECORD, "probes": {"stall": {"probe": "stall"}}}
    (tmp_path / "probes.json").write_text(json.dumps(record))
    (tmp_path / "config.json").write_text('{"kind": "few_trials"}')
    with pytest.raises(UserError, match=REFUSED[name]) as caught:
        gather_evidence([tmp_path / name])
    assert "\n" not in str(caught.value)


def test_a_study_of_embeddings_or_without_results_is_refused(tmp_path: Path) -> None:
    encoders = ROOT / "docs" / "studies" / "objectives-push.json"
    with pytest.raises(UserError, match=r"is a study of embeddings.*`tcn-robot leaderboard"):
        gather_evidence([encoders])
    plan = write_plan(tmp_path / "points.json", [{"reward": "dense"}])
    with pytest.raises(UserError, match=r"nothing is finished yet in .*no line in"):
        gather_evidence([plan], results=tmp_path)


def test_the_command_ends_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = cli.main(["report", str(tmp_path / "none.jsonl"), "--out", str(tmp_path / "page.html")])
    assert code == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert not (tmp_path / "page.html").exists()


def test_committed_studies_make_a_page_from_git_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    out = tmp_path / "page.html"
    names = ("task-rewards", "learned-rewards-push", "hand-to-robot")
    report_command.main([*(f"docs/studies/{name}.json" for name in names), "--out", str(out)])
    text = out.read_text("utf-8")
    for word in ("MujocoPush-v0", "MujocoReach-v0", "learned-rewards-push: push-progress"):
        assert word in text
    assert "tcn-robot study docs/studies/hand-to-robot.json" in text.replace("<span>", "").replace(
        "</span>", ""
    )
    assert "<video" not in text
    assert str(ROOT) not in text
    assert "not shown: Films of studies" in capsys.readouterr().out


@pytest.mark.parametrize(("width", "dark"), [(1200, False), (390, True)])
def test_a_browser_shows_runs_and_studies_side_by_side(
    made: Path, tmp_path: Path, width: int, dark: bool
) -> None:
    executable = find_browser()
    if executable is None:
        pytest.skip("no Chromium; on Debian: apt-get install chromium")
    page = tmp_path / "page.html"
    sources = [str(made / "points.json"), str(made / "alone")]
    report_command.main([*sources, "--results", str(made / "results"), "--out", str(page)])
    browser = Browser(executable, tmp_path / "profile")
    try:
        shown = browser.look(page, width, dark)
        assert shown["sections"] == ["policy", "films", "options", "made", "missing"]
        assert len(shown["images"]) == 2  # standings and curves
        assert len(shown["films"]) == 2
        browser.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        assert browser.evaluate("document.documentElement.scrollWidth") <= width
        rows = browser.evaluate("document.querySelectorAll('.policies tbody tr').length")
        assert rows == 3
        assert "Points; make <nothing>." in browser.evaluate("document.body.innerText")
    finally:
        browser.close()
