"""Standings of runs on tasks and over them: who leads, what is marked, what is left out."""

import numpy as np
import pytest

from tcn_robot.benchmarks.leaderboard.boards import make_boards, task_names
from tcn_robot.benchmarks.leaderboard.objective_rows import group_studies
from tcn_robot.benchmarks.leaderboard.significance import paired_difference
from tcn_robot.metrics.aggregates import interquartile_mean
from tests.benchmarks.leaderboard.leaderboard_lines import (
    NUM_EPISODES,
    line,
    lines_of_tasks,
    reference,
)

MEANS = {"good": 0.05, "close": 0.052, "bad": 0.2, "random": 0.33, "nothing": 0.34}


@pytest.fixture(scope="module")
def studies():
    return group_studies(lines_of_tasks(MEANS, tasks=("push", "pour"), seeds=3))


@pytest.fixture(scope="module")
def boards(studies):
    return make_boards(studies)


def test_every_figure_has_a_board_with_every_task(boards):
    assert [board.measure.name for board in boards] == ["error", "tau_b"]
    assert all([task.name for task in board.tasks] == ["push", "pour"] for board in boards)


def test_runs_stand_by_their_mean_and_controls_have_no_rank(boards, studies):
    task = boards[0].tasks[0]
    means = [one.mean for one in task.standings]
    assert means == sorted(means)
    assert task.of("good").rank in (1.0, 2.0)
    assert task.of("bad").rank == 3.0
    assert task.of("random").rank is None
    row = {row.run: row for row in studies[0].rows}["bad"]
    values = [line["per_episode"]["error"] for line in row.lines]
    assert task.of("bad").mean == pytest.approx(np.mean(values), abs=1e-12)
    assert task.of("bad").seeds == pytest.approx(np.mean(values, axis=1), abs=1e-12)
    low, high = task.of("bad").interval
    assert low < task.of("bad").mean < high


def test_only_what_is_clearly_worse_is_marked(boards, studies):
    task = boards[0].tasks[0]
    best = task.standings[0]
    assert best.p_value is None
    assert best.behind_best is None
    assert task.of("bad").is_worse
    other = task.of("close" if best.run == "good" else "good")
    assert not other.is_worse
    rows = {row.run: row for row in studies[0].rows}
    first, second = (
        -np.array([one["per_episode"]["error"] for one in rows[run].lines])
        for run in (best.run, "bad")
    )
    alone = paired_difference(first, second, np.random.default_rng(5))
    found = task.of("bad").behind_best
    assert found.mean == pytest.approx(alone.mean, abs=1e-12)
    np.testing.assert_allclose(found.interval, alone.interval, atol=0.01)


def test_scores_over_all_tasks_are_compared_with_the_best():
    means = {"good": 0.05, "close": 0.05, "bad": 0.2, "random": 0.33}
    board = make_boards(group_studies(lines_of_tasks(means, tasks=("push", "pour"), seeds=3)))[0]
    best, *others = [one for one in board.overall if not one.is_control]
    assert best.p_value is None
    assert best.behind_best is None
    by_run = {one.run: one for one in others}
    assert by_run["bad"].is_worse
    assert not by_run["close" if best.run == "good" else "good"].is_worse
    for one in others:
        assert one.behind_best.mean == pytest.approx(best.score - one.score, abs=1e-12)
        assert one.behind_best.interval[0] <= one.behind_best.mean <= one.behind_best.interval[1]
        # holm of two: the smaller p-value doubled, the larger at least that
        assert one.p_value >= one.behind_best.p_value
    assert all(one.p_value is None for one in board.overall if one.is_control)


def test_what_a_control_reaches_is_marked(boards):
    task = boards[0].tasks[0]
    assert task.of("good").reached_by == ()
    assert set(task.of("nothing").reached_by) == {"random", "chance"}
    order = boards[1].tasks[0]
    assert "frame_counter" in order.of("good").reached_by
    assert order.of("random").reached_by == ()


def test_scores_run_from_the_untrained_encoder_to_the_ceiling(boards, studies):
    board = boards[0]
    scores = []
    for task, study in zip(board.tasks, studies, strict=True):
        rows = {row.run: row for row in study.rows}
        untrained = np.mean([one["per_episode"]["error"] for one in rows["random"].lines])
        assert task.zero == pytest.approx(untrained, abs=1e-12)
        assert task.one == 0.01
        of_seeds = np.mean([one["per_episode"]["error"] for one in rows["good"].lines], axis=1)
        scores += [(one - untrained) / (0.01 - untrained) for one in of_seeds]
    by_run = {one.run: one for one in board.overall}
    assert by_run["good"].score == pytest.approx(interquartile_mean(scores), abs=1e-12)
    assert by_run["random"].score == pytest.approx(0.0, abs=0.05)
    assert by_run["random"].rank is None
    assert [one.run for one in board.overall][-2:] in (["random", "nothing"], ["nothing", "random"])
    assert by_run["bad"].rank == 3.0


