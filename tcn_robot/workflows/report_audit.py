"""What the page of an audit shows, gathered from what the audit has found."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from tcn_robot.report.audit_evidence import AuditedFilm, AuditEvidence

if TYPE_CHECKING:
    from tcn_robot.audit.auditing import Audit
    from tcn_robot.audit.rollouts import Rollout
    from tcn_robot.audit.stage import Stage

EXHIBITS_PER_PROBE = 1


def audit_evidence(found: Audit, record: dict[str, Any], stage: Stage) -> AuditEvidence:
    """Return the evidence of an audit.

    Args:
        found: What it found.
        record: What else its JSON holds.
        stage: Where it was played.
    """
    from tcn_robot.audit.probes.table import PROBES

    assert found.material is not None
    by_start = {one.rollout.start_seed: one for one in found.material.successes}
    usual = found.material.successes[0]
    view = stage.views[0]
    films = [
        _film(
            finding.probe, exhibit.title, view, exhibit.rollout, exhibit.rewards,
            by_start.get(exhibit.rollout.start_seed, usual).rewards,
        )
        for finding in found.findings
        for exhibit in finding.exhibits[:EXHIBITS_PER_PROBE]
    ]  # fmt: skip
    text = json.dumps({**found.as_json(), **record}, default=lambda value: value.item())
    return AuditEvidence(
        json.loads(text),
        {name: probe.asks for name, probe in PROBES.items()},
        films,
        float(getattr(stage.env, "control_hz", 10.0)),
        _film("", "success", view, usual.rollout, usual.rewards, usual.rewards),
    )


def _film(
    probe: str,
    title: str,
    view: str,
    rollout: Rollout,
    rewards: np.ndarray,
    success: np.ndarray,
) -> AuditedFilm:
    return AuditedFilm(probe, title, rollout.film()[view], rewards, success)
