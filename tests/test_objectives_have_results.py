"""An objective is listed only with a committed result: rows of three seeds, beside the controls."""

from pathlib import Path

import pytest

from tcn_robot.benchmarks.leaderboard.objective_rows import group_studies
from tcn_robot.objectives import CONTROLS, OBJECTIVES
from tcn_robot.policies.results import read_lines
from tcn_robot.workflows.embedding_plan import find_result, load_embedding_study

DOCS = Path(__file__).resolve().parents[1] / "docs"
STUDIES = ("objectives-push", "objectives-pour")
# Backbones that saw other pictures come from a folder of the user: there is none to commit.
WITHOUT_RESULT = {"pretrained"}
# Most error of multi-view TCN, across views of held-out episodes.
PROMISED = {"objectives-push": 0.03, "objectives-pour": 0.05}


def lines_of(name):
    return read_lines(DOCS / "results" / f"{name}.jsonl")


def rows_of(name):
    [study] = group_studies(lines_of(name))
    return {row.run: row for row in study.rows}


def test_every_objective_and_control_has_a_row():
    measured = {row.objective for row in rows_of("objectives-push").values()}
    assert measured == (OBJECTIVES.keys() | CONTROLS.keys()) - WITHOUT_RESULT


@pytest.mark.parametrize("name", STUDIES)
def test_each_run_of_a_study_has_all_its_seeds_within_the_budget(name):
    study, rows = load_embedding_study(DOCS / "studies" / f"{name}.json"), rows_of(name)
    assert rows.keys() == {run.name for run in study.runs}
    assert len(study.seeds) >= 3
    for run in study.runs:
        lines = rows[run.name].lines
        assert tuple(line["seed"] for line in lines) == study.seeds
        assert all(line["core_seconds"] <= study.max_core_seconds for line in lines)


@pytest.mark.parametrize("name", STUDIES)
def test_the_committed_lines_are_of_the_options_in_the_studys_file(name):
    """Whoever changes a default or the file runs the study again."""
    study, lines = load_embedding_study(DOCS / "studies" / f"{name}.json"), lines_of(name)
    trained = [line for line in lines if line["kind"] == "embedding"]
    data = max(trained, key=lambda line: line["finished_utc"])["decides"]["data"]
    for run in study.runs:
        for seed in study.seeds:
            assert find_result(lines, run.with_seed(seed), data) is not None, (run.name, seed)


def test_no_line_of_the_leaderboard_would_be_made_again():
    """It is worked off over several days: what is there is of the options in its file."""
    study = load_embedding_study(DOCS / "studies" / "leaderboard.json")
    lines = [line for line in lines_of("leaderboard") if line["kind"] == "embedding"]
    assert {line["objective"] for line in lines} >= {"tcn", "tce", "random", "pixels"}
    for line in lines:
        planned = study.training(line["task_name"], line["run"], line["seed"])
        assert find_result([line], planned.config, line["decides"]["data"]) is line
        assert not line["commit"].endswith("+")


@pytest.mark.parametrize("name", STUDIES)
@pytest.mark.parametrize("run", ["tcn-infonce", "tcn-lifted"])
def test_multi_view_tcn_is_as_good_as_promised(name, run):
    row = rows_of(name)[run]
    assert max(row.seed_errors) <= PROMISED[name]
    assert row.figures["error"] < rows_of(name)["random"].figures["error"] / 5


@pytest.mark.parametrize("name", sorted(OBJECTIVES))
def test_each_objective_has_a_page_with_its_rows(name):
    page = (DOCS / "objectives" / f"{name}.md").read_text("utf-8")
    rows = page.partition("<!-- result rows -->")[2].partition("<!-- end of result rows -->")[0]
    for run, row in rows_of("objectives-push").items():
        if row.objective == name:
            assert f"| {run} | {100 * row.figures['error']:.1f} " in rows
    assert "tcn-robot study docs/studies/objectives-push.json" in rows
