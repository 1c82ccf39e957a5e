"""What a probe found: one verdict, the figures behind it, and the score over all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tcn_robot.audit.rollouts import Rollout

PASS, FAIL, NOT_APPLICABLE = "pass", "fail", "not applicable"
#: What a probe looks for: whether good is told from bad, whether it can be cheated, what upsets it.
TELLS, CHEAT, ROBUST = "tells", "cheat", "robust"
#: The probes that decide whether a reward is accepted, and those of them that must be possible.
DECIDING = (
    *("separation", "order", "stall", "failing", "stop", "loop", "reverse"),
    *("mimicry", "thrown", "adversary"),
)
INDISPENSABLE = ("separation", "order")


@dataclass(frozen=True)
class Exhibit:
    """A rollout worth looking at.

    Attributes:
        title: What happens in it.
        rollout: The episode.
        rewards: float64 (T,), what the reward gives.
    """

    title: str
    rollout: Rollout
    rewards: NDArray[np.float64]


@dataclass(frozen=True)
class Finding:
    """What one probe found.

    Attributes:
        probe: Its name.
        family: "tells", "cheat" or "robust".
        verdict: "pass", "fail" or "not applicable".
        reason: One line that says why.
        figures: What was measured, as JSON holds it.
        thresholds: What it was held against.
        excess: For cheats, the share of a success's return beyond what true progress earns.
        exhibits: Rollouts to look at, the worst first.
    """

    probe: str
    family: str
    verdict: str
    reason: str
    figures: dict[str, Any] = field(default_factory=dict)
    thresholds: dict[str, float] = field(default_factory=dict)
    excess: float | None = None
    exhibits: tuple[Exhibit, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return what the JSON file holds of it."""
        return {
            "probe": self.probe,
            "family": self.family,
            "verdict": self.verdict,
            "reason": self.reason,
            "figures": self.figures,
            "thresholds": self.thresholds,
            "excess": self.excess,
        }


def decided(passed: bool) -> str:
    """Return "pass" or "fail"."""
    return PASS if passed else FAIL


def not_applicable(probe: str, family: str, reason: str) -> Finding:
    """Return the finding of a probe that cannot be made here."""
    return Finding(probe, family, NOT_APPLICABLE, reason)


def accepted(findings: Sequence[Finding]) -> bool | None:
    """Return whether a reward tells success from failure and no cheat pays.

    Robustness is not part of it: a reward that is upset by another camera is a good one as long as
    the camera stays where it is.

    Returns:
        False where a deciding probe failed. None, not decided, where none failed but one was not
        asked for, or separation or order cannot be measured. True else: a cheat that cannot be
        played on this task is no fault of the reward.
    """
    if any(one.verdict == FAIL and one.family in (TELLS, CHEAT) for one in findings):
        return False
    verdicts = {one.probe: one.verdict for one in findings}
    measured = all(verdicts.get(name) in (PASS, FAIL) for name in INDISPENSABLE)
    return True if measured and all(name in verdicts for name in DECIDING) else None


def not_tried(findings: Sequence[Finding]) -> list[str]:
    """Return the deciding probes that were not asked for or are not applicable."""
    tried = {one.probe for one in findings if one.verdict != NOT_APPLICABLE}
    return [name for name in DECIDING if name not in tried]


def overall_score(findings: Sequence[Finding]) -> float | None:
    """Return one number for a reward, in [0, 1], known before any policy is trained.

    separation x order x (1 - worst excess): separation is 2 AUC - 1 of the mean of both areas,
    order what the probe of that name found, and the worst excess the largest share of a success's
    return that a cheat earns beyond its true progress, each cut to [0, 1]. A product,
    because each of the three alone can spoil a reward. None where separation or order was not
    measured.
    """
    by_name = {one.probe: one for one in findings}
    separation, order = by_name.get("separation"), by_name.get("order")
    if separation is None or order is None or not (separation.figures and order.figures):
        return None
    areas = [separation.figures["auc_return"], separation.figures["auc_last"]]
    known = [area for area in areas if area is not None]
    apart = float(np.clip(2.0 * np.mean(known) - 1.0, 0.0, 1.0))
    rising = float(np.clip(order.figures["order"], 0.0, 1.0))
    excesses = [one.excess for one in findings if one.excess is not None]
    worst = float(np.clip(max(excesses, default=0.0), 0.0, 1.0))
    return apart * rising * (1.0 - worst)
