"""Runs side by side, lines from before single episodes were kept, keys that stay what they were."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import trim_mean

from tcn_robot.policies.comparison import (
    ComparedRun,
    aggregate,
    episode_figures,
    method_of,
    over_tasks,
    success_while_training,
)
from tcn_robot.policies.evaluation import EpisodeResult, summarise
from tcn_robot.policies.results import read_lines
from tcn_robot.policies.study_plan import load_plan
from tcn_robot.policies.tables import (
    RunResults,
    group_runs,
    names_of_runs,
    table_of,
    table_over_tasks,
)


def final(successes, per_episode=True):
    results = [
        EpisodeResult(seed, bool(success), bool(success), 2.0 * success, float(seed))
        for seed, success in enumerate(successes)
    ]
    return summarise(results, per_episode)


def test_figures_of_single_starts_are_kept_in_their_order():
    found = final([1, 0, 1])
    assert found["episodes"]["success"] == [1, 0, 1]
    assert found["episodes"]["return_dense"] == [0, 1, 2]
    assert "return_learned" not in found["episodes"]
    assert "episodes" not in final([1], per_episode=False)
    figures = episode_figures([final([1, 0, 1]), final([0, 0, 1])], "success")
    np.testing.assert_array_equal(figures, [[1, 0, 1], [0, 0, 1]])


def test_results_from_before_that_still_have_a_success():
    old = [final([1, 0, 1, 1], per_episode=False), final([0, 0, 1, 1])]
    np.testing.assert_array_equal(episode_figures(old, "success").sum(axis=1), [3, 2])
    assert episode_figures(old, "return_dense") is None
    assert episode_figures([final([1]), final([1, 1])], "success") is None


def test_success_while_training_is_the_mean_where_every_seed_was_evaluated():
    def line(steps, successes):
        return {"steps": steps, **final(successes)}

    seeds = [
        [line(10, [0, 0, 0, 0]), line(20, [1, 1, 0, 0]), line(30, [1, 1, 1, 1])],
        [line(20, [1, 1, 1, 0]), line(10, [0, 0, 0, 0])],
    ]
    found = success_while_training(seeds)
    assert list(found) == [10, 20]
    assert found[20].value == pytest.approx((2 / 4 + 3 / 4) / 2)
    low, high = found[20].interval
    assert 0 <= low < found[20].value < high <= 1
    assert found[10].interval is None  # drawing again what is all alike says nothing
    assert success_while_training([]) == {}


def test_runs_of_a_task_are_named_by_what_tells_them_apart():
    def run(name, reward, study="", **options):
        return RunResults("Push-v0", name, reward, 10, (), options, study)

    runs = [
        run("a", "progress"),
        run("b", "dense", "one"),
        run("b", "dense", "two"),
        run("c", "dense", "two"),
        run("d", "none"),
        run("e", "progress", observation="embedding"),
    ]
    assert names_of_runs(runs) == [
        *("progress", "dense (one: b)", "dense (two: b)", "dense (c)"),
        *("behaviour cloning", "progress, sees embedding"),
    ]


def runs_of(*shares, task="Push-v0", method="sac, dense", study=""):
    finals = tuple(final([1] * round(10 * s) + [0] * round(10 - 10 * s)) for s in shares)
    return ComparedRun("run", task, method, finals, study)


def test_an_aggregate_is_the_trimmed_mean_of_all_seeds():
    runs = [runs_of(0.2, 0.9, 1.0), runs_of(0.0, 0.4, task="Reach-v0")]
    found = aggregate(runs, "success")
    assert found.value == pytest.approx(trim_mean([0.2, 0.9, 1.0, 0.0, 0.4], 0.25))
    assert found.interval[0] <= found.value <= found.interval[1]
    assert aggregate(runs, "success") == found
    assert aggregate(runs, "return_learned") is None


def test_methods_are_pooled_over_tasks_but_never_within_one():
    push, reach = runs_of(1.0), runs_of(1.0, task="Reach-v0")
    assert over_tasks([push, reach]) == {"sac, dense": [push, reach]}
    assert over_tasks([push, reach, runs_of(0.5)]) == {}
    assert over_tasks([push]) == {}
    other = runs_of(0.5, task="Reach-v0", study="other")
    assert over_tasks([push, other]) == {}


def test_a_method_says_what_is_seen_and_which_gap():
    assert method_of({"reward": "dense"}) == "sac, dense"  # a line of the first studies
    config = {"algo": "tqc", "reward": "progress", "observation": "embedding"}
    assert method_of(config | {"gap": "other-body"}) == "tqc, progress, other-body, sees embedding"
    assert method_of({"algo": "bc", "reward": "none"}) == "bc"


def test_rewards_that_differ_in_an_option_are_different_methods():
    plain = {"algo": "sac", "reward": "progress"}
    changed = [
        {"play": ["hand", "robot"]},
        {"reward_options": {"monotone": True}},
        {"reward_options": {"gate": "heavy"}},
        {"max_demos": 1},
    ]
    methods = [method_of(plain | more) for more in ({}, *changed)]
    assert len(set(methods)) == len(methods)
    assert method_of(plain | {"play": [], "reward_options": {}, "max_demos": None}) == methods[0]
    assert methods[1] == "sac, progress, shown by another body"


def test_tables_read_every_line_that_was_ever_committed(root):
    lines = [
        line for path in sorted(root.glob("docs/results/*.jsonl")) for line in read_lines(path)
    ]
    tasks = group_runs(lines)
    assert len(tasks) >= 8
    for runs in tasks.values():
        assert table_of(runs).count("\n") == len(runs) + 1
    assert "| sac, sparse (task-rewards) | MujocoPush-v0, MujocoReach-v0 | 6 |" in (
        table_over_tasks(tasks)
    )


@pytest.mark.parametrize("name", ["task-rewards", "tasks-dense", "learned-rewards-push"])
def test_what_was_measured_is_not_measured_again(root, name):
    """Options that came later leave the keys of earlier results alone."""
    plan = load_plan(root / "docs" / "studies" / f"{name}.json")
    keys = {run.key(seed) for run in plan.runs for seed in run.config.seeds}
    known = {line["key"] for line in read_lines(Path(root, "docs", "results", f"{name}.jsonl"))}
    assert known
    assert known <= keys
