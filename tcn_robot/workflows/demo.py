"""`tcn-robot demo`: the whole chain on a small task, as a sequence of the public commands."""

from __future__ import annotations

import json
import shlex
import sys
import time
from pathlib import Path
from typing import Any

from tcn_robot.errors import UserError
from tcn_robot.workflows.demo_config import (
    FULL,
    HAND,
    QUICK,
    QUICK_HAND,
    DemoConfig,
    DemoFolders,
)
from tcn_robot.workflows.demo_plan import plan, start_demo
from tcn_robot.workflows.options import parse_and_run
from tcn_robot.workflows.stages import Stage, StageFailed, StageRecord, read_records, run_stages

POLICY_FIGURES = (
    *("success", "success_interval", "success_per_seed", "starts", "seeds", "seed_numbers"),
    "steps",
)


def demo(
    *, out: Path = Path("runs/demo"), seed: int = 0, quick: bool = False, hand: bool = False
) -> None:
    """Watch a robot learn a task from films alone, from the first recording to a report.

    Records demonstrations and play of a simulated robot from three cameras, trains an embedding,
    measures it, trains one policy with the reward made from it and one with the task's own sparse
    reward, and writes report.html and summary.json. Every stage is a command that you can give
    yourself; it is printed before it runs. Ctrl-C stops cleanly; the same command goes on.

    Args:
        out: Folder of everything that is made.
        seed: Of recordings, training and policies.
        quick: Only check that every stage works, in a minute or two; too small to learn anything.
        hand: A hand shows the task instead of the robot, which is never filmed doing it. Takes
            longer: docs/hand_to_robot.md.
    """
    full, small = (HAND, QUICK_HAND) if hand else (FULL, QUICK)
    config = small if quick else full
    run_demo(config, out, seed, _demo_command(out, seed, quick, hand))


def run_demo(config: DemoConfig, out: Path, seed: int, again: str) -> dict[str, Any]:
    """Run what is not done yet and return the summary.

    Args:
        config: How large the demo is.
        out: Folder of everything that is made.
        seed: Of recordings, training and policies.
        again: The command that goes on after an interruption.

    Raises:
        UserError: A stage failed, or the folder holds something else.
        SystemExit: With code 130 after Ctrl-C.
    """
    start_demo(config, out, seed)
    folders = DemoFolders(out)
    groups = plan(config, out, seed)
    total = sum(len(group) for group in groups)
    clock_seconds, number = 0.0, 0
    for group in groups:
        open_stages = []
        for stage in group:
            number += 1
            if _announce(stage, number, total, folders.stages):
                open_stages.append(stage)
        try:
            clock_seconds = run_stages(group, folders.stages, clock_seconds)
        except KeyboardInterrupt:
            names = " and ".join(stage.name for stage in group)
            print(f"\nstopped during {names}; to go on: {again}", file=sys.stderr)
            raise SystemExit(130) from None
        except StageFailed as error:
            raise UserError(f"{error}; when it is mended, to go on: {again}") from error
        _conclude(open_stages, folders.stages)
    summary = write_summary(folders, seed)
    _farewell(folders, summary, clock_seconds)
    return summary


def _demo_command(out: Path, seed: int, quick: bool, hand: bool) -> str:
    """Return the command that goes on with this demo."""
    options = ["--out", str(out)]
    options += ["--seed", str(seed)] if seed else []
    options += ["--quick"] if quick else []
    options += ["--hand"] if hand else []
    return shlex.join(["tcn-robot", "demo", *options])


def _announce(stage: Stage, number: int, total: int, records: Path) -> bool:
    """Say what comes now, and return whether it has to be done."""
    record = read_records(records).get(stage.name)
    if record and record.finished and stage.output.exists():
        print(f"[{number}/{total}] {stage.name}: done before, {record.seconds:.0f} s", flush=True)
        return False
    print(f"\n[{number}/{total}] {stage.name}: {stage.purpose}\n$ {stage.command}", flush=True)
    return True


def _conclude(stages: list[Stage], records: Path) -> None:
    by_name = read_records(records)
    for stage in stages:
        record = by_name[stage.name]
        print(
            f"{stage.name}: {record.seconds:.0f} s, at most {record.peak_memory_mb:.0f} MB",
            flush=True,
        )


def write_summary(folders: DemoFolders, seed: int) -> dict[str, Any]:
    """Write summary.json from what the stages have left, and return it."""
    from tcn_robot.atomic import write_text_atomically
    from tcn_robot.workflows.report import gather_evidence

    evidence = gather_evidence([folders.out], figures_only=True)
    summary = {
        "schema_version": 1,
        "task": evidence.task,
        "seed": seed,
        "alignment": evidence.alignment,
        "policy": {
            run.name: {name: run.figures[name] for name in POLICY_FIGURES}
            for run in evidence.runs
            if run.figures
        },
        "stages": {
            record.name: {"seconds": record.seconds, "peak_memory_mb": record.peak_memory_mb}
            for record in by_start(read_records(folders.stages))
        },
        "versions": evidence.versions,
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    write_text_atomically(folders.summary, json.dumps(summary, indent=2, allow_nan=False) + "\n")
    return summary


def by_start(records: dict[str, StageRecord]) -> list[StageRecord]:
    """Return the records in the order in which the stages began."""
    return sorted(records.values(), key=lambda record: (record.start_seconds, record.name))


def _farewell(folders: DemoFolders, summary: dict[str, Any], clock_seconds: float) -> None:
    print(f"\ndone in {clock_seconds / 60:.1f} min")
    for reward, figures in summary["policy"].items():
        print(
            f"  reward {reward}: {figures['success']:.0%} of {figures['starts']} held-out starts "
            f"({figures['steps']:,} steps)"
        )
    print(f"  {folders.report}\n  {folders.summary}", flush=True)


def main(arguments: list[str]) -> None:
    """Run the command."""
    parse_and_run(demo, arguments)
