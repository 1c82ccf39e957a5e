"""Cheats by editing time or the scene: what each earns, measured by what its progress is worth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tcn_robot.audit.material import Material, Rated
from tcn_robot.audit.probes.leaving import LeftBehind, can_be_left, can_be_thrown
from tcn_robot.audit.rollouts import back_and_forth, held, moment_at, moving_steps
from tcn_robot.audit.scoring import last_reward
from tcn_robot.audit.verdicts import CHEAT, Finding, decided, not_applicable
from tcn_robot.metrics import value_order_correlation

# A cheat may earn what its true progress would, and this share of a success's return besides.
# Less than a third of a success cannot make up for not doing the task; rewards of ours that a
# policy learned from lie below a fifth (docs/audit.md).
MOST_EXCESS = 0.3
LEAST_FALL = 0.5
MOST_BACKWARDS = 0.9
LOOP_FROM, LOOP_TO = 0.25, 0.75
# A moment takes part in a reward's memory when scores change by more than this share of its range.
SAME_SHARE = 0.01


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
        decided(mean <= MOST_EXCESS),
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
        {"most_excess": MOST_EXCESS},
        excess=mean,
        exhibits=(worst.exhibit(what),),
    )


def failing(material: Material) -> Finding:
    """Say what episodes earn that are never done: scripted failures, play, random actions."""
    never = [one for one in material.failures if not one.rollout.ever_success]
    known = [one for one in never if one.rollout.start_seed in material.yardstick.still]
    if not known:
        return not_applicable("failing", CHEAT, "the task has no behaviour that fails")
    return judged_cheat("failing", material, known, "a failing episode")


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

    A reward of single frames has the same values in the other order: it must fall by half of what
    it rose. One that remembers must not pay more for the way back than for the way there.
    """
    falls, orders, shares, played = [], [], [], []
    remembers = False
    for success in material.successes:
        steps = moving_steps(success.rollout)
        forwards = material.rate(success.rollout.shown("forwards", success.rollout.index[:steps]))
        backwards = material.rate(
            success.rollout.shown("reverse", success.rollout.index[:steps][::-1])
        )
        played.append(backwards)
        spread = float(np.ptp(forwards.rewards))
        changed = float(np.abs(backwards.rewards[::-1] - forwards.rewards).max())
        remembers |= changed > SAME_SHARE * max(spread, 1e-12)
        rise = last_reward(forwards.rewards) - float(forwards.rewards[0])
        rise = rise if rise > 1e-9 * max(abs(last_reward(forwards.rewards)), 1e-12) else np.inf
        falls.append((last_reward(forwards.rewards) - last_reward(backwards.rewards)) / rise)
        orders.append(value_order_correlation(backwards.rewards))
        low = min(float(forwards.rewards.min()), float(backwards.rewards.min()))
        earned = max(float((forwards.rewards - low).sum()), 1e-12)
        shares.append(float((backwards.rewards - low).sum()) / earned)
    fall, turned, share = float(np.mean(falls)), float(np.mean(orders)), float(np.mean(shares))
    passed = fall >= LEAST_FALL and (share <= MOST_BACKWARDS if remembers else turned < 0.0)
    worst = played[int(np.argmin(falls))]
    return Finding(
        "reverse",
        CHEAT,
        decided(passed),
        f"backwards it falls by {fall:.2f} of its rise"
        + (f", and the way back earns {share:.2f} of the way there" if remembers else ""),
        {"fall": fall, "voc": turned, "return_share": share, "remembers": remembers},
        {"least_fall": LEAST_FALL, "most_backwards": MOST_BACKWARDS},
        exhibits=(worst.exhibit("a success played backwards"),),
    )


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
