"""Ranked rows of a study of embeddings: pooling over seeds, ranks, what is left out."""

import json
import subprocess
import sys

import numpy as np
import pytest

from tcn_robot.benchmarks.alignment.per_episode import per_episode, pooled_over_seeds
from tcn_robot.benchmarks.leaderboard.objective_rows import (
    describe_lines,
    group_studies,
    ranked_table,
    row_table,
)
from tcn_robot.errors import UserError
from tcn_robot.metrics import bootstrap_interval
from tcn_robot.provenance import key_of

NUM_EPISODES = 5


def figures_of(seed, mean=0.05):
    draw = np.random.default_rng(seed)
    tau = draw.uniform(0.7, 0.9, (NUM_EPISODES, NUM_EPISODES))
    np.fill_diagonal(tau, 0.0)
    error = mean + draw.uniform(-0.01, 0.01, NUM_EPISODES)
    return {"error": error, "accuracy_1": 1 - error, "tau_b": tau}


def line_of(run, seed, mean=0.05, objective="tcn", **changes):
    figures = figures_of(seed, mean)
    return {
        "schema_version": 1,
        "kind": "embedding",
        "study": "toy",
        "run": run,
        "objective": objective,
        "steps": 0 if objective == "random" else 500,
        "seed": seed,
        "key": f"{run}-{seed}",
        "decides": {"version": 1, "data": {"test": "abc"}, "options": {}},
        "unusual": [],
        "test": "test",
        "task": "MujocoPush-v0",
        "figures": {"error": float(figures["error"].mean())},
        "per_episode": per_episode(figures),
        "core_seconds": 120.0 + seed,
        "attempts": 1,
        "threads": 1,
        "versions": {"torch": "2"},
        "commit": "abcdefabcdefabc",
        "machine": {"cpu": "c", "cores": 2},
        "finished_utc": f"2026-01-01T00:00:0{seed}+00:00",
    } | changes


REFERENCE = {
    "schema_version": 1,
    "kind": "alignment-reference",
    "study": "toy",
    "key": key_of({"version": 1, "test": "abc"}),
    "episodes": NUM_EPISODES,
    "views": ["front", "left"],
    "rows": {
        "ceiling": {"error": 0.01, "accuracy_1": 0.9, "tau_b": 0.98},
        "chance": {"error": 1 / 3, "accuracy_1": 0.1, "tau_b": 0.0},
    },
    "finished_utc": "2026-01-01T00:00:00+00:00",
}


def test_pooling_is_the_mean_over_seeds_of_each_episode():
    seeds = [figures_of(seed) for seed in range(3)]
    pooled = pooled_over_seeds([json.loads(json.dumps(per_episode(one))) for one in seeds])
    np.testing.assert_allclose(
        pooled["error"], np.mean([s["error"] for s in seeds], axis=0), atol=1e-4
    )
    np.testing.assert_allclose(
        pooled["tau_b"], np.mean([s["tau_b"] for s in seeds], axis=0), atol=1e-4
    )
    one_view = pooled_over_seeds([per_episode(one | {"error": None}) for one in seeds])
    assert one_view["error"] is None


def test_seeds_on_different_episodes_are_not_pooled():
    kept = per_episode(figures_of(0))
    shorter = kept | {"error": kept["error"][:-1]}
    with pytest.raises(UserError, match="measured on the same episodes"):
        pooled_over_seeds([kept, shorter])


def test_a_row_has_the_interval_over_episodes_of_the_average_seed():
    lines = [line_of("tcn", seed) for seed in range(3)]
    [study] = group_studies([*lines, REFERENCE])
    [row] = study.rows
    averaged = np.mean([line["per_episode"]["error"] for line in lines], axis=0)
    expected = bootstrap_interval(averaged, np.random.default_rng(0), num_resamples=2000)
    assert row.figures["error"] == pytest.approx(averaged.mean())
    assert tuple(row.figures["error_interval"]) == pytest.approx(tuple(expected))
    assert row.seed_errors == tuple(line["figures"]["error"] for line in lines)
    assert row.core_minutes == pytest.approx(121 / 60)


def test_runs_are_ranked_and_controls_have_no_rank():
    lines = [
        line_of("worse", 0, 0.2),
        line_of("better", 0, 0.03, "tce"),
        line_of("random", 0, 0.1, "random"),
    ]
    [study] = group_studies([*lines, REFERENCE])
    table = ranked_table(study, {"tce": "objectives/tce.md"}).splitlines()
    first, control, second, chance, ceiling = table[2:]
    assert first.startswith("| 1 | [better](objectives/tce.md) | ")
    assert control.startswith("|  | *random* (control) | ")
    assert control.endswith("| 0 | – |")
    assert second.startswith("| 2 | worse | ")
    assert chance == "|  | *chance* | 33.3 | 10.0 | 0.000 | – | – | – |"
    assert ceiling.startswith("|  | *ceiling* | 1.0 | 90.0 | 0.980 | ")
    assert all(line.count("|") == table[0].count("|") for line in table)
    alone = row_table(study.rows[:1]).splitlines()
    assert all(line.count("|") == table[0].count("|") - 1 for line in alone)
    assert alone[2].startswith("| better | ")
    assert "5 held-out episodes, views front, left. From 3 trainings" in describe_lines(study)


