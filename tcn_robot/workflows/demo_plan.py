"""What the demo does: its commands in order, and the folder that belongs to one demo."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from tcn_robot.atomic import write_text_atomically
from tcn_robot.errors import UserError
from tcn_robot.recordings.format import read_json
from tcn_robot.workflows.demo_config import DemoConfig, DemoFolders
from tcn_robot.workflows.demo_films import learned_reward_options, record_stages, train_stage
from tcn_robot.workflows.stages import Stage

SCHEMA_VERSION = 1
DEMO_FILE = "demo.json"


def plan(config: DemoConfig, out: Path, seed: int) -> list[list[Stage]]:
    """Return the stages in order; those of one inner list run side by side."""
    folders = DemoFolders(out)
    policies = [
        _imitate_stage(config, folders, reward, seed) for reward in (config.reward, config.baseline)
    ]
    return [
        *([stage] for stage in record_stages(config, folders, seed)),
        [train_stage(config, folders, seed)],
        [_bench_stage(folders, seed)],
        policies,
        [_report_stage(folders)],
    ]


def _bench_stage(folders: DemoFolders, seed: int) -> Stage:
    arguments = (
        *("bench", "alignment", str(folders.embedding), str(folders.held_out)),
        *("--seed", str(seed), "--out", str(folders.alignment)),
    )
    return Stage(
        "bench", "the embedding is measured on demonstrations it has never seen",
        arguments, folders.alignment,
    )  # fmt: skip


def _imitate_stage(config: DemoConfig, folders: DemoFolders, reward: str, seed: int) -> Stage:
    out = folders.policy(reward)
    learned = learned_reward_options(config, folders)
    arguments = (
        *("imitate", config.task, "--reward", reward),
        *(learned if reward == config.reward else ()),
        *("--steps", str(config.policy_steps), "--out", str(out)),
        *("--seeds", *(str(seed + policy_seed) for policy_seed in config.policy_seeds)),
        *("--evaluate-every", str(config.evaluation_interval_steps)),
        *("--evaluation-starts", str(config.evaluation_starts)),
        *("--final-starts", str(config.final_starts), "--workers", "1"),
    )
    purpose = (
        "a policy learns with the reward made from the films"
        if reward == config.reward
        else f"another one learns with the task's own {reward} reward, to compare"
    )
    return Stage(
        f"imitate-{reward}", purpose, arguments, out / "summary.json",
        (out / "config.json").is_file,
    )  # fmt: skip


def _report_stage(folders: DemoFolders) -> Stage:
    arguments = ("report", str(folders.out), "--out", str(folders.report))
    return Stage("report", "all of it on one page", arguments, folders.report)


def start_demo(config: DemoConfig, out: Path, seed: int) -> None:
    """Write down what this demo is, or check that the folder holds the same one.

    Raises:
        UserError: The folder holds something else, or a demo of another size or seed.
    """
    path = out / DEMO_FILE
    described = {
        "schema_version": SCHEMA_VERSION,
        "seed": seed,
        "config": json.loads(json.dumps(asdict(config))),
    }
    if path.is_file():
        if read_json(path) != described:
            raise UserError(
                f"{out} holds a demo of another seed or size; give the same --seed and --quick, "
                "choose another --out, or delete the folder"
            )
        return
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out} exists and holds no demo; choose another --out")
    write_text_atomically(path, json.dumps(described, indent=2) + "\n")
