"""A policy run on disk: its options, one folder per seed, and what is made of the finished ones.

In RUN: config.json, versions.json, reward/ (a learned reward, fitted), summary.json, curves.png.
In RUN/seed_0: evaluations.jsonl, result.json (written last), policy/, films/, tensorboard/, and
state/ until it is finished.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np

from tcn_robot.atomic import write_text_atomically
from tcn_robot.errors import UserError
from tcn_robot.policies.config import CONFIG_FILE, ImitateConfig, load_config
from tcn_robot.policies.evaluation import wilson_interval
from tcn_robot.policies.result_files import read_result_file
from tcn_robot.provenance import commit, machine, versions

RUN_SCHEMA_VERSION = 1
REWARD_FOLDER = "reward"
SUMMARY_FILE = "summary.json"
VERSIONS_FILE = "versions.json"
CURVES_FILE = "curves.png"
RESULT_FILE = "result.json"
# What is read from it.
NEEDED_FIGURES = {
    "seed": (),
    "seconds": (),
    "final": ("starts", "success", "success_any"),
}
# What a run may be gone on with otherwise; no figure depends on it.
CHANGEABLE_OPTIONS = ("seeds", "films", "save_zip", "training_films")


def seed_folder(run: Path, seed: int) -> Path:
    """Return where a seed of a run lies."""
    return run / f"seed_{seed}"


def start_run(run: Path, config: ImitateConfig, resume: bool) -> None:
    """Write the options of a new run, or check those of one that goes on.

    Args:
        run: The run's folder.
        config: The run's options.
        resume: Whether to go on with a run that exists.

    Raises:
        UserError: When the folder exists and is not to be resumed, or has other options.
    """
    if (run / CONFIG_FILE).exists():
        if not resume:
            raise UserError(
                f"{run} exists already; go on with it by --resume, or choose another --out"
            )
        _check_same_options(run, config)
    elif run.exists() and any(run.iterdir()):
        raise UserError(f"{run} exists and is no policy run; choose another --out")
    write_text_atomically(run / CONFIG_FILE, config.to_json() + "\n")
    provenance = {"versions": versions(), "commit": commit(), "machine": machine()}
    write_text_atomically(run / VERSIONS_FILE, json.dumps(provenance, indent=2) + "\n")


def _check_same_options(run: Path, config: ImitateConfig) -> None:
    """Seeds may be added to a run; everything else has to be what it was started with."""
    before = _flat(dataclasses.asdict(load_config(run)))
    after = _flat(dataclasses.asdict(config))
    for name in sorted({*before, *after}, key=lambda name: (name != "algo", name)):
        if name not in CHANGEABLE_OPTIONS and before.get(name) != after.get(name):
            raise UserError(
                f"{run} was started with {name} = {before.get(name)}, found {after.get(name)}; "
                "give the same options to --resume, or choose another --out"
            )


def _flat(options: dict[str, Any]) -> dict[str, Any]:
    """Return options with those of `algo_options` beside the others, each by its own name."""
    own = {f"algo_options {name}": value for name, value in options.pop("algo_options").items()}
    return options | own


def read_result(run: Path, seed: int) -> dict[str, Any] | None:
    """Return the figures of a seed, or None when it is not finished.

    Raises:
        UserError: When the file is damaged.
    """
    return read_result_file(seed_folder(run, seed) / RESULT_FILE, NEEDED_FIGURES, "seed")


def finished_seeds(run: Path, config: ImitateConfig) -> list[int]:
    """Return the seeds that are done."""
    return [seed for seed in config.seeds if read_result(run, seed) is not None]


def write_summary(run: Path, config: ImitateConfig) -> dict[str, Any]:
    """Write summary.json from the seeds that are finished, and return it."""
    results = [read_result(run, seed) for seed in finished_seeds(run, config)]
    summary = {
        "schema_version": RUN_SCHEMA_VERSION,
        "task": config.task,
        "reward": config.reward,
        "algo": config.algo,
        "steps": config.steps,
    } | pool_seeds([result for result in results if result is not None])
    write_text_atomically(run / SUMMARY_FILE, json.dumps(summary, indent=2) + "\n")
    return summary


def pool_seeds(results: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the figures of several seeds together.

    `success` is the mean over seeds; `success_interval` the 95 % Wilson interval of all episodes
    pooled, which leaves the seeds' own spread out: `success_per_seed` shows it.
    """
    if not results:
        return {"seeds": [], "success": None, "success_interval": None}
    finals = [result["final"] for result in results]
    starts = sum(final["starts"] for final in finals)
    successes = sum(round(final["success"] * final["starts"]) for final in finals)
    pooled: dict[str, Any] = {
        "seeds": [result["seed"] for result in results],
        "starts": finals[0]["starts"],
        "success": float(np.mean([final["success"] for final in finals])),
        "success_per_seed": [final["success"] for final in finals],
        "success_interval": list(wilson_interval(successes, starts)),
        "success_any": float(np.mean([final["success_any"] for final in finals])),
        "seconds": [result["seconds"] for result in results],
    }
    for name in ("return_sparse", "return_dense", "return_learned"):
        if all(name in final for final in finals):
            pooled[name] = float(np.mean([final[name] for final in finals]))
    return pooled
