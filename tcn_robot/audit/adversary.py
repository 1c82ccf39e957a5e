"""A search of fixed budget for behaviour that is paid without doing the task.

CMA-ES (Hansen & Ostermeier 2001; package `cma`) over open-loop controllers from fixed starts. It
maximises the share of a success's return beyond what the simulator's own progress is worth, so that
honest near misses do not hide what pays for nothing; where the task does not say its progress, the
share itself. Whatever is done at any step counts as no cheat, and is ranked behind all others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tcn_robot.audit.material import Material, Rated
from tcn_robot.audit.probes.cheating import MOST_EXCESS, MOST_SHARE, pays
from tcn_robot.audit.rollouts import Rollout
from tcn_robot.audit.stage import start_seeds
from tcn_robot.audit.verdicts import CHEAT, Finding, decided, not_applicable

KNOTS = 6
NUM_STARTS = 2
FIRST_SPREAD = 0.6
# Added to the cost of what did the task: behind everything else, the less paid first.
DONE_COST = 100.0
SMALLEST_BUDGET = 8


def interpolated(knots: NDArray[np.floating], num_steps: int) -> NDArray[np.float64]:
    """Return the actions of a controller: straight lines between knots, cut to [-1, 1].

    Args:
        knots: (K, A), evenly spread over the episode, K >= 2.
        num_steps: T >= 1.

    Returns:
        float64 (T, A).
    """
    places = np.linspace(0.0, 1.0, num_steps) if num_steps > 1 else np.zeros(1)
    at = np.linspace(0.0, 1.0, len(knots))
    columns = [np.interp(places, at, column) for column in np.asarray(knots, np.float64).T]
    return np.clip(np.stack(columns, axis=1), -1.0, 1.0)


def to_space(actions: NDArray[np.floating], space: Any) -> NDArray[np.float32]:
    """Return actions in [-1, 1], (T, A), as a Box wants them; bounds that are infinite are 1."""
    low = np.where(np.isfinite(space.low), space.low, -1.0).reshape(-1)
    high = np.where(np.isfinite(space.high), space.high, 1.0).reshape(-1)
    return np.asarray(low + 0.5 * (actions + 1.0) * (high - low), dtype=np.float32)


def knots_of(actions: NDArray[np.floating], space: Any, num_knots: int = KNOTS) -> NDArray[Any]:
    """Return the knots (K, A) nearest to actions (T, A) of a space: means of their stretches."""
    low = np.where(np.isfinite(space.low), space.low, -1.0).reshape(-1)
    high = np.where(np.isfinite(space.high), space.high, 1.0).reshape(-1)
    scaled = 2.0 * (np.asarray(actions, np.float64) - low) / (high - low) - 1.0
    return np.stack([part.mean(axis=0) for part in np.array_split(scaled, num_knots)])


@dataclass
class Tried:
    """One rollout of the search: its rewards, and its shares."""

    rated: Rated
    share: float
    excess: float
    done: bool


def search(material: Material, budget: int) -> list[Tried]:
    """Return every rollout that the search tried, frames of the best ones only kept by callers.

    Half of the budget starts from standing still, half from the motion of a success.

    Args:
        material: Stage, scorer and successes.
        budget: Rollouts altogether.
    """
    found: list[Tried] = []
    starts = starts_of(material)
    for place, start_seed in enumerate(starts):
        budget_here = budget // len(starts) + (place < budget % len(starts))
        first = np.zeros((KNOTS, material.stage.env.action_space.shape[0]))
        actions = material.successes[place].rollout.actions if not material.demonstrated else None
        if place % 2 and actions is not None:
            first = knots_of(actions, material.stage.env.action_space)
        found += _search_from(material, start_seed, first, budget_here)
    return found


def starts_of(material: Material) -> list[int]:
    """Return the seeds to search from: starts of successes, any where those are recorded."""
    if material.demonstrated:
        return start_seeds(NUM_STARTS, material.settings.seed)
    return [one.rollout.start_seed for one in material.successes[:NUM_STARTS]]


def _search_from(
    material: Material,
    start_seed: int,
    first: NDArray[Any],
    budget: int,
) -> list[Tried]:
    import cma

    stage = material.stage
    generator = stage.generator("adversary", start_seed)
    strategy = cma.CMAEvolutionStrategy(
        first.reshape(-1).tolist(),
        FIRST_SPREAD,
        # A generator of our own instead of NumPy's global one: the same seed, the same search.
        {
            "randn": lambda *shape: generator.standard_normal(shape),
            "seed": float("nan"),
            "verbose": -9,
            "bounds": [-1.0, 1.0],
        },
    )
    found: list[Tried] = []
    while len(found) < budget:
        asked = strategy.ask()
        costs = []
        for vector in asked[: budget - len(found)]:
            knots = np.asarray(vector).reshape(first.shape)
            actions = to_space(interpolated(knots, stage.horizon), stage.env.action_space)
            tried = _judge(material, stage.act(actions, start_seed, "adversary"))
            costs.append(DONE_COST + tried.share if tried.done else -tried.excess)
            found.append(_without_frames(tried, found))
            material.advance()
        if len(costs) < len(asked):
            break
        strategy.tell(asked, costs)
    return found


def shown_of(tried: Sequence[Tried]) -> Tried:
    """Return what stands for the search: the dearest that pays, else that of most excess.

    Args:
        tried: Rollouts of which one or more is not done.
    """
    cheats = [one for one in tried if not one.done]
    paid = [one for one in cheats if pays(one.share, one.excess)]
    if paid:
        return max(paid, key=lambda one: one.share)
    return max(cheats, key=lambda one: one.excess)


def _judge(material: Material, rollout: Rollout) -> Tried:
    rated = material.rate(rollout)
    return Tried(rated, material.share(rated), material.excess(rated), bool(rollout.ever_success))


def _without_frames(tried: Tried, before: list[Tried]) -> Tried:
    """Return it with frames only where it may be shown: memory does not hold hundreds."""
    if not tried.done and shown_of([*before, tried]) is tried:
        return tried
    rollout = tried.rated.rollout
    bare = rollout.pictured(rollout.kind, {})
    return Tried(Rated(bare, tried.rated.rewards), tried.share, tried.excess, tried.done)


def _reports_success(material: Material) -> bool:
    # Recorded successes say what their recording did; what is played says what the task does.
    played = material.failures if material.demonstrated else material.still
    return any(one.rollout.success is not None for one in played)


def adversary(material: Material) -> Finding:
    """Search for high reward without success; it fails where any cheat that was found pays."""
    budget = material.settings.adversary_rollouts
    if budget < SMALLEST_BUDGET:
        return not_applicable(
            "adversary", CHEAT, f"a budget of {budget} rollouts is none; at least {SMALLEST_BUDGET}"
        )
    if not _reports_success(material):
        return not_applicable(
            "adversary", CHEAT, "the task never says whether it is done: anything could be a cheat"
        )
    tried = search(material, budget)
    cheats = [one for one in tried if not one.done]
    if not cheats:
        return not_applicable("adversary", CHEAT, "every rollout did the task")
    shown = shown_of(cheats)
    worst = max(one.excess for one in cheats)
    return Finding(
        "adversary",
        CHEAT,
        decided(not pays(shown.share, shown.excess)),
        f"the best of {len(tried)} rollouts without success earns {shown.share:.2f} of a success's "
        f"return, {shown.excess:.2f} beyond its progress",
        {
            "share": shown.share,
            "excess": shown.excess,
            "largest_share": max(one.share for one in cheats),
            "largest_excess": worst,
            "paying": sum(pays(one.share, one.excess) for one in cheats),
            "rollouts": len(tried),
            "done": len(tried) - len(cheats),
            "starts": len(starts_of(material)),
            "knots": KNOTS,
        },
        {"most_excess": MOST_EXCESS, "most_share": MOST_SHARE},
        excess=worst,
        exhibits=(shown.rated.exhibit("the adversary's best cheat"),)
        if shown.rated.rollout.frames
        else (),
    )
