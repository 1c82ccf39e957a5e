"""The audit audited: bad rewards are caught, good ones are not; in the simulator, unrendered."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from tcn_robot.audit.adversary import interpolated, knots_of, search, to_space
from tcn_robot.audit.auditing import Audit, run_audit
from tcn_robot.audit.material import Material, Settings, gather
from tcn_robot.audit.probes.leaving import LeftBehind
from tcn_robot.audit.probes.table import PROBES, chosen_probes
from tcn_robot.audit.rollouts import Rollout
from tcn_robot.audit.stage import Stage, start_seeds
from tcn_robot.audit.verdicts import DECIDING, ROBUST
from tcn_robot.errors import UserError
from tests.support.scripts import load_script

planted = load_script("planted_rewards")

QUICK = tuple(name for name in PROBES if name not in ("body", "camera", "light"))
SETTINGS = Settings(episodes=2, adversary_rollouts=10)


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """The push without pictures: oracles read the simulator."""
    made = Stage("MujocoPush-v0", (), 16, keep=True)
    yield made
    made.close()


def audit_of(stage: Stage, scorer: object) -> Audit:
    return run_audit(stage, scorer, Settings(episodes=2, adversary_rollouts=0), QUICK)  # type: ignore[arg-type]


def failed(audit: Audit) -> set[str]:
    return {one.probe for one in audit.findings if one.verdict == "fail"}


@pytest.mark.parametrize("name", planted.GOOD_ORACLES)
def test_good_rewards_are_accepted(stage: Stage, name: str) -> None:
    audit = audit_of(stage, planted.GOOD_ORACLES[name])
    assert not failed(audit)
    record = audit.as_json()
    assert record["accepted"] is True
    assert record["not_tried"] == ["adversary"]
    assert record["score"] > 0.7


@pytest.mark.parametrize("name", planted.BAD_ORACLES)
def test_bad_rewards_are_caught(stage: Stage, name: str) -> None:
    record = audit_of(stage, planted.BAD_ORACLES[name]).as_json()
    assert record["accepted"] is False
    assert record["score"] < 0.6


def test_what_catches_whom(stage: Stage) -> None:
    caught = {name: failed(audit_of(stage, one)) for name, one in planted.BAD_ORACLES.items()}
    assert "reverse" in caught["true progress, never forgotten"]
    assert "reverse" in caught["true progress, 20 steps late"]
    assert "stall" in caught["true progress, paid in full from 40 % on"]
    assert {"order", "separation"} <= caught["true progress, negated"]
    assert {"stall", "stop", "loop", "mimicry", "thrown"} <= caught["constant"]


def tip_at_the_goal(stage: Stage) -> object:
    """Pay for the tool where a success has it, wherever the block is."""

    def scorer(rollout: Rollout) -> np.ndarray:
        assert rollout.states is not None
        near = []
        for state in rollout.states:
            stage.env.set_state(state)
            away = np.linalg.norm(stage.env.world.tip_metres[:2] - np.array([0.58, 0.12]))
            near.append(np.exp(-away / 0.1))
        return np.array(near)[rollout.index]

    return scorer


def test_a_reward_of_the_effector_alone_is_found_by_the_motion_alone(stage: Stage) -> None:
    caught = failed(audit_of(stage, tip_at_the_goal(stage)))
    assert "mimicry" in caught
    assert "thrown" in caught


def test_the_score_of_true_progress_does_not_depend_on_its_scale(stage: Stage) -> None:
    scores = [
        audit_of(stage, planted.GOOD_ORACLES[name]).as_json()["score"]
        for name in ("true progress", "true progress, scaled and shifted")
    ]
    assert scores[0] == pytest.approx(scores[1], abs=1e-9)


def test_the_probes_that_decide_are_those_of_their_families(stage: Stage) -> None:
    found = audit_of(stage, planted.true_progress).findings
    assert tuple(one.probe for one in found if one.family != ROBUST) == DECIDING


# What is played ---------------------------------------------------------------------------------


def test_the_same_seed_plays_the_same(stage: Stage) -> None:
    seed = start_seeds(1, 0)[0]
    known = stage.play("failure-miss", seed)
    again = Stage("MujocoPush-v0", (), 16)
    try:
        again.play("random", seed)  # whatever came before
        repeated = again.play("failure-miss", seed)
    finally:
        again.close()
    assert known.states is not None
    assert repeated.states is not None
    assert (known.states == repeated.states).all()


def test_audits_of_other_seeds_start_elsewhere() -> None:
    assert not set(start_seeds(1000, 0)) & set(start_seeds(1000, 1))


@pytest.fixture(scope="module")
def material(stage: Stage) -> Material:
    return gather(stage, planted.true_progress, SETTINGS, lambda: ())


def test_what_is_left_behind_lies_aside_and_the_motion_stays(
    stage: Stage, material: Material
) -> None:
    success = material.successes[0].rollout
    aside = LeftBehind(stage).aside(success)
    assert success.states is not None
    assert len(aside) == len(success)
    assert aside.ever_success is False
    progress = aside.progress
    assert progress is not None
    assert progress.max() < 0.5


def test_what_is_thrown_is_half_done_first_and_then_gone(stage: Stage, material: Material) -> None:
    success = material.successes[0].rollout
    elsewhere = Stage("MujocoPush-v0", (), 16)
    thrown = LeftBehind(elsewhere).thrown(success)
    position = elsewhere.env.world.position("block")
    elsewhere.close()
    before, after = success.progress, thrown.progress
    assert before is not None
    assert after is not None
    half = int(np.flatnonzero(before >= 0.5)[0])
    assert (after[: half + 1] == before[: half + 1]).all()
    assert after[-1] < 0.2
    assert thrown.success is False
    assert abs(position[1]) > 2.0


# The adversary ----------------------------------------------------------------------------------


def test_actions_between_knots_are_straight_lines() -> None:
    knots = np.array([[0.0, 4.0], [1.0, 0.0], [-1.0, -4.0]])
    actions = interpolated(knots, 5)
    assert actions[:, 0].tolist() == [0.0, 0.5, 1.0, 0.0, -1.0]
    assert actions[:, 1].tolist() == [1.0, 1.0, 0.0, -1.0, -1.0]
    assert interpolated(knots, 1).tolist() == [[0.0, 1.0]]


def test_actions_fit_the_space_and_come_back(stage: Stage) -> None:
    class Space:
        low, high = np.array([0.0, -np.inf]), np.array([10.0, np.inf])

    inside = to_space(np.array([[-1.0, -1.0], [1.0, 0.5]]), Space())
    assert inside.tolist() == [[0.0, -1.0], [10.0, 0.5]]
    constant = np.tile(np.array([[5.0, 0.5]]), (12, 1))
    assert knots_of(constant, Space(), 3) == pytest.approx(np.array([[0.0, 0.5]] * 3))


def test_the_search_is_the_same_for_a_seed_and_keeps_its_budget(stage: Stage) -> None:
    def by_the_tool(rollout: Rollout) -> np.ndarray:
        return np.asarray(tip_at_the_goal(stage)(rollout))  # type: ignore[operator]

    audited = gather(stage, by_the_tool, SETTINGS, lambda: ())
    state = np.random.get_state()[1].copy()  # noqa: NPY002 - what must not be touched
    first = search(audited, 10)
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002
    assert len(first) == 10
    assert [one.share for one in search(audited, 10)] == [one.share for one in first]
    # Found from the motion of a success: the tool at the goal, without the block.
    assert max(one.excess for one in first if not one.done) > 0.2


# Bad input --------------------------------------------------------------------------------------


def test_unknown_probes_are_named_with_the_nearest() -> None:
    with pytest.raises(UserError, match="did you mean 'mimicry'"):
        chosen_probes(["mimikry"])
    assert chosen_probes(["light", "order"]) == ("order", "light")
    assert chosen_probes([]) == tuple(PROBES)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"episodes": 1}, "at least 2"),
        ({"adversary_rollouts": -1}, "0 or more"),
        ({"seed": -1}, "at least 0"),
    ],
)
def test_settings_without_meaning_are_refused(options: dict, words: str) -> None:
    with pytest.raises(UserError, match=words):
        Settings(**options)


def test_a_stage_says_what_does_not_exist() -> None:
    with pytest.raises(UserError, match="did you mean 'front'"):
        Stage("MujocoReach-v0", ("frond",), 16)
    with pytest.raises(UserError, match="unknown task"):
        Stage("MujocoRaech-v0", ("front",), 16)


def test_no_search_without_a_budget(stage: Stage) -> None:
    settings = Settings(episodes=2, adversary_rollouts=0)
    audit = run_audit(stage, planted.true_progress, settings, ("adversary",))
    assert audit.findings[0].verdict == "not applicable"
    assert audit.as_json()["score"] is None
