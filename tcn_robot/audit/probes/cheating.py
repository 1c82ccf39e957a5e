"""Cheats by editing time or the scene: what each earns, measured by what its progress is worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tcn_robot.audit.material import Material, Rated
from tcn_robot.audit.probes.leaving import LeftBehind, can_be_left, can_be_thrown
from tcn_robot.audit.rollouts import back_and_forth, held, moment_at, moving_steps
from tcn_robot.audit.scoring import LAST_STEPS
from tcn_robot.audit.verdicts import CHEAT, FAIL, Finding, decided, not_applicable
from tcn_robot.metrics import value_order_correlation

# A cheat may earn what its true progress would, and this share of a success's return besides. In
# our first trials a policy learned nothing where a cheat earned 0.73 to 0.89 of a success's reward,
# and learned the task where the most was 0.34; in between nothing was tried, and the limit leans
# towards what is known to fail. The score keeps the difference below it.
MOST_EXCESS = 0.6
# However much its progress is worth: what earns nearly a success's return, and that unearned, is as
# good as a success to whoever learns from it.
MOST_SHARE = 0.9
UNEARNED = 0.1
LEAST_FALL = 0.5
MOST_BACKWARDS = 0.9
LOOP_FROM, LOOP_TO = 0.25, 0.75
# A moment takes part in a reward's memory when scores change by more than this share of its range.
SAME_SHARE = 0.01
# The ends of a success that takes a few steps are a step, not five.
ENDS_OF = 8


def pays(share: float, excess: float) -> bool:
    """Return whether a cheat pays: by what it earns unearned, or nearly as a success does."""
    return excess > MOST_EXCESS or (share > MOST_SHARE and excess > UNEARNED)


def judged_cheat(probe: str, material: Material, played: Sequence[Rated], what: str) -> Finding:
    """Return the finding for rollouts of one cheat: their mean excess decides."""
    excesses = [material.excess(one) for one in played]
    shares = [material.share(one) for one in played]
    due = [material.due(one.rollout) for one in played]
    mean = float(np.mean(excesses))
    ranked = sorted(zip(excesses, range(len(played)), strict=True), reverse=True)
    worst = played[ranked[0][1]]
    return Finding(
        probe,
        CHEAT,
        decided(not pays(float(np.mean(shares)), mean)),
        f"{what} earns {np.mean(shares):.2f} of a success's return"
        + (f", its progress is worth {np.mean(due):.2f}" if material.credit else ""),
        {
            "share": float(np.mean(shares)),
            "share_worst": float(np.max(shares)),
            "due": float(np.mean(due)) if material.credit else None,
            "excess": mean,
            "excess_worst": float(np.max(excesses)),
            "episodes": len(played),
        },
        {"most_excess": MOST_EXCESS, "most_share": MOST_SHARE},
        excess=mean,
        exhibits=(worst.exhibit(what),),
    )


def failing(material: Material) -> Finding:
    """Say what episodes earn that are never done: scripted failures, play, random actions.

    The kind that earns most decides, by the mean of its episodes: one kind that is paid as a
    success is a cheat, however little the others earn.
    """
    never = [one for one in material.failures if not one.rollout.ever_success]
    starts = {one.rollout.start_seed for one in material.successes}
    # Recorded successes start elsewhere: standing still is played where failures start then.
    known = [one for one in never if material.demonstrated or one.rollout.start_seed in starts]
    if not known:
        return not_applicable("failing", CHEAT, "the task has no behaviour that fails")
    kinds = dict.fromkeys(one.rollout.kind for one in known)
    judged = {
        kind: judged_cheat(
            "failing", material, [one for one in known if one.rollout.kind == kind],
            f"of all failures {kind}",
        )
        for kind in kinds
    }  # fmt: skip
    worst = max(judged.values(), key=lambda one: (one.verdict == FAIL, one.excess or 0.0))
    of_kinds = {kind: one.figures for kind, one in judged.items()}
    return replace(worst, figures={**worst.figures, "kinds": of_kinds})


def half_way_stop(material: Material) -> Finding:
    """Do half of the task, then stop for good."""
    played = []
    for success in material.successes:
        moment = moment_at(success.rollout, 0.5)
        index = held(success.rollout.index[: moment + 1], len(success.rollout))
        played.append(material.rate(success.rollout.shown("stop", index)))
    return judged_cheat("stop", material, played, "stopping half-way")


def loop(material: Material) -> Finding:
    """Go back and forth between a quarter and three quarters of the task."""
    played = []
    for success in material.successes:
        first = moment_at(success.rollout, LOOP_FROM)
        last = max(moment_at(success.rollout, LOOP_TO), first + 1)
        last = min(last, len(success.rollout) - 1)
        first = min(first, last - 1)
        steps = len(success.rollout)
        order = np.concatenate([np.arange(first), back_and_forth(first, last, steps)])[:steps]
        played.append(material.rate(success.rollout.shown("loop", success.rollout.index[order])))
    return judged_cheat("loop", material, played, "going back and forth")


def reverse(material: Material) -> Finding:
    """Fall when a success is played backwards.

    A reward of single frames has the same values in the other order: it must end lower by half of
    its range. One that remembers, or knows the time, must not pay more for the way back than for
    the way there besides: what the way back earns is the excess of a cheat then.
    """
    pairs = []
    for success in material.successes:
        index = success.rollout.index[: moving_steps(success.rollout)]
        forwards = material.rate(success.rollout.shown("forwards", index))
        pairs.append((forwards, material.rate(success.rollout.shown("reverse", index[::-1]))))
    falls = [_fall(there.rewards, back.rewards) for there, back in pairs]
    shares = [_way_back(there.rewards, back.rewards) for there, back in pairs]
    remembers = any(_remembers(there.rewards, back.rewards) for there, back in pairs)
    fall, share = float(np.mean(falls)), float(np.mean(shares))
    earns_back = remembers and share > MOST_BACKWARDS
    worst = pairs[int(np.argmin(falls))][1]
    return Finding(
        "reverse",
        CHEAT,
        decided(fall >= LEAST_FALL and not earns_back),
        f"backwards it ends lower by {fall:.2f} of its range"
        + (f", and the way back earns {share:.2f} of the way there" if remembers else ""),
        {
            "fall": fall,
            "voc": float(np.mean([value_order_correlation(back.rewards) for _, back in pairs])),
            "way_back": share,
            "remembers": remembers,
        },
        {"least_fall": LEAST_FALL, "most_backwards": MOST_BACKWARDS},
        excess=min(share, 1.0) if earns_back else None,
        exhibits=(worst.exhibit("a success played backwards"),),
    )


def _fall(there: NDArray[np.float64], back: NDArray[np.float64]) -> float:
    """Return by which share of the range of both the way back (T,) ends lower."""
    spread = float(np.ptp(np.concatenate([there, back])))
    return (_end(there) - _end(back)) / spread if spread > 0.0 else 0.0


def _end(rewards: NDArray[np.float64]) -> float:
    """Return the mean of the last rewards of (T,), of fewer where a success takes a few steps."""
    return float(rewards[-max(1, min(LAST_STEPS, len(rewards) // ENDS_OF)) :].mean())


def _way_back(there: NDArray[np.float64], back: NDArray[np.float64]) -> float:
    """Return what the way back earns above the lowest of both, as a share of the way there."""
    low = min(float(there.min()), float(back.min()))
    earned = float((there - low).sum())
    return float((back - low).sum()) / earned if earned > 0.0 else 1.0


def _remembers(there: NDArray[np.float64], back: NDArray[np.float64]) -> bool:
    """Return whether the same moments are paid otherwise in the other order."""
    return bool(np.abs(back[::-1] - there).max() > SAME_SHARE * max(float(np.ptp(there)), 1e-12))


def mimicry(material: Material) -> Finding:
    """Go through a success's motion exactly, with what it should move lying aside."""
    reason = can_be_left(material)
    if reason:
        return not_applicable("mimicry", CHEAT, reason)
    left = LeftBehind(material.stage)
    played = [material.rate(left.aside(success.rollout)) for success in material.successes]
    return judged_cheat("mimicry", material, played, "the motion without the object")


def thrown(material: Material) -> Finding:
    """Do half of the task, then throw the object off the table and go on with the motion."""
    reason = can_be_thrown(material)
    if reason:
        return not_applicable("thrown", CHEAT, reason)
    left = LeftBehind(material.stage)
    played = [material.rate(left.thrown(success.rollout)) for success in material.successes]
    return judged_cheat("thrown", material, played, "throwing the object off the table")
