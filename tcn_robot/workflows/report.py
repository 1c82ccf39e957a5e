"""`tcn-robot report`: one self-contained page about a demo, an embedding, policies or studies."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from tcn_robot.errors import UserError
from tcn_robot.workflows.options import parse_and_run
from tcn_robot.workflows.report_sources import Sources, find_sources, read_json
from tcn_robot.workflows.stages import read_records

if TYPE_CHECKING:
    from tcn_robot.report.evidence import Evidence

RESULTS = Path("docs/results")
NOT_SHOWN = ("platform", "cpu_capability")


def report(
    runs: Annotated[tuple[Path, ...], tyro.conf.Positional],
    /,
    *,
    out: Path,
    recordings: tuple[Path, ...] = (),
    results: Path = RESULTS,
) -> None:
    """Write a page about what was learned: films, figures and tables in one HTML file.

    It shows whatever it is given and says at its end what is missing. Several runs of `imitate`, or
    studies of policies, are compared task by task: learning curves and tables with intervals, what
    each run was given, how to repeat it. It loads nothing from elsewhere, so that it can be sent as
    it is.

    Args:
        runs: Folders of `tcn-robot demo`, `train` or `imitate`; studies of policies (.json) or
            their results (.jsonl), shown from their lines alone; files of `tcn-robot audit --out`,
            which are found in runs as RUN/audit.json too.
        out: The page, such as report.html.
        recordings: Datasets to show episodes of, preferred to those that the runs name.
        results: Folder of the lines of studies that are given by their JSON file.
    """
    from tcn_robot.atomic import refuse_unwritable
    from tcn_robot.report.page import write_report

    refuse_unwritable(out)
    evidence = gather_evidence(runs, recordings, results=results)
    if evidence.policies_first:
        evidence.repeat.append(_command(runs, out, recordings, results))
    write_report(evidence, out)
    print(f"{out} ({out.stat().st_size / 1e6:.1f} MB)")
    for line in evidence.missing:
        print(f"not shown: {line}")


def gather_evidence(
    runs: Sequence[Path],
    recordings: Sequence[Path] = (),
    figures_only: bool = False,
    results: Path = RESULTS,
) -> Evidence:
    """Read everything a report shows.

    Args:
        runs: Folders of `tcn-robot demo`, `train` or `imitate`, studies, results or audits.
        recordings: Datasets to show episodes of, preferred to those that the runs name.
        figures_only: Leave out all that needs frames, films or an encoder.
        results: Folder of the lines of studies.

    Raises:
        UserError: One is none of these, a part of it is damaged, or nothing is finished yet.
    """
    from tcn_robot.report.evidence import Evidence
    from tcn_robot.workflows.report_given_audits import add_audits
    from tcn_robot.workflows.report_policy import add_policies

    sources = find_sources(runs, recordings)
    evidence = Evidence(
        sources=list(sources.shown), policies_first=sources.policies_first, seed=sources.seed
    )
    evidence.alignment = read_json(sources.alignment) if sources.alignment else None
    evidence.versions = _versions(sources)
    add_policies(evidence, sources, results, figures_only)
    if not figures_only:
        add_audits(evidence, sources)
        _refuse_nothing(evidence)
        if not evidence.policies_first or sources.embedding or sources.demos or recordings:
            _add_pictures(evidence, sources)
    return evidence


def _refuse_nothing(evidence: Evidence) -> None:
    """Raise a UserError for a page about policies of which none has been evaluated once."""
    reached = any(run.figures or run.curve for run in evidence.runs)
    if evidence.policies_first and not reached and not evidence.audits:
        first = f" ({evidence.missing[0]})" if evidence.missing else ""
        raise UserError(f"nothing is finished yet in {', '.join(evidence.sources)}{first}")


def _command(runs: Sequence[Path], out: Path, recordings: Sequence[Path], results: Path) -> str:
    """Return the command that makes the page again, without a machine's paths."""
    from tcn_robot.workflows.study_policies import shown_path

    words = [*map(str, runs), "--out", str(out)]
    words += ["--recordings", *map(str, recordings)] if recordings else []
    words += ["--results", str(results)] if results != RESULTS else []
    return " ".join(map(shlex.quote, ["tcn-robot", "report", *map(str, map(shown_path, words))]))


def _add_pictures(evidence: Evidence, sources: Sources) -> None:
    from tcn_robot.report.evidence import Stage
    from tcn_robot.workflows.report_embedding import add_embedding, add_recordings, add_training
    from tcn_robot.workflows.report_reward import add_rewards

    shown = add_recordings(evidence, sources)
    if sources.embedding and (sources.embedding / "encoder").is_dir() and shown:
        add_embedding(evidence, sources.embedding, shown)
        add_training(evidence, sources.embedding)
    elif shown:
        evidence.missing.append("The embedding: no trained encoder; `tcn-robot train` makes one.")
    if evidence.alignment is None:
        run = sources.embedding or "RUN"
        evidence.missing.append(
            f"The alignment table: `tcn-robot bench alignment {run} DIR --out "
            f"{run}/alignment.json` measures it."
        )
    if shown and sources.policies:
        add_rewards(evidence, sources, shown)
    if not sources.policies:
        evidence.missing.append("A policy: `tcn-robot imitate` trains one.")
    records = read_records(sources.stages) if sources.stages else {}
    evidence.stages = [
        Stage(one.name, one.command, one.seconds, one.peak_memory_mb, one.start_seconds)
        for one in sorted(records.values(), key=lambda one: (one.start_seconds, one.name))
    ]


def _versions(sources: Sources) -> dict[str, str]:
    """Return what the runs were made with, as text; where they differ, all of it."""
    found: dict[str, list[str]] = {}
    runs = [run for run in (sources.embedding, *sources.policies) if run]
    for run in runs:
        described = read_json(run / "versions.json")
        described.update(described.pop("versions", {}))
        described.update(described.pop("machine", {}))
        for name, value in described.items():
            if isinstance(value, (str, int)) and value != "" and name not in NOT_SHOWN:
                found.setdefault(_version_name(name), []).append(_version_text(name, value))
    return {name: ", ".join(dict.fromkeys(values)) for name, values in found.items()}


def _version_name(name: str) -> str:
    return {"git_commit": "commit", "cpu": "processor"}.get(name, name)


def _version_text(name: str, value: Any) -> str:
    text = str(value)
    if name in ("commit", "git_commit"):
        return text[:10] + ("+" if text.endswith("+") else "")
    return text


def main(arguments: list[str]) -> None:
    """Run the command."""
    parse_and_run(report, arguments)