def test_the_matrix_says_who_beats_whom(boards):
    board = boards[0]
    order = [one.run for one in board.overall]
    good, bad = order.index("good"), order.index("bad")
    assert board.better[good, bad] == 1.0
    assert board.better[bad, good] == 0.0
    np.testing.assert_allclose(board.better + board.better.T, 1.0, atol=1e-12)
    assert (board.better_low <= board.better).all()
    assert (board.better <= board.better_high).all()


def test_runs_that_lack_a_task_are_left_out_over_all_tasks():
    lines = lines_of_tasks(MEANS, tasks=("push", "pour"), seeds=1)
    lines.append(line("push", "alone", 0, 0.1))
    board = make_boards(group_studies(lines))[0]
    assert board.tasks[0].of("alone") is not None
    assert board.tasks[1].of("alone") is None
    assert "alone" not in [one.run for one in board.overall]


def test_a_task_with_controls_only_waits():
    lines = lines_of_tasks(MEANS, tasks=("push", "pour"), seeds=1)
    lines += lines_of_tasks({"random": 0.3, "pixels": 0.3}, tasks=("reach",), seeds=1)
    board = make_boards(group_studies(lines))[0]
    assert [task.name for task in board.tasks] == ["push", "pour"]
    assert board.overall[0].run in ("good", "close")
    lines.append(line("reach", "alone", 0, 0.1))
    board = make_boards(group_studies(lines))[0]
    assert len(board.tasks) == 3
    assert board.overall == ()  # the controls alone have all three


def test_tasks_are_on_one_scale():
    """Where one task lacks the untrained encoder, chance is 0 for all of them."""
    lines = lines_of_tasks(MEANS, tasks=("push", "pour"), seeds=1)
    lines = [one for one in lines if (one.get("run"), one["task_name"]) != ("random", "pour")]
    board = make_boards(group_studies(lines))[0]
    assert [task.zero for task in board.tasks] == [1 / 3, 1 / 3]
    assert [task.zero_from for task in board.tasks] == ["chance", "chance"]


def test_one_task_has_no_scores_over_all():
    [error, _] = make_boards(group_studies(lines_of_tasks(MEANS, tasks=("push",), seeds=1)))
    assert error.overall == ()
    assert error.tasks[0].of("good").interval[0] < error.tasks[0].of("good").interval[1]


def test_without_controls_or_reference_chance_and_0_are_the_scale():
    lines = [line(task, "good", 0, 0.1) for task in ("push", "pour")]
    board = make_boards(group_studies([*lines, reference("push"), reference("pour")]))[0]
    assert (board.tasks[0].zero, board.tasks[0].one) == (1 / 3, 0.01)
    bare = make_boards(group_studies(lines[:1]))[0]
    assert (bare.tasks[0].zero, bare.tasks[0].one) == (0.0, 0.0)
    both = [line(task, run, 0, 0.1) for task in ("push", "pour") for run in ("good", "bad")]
    without_scale = make_boards(group_studies(both))[0]
    assert without_scale.overall == ()


def test_one_view_has_no_board_of_errors():
    lines = lines_of_tasks(MEANS, tasks=("push",), seeds=1)
    for one in lines:
        if one["kind"] == "embedding":
            one["per_episode"]["error"] = one["per_episode"]["accuracy_1"] = None
            one["figures"]["error"] = None
    assert [board.measure.name for board in make_boards(group_studies(lines))] == ["tau_b"]


def test_the_same_lines_give_the_same_boards(boards, studies):
    again = make_boards(studies)
    assert again[0].tasks == boards[0].tasks
    assert again[0].overall == boards[0].overall
    np.testing.assert_array_equal(again[0].better_low, boards[0].better_low)


def test_tasks_of_one_name_are_told_apart():
    lines = lines_of_tasks(MEANS, tasks=("push",), seeds=1)
    other = [one | {"study": "other"} for one in lines]
    assert task_names(group_studies([*lines, *other])) == ["push (board)", "push (other)"]
    assert NUM_EPISODES > 2
