"""Numbers as words: nothing is rounded into a claim, nothing that is missing becomes a zero."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from tcn_robot.report.evidence import Evidence, Stage
from tcn_robot.report.figures_policy import is_learned, run_label
from tcn_robot.report.policy_words import policy_headlines
from tcn_robot.report.sections import sections
from tcn_robot.report.words import (
    alignment_rows,
    duration_text,
    headlines,
    interval_text,
    measure_text,
    memory_text,
    share_text,
    stage_rows,
    wall_seconds,
)
from tests.report.synthetic import alignment, figures, full_evidence, policy_runs, stages


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (1.0, "100"), (0.012, "1.2"), (0.334, "33"), (0.996, "99.6"), (0.9, "90")],
)
def test_shares(value: float, text: str) -> None:
    assert share_text(value) == f"{text}\u202f%"


@pytest.mark.parametrize("value", [None, math.nan, math.inf])
def test_what_was_not_measured_is_a_dash(value: float | None) -> None:
    assert share_text(value) == measure_text("tau_b", value) == "–"


def test_intervals_and_orders() -> None:
    assert interval_text("error", [0.01, 0.0156]) == "1.0 to 1.6"
    assert interval_text("tau_b", [-0.5, 0.25]) == "−0.50 to 0.25"
    assert interval_text("error", None) == interval_text("error", [math.nan, 1.0]) == ""


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(8.4, "8 s"), (89.0, "89 s"), (125, "2 min 05 s"), (614, "10 min"), (3725, "1 h 02 min")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_memory() -> None:
    assert memory_text(950) == "950 MB"
    assert memory_text(2140) == "2.1 GB"


def test_a_row_that_was_not_measured_is_left_out() -> None:
    figures = alignment()
    del figures["untrained"]
    assert [row["key"] for row in alignment_rows(figures)] == [
        "trained", "collapsed", "frame_counter", "chance", "ceiling",
    ]  # fmt: skip


def test_the_first_headline_holds_the_learned_reward_against_the_sparse_one() -> None:
    first = policy_headlines(full_evidence().runs)[0]
    assert first.accent
    assert first.figure == "92\u202f%"
    assert "sparse task reward: 0\u202f%" in first.against


def test_two_runs_of_one_reward_keep_their_names_apart() -> None:
    progress, sparse = policy_runs()
    assert run_label(progress) == "learned reward (progress)"
    second = replace(progress, name="progress (second)")
    assert run_label(second) == "learned reward, progress (second)"
    assert run_label(replace(sparse, name="sparse (second)")) == "sparse task reward (second)"
    assert is_learned(second)
    assert not is_learned(sparse)


def test_cloning_is_no_learned_reward() -> None:
    cloned = replace(policy_runs()[0], reward="none", name="behaviour cloning (bc)")
    assert run_label(cloned) == "behaviour cloning (bc)"
    assert not is_learned(cloned)


def test_of_several_learned_rewards_the_best_is_named_with_how_many_there_were() -> None:
    progress, sparse = policy_runs()
    goal = replace(progress, name="goal", reward="goal", figures=figures(0.5))
    (headline,) = policy_headlines([goal, progress, sparse])
    assert headline.figure == "92\u202f%"
    assert headline.meaning.endswith("the best of 2 learned rewards, progress")
    assert headline.against == "sparse task reward: 0\u202f%"
    both = policy_headlines([goal, replace(progress, task="Reach-v0", study="hand-to-robot")])
    assert [one.meaning.partition(":")[0] for one in both] == ["MujocoPush-v0", "Reach-v0"]
    assert both[1].meaning.endswith("the learned reward of hand-to-robot")


def test_without_a_learned_reward_solved_tasks_are_counted() -> None:
    sparse = policy_runs()[1]
    dense = replace(sparse, reward="dense", name="dense", task="Reach-v0", figures=figures(0.8))
    (headline,) = policy_headlines([sparse, dense])
    assert (headline.figure, headline.against) == ("1 of 2", "Reach-v0")
    assert policy_headlines([sparse]) == []


@pytest.mark.parametrize(
    ("steps", "sentence"), [(60000, "only the reward differs"), (100, "Mind that budget")]
)
def test_a_comparison_is_called_fair_only_when_it_is(steps: int, sentence: str) -> None:
    evidence = full_evidence()
    progress, sparse = evidence.runs
    evidence.runs = [progress, replace(sparse, figures={**(sparse.figures or {}), "steps": steps})]
    words = next(section for section in sections(evidence) if section.key == "policy").paragraphs
    assert sentence in words[0]


def test_without_figures_there_are_no_headlines() -> None:
    assert headlines(Evidence()) == []


def test_stages_that_ran_side_by_side_count_once() -> None:
    evidence = full_evidence()
    assert wall_seconds(evidence) == 20 + 280 + 700
    nested = Evidence(stages=[Stage("a", "", 100, 1, 0), Stage("b", "", 10, 1, 50)])
    assert wall_seconds(nested) == 100


def test_stage_bars_lie_inside_the_time_line() -> None:
    rows = stage_rows(Evidence(stages=stages()))
    assert rows[0]["left"] == 0
    assert rows[2]["left"] == rows[3]["left"] == 30
    assert max(row["left"] + row["width"] for row in rows) == pytest.approx(100)
