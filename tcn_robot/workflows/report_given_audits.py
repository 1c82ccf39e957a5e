"""Audits of rewards for a report, and the runs that learned from these very rewards."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tcn_robot.errors import UserError
from tcn_robot.report.audit_evidence import AuditEvidence
from tcn_robot.report.evidence import Evidence
from tcn_robot.report.policy_evidence import GivenAudit
from tcn_robot.workflows.report_sources import Sources, read_json

NEEDED = (
    *("task", "reward", "score", "accepted", "complete", "not_tried", "settings", "given"),
    *("views", "notes"),
)
# Of an audit that fitted its reward itself.
NEEDED_OF_FITTING = ("encoder", "demos", "reward_options")
NEEDED_OF_PROBES = ("probe", "family", "verdict", "reason", "figures", "thresholds", "excess")


def add_audits(evidence: Evidence, sources: Sources) -> None:
    """Add the audits that were named or lie in the runs; the runs have to be there already.

    Raises:
        UserError: One is damaged.
    """
    asks = _asks() if sources.audits else {}
    for path in sources.audits:
        record = read_audit(path)
        digest = record.get("fitted_sha256")
        runs = [
            f"{run.name} ({run.task})"
            for run in evidence.runs
            if digest is not None and digest in run.reward_digests
        ]
        evidence.audits.append(GivenAudit(AuditEvidence(record, asks), str(path), runs))
    audited = {name for audit in evidence.audits for name in audit.runs}
    lacking = [
        name
        for name in (f"{run.name} ({run.task})" for run in evidence.runs if run.reward_digests)
        if name not in audited
    ]
    if lacking:
        evidence.missing.append(
            f"An audit of the reward of {', '.join(lacking)}: `tcn-robot audit --fitted RUN "
            "--task TASK --out RUN/audit.json` makes one; the page takes it from RUN, or by name."
        )


def _asks() -> dict[str, str]:
    from tcn_robot.audit.probes.table import PROBES

    return {name: probe.asks for name, probe in PROBES.items()}


def read_audit(path: Path) -> Mapping[str, Any]:
    """Return what `tcn-robot audit --out` wrote.

    Raises:
        UserError: It is damaged, or something else.
    """
    record = read_json(path)
    needed = NEEDED if "fitted" in record else (*NEEDED, *NEEDED_OF_FITTING)
    lacking = [name for name in needed if name not in record]
    probes = record.get("probes")
    if not isinstance(probes, dict):
        lacking.append("probes")
    else:
        lacking += [
            f"{name} of probe {key}"
            for key, probe in probes.items()
            for name in NEEDED_OF_PROBES
            if not isinstance(probe, dict) or name not in probe
        ]
    if lacking:
        raise UserError(
            f"{path}: expected what `tcn-robot audit --out` writes, found no {lacking[0]}; audit "
            "the reward again"
        )
    return record
