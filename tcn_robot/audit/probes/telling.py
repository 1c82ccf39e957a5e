"""Whether good is told from bad: success from failure, late from early, moving from standing."""

from __future__ import annotations

import numpy as np

from tcn_robot.audit.material import Material, Rated
from tcn_robot.audit.rollouts import held, moment_at, moving_steps
from tcn_robot.audit.scoring import area_interval, area_under_curve, last_reward
from tcn_robot.audit.verdicts import TELLS, Finding, decided, not_applicable
from tcn_robot.metrics import bootstrap_interval, value_order_correlation

# Of ten pairs of a success and a failure, nine must be the right way round. The true progress as a
# reward has 0.97 to 1 (docs/audit.md); a policy that is led the wrong way once in ten may recover.
LEAST_AREA = 0.9
# Expert episodes pause and take detours: the true progress itself has 0.85 to 0.97.
LEAST_ORDER = 0.6
MOMENTS_TO_STOP = 9
MOST_STILL_SHARE = 0.4
MOST_HALF_WAY_SHARE = 0.85


def separation(material: Material) -> Finding:
    """Tell successes from failures by the return, and by the reward of the last steps.

    By the return only failures that were never done count: those that undid it did earn something
    for as long as it was done.
    """
    if not material.failures:
        return not_applicable("separation", TELLS, "the task has no behaviour that fails")
    generator = material.stage.generator("separation", 0)
    good = [one.total for one in material.successes]
    never = [one.total for one in material.failures if not one.rollout.ever_success]
    good_last = [last_reward(one.rewards) for one in material.successes]
    bad_last = [last_reward(one.rewards) for one in material.failures]
    area_last = area_under_curve(good_last, bad_last)
    area = area_under_curve(good, never) if never else None
    figures = {
        "auc_return": area,
        "auc_return_interval": area_interval(good, never, generator) if never else None,
        "auc_last": area_last,
        "auc_last_interval": area_interval(good_last, bad_last, generator),
        "successes": len(good),
        "failures": len(bad_last),
        "failures_never_done": len(never),
    }
    lowest = min(value for value in (area, area_last) if value is not None)
    return Finding(
        "separation",
        TELLS,
        decided(lowest >= LEAST_AREA),
        f"a success earns more than a failure with chance {lowest:.2f}",
        figures,
        {"least_area": LEAST_AREA},
        exhibits=_mistaken(material),
    )


def _mistaken(material: Material) -> tuple:
    """Return the failure that ends best."""
    worst = max(material.failures, key=lambda one: last_reward(one.rewards))
    return (worst.exhibit(f"{worst.rollout.kind}: the failure that ends best"),)


def order(material: Material) -> Finding:
    """Rise with time on successes, until the task is done.

    Two ways to ask, of which the better counts: Spearman's correlation of reward and time (VOC);
    and, for rewards that follow a demonstration in time and are as high at its start as at its end,
    the same correlation of the return with the moment at which a success is stopped for good.
    For a reward of single frames both ask the same.
    """
    values = [
        value_order_correlation(one.rewards[: moving_steps(one.rollout)])
        for one in material.successes
    ]
    stopped = [_order_of_stopping(material, one) for one in material.successes]
    by_voc = np.mean(values) >= np.mean(stopped)
    better = values if by_voc else stopped
    generator = material.stage.generator("order", 0)
    low, high = bootstrap_interval(better, generator)
    mean = float(np.mean(better))
    worst = material.successes[int(np.argmin(better))]
    return Finding(
        "order",
        TELLS,
        decided(mean >= LEAST_ORDER),
        f"the reward follows the order of a success's frames with {np.mean(values):.2f}, the "
        f"return that of the moments to stop at with {np.mean(stopped):.2f}",
        {
            "order": mean,
            "voc": float(np.mean(values)),
            # Successes that are all followed alike say nothing of how far others may differ.
            "order_interval": [low, high] if low < high else None,
            "counted": "voc" if by_voc else "stopping",
            "stopping": float(np.mean(stopped)),
            "per_episode": better,
        },
        {"least_order": LEAST_ORDER},
        exhibits=(worst.exhibit("the success whose order is followed worst"),),
    )


def _order_of_stopping(material: Material, success: Rated) -> float:
    """Return how the return rises with the moment at which a success is stopped, in [-1, 1]."""
    rollout = success.rollout
    moments = np.linspace(0, moving_steps(rollout) - 1, MOMENTS_TO_STOP).round().astype(int)
    totals = [
        material.rate(
            rollout.shown("stopped", held(rollout.index[: moment + 1], len(rollout)))
        ).total
        for moment in dict.fromkeys(moments.tolist())
    ]
    return value_order_correlation(totals)


def stall(material: Material) -> Finding:
    """Pay less for standing still than for going on, at the start and half-way.

    At the start: its mean reward per step, between the low end of what is paid at all and a
    success's mean. Half-way: the reward there between that of the start and that of the end; it is
    what an agent is paid for each step that it waits before the last part.
    """
    floor = material.floor()
    stood = float(np.mean([one.rewards[1:].mean() for one in material.still]))
    done = float(np.mean([one.rewards[1:].mean() for one in material.successes]))
    at_start = _between(stood, floor, done)
    half_way = [_half_way(material, one) for one in material.successes]
    starts = float(np.mean([one.rewards[0] for one in material.successes]))
    ends = float(np.mean([last_reward(one.rewards) for one in material.successes]))
    there = _between(float(np.mean([last_reward(one.rewards) for one in half_way])), starts, ends)
    passed = at_start <= MOST_STILL_SHARE and there <= MOST_HALF_WAY_SHARE
    worst = max(half_way, key=lambda one: last_reward(one.rewards))
    still = max(material.still, key=lambda one: one.total)
    shown = (still.exhibit("standing still"), worst.exhibit("standing half-way"))
    return Finding(
        "stall",
        TELLS,
        decided(passed),
        f"a step of standing still earns {at_start:.2f} of a success's, waiting half-way "
        f"{there:.2f} of what the end does",
        {"share_at_start": at_start, "share_half_way": there, "floor": floor},
        {"most_at_start": MOST_STILL_SHARE, "most_half_way": MOST_HALF_WAY_SHARE},
        exhibits=shown if at_start > MOST_STILL_SHARE else shown[::-1],
    )


def _between(value: float, low: float, high: float) -> float:
    """Return where a value lies from `low` (0) to `high` (1); 1 where they are not apart."""
    width = high - low
    if width <= 1e-6 * max(abs(low), abs(high), 1e-12):
        return 1.0
    return float(np.clip((value - low) / width, -5.0, 5.0))


def _half_way(material: Material, success: Rated) -> Rated:
    moment = moment_at(success.rollout, 0.5)
    index = held(success.rollout.index[: moment + 1], len(success.rollout))
    return material.rate(success.rollout.shown("half-way", index))
