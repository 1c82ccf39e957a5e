"""What a report shows about policies: success curves, final figures, films."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tcn_robot.report.evidence import Evidence, SuccessCurve
from tcn_robot.report.media import film_from_file
from tcn_robot.workflows.report_sources import read_json


def add_policy(evidence: Evidence, run: Path, figures_only: bool = False) -> None:
    """Add one run of `tcn-robot imitate`."""
    config = read_json(run / "config.json")
    reward = str(config["reward"]).replace("none", "behaviour cloning")
    if (observation := config.get("observation", "state")) != "state":
        reward = f"{reward}, sees {observation}"
    if reward in evidence.policy or reward in evidence.films:
        reward = f"{reward} ({run.name})"
    evidence.task = evidence.task or str(config.get("task", ""))
    figures = _final_figures(run)
    if figures is None:
        evidence.missing.append(
            f"Final success with reward {reward}: {run} is not finished; go on with --resume."
        )
    else:
        evidence.policy[reward] = figures
    if figures_only:
        return
    curve = _curve(run, reward, config)
    if curve is not None:
        evidence.curves.append(curve)
    seeds = _seed_folders(run)
    films = {
        path.stem: film_from_file(path.read_bytes())
        for folder in list(seeds.values())[:1]
        for path in sorted((folder / "films").glob("*.mp4"))
    }
    if films:
        evidence.films[reward] = films
    else:
        evidence.missing.append(
            f"A film of the policy trained with reward {reward}: none in {run}."
        )


def _seed_folders(run: Path) -> dict[int, Path]:
    """Return the folders of the seeds that have begun, by seed."""
    folders = [path for path in run.glob("seed_*") if path.is_dir()]
    found = {int(path.name.removeprefix("seed_")): path for path in folders}
    return dict(sorted(found.items()))


def _final_figures(run: Path) -> dict[str, Any] | None:
    """Return the figures of the finished seeds together, None when none is finished."""
    summary = read_json(run / "summary.json")
    if not summary.get("seeds"):
        return None
    return {
        "success": summary["success"],
        "success_interval": summary["success_interval"],
        "success_per_seed": summary["success_per_seed"],
        "starts": summary["starts"],
        "seeds": len(summary["seeds"]),
        "seed_numbers": summary["seeds"],
        "steps": summary["steps"],
    }


def _curve(run: Path, reward: str, config: dict[str, Any]) -> SuccessCurve | None:
    """Return success over steps; seeds that were evaluated at other steps are filled with NaN."""
    from tcn_robot.policies.learner import read_evaluations

    lines = {seed: read_evaluations(folder) for seed, folder in _seed_folders(run).items()}
    lines = {seed: evaluations for seed, evaluations in lines.items() if evaluations}
    if not lines:
        return None
    steps = sorted({line["steps"] for evaluations in lines.values() for line in evaluations})
    success = np.full((len(lines), len(steps)), np.nan)
    for row, evaluations in enumerate(lines.values()):
        for line in evaluations:
            success[row, steps.index(line["steps"])] = line["success"]
    starts = int(config.get("evaluation_starts", 0))
    return SuccessCurve(reward, np.array(steps, float), success, tuple(lines), starts)
