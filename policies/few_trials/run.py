"""A few-trials run on disk: its options, a folder per seed and start, and what they come to.

In RUN: config.json, versions.json, reward/ (a learned reward, fitted), summary.json, success.png.
In RUN/seed_0/start_0: iteration_000.safetensors …, iterations.jsonl, and when the search is over
result.json, controller.safetensors and films/.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from tcn_robot.atomic import write_text_atomically
from tcn_robot.errors import UserError
from tcn_robot.policies.config import CONFIG_FILE
from tcn_robot.policies.evaluation import wilson_interval
from tcn_robot.policies.few_trials.config import FewTrialsConfig, check_same_options
from tcn_robot.policies.few_trials.records import read_result
from tcn_robot.policies.run import SUMMARY_FILE, VERSIONS_FILE, seed_folder
from tcn_robot.provenance import commit, machine, versions

SUMMARY_SCHEMA_VERSION = 1


def start_folder(run: Path, seed: int, start: int) -> Path:
    """Return where the search of a seed and start lies."""
    return seed_folder(run, seed) / f"start_{start}"


def check_folder(run: Path, config: FewTrialsConfig, resume: bool) -> None:
    """Refuse a folder in which this run cannot begin or go on; nothing is written.

    Raises:
        UserError: It exists and is not to be resumed, has other options, or is something else.
    """
    if (run / CONFIG_FILE).exists():
        if not resume:
            raise UserError(
                f"{run} exists already; go on with it by --resume, or choose another --out"
            )
        check_same_options(run, config)
    elif resume:
        raise UserError(
            f"{run} holds no run to resume: {CONFIG_FILE} is missing; leave --resume out to start"
        )
    elif run.exists() and (not run.is_dir() or any(run.iterdir())):
        raise UserError(f"{run} exists and is no few-trials run; choose another --out")


def write_options(run: Path, config: FewTrialsConfig) -> None:
    """Write the options and what the run is made with."""
    write_text_atomically(run / CONFIG_FILE, config.to_json() + "\n")
    provenance = {"versions": versions(), "commit": commit(), "machine": machine()}
    write_text_atomically(run / VERSIONS_FILE, json.dumps(provenance, indent=2) + "\n")


def write_summary(run: Path, config: FewTrialsConfig) -> dict[str, Any]:
    """Write summary.json from the searches that are finished, and return it."""
    found = [
        read_result(start_folder(run, seed, start))
        for seed in config.seeds
        for start in range(config.starts)
    ]
    results = [result for result in found if result is not None]
    summary: dict[str, Any] = {
        "schema_version": SUMMARY_SCHEMA_VERSION,
        "task": config.task,
        "reward": config.reward,
        "optimiser": config.optimiser,
        "rollouts": config.rollouts,
        "starts": config.starts,
        "seeds": list(config.seeds),
        "searches": len(results),
        "searches_asked_for": len(found),
    } | pool_searches(results)
    write_text_atomically(run / SUMMARY_FILE, json.dumps(summary, indent=2) + "\n")
    return summary


def pool_searches(results: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the figures of several searches together.

    Intervals are 95 % Wilson intervals over searches, which takes starts and seeds as if they
    were drawn independently: several seeds of few starts are rather less sure than it says.

    Args:
        results: What `result.json` of each has, of one run.
    """
    if not results:
        return {"success": None, "success_interval": None}
    final = [result["final"]["success"] for result in results]
    mean = [result["mean"]["success"] for result in results]
    per_start: dict[str, list[bool]] = {}
    for result in results:
        per_start.setdefault(str(result["start"]), []).append(result["final"]["success"])
    pooled: dict[str, Any] = {
        **_share("success", final),
        **_share("success_of_mean", mean),
        "success_per_start": per_start,
        "replays_equal_rollouts": all(
            result["final"]["replay_equals_rollout"] for result in results
        ),
        "rollouts_to_success": [_rollouts_to_success(result) for result in results],
        "after_iterations": _after_iterations(results),
    }
    noisy = [result["noisy_replays"] for result in results if result["noisy_replays"]]
    if noisy:
        replays = sum(one["replays"] for one in noisy)
        pooled["noisy_replays"] = {
            "noise": noisy[0]["noise"],
            "replays": replays,
            "success": sum(one["successes"] for one in noisy) / replays,
        }
    return pooled


def _share(name: str, outcomes: list[bool]) -> dict[str, Any]:
    interval = wilson_interval(sum(outcomes), len(outcomes))
    return {name: float(np.mean(outcomes)), f"{name}_interval": list(interval)}


def _rollouts_to_success(result: dict[str, Any]) -> int | None:
    """Return the rollouts after which the best one so far succeeds and stays so; None: never."""
    curve = result["iterations"]
    if not curve["success_best"][-1]:
        return None
    failed = [index for index, success in enumerate(curve["success_best"]) if not success]
    return int(curve["rollouts"][failed[-1] + 1 if failed else 0])


def _after_iterations(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return success and its interval after each iteration."""
    curves = [result["iterations"] for result in results]
    return [
        {
            "rollouts": rollouts,
            **_share("success_best", [curve["success_best"][index] for curve in curves]),
            **_share("success_mean", [curve["success_mean"][index] for curve in curves]),
        }
        for index, rollouts in enumerate(curves[0]["rollouts"])
    ]
