"""What is judged of failures and of a search: the worst of them, not their mean."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from tcn_robot.audit.adversary import Tried, shown_of
from tcn_robot.audit.auditing import run_audit
from tcn_robot.audit.material import Material, Rated, Settings, gather
from tcn_robot.audit.probes.cheating import failing
from tcn_robot.audit.probes.telling import order
from tcn_robot.audit.rollouts import Rollout
from tcn_robot.audit.stage import STILL, Stage, recorded_seeds, start_seeds
from tcn_robot.errors import UserError
from tests.audit.test_rollouts import rollout_of
from tests.policies.point_task import GOAL_TASK


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    made = Stage("MujocoPush-v0", (), 16, keep=True)
    yield made
    made.close()


def test_one_kind_of_failure_that_is_paid_in_full_is_not_diluted(stage: Stage) -> None:
    paid_kind = "failure-miss"

    def scorer(rollout: Rollout) -> np.ndarray:
        progress = rollout.progress
        assert progress is not None
        return np.ones(len(rollout)) if rollout.kind == paid_kind else progress

    [found] = run_audit(stage, scorer, Settings(2, 0), ("failing",)).findings
    assert found.verdict == "fail"
    assert paid_kind in found.reason
    kinds = found.figures["kinds"]
    assert len(kinds) > 2
    assert found.excess == kinds[paid_kind]["excess"] == max(k["excess"] for k in kinds.values())
    # The mean over all episodes, by which it was judged once, hides it.
    assert np.mean([kind["excess"] for kind in kinds.values()]) < 0.6


def tried(share: float, excess: float, done: bool = False) -> Tried:
    return Tried(Rated(rollout_of([0.0, 0.5]), np.zeros(2)), share, excess, done)


def test_a_dear_cheat_stands_for_the_search_before_one_of_larger_excess() -> None:
    harmless, dear, dearer = tried(0.5, 0.5), tried(0.95, 0.2), tried(0.99, 0.15)
    done = tried(2.0, 2.0, done=True)
    assert shown_of([harmless, dear, dearer, done]) is dearer
    assert shown_of([done, harmless, tried(0.4, 0.3)]) is harmless


# Recorded successes -----------------------------------------------------------------------------


def by_progress(rollout: Rollout) -> np.ndarray:
    assert rollout.progress is not None
    return rollout.progress


def test_what_is_played_is_held_against_standing_still_where_it_is_played(stage: Stage) -> None:
    """Recorded successes start elsewhere: what the simulator's pictures earn besides is none."""

    def scorer(rollout: Rollout) -> np.ndarray:
        recorded = rollout.start_seed >= recorded_seeds(1)[0]
        return by_progress(rollout) + (0.0 if recorded else 5.0)

    played = [stage.play("expert", seed) for seed in start_seeds(2, 0)]
    shown = [replace(one, start_seed=at) for one, at in zip(played, recorded_seeds(2), strict=True)]
    stood = [one.shown(STILL, np.zeros(len(one), np.int64)) for one in shown]
    rated = [[Rated(one, scorer(one)) for one in group] for group in (shown, stood)]
    material = Material(stage, scorer, Settings(2, 0), *rated, demonstrated=True)
    still = material.rate(stage.play(STILL, start_seeds(1, 0)[0]))
    assert material.share(still) == pytest.approx(0.0)
    found = failing(material)
    assert found.verdict == "pass"
    assert found.excess == pytest.approx(0.0, abs=0.05)


@pytest.fixture(scope="module")
def points() -> Iterator[Stage]:
    """A task that nobody acts out."""
    made = Stage(GOAL_TASK, ("front",), 16, horizon=3)
    yield made
    made.close()


def recorded(*progress: list[float]) -> list[Rollout]:
    return [
        replace(rollout_of(values), start_seed=at)
        for values, at in zip(progress, recorded_seeds(len(progress)), strict=True)
    ]


def test_a_recorded_success_that_is_cut_before_its_end_is_none(points: Stage) -> None:
    fast, slow = [0.0, 0.5, 1.0], [0.0, 0.2, 0.4, 0.6, 1.0]
    found = gather(points, by_progress, Settings(2, 0), lambda: recorded(fast, slow, fast))
    assert len(found.successes) == 2
    assert all(one.rollout.success for one in found.successes)
    assert any("1 of 3 recorded successes are not done after 3 steps" in one for one in found.notes)
    with pytest.raises(UserError, match="none of 1 recorded successes is done after 3 steps"):
        gather(points, by_progress, Settings(2, 0), lambda: recorded(slow))


def test_the_order_says_which_of_two_counted(points: Stage) -> None:
    def alike_at_both_ends(rollout: Rollout) -> np.ndarray:
        """What follows a demonstration in time: any film is paid for as long as it goes on."""
        moving = np.concatenate([[0.0], (np.diff(rollout.index) != 0).astype(float)])
        return moving - 0.01 * rollout.index

    successes = recorded([0.0, 0.3, 0.6, 1.0], [0.0, 0.4, 0.7, 1.0])
    for scorer, name in ((by_progress, "voc"), (alike_at_both_ends, "stopping")):
        figures = order(gather(points, scorer, Settings(2, 0), lambda: successes)).figures
        assert figures["counted"] == name
        assert figures["order"] == figures[name] == max(figures["voc"], figures["stopping"])
        assert figures["order_interval"] is None  # both successes are followed alike
