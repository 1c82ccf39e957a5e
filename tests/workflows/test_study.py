"""The queue of a study and what is made of its results."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from tcn_robot import cli
from tcn_robot.errors import UserError
from tcn_robot.policies.results import append_line, read_lines
from tcn_robot.policies.study_plan import load_plan
from tcn_robot.policies.tables import group_runs, replace_between_markers, steps_to_success
from tcn_robot.workflows import study
from tcn_robot.workflows.embedding_plan import load_embedding_study
from tests.policies.point_task import TASK
from tests.support.source_files import ROOT

TINY = {
    "task": TASK,
    "steps": 64,
    "num_envs": 2,
    "batch_size": 16,
    "hidden_units": [16],
    "learning_starts_steps": 32,
    "evaluation_interval_steps": 32,
    "evaluation_starts": 2,
    "final_starts": 3,
    "films": False,
}


def write_plan(folder, runs, name="tiny", **defaults):
    path = folder / "plan.json"
    path.write_text(json.dumps({"name": name, "defaults": TINY | defaults, "runs": runs}))
    return path


def work_off(plan, folder, *more):
    study.main(
        [
            *(str(plan), "--results", str(folder / "results"), "--runs", str(folder / "runs")),
            *("--workers", "1", *more),
        ]
    )
    return read_lines(folder / "results" / "tiny.jsonl")


def test_no_workers_is_refused(tmp_path):
    with pytest.raises(UserError, match="--workers must be at least 1, found 0"):
        study.main([str(write_plan(tmp_path, [{"reward": "dense"}])), "--workers", "0"])


@pytest.mark.parametrize(
    "name",
    ["task-rewards", "tasks-dense", "learned-rewards-push", "learned-rewards", "audit-ranks"],
)
def test_results_keep_their_keys_when_options_are_added(name):
    """A key says which run a committed line stands for; another one would run it again."""
    plan = load_plan(ROOT / "docs" / "studies" / f"{name}.json")
    keys = {line["key"] for line in read_lines(ROOT / "docs" / "results" / f"{name}.jsonl")}
    planned = {run.key(seed) for run in plan.runs for seed in run.config.seeds}
    assert keys  # a study may be unfinished, but what is finished is not run again
    assert keys <= planned


def test_another_algorithm_or_option_is_another_result(tmp_path):
    runs = [
        {"reward": "dense", "name": "sac"},
        {"reward": "dense", "name": "slow", "algo_options": {"target_rate": 0.01}},
        {"reward": "dense", "name": "td3", "algo": "td3"},
        {"reward": "dense", "name": "same", "algo_options": {"target_rate": 0.005}},
        {"reward": "dense", "name": "often", "checkpoint_interval_steps": 32},
    ]
    keys = {run.name: run.key(0) for run in load_plan(write_plan(tmp_path, runs)).runs}
    assert keys["sac"] == keys["same"]
    assert len(set(keys.values())) == 4


def test_each_seed_becomes_one_line(tmp_path):
    plan = write_plan(tmp_path, [{"reward": "dense", "seeds": [0, 3]}, {"reward": "sparse"}])
    lines = work_off(plan, tmp_path)
    assert [(line["config"]["reward"], line["seed"]) for line in lines] == [
        *(("dense", 0), ("dense", 3), ("sparse", 0))
    ]
    line = lines[0]
    assert line["figures"]["final"]["starts"] == 3
    assert [entry["steps"] for entry in line["figures"]["evaluations"]] == [32, 64]
    assert line["versions"]["tcn_robot"]
    assert set(line["machine"]) == {"cpu", "cores"}
    assert line["seconds"] > 0
    assert str(tmp_path) not in json.dumps(lines)


def test_a_seed_can_be_a_job_of_a_cluster(tmp_path, monkeypatch, root):
    monkeypatch.setenv("PYTHONPATH", str(root))
    plan = write_plan(tmp_path, [{"reward": "dense", "seeds": [0]}])
    [line] = work_off(plan, tmp_path, "--launcher", "submitit", "--cluster", "local")
    assert line["figures"]["final"]["starts"] == 3
    assert not list((tmp_path / "runs").rglob("*-job.json"))


def test_what_is_in_the_results_is_not_run_again(tmp_path, capsys):
    plan = write_plan(tmp_path, [{"reward": "dense", "seeds": [0]}])
    first = work_off(plan, tmp_path)
    marker = tmp_path / "runs" / "tiny" / "PointReach-dense" / "seed_0" / "result.json"
    written = marker.stat().st_mtime_ns
    assert work_off(plan, tmp_path) == first
    more = write_plan(tmp_path, [{"reward": "dense", "seeds": [0, 1]}])
    capsys.readouterr()
    work_off(more, tmp_path, "--dry-run")
    said = capsys.readouterr().out
    assert "1 of 2 seeds" in said
    assert "to run: PointReach-dense seed 1" in said
    lines = work_off(more, tmp_path)
    assert [line["seed"] for line in lines] == [0, 1]
    assert marker.stat().st_mtime_ns == written


def test_another_machines_line_counts_too(tmp_path):
    plan = write_plan(tmp_path, [{"reward": "dense", "seeds": [0]}])
    [run] = load_plan(plan).runs
    path = tmp_path / "results" / "tiny.jsonl"
    append_line(path, {"schema_version": 1, "key": run.key(0)})
    assert len(work_off(plan, tmp_path)) == 1
    assert not (tmp_path / "runs").exists()


def test_a_finished_run_without_its_line_gets_it_without_training(tmp_path):
    plan = write_plan(tmp_path, [{"reward": "dense", "seeds": [0]}])
    [line] = work_off(plan, tmp_path)
    (tmp_path / "results" / "tiny.jsonl").unlink()
    [again] = work_off(plan, tmp_path)
    del line["finished_utc"], again["finished_utc"]
    assert again == line


@pytest.mark.parametrize(
    "change", [{"steps": 65}, {"reward": "sparse"}, {"discount": 0.9}, {"task": "PointGoal-v0"}]
)
def test_every_option_that_matters_is_in_the_key(tmp_path, change):
    [run] = load_plan(write_plan(tmp_path, [{"reward": "dense"}])).runs
    [other] = load_plan(write_plan(tmp_path, [{"reward": "dense"} | change])).runs
    assert run.key(0) != other.key(0)
    assert run.key(0) != run.key(1)
    [filmed] = load_plan(write_plan(tmp_path, [{"reward": "dense", "films": True}])).runs
    assert run.key(0) == filmed.key(0)


def test_lines_written_at_the_same_time_stay_whole(tmp_path):
    path = tmp_path / "lines.jsonl"
    text = "x" * 20_000
    with ThreadPoolExecutor(8) as pool:
        list(
            pool.map(
                lambda number: append_line(
                    path, {"schema_version": 1, "number": number, "text": text}
                ),
                range(40),
            )
        )
    assert sorted(line["number"] for line in read_lines(path)) == list(range(40))


def test_a_torn_line_spoils_no_other(tmp_path):
    path = tmp_path / "lines.jsonl"
    append_line(path, {"schema_version": 1, "number": 0})
    with path.open("a") as file:
        file.write('{"schema_version": 1, "num')
    assert [line["number"] for line in read_lines(path)] == [0]
    append_line(path, {"schema_version": 1, "number": 1})
    assert [line["number"] for line in read_lines(path)] == [0, 1]


def test_results_of_a_newer_version_are_refused(tmp_path):
    path = tmp_path / "lines.jsonl"
    path.write_text('{"schema_version": 9}\n')
    with pytest.raises(UserError, match="line 1: expected a result of schema version 1"):
        read_lines(path)


BAD_PLANS = [
    ("{", "is not valid JSON"),
    ("[]", "with a run or more"),
    ('{"runs": []}', "with a run or more"),
    ('{"runz": [], "runs": [{}]}', "did you mean 'runs'"),
    ('{"runs": [{"task": "a", "reward": "dense"}]}', "option 'steps' is missing"),
    ('{"runs": [{"task": "a", "reward": "dense", "stepz": 3}]}', "did you mean 'steps'"),
    ('{"name": "../x", "runs": [{}]}', "expected a name"),
    ('{"schema_version": 7, "runs": [{}]}', "schema version 1, found 7"),
    (
        '{"defaults": {"task": "a", "steps": 1}, "runs": [{"reward": "dense"}, '
        '{"reward": "dense", "discount": 0.9}]}',
        "two runs are called 'a-dense'",
    ),
]


@pytest.mark.parametrize(("text", "message"), BAD_PLANS)
def test_a_bad_plan_is_one_line(text, message, tmp_path, capsys):
    path = tmp_path / "plan.json"
    path.write_text(text)
    assert cli.main(["study", str(path)]) == 2
    complaint = capsys.readouterr().err
    assert message in complaint
    assert complaint.count("\n") == 1


def test_plans_that_ship_can_be_read(root):
    paths = sorted((root / "docs" / "studies").glob("*.json"))
    assert paths
    load = {"policy": load_plan, "embedding": load_embedding_study}
    kinds = [study.study_kind(path) for path in paths]
    assert set(kinds) == set(load)
    for kind, path in zip(kinds, paths, strict=True):
        assert load[kind](path).runs


def line_of(seed, success, reward="dense", key=None, study="s"):
    final = {"starts": 50, "success": success, "success_any": 1.0}
    evaluations = [{"steps": 5000, "success": success / 2}, {"steps": 10_000, "success": success}]
    return {
        "schema_version": 1,
        "kind": "policy",
        "study": study,
        "run": f"run-{reward}",
        "seed": seed,
        "key": key or f"{reward}-{seed}",
        "config": {"task": "tcn_robot/MujocoReach-v0", "reward": reward, "steps": 10_000},
        "figures": {"final": final, "evaluations": evaluations},
        "seconds": 120.0,
        "versions": {"torch": "2"},
        "commit": "abc",
        "machine": {"cpu": "c", "cores": 2},
    }


def test_tables_are_made_from_lines(tmp_path, root):
    for seed, success in enumerate((0.9, 0.7, 0.8)):
        append_line(tmp_path / "a.jsonl", line_of(seed, success))
    append_line(tmp_path / "b.jsonl", line_of(0, 0.0, "sparse"))
    append_line(tmp_path / "b.jsonl", line_of(0, 1.0, "sparse"))  # the same seed once more
    append_line(tmp_path / "c.jsonl", {"schema_version": 1, "kind": "alignment"})
    document = tmp_path / "page.md"
    document.write_text("before\n<!-- policy tables -->\nold\n<!-- end of policy tables -->\nafter")
    command = [sys.executable, "scripts/make_benchmark_tables.py", "--results", str(tmp_path)]
    command += ["--document", str(document), "--images", str(tmp_path / "images")]
    subprocess.run(command, cwd=root, check=True)
    text = document.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter")
    assert "old" not in text
    row = "| dense | 10,000 | **80 %** | 73 to 86 | 90, 70, 80 | 100 % | 10,000 (2 of 3) | 2.0 |"
    assert row in text
    assert "| sparse | 10,000 | **0 %** | 0 to 7 | 0 | 100 % | – | 2.0 |" in text
    assert (tmp_path / "images" / "policy_success.png").read_bytes().startswith(b"\x89PNG")


def test_task_tables_are_made_from_results(tmp_path, root):
    append_line(tmp_path / "a.jsonl", line_of(0, 0.9))
    common = {"schema_version": 1, "embodiment": "hand", "commit": "abc"}
    push = {**common, "task": "tcn_robot/BulletPush-v0"}
    speed = {"steps_per_second": 1234.5, "steps_per_second_with_view": 250.2}
    append_line(
        tmp_path / "tasks" / "speed.jsonl", {**push, **speed, "machine": {"cpu": "c", "cores": 2}}
    )
    steps = {"least": 20, "median": 31.5, "most": 44}
    append_line(
        tmp_path / "tasks" / "experts.jsonl",
        {**push, "seeds": 100, "successes": 98, "steps": steps},
    )
    crossed = {"trained_on": "MujocoPush-v0", "success": 0.9, "success_interval": [0.8, 0.95]}
    append_line(tmp_path / "tasks" / "crossover.jsonl", {**push, **crossed, "starts": 50})
    document = tmp_path / "page.md"
    markers = "<!-- {0} tables -->\n<!-- end of {0} tables -->\n"
    document.write_text(markers.format("task") + markers.format("policy"))
    command = [sys.executable, "scripts/make_benchmark_tables.py", "--results", str(tmp_path)]
    command += ["--document", str(document), "--images", str(tmp_path / "images")]
    subprocess.run(command, cwd=root, check=True)
    lines = document.read_text().splitlines()
    assert "| BulletPush-v0 | hand | 1,234 | 250 |" in lines
    assert "| BulletPush-v0 | hand | 98 of 100 | 20 / 32 / 44 |" in lines
    assert "| MujocoPush-v0 | BulletPush-v0 | hand | 90% [80%, 95%] of 50 |" in lines


def test_alignment_tables_are_made_from_results(tmp_path, root):
    append_line(tmp_path / "a.jsonl", line_of(0, 0.9))
    (tmp_path / "alignment").mkdir()
    for seed, error in ((0, 0.02), (1, 0.031)):
        row = {"error": error, "error_interval": [0.01, 0.04], "tau_b": None}
        result = {
            **{"trained": row, "collapsed": {"error": 1 / 3}, "episodes": 20, "views": ["front"]},
            **{"tasks": ["tcn_robot/MujocoPush-v0"], "commit": "abc", "versions": {"torch": "2"}},
            "trained_with": {"objective": "tcn", "steps": 600, "seed": seed},
            "machine": {"cpu": "c", "cores": 2},
        }
        (tmp_path / "alignment" / f"push-{seed}.json").write_text(json.dumps(result))
    document = tmp_path / "page.md"
    markers = "<!-- {0} tables -->\n<!-- end of {0} tables -->\n"
    document.write_text(markers.format("alignment") + markers.format("policy"))
    command = [sys.executable, "scripts/make_benchmark_tables.py", "--results", str(tmp_path)]
    command += ["--document", str(document), "--images", str(tmp_path / "images")]
    subprocess.run(command, cwd=root, check=True)
    lines = document.read_text().splitlines()
    assert "| row | error % |" in lines
    assert "| trained | 2.0 [1.0, 4.0] |" in lines
    assert "| collapsed | 33.3 |" in lines
    assert "| tcn, 600 steps, seed 1 | 3.1 [1.0, 4.0] |" in lines
    for damage, told in (("{", "no readable JSON"), ("{}", "does not say how its encoder")):
        (tmp_path / "alignment" / "push-0.json").write_text(damage)
        done = subprocess.run(command, cwd=root, capture_output=True, text=True)
        assert done.returncode == 2
        assert told in done.stderr
        assert document.read_text().splitlines() == lines


def test_what_stands_between_markers_is_replaced():
    once = replace_between_markers("a <!-- x --> old <!-- end of x --> b", "x", "new")
    assert once == "a <!-- x -->\n\nnew\n\n<!-- end of x --> b"
    assert replace_between_markers(once, "x", "new") == once


def test_steps_to_success():
    assert steps_to_success(line_of(0, 0.8)) == 10_000
    assert steps_to_success(line_of(0, 0.79)) is None


def test_a_seed_counts_once():
    [runs] = group_runs([line_of(0, 0.1), line_of(0, 0.9), line_of(1, 0.5)]).values()
    assert [line["figures"]["final"]["success"] for line in runs[0].lines] == [0.1, 0.5]


@pytest.mark.parametrize(
    "text",
    ["", "<!-- x -->", "<!-- end of x --><!-- x -->", "<!-- x -->" * 2 + "<!-- end of x -->"],
)
def test_missing_markers(text):
    with pytest.raises(UserError, match="each once"):
        replace_between_markers(text, "x", "new")


BAD_PLANS = [
    (["a"], "run 0: expected {option: value, …}, found 'a'"),
    ([{"reward": "dense", "seeds": ["a"]}], "option 'seeds' expects a list of whole numbers"),
    ([{"reward": "dense", "seeds": [True]}], "option 'seeds' expects a list of whole numbers"),
    ([{"reward": "dense", "randomise": 3}], "option 'randomise' expects a list of texts, found 3"),
    ([{"reward": "dense", "views": "front"}], "option 'views' expects a list of texts"),
    ([{"reward": "dense", "views": ["front"]}], "--views is for learned rewards"),
    ([{"reward": "dense", "steps": "ten"}], "option 'steps' expects a whole number, found 'ten'"),
    ([{"reward": "dense", "films": 1}], "option 'films' expects true or false, found 1"),
    ([{"reward": "dense", "discount": "x"}], "option 'discount' expects a number, found 'x'"),
    ([{"reward": "dense", "hidden_units": [0]}], "hidden_units must be 1 or more each"),
]


@pytest.mark.parametrize(("runs", "told"), BAD_PLANS)
def test_a_wrong_plan_is_one_line(tmp_path, runs, told):
    with pytest.raises(UserError) as caught:
        load_plan(write_plan(tmp_path, runs))
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
