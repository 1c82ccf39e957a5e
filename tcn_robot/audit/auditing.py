"""The whole audit of one reward: material, probes one after the other, the record of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tcn_robot.audit.material import Material, Settings, failing_kinds, gather
from tcn_robot.audit.probes.table import PROBES, chosen_probes
from tcn_robot.audit.rollouts import Rollout
from tcn_robot.audit.scoring import Scorer
from tcn_robot.audit.stage import Stage
from tcn_robot.audit.verdicts import Finding, accepted, not_tried, overall_score

SCHEMA_VERSION = 1


@dataclass
class Audit:
    """What an audit has found so far.

    Attributes:
        findings: One per probe, in the order in which they were made.
        material: What was played; None before anything was.
        complete: Whether all probes that were asked for are done.
    """

    findings: list[Finding] = field(default_factory=list)
    material: Material | None = None
    complete: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return what the JSON file holds of it, without what it was made with."""
        notes = self.material.notes if self.material else []
        settings = self.material.settings if self.material else None
        return {
            "schema_version": SCHEMA_VERSION,
            "complete": self.complete,
            "score": overall_score(self.findings) if self.complete else None,
            "accepted": accepted(self.findings) if self.complete else None,
            "not_tried": not_tried(self.findings),
            "settings": vars(settings) if settings else {},
            "notes": notes,
            "probes": {one.probe: one.as_json() for one in self.findings},
        }


def count_episodes(stage: Stage, settings: Settings, names: Sequence[str]) -> int:
    """Return about how many episodes are played for these probes."""
    kinds = 2 if "expert" in stage.policies else 0
    if any(PROBES[name].needs_failures for name in names):
        kinds += len(failing_kinds(stage))
    searched = settings.adversary_rollouts if "adversary" in names else 0
    return settings.episodes * kinds + searched


def run_audit(
    stage: Stage,
    scorer: Scorer,
    settings: Settings,
    probes: Sequence[str] = (),
    *,
    recorded: Callable[[], Sequence[Rollout]] = lambda: (),
    advance: Callable[[], None] = lambda: None,
    found: Callable[[Audit], None] = lambda audit: None,
) -> Audit:
    """Make the probes and return what they found.

    Args:
        stage: Where they are made.
        scorer: The reward under audit.
        settings: How much is played.
        probes: Names of `PROBES`; all when empty.
        recorded: Gives recorded successes, for tasks that no expert does.
        advance: Called after each episode that is played.
        found: Called after each probe, and at the end.

    Raises:
        UserError: An unknown probe, no success to show, or rewards that are not finite.
    """
    names = chosen_probes(probes)
    audit = Audit()
    audit.material = gather(stage, scorer, settings, recorded, advance)
    for name in names:
        audit.findings.append(PROBES[name].run(audit.material))
        audit.complete = len(audit.findings) == len(names)
        found(audit)
    return audit
