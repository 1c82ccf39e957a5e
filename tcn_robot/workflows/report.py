"""`tcn-robot report`: one self-contained page about a demo, an embedding or policies."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from tcn_robot.workflows.options import parse_and_run
from tcn_robot.workflows.report_sources import Sources, find_sources, read_json
from tcn_robot.workflows.stages import read_records

if TYPE_CHECKING:
    from tcn_robot.report.evidence import Evidence

NOT_SHOWN = ("platform", "cpu_capability")


def report(
    runs: Annotated[tuple[Path, ...], tyro.conf.Positional],
    /,
    *,
    out: Path,
    recordings: tuple[Path, ...] = (),
) -> None:
    """Write a page about what was learned: films, figures and tables in one HTML file.

    It shows whatever the folders hold and says at its end what is missing. It loads nothing from
    elsewhere, so that it can be sent as it is.

    Args:
        runs: Folders of `tcn-robot demo`, `train` or `imitate`.
        out: The page, such as report.html.
        recordings: Datasets to show episodes of, preferred to those that the runs name.
    """
    from tcn_robot.report.page import write_report

    evidence = gather_evidence(runs, recordings)
    write_report(evidence, out)
    print(f"{out} ({out.stat().st_size / 1e6:.1f} MB)")
    for line in evidence.missing:
        print(f"not shown: {line}")


def gather_evidence(
    runs: Sequence[Path], recordings: Sequence[Path] = (), figures_only: bool = False
) -> Evidence:
    """Read everything a report shows.

    Args:
        runs: Folders of `tcn-robot demo`, `train` or `imitate`.
        recordings: Datasets to show episodes of, preferred to those that the runs name.
        figures_only: Leave out all that needs frames, films or an encoder.

    Raises:
        UserError: A folder is none of these, or a part of it is damaged.
    """
    from tcn_robot.report.evidence import Evidence
    from tcn_robot.workflows.report_policy import add_policy

    sources = find_sources(runs, recordings)
    evidence = Evidence(sources=list(sources.shown), seed=sources.seed)
    evidence.alignment = read_json(sources.alignment) if sources.alignment else None
    evidence.versions = _versions(sources)
    for run in sources.policies:
        add_policy(evidence, run, figures_only)
    if not figures_only:
        _add_pictures(evidence, sources)
    return evidence


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
    """Return what the runs were made with, as text."""
    found: dict[str, str] = {}
    runs = [run for run in (sources.embedding, *sources.policies) if run]
    for run in runs:
        described = read_json(run / "versions.json")
        described.update(described.pop("versions", {}))
        described.update(described.pop("machine", {}))
        for name, value in described.items():
            if isinstance(value, (str, int)) and value != "" and name not in NOT_SHOWN:
                found.setdefault(_version_name(name), _version_text(name, value))
    return found


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
