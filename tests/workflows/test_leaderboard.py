"""`tcn-robot leaderboard`: from lines, runs and recordings to one page."""

import json

import pytest

from tcn_robot import cli
from tcn_robot.workflows import leaderboard, study
from tests.benchmarks.leaderboard.leaderboard_lines import lines_of_tasks
from tests.support.point_recordings import record_points
from tests.workflows.test_study_tasks import RUNS, TASKS, write_plan


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    data = record_points(folder / "data")
    plan = write_plan(folder, seeds=[0], tasks=TASKS[:1], runs=RUNS)
    places = ["--results", folder / "results", "--runs", folder / "runs", "--data", data]
    study.main([str(plan), *map(str, places), "--workers", "1"])
    return folder


def test_a_page_is_made_from_lines_runs_and_recordings(finished, tmp_path, capsys):
    out = tmp_path / "page.html"
    places = ["--runs", finished / "runs", "--data", finished / "data", "--out", out]
    leaderboard.main([str(finished / "results" / "wide.jsonl"), *map(str, places)])
    said = capsys.readouterr().out
    assert "not shown" not in said
    text = out.read_text("utf-8")
    assert text.count("<video") == 2
    assert "Held-out episode 0, from " in text
    assert "tcn-robot study docs/studies/wide.json" in "".join(
        part.replace("<span>", "").replace("</span>", "") for part in text.splitlines()
    )
    assert str(tmp_path) not in text


def test_lines_alone_are_enough_and_what_is_missing_is_said(tmp_path):
    lines = lines_of_tasks({"good": 0.05, "random": 0.3}, ("push", "pour"), seeds=1)
    for one in lines:
        one.pop("curve", None)
    path = tmp_path / "board.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in lines))
    evidence = leaderboard.gather_leaderboard([path], title="Ours")
    assert evidence.title == "Ours"
    assert [word.partition(":")[0] for word in evidence.missing] == [
        "Films of what each encoder finds",
        "Curves",
    ]
    assert evidence.commands == ["tcn-robot study docs/studies/board.json"]
    assert evidence.origin["commits"] == "abcdefabcd"
    assert evidence.data["push"] == "MujocoPush-v0: 8 held-out episodes, views front, left"


def test_curves_of_older_lines_come_from_the_runs(finished, tmp_path):
    lines = [json.loads(line) for line in (finished / "results" / "wide.jsonl").open()]
    whole = leaderboard.gather_leaderboard([finished / "results" / "wide.jsonl"])
    for one in lines:
        one.pop("curve", None)
    path = tmp_path / "wide.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in lines))
    runs = leaderboard.gather_leaderboard([path], finished / "runs", finished / "data")
    assert runs.curves == whole.curves
    assert list(whole.curves) == ["tcn"]


def test_runs_that_are_elsewhere_are_named(finished, tmp_path):
    lines = [finished / "results" / "wide.jsonl"]
    evidence = leaderboard.gather_leaderboard(lines, tmp_path, finished / "data")
    assert evidence.missing == [f"Films of near by random, tcn: no run in {tmp_path}."]
    evidence = leaderboard.gather_leaderboard(lines, finished / "runs", tmp_path)
    assert evidence.missing == [f"Films of near: no recording at {tmp_path / 'held-out'}."]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--out", "page.html"], "missing RESULTS"),
        (["none.jsonl", "--out", "page.html"], "no results at none.jsonl"),
        (["empty.jsonl", "--out", "page.html"], "expected lines of a study of embeddings"),
        (["empty.jsonl", "--out", "page.html", "--runs", "runs"], "--runs and --data both"),
        (["empty.jsonl", "--out", "a-file/page.html"], "a-file"),
        (["empty.jsonl", "--out", "."], "--out expects a file"),
    ],
)
def test_bad_input_is_one_line(arguments, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "a-file").write_text("")
    assert cli.main(["leaderboard", *arguments]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert words in line
    assert not (tmp_path / "page.html").exists()
