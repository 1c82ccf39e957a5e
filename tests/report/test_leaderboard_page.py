"""The page of a leaderboard: its words, its figures, and a real browser without a complaint."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tcn_robot.benchmarks.leaderboard.boards import make_boards
from tcn_robot.benchmarks.leaderboard.objective_rows import group_studies
from tcn_robot.look import LIGHT, drawing
from tcn_robot.report.figures_leaderboard import overall_figure, standings_figure
from tcn_robot.report.leaderboard_evidence import LeaderboardEvidence, RetrievalFilms, SeedCurve
from tcn_robot.report.leaderboard_page import render_leaderboard, write_leaderboard
from tcn_robot.report.leaderboard_words import (
    board_rows,
    cost_rows,
    leaderboard_headlines,
    legend_of,
    order_of,
)
from tcn_robot.report.media import encode_film
from tcn_robot.workflows.leaderboard import _facts
from tests.benchmarks.leaderboard.leaderboard_lines import lines_of_tasks
from tests.report.browser import Browser
from tests.report.synthetic import moving_square

MEANS = {"good": 0.05, "bad": 0.2, "nothing": 0.34, "random": 0.33}
SECTIONS = ["overall", "error", "tau_b", "films", "curves", "made"]


def evidence_of(tasks: tuple[str, ...], seeds: int = 2) -> LeaderboardEvidence:
    studies = group_studies(lines_of_tasks(MEANS, tasks, seeds))
    curve = SeedCurve([10, 20, 30], [3.0, 2.0, 1.0], [20, 30], [0.3, 0.1])
    film = encode_film(moving_square(20), 10)
    return LeaderboardEvidence(
        title="A <board>",
        boards=make_boards(studies),
        facts=_facts(dict(zip(tasks, studies, strict=True))),
        curves={run: {task: [curve] for task in tasks} for run in ("good", "bad", "nothing")},
        films=[
            RetrievalFilms(task, "Episode 1", "front", "left", dict.fromkeys(MEANS, film), 0)
            for task in tasks
        ],
        data=dict.fromkeys(tasks, "8 episodes"),
        origin={"commits": "abc"},
        commands=["tcn-robot study board.json"],
        missing=["Nothing."],
    )


@pytest.fixture(scope="module")
def evidence() -> LeaderboardEvidence:
    return evidence_of(("push", "pour"))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, evidence: LeaderboardEvidence) -> Path:
    path = tmp_path_factory.mktemp("leaderboard") / "page.html"
    write_leaderboard(evidence, path)
    return path


def test_the_page_holds_everything_itself_and_escapes_names(page: Path) -> None:
    text = page.read_text("utf-8")
    sources = re.findall(r'(?:src|srcset|poster|href)="([^"]{0,40})', text)
    assert sources
    assert all(source.startswith(("data:", "#")) for source in sources)
    assert "A &lt;board&gt;" in text
    assert "<board>" not in text
    assert "it is chance here" not in text
    assert "0 untrained, 1 the ceiling" in text


def test_a_row_says_how_a_run_stands(evidence: LeaderboardEvidence) -> None:
    rows = {row.name: row for row in board_rows(evidence.boards[0])}
    assert next(iter(rows)) == "good"
    good, bad, nothing = rows["good"], rows["bad"], rows["nothing"]
    assert good.cells[0].is_best
    assert good.cells[0].letters == ""
    assert good.rank == "1"
    assert bad.cells[0].is_worse
    assert nothing.cells[0].letters == "cu"
    assert rows["random"].kind == "control"
    assert rows["random"].cells[0].rank == ""
    assert rows["random"].score == "0.00"
    assert rows["chance"].kind == "reference"
    assert rows["chance"].cells[0].figure == "33\u202f%"
    assert legend_of(list(rows.values())) == ["c chance", "u an untrained encoder"]


def test_a_leader_that_is_not_surely_better_is_no_best(evidence: LeaderboardEvidence) -> None:
    clear = leaderboard_headlines(evidence)[0]
    assert (clear.figure, clear.meaning.startswith("is best at")) == ("good", True)
    board = evidence.boards[0]
    overall = [replace(one, p_value=0.2 if one.run == "bad" else one.p_value)
               for one in board.overall]  # fmt: skip
    close = replace(evidence, boards=[replace(board, overall=tuple(overall))])
    unclear = leaderboard_headlines(close)[0]
    assert unclear.meaning.startswith("leads at")
    assert unclear.meaning.endswith("not surely before bad")


def test_costs_are_told_per_task(evidence: LeaderboardEvidence) -> None:
    rows = {row["run"]: row for row in cost_rows(evidence.facts, ["push", "pour", "reach"])}
    assert rows["good"]["minutes"] == ["1.0", "1.0", "–"]
    assert rows["random"]["minutes"] == ["–", "–", "–"]
    assert rows["good"]["seeds"] == "2"


def test_figures_show_means_intervals_and_seeds(evidence: LeaderboardEvidence) -> None:
    board = evidence.boards[0]
    with drawing(LIGHT):
        figure = standings_figure(board, order_of(board), LIGHT)
        axes = figure.axes[0]
        drawn = {tuple(np.round(line.get_xdata(), 6)) for line in axes.lines}
        for standing in board.tasks[0].standings:
            assert tuple(np.round(standing.seeds, 6)) in drawn
            assert tuple(np.round(standing.interval, 6)) in drawn
        labels = [text.get_text() for text in axes.get_yticklabels()]
        assert labels == list(reversed(order_of(board)))
        scores = overall_figure([board], LIGHT).axes[0]
        dots = [line.get_xdata()[0] for line in scores.lines if line.get_marker() == "o"]
        assert dots == [one.score for one in reversed(board.overall)]


def test_one_task_and_one_seed_is_a_page_without_scores() -> None:
    evidence = evidence_of(("push",), seeds=1)
    evidence.films, evidence.curves = [], {}
    text = render_leaderboard(evidence)
    assert 'id="overall"' not in text
    assert 'id="films"' not in text
    assert "Who beats whom" not in text
    assert "over episodes only, as there is one seed" in text


@pytest.mark.parametrize(("width", "dark"), [(1200, False), (390, True)])
def test_a_browser_shows_everything_without_complaint(
    page: Path, browser: Browser, width: int, dark: bool
) -> None:
    shown = browser.look(page, width, dark)
    assert shown["sections"] == SECTIONS
    assert len(shown["images"]) == 1 + 2 * 2 + 2
    assert len(shown["films"]) == 8
