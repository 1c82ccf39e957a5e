"""Studies of policies for a report: their committed lines, and what is not finished of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tcn_robot.errors import UserError
from tcn_robot.policies.config import ImitateConfig, config_from_mapping
from tcn_robot.policies.results import check_policy_line, read_lines
from tcn_robot.policies.study_plan import (
    LATER_FIELDS,
    POLICY_KIND,
    STUDY_FIELDS,
    PlannedRun,
    StudyPlan,
    load_plan,
    read_study,
)

Line = dict[str, Any]


@dataclass
class FoundStudies:
    """What some studies have found together.

    Attributes:
        names: Their names.
        descriptions: What they are about, in their own words.
        commands: What works them off.
        lines: Lines of results of policies.
        missing: Sentences on what is not there.
    """

    names: list[str] = field(default_factory=list)
    descriptions: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


def find_studies(studies: Sequence[Path], results: Sequence[Path], folder: Path) -> FoundStudies:
    """Return what is finished of some studies.

    Args:
        studies: Their JSON files; their lines lie in `folder`, and only those count that the
            study would not run again.
        results: Files of lines; of a run that was made with several sets of options, those of the
            newest line count.
        folder: Folder of the lines.

    Raises:
        UserError: A file is no study or result of policies, or damaged.
    """
    found = FoundStudies()
    for path in studies:
        _add_study(found, path, folder)
    for path in results:
        _add_results(found, path)
    for name in ("names", "descriptions", "commands"):
        setattr(found, name, list(dict.fromkeys(getattr(found, name))))
    return found


def config_of_line(line: Line) -> ImitateConfig:
    """Return the options of a line; what came later is as it was before.

    Raises:
        UserError: They are not to be read.
    """
    try:
        return config_from_mapping({**LATER_FIELDS, **line["config"], "seeds": [line["seed"]]})
    except UserError as error:
        raise UserError(
            f"the line of {line['study']}, run {line['run']}, seed {line['seed']}: {error}"
        ) from error


def _add_study(found: FoundStudies, path: Path, folder: Path) -> None:
    from tcn_robot.workflows.study import study_kind

    if study_kind(path) != POLICY_KIND:
        raise UserError(
            f"{path} is a study of embeddings, a report is about policies; its page is made by "
            f"`tcn-robot leaderboard {folder / path.stem}.jsonl --out PAGE.html`"
        )
    plan = load_plan(path)
    lines_path = folder / f"{plan.name}.jsonl"
    known = {line["key"]: line for line in reversed(_policy_lines(found, lines_path))}
    finished: list[Line] = []
    for run in plan.runs:
        lines = [known[run.key(seed)] for seed in run.config.seeds if run.key(seed) in known]
        finished += [{**line, "study": plan.name, "run": run.name} for line in lines]
    _name_unfinished(found, path, plan, known, lines_path)
    if other := len(known) - len({line["key"] for line in finished}):
        counted = "1 line" if other == 1 else f"{other} lines"
        found.missing.append(
            f"{counted} of {lines_path}: made with options that {path} does not have now."
        )
    found.names.append(plan.name)
    described = read_study(path, {POLICY_KIND: STUDY_FIELDS}).get("description")
    found.descriptions += [str(described)] if described else []
    found.commands.append(f"tcn-robot study {path}")
    found.lines += finished


def _name_unfinished(
    found: FoundStudies, path: Path, plan: StudyPlan, known: dict[str, Line], lines_path: Path
) -> None:
    """Say which seeds of a study have no line yet."""
    for run in plan.runs:
        lacking = [seed for seed in run.config.seeds if run.key(seed) not in known]
        if lacking:
            seeds = ", ".join(map(str, lacking))
            found.missing.append(
                f"{plan.name}, run {run.name}, seed{'s' if len(lacking) > 1 else ''} {seeds}: no "
                f"line in {lines_path}; `tcn-robot study {path}` trains what is missing."
            )


def _add_results(found: FoundStudies, path: Path) -> None:
    every = _policy_lines(found, path)
    if not every:
        raise UserError(_without_policies(path))
    runs: dict[tuple[str, str], list[Line]] = {}
    for line in every:
        runs.setdefault((line["study"], line["run"]), []).append(line)
    for (study, run), lines in runs.items():
        kept = _of_newest_options(lines)
        if len(kept) < len(lines):
            found.missing.append(
                f"{len(lines) - len(kept)} of {len(lines)} lines of {study}, run {run}: made with "
                "other options than the newest one."
            )
        found.lines += kept
        found.names.append(study)
        found.commands.append(f"tcn-robot study docs/studies/{study}.json")


def _of_newest_options(lines: Sequence[Line]) -> list[Line]:
    """Return the lines of a run that have the options of the newest one, whatever the seed."""
    kinds = [PlannedRun("", config_of_line(line)).key(0) for line in lines]
    times = [str(line.get("finished_utc", "")) for line in lines]
    newest = kinds[times.index(max(times))]
    return [line for line, kind in zip(lines, kinds, strict=True) if kind == newest]


def _policy_lines(found: FoundStudies, path: Path) -> list[Line]:
    """Return the lines of policies of a file, whole ones; torn ones are named."""
    torn: list[int] = []
    lines = [line for line in read_lines(path, torn) if line.get("kind") == POLICY_KIND]
    for line in lines:
        check_policy_line(line, path)
    found.missing += [f"{path} line {number}: torn, no JSON." for number in torn]
    return lines


def _without_policies(path: Path) -> str:
    """Say what a file of lines holds in place of policies."""
    torn: list[int] = []
    kinds = {str(line.get("kind")) for line in read_lines(path, torn)}
    if not kinds and torn:
        return (
            f"{path}: expected a line of results or more, found torn ones only (line {torn[0]}); "
            "restore the file, or run the study again"
        )
    if not kinds:
        return f"{path}: expected a line of results or more, found none; nothing is finished yet"
    return (
        f"{path}: expected lines of a study of policies, found {json.dumps(sorted(kinds))}; the "
        f"page of embeddings is made by `tcn-robot leaderboard {path} --out PAGE.html`"
    )
