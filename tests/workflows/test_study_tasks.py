"""A study of several tasks: what may stand in its file, and what comes first."""

import json

import pytest

from tcn_robot.benchmarks.leaderboard.objective_rows import group_studies
from tcn_robot.errors import UserError
from tcn_robot.policies.results import read_lines
from tcn_robot.workflows import study
from tcn_robot.workflows.embedding_plan import load_embedding_study
from tcn_robot.workflows.embedding_run import thinned_curve
from tcn_robot.workflows.study_tasks import all_data
from tests.support.point_recordings import DATA, RECORD, record_points

NAMES = [one["name"] for one in DATA]
SECOND = {"name": "held-out-2", "record": [*RECORD, "--episodes", "3", "--split", "test"]}
TASKS = [
    {"name": "near", "data": DATA, "train": NAMES[:2], "test": NAMES[2]},
    {"name": "far", "data": [*DATA[:2], SECOND], "train": NAMES[:2], "test": SECOND["name"]},
]
SMALL = {"steps": 2, "image_size_px": 16, "batch_frames": 16, "episodes_per_batch": 2}
RUNS = [{"objective": "tcn", "log_every_steps": 1}, {"objective": "random", "steps": 0}]


def write_plan(folder, **changes):
    plan = {"name": "wide", "kind": "embedding", "tasks": TASKS, "defaults": SMALL, "runs": RUNS}
    path = folder / "plan.json"
    path.write_text(json.dumps(plan | {"seeds": [0, 1]} | changes))
    return path


def work_off(plan, folder, data, *more):
    places = ["--results", folder / "results", "--runs", folder / "runs", "--data", data]
    study.main([str(plan), *map(str, places), "--workers", "1", *more])
    return read_lines(folder / "results" / "wide.jsonl")


def test_first_seeds_of_all_tasks_come_before_second_ones(tmp_path):
    planned = load_embedding_study(write_plan(tmp_path))
    assert [one.name for one in planned.trainings()] == [
        f"{task} {run} seed {seed}"
        for seed in (0, 1)
        for task in ("near", "far")
        for run in ("tcn", "random")
    ]
    assert planned.training("far", "tcn", 1).task.test == "held-out-2"
    assert [one.name for one in all_data(planned.tasks)] == [*NAMES, "held-out-2"]


def test_each_task_has_its_lines_and_its_reference(tmp_path):
    data = record_points(tmp_path / "data")
    plan = write_plan(tmp_path, seeds=[0])
    lines = work_off(plan, tmp_path, data)
    by_kind = {
        kind: [line["task_name"] for line in lines if line["kind"] == kind]
        for kind in ("alignment-reference", "embedding")
    }
    assert by_kind == {
        "alignment-reference": ["near", "far"],
        "embedding": ["near", "near", "far", "far"],
    }
    trained = [line for line in lines if line["kind"] == "embedding"]
    assert len({line["key"] for line in trained}) == 4
    assert trained[0]["curve"]["steps"] == [1, 2]
    assert len(trained[0]["curve"]["loss"]) == 2
    assert trained[1]["curve"] == {
        "steps": [], "loss": [], "validation_steps": [], "validation_error": [],
    }  # fmt: skip
    studies = group_studies(lines)
    assert [(one.name, one.task_name) for one in studies] == [("wide", "near"), ("wide", "far")]
    assert all(one.reference["test"] == one.rows[0].lines[0]["test"] for one in studies)
    assert {path.name for path in (tmp_path / "runs" / "wide").iterdir()} == {"near", "far"}
    assert work_off(plan, tmp_path, data) == lines  # nothing is run again


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tasks": []}, "a task or more"),
        ({"tasks": "push"}, 'a list as "tasks"'),
        ({"test": "held-out"}, 'expected "test" inside each of the "tasks"'),
        ({"tasks": [TASKS[0], TASKS[0]]}, "two tasks are called 'near'"),
        ({"tasks": [{"data": DATA}]}, "expected a task as"),
        ({"tasks": [TASKS[0] | {"views": []}]}, "unknown entry of a task in .* 'views'"),
        ({"tasks": [TASKS[0] | {"train": []}]}, "expected \"train\" in task 'near', found none"),
        ({"tasks": [TASKS[0] | {"test": "heldout"}]}, "did you mean 'held-out'"),
        (
            {"tasks": [TASKS[0], TASKS[1] | {"data": [*DATA, SECOND | {"name": NAMES[0]}]}]},
            "two recordings are called 'shown'|unknown data",
        ),
    ],
)
def test_bad_tasks_are_told_in_one_line(tmp_path, changes, words):
    with pytest.raises(UserError, match=words) as caught:
        load_embedding_study(write_plan(tmp_path, **changes))
    assert "\n" not in str(caught.value)


def test_a_curve_keeps_both_ends_and_at_most_fifty_points():
    metrics = [{"step": step, "loss": 1 / step} for step in range(1, 401)]
    for line in metrics[99::100]:
        line["validation/alignment_error"] = 0.123456
    curve = thinned_curve(metrics)
    assert len(curve["steps"]) == len(curve["loss"]) == 50
    assert (curve["steps"][0], curve["steps"][-1]) == (1, 400)
    assert curve["loss"][-1] == 0.0025
    assert curve["validation_steps"] == [100, 200, 300, 400]
    assert set(curve["validation_error"]) == {0.1235}


def test_a_study_through_submitit_has_the_same_lines(tmp_path, monkeypatch, root):
    monkeypatch.setenv("PYTHONPATH", str(root))
    data = record_points(tmp_path / "data")
    plan = write_plan(tmp_path, seeds=[0], tasks=TASKS[:1], runs=RUNS[:1])
    away = work_off(plan, tmp_path, data, "--launcher", "submitit", "--cluster", "local")
    (tmp_path / "here").mkdir()
    here = work_off(plan, tmp_path / "here", data)
    assert [line["figures"] for line in away[1:]] == [line["figures"] for line in here[1:]]
    assert not list((tmp_path / "runs").rglob("*-job.json"))
