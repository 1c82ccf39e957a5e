"""What is judged of failures and of a search: the worst of them, not their mean."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from tcn_robot.audit.adversary import Tried, shown_of
from tcn_robot.audit.auditing import run_audit
from tcn_robot.audit.material import Rated, Settings
from tcn_robot.audit.rollouts import Rollout
from tcn_robot.audit.stage import Stage
from tests.audit.test_rollouts import rollout_of


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