def test_the_last_line_of_a_seed_counts_and_only_the_newest_recordings():
    other = {"version": 1, "data": {"test": "other"}, "options": {}}
    lines = [
        line_of("old", 0, decides=other),
        line_of("tcn", 0, 0.3),
        line_of("tcn", 0, 0.1),
        line_of("tcn", 1, 0.1),
    ]
    [study] = group_studies(lines)
    [row] = study.rows
    assert row.run == "tcn"
    assert [line["seed"] for line in row.lines] == [0, 1]
    assert row.figures["error"] < 0.15
    assert study.reference is None


def test_only_seeds_with_the_options_of_the_runs_newest_line_are_pooled():
    def made_with(seed, run="tcn", **options):
        decides = {"version": 1, "data": {"test": "abc"}, "options": {"seed": seed, **options}}
        return line_of(run, seed, decides=decides)

    lines = [
        made_with(3, loss="triplet"),
        made_with(0, loss="n-pairs"),
        made_with(1, loss="triplet"),
        made_with(2, loss="n-pairs"),
        made_with(0, "other", loss="lifted"),
    ]
    [study] = group_studies(lines)
    assert {row.run: [line["seed"] for line in row.lines] for row in study.rows} == {
        "tcn": [1, 3],
        "other": [0],
    }


def test_an_option_that_came_later_separates_only_where_it_is_unusual():
    def with_options(seed, unusual=(), **options):
        decides = {"version": 1, "data": {"test": "abc"}, "options": {"seed": seed, **options}}
        return line_of("tcn", seed, decides=decides, unusual=list(unusual))

    before = with_options(0, steps=500)
    default = with_options(1, steps=500, margin=0.2)
    changed = with_options(1, ["margin"], steps=500, margin=0.3)
    assert [len(row.lines) for row in group_studies([before, default])[0].rows] == [2]
    assert [len(row.lines) for row in group_studies([before, changed])[0].rows] == [1]


def test_the_reference_is_that_of_the_rows_own_episodes():
    later = REFERENCE | {"key": key_of({"version": 1, "test": "other"}), "rows": {}}
    later |= {"finished_utc": "2027-01-01T00:00:00+00:00"}
    [study] = group_studies([line_of("tcn", 0), REFERENCE, later])
    assert study.reference == REFERENCE
    [study] = group_studies([line_of("tcn", 0), later])
    assert study.reference is None


def test_minutes_are_those_of_trainings_without_a_break():
    lines = [line_of("tcn", 0, core_seconds=60.0), line_of("tcn", 1, core_seconds=6.0, attempts=2)]
    assert group_studies(lines)[0].rows[0].core_minutes == 1.0
    broken = [line_of("tcn", 1, core_seconds=6.0, attempts=2)]
    assert group_studies(broken)[0].rows[0].core_minutes == 0.1


def test_one_view_is_ranked_by_the_order_across_episodes():
    def with_one_view(run, seed):
        line = line_of(run, seed)
        line["per_episode"] |= {"error": None, "accuracy_1": None}
        line["figures"] = {"error": None}
        return line

    [study] = group_studies([with_one_view("a", 0), with_one_view("b", 1)])
    taus = [row.figures["tau_b"] for row in study.rows]
    assert taus == sorted(taus, reverse=True)
    assert "| – | – | 0." in ranked_table(study)


def test_documents_are_made_from_lines(tmp_path, root):
    policy = {
        "schema_version": 1, "kind": "policy", "study": "s", "run": "r", "seed": 0, "key": "k",
        "config": {"task": "tcn_robot/MujocoReach-v0", "reward": "dense", "steps": 10},
        "figures": {"final": {"starts": 5, "success": 1.0, "success_any": 1.0},
                    "evaluations": [{"steps": 10, "success": 1.0}]},
        "seconds": 1.0, "versions": {}, "commit": "abc", "machine": {"cpu": "c", "cores": 2},
    }  # fmt: skip
    lines = [policy, REFERENCE, line_of("tcn-triplet", 0), line_of("tce", 0, 0.1, "tce")]
    lines += [line_of("random", 0, 0.3, "random")]
    results, docs = tmp_path / "results", tmp_path / "docs"
    results.mkdir()
    (docs / "objectives").mkdir(parents=True)
    (results / "toy.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    markers = "<!-- {0} tables -->\n<!-- end of {0} tables -->\n"
    (docs / "page.md").write_text(markers.format("objective") + markers.format("policy"))
    (docs / "objectives" / "tcn.md").write_text("# tcn\n")
    (docs / "objectives" / "vip.md").write_text("# vip\n")
    command = [sys.executable, "scripts/make_benchmark_tables.py", "--results", str(results)]
    command += ["--document", str(docs / "page.md"), "--images", str(docs / "images")]
    subprocess.run(command, cwd=root, check=True)
    text = (docs / "page.md").read_text()
    assert "### MujocoPush-v0" in text
    assert "| 1 | [tcn-triplet](objectives/tcn.md) | " in text
    assert "| 2 | tce | " in text
    assert "![Error and order of each objective](images/toy.png)" in text
    assert (docs / "images" / "toy.png").read_bytes().startswith(b"\x89PNG")
    page = (docs / "objectives" / "tcn.md").read_text()
    assert "## Result\n\n<!-- result rows -->\n\nOn MujocoPush-v0, mean over 1 seed," in page
    assert "\n| tcn-triplet | " in page
    assert "tcn-robot study docs/studies/toy.json" in page
    assert (docs / "objectives" / "vip.md").read_text() == "# vip\n"
    subprocess.run(command, cwd=root, check=True)
    assert (docs / "objectives" / "tcn.md").read_text() == page
    assert (docs / "page.md").read_text() == text
