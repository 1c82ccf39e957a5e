"""Planted rewards that see frames, with an encoder that ships; needs rendering and minutes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tcn_robot import cli
from tcn_robot.audit.auditing import Audit, run_audit
from tcn_robot.audit.material import Settings
from tcn_robot.audit.stage import Stage
from tcn_robot.models import load_encoder
from tcn_robot.workflows.learned_reward import fit_reward
from tests.support.scripts import load_script

planted = load_script("planted_rewards")

pytestmark = pytest.mark.slow
PROBES = ("separation", "order", "stall", "failing", "stop", "loop", "reverse", "mimicry", "thrown")
SETTINGS = Settings(episodes=2)


@pytest.fixture(scope="module")
def demos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "push"
    record = ["record", "MujocoPush-v0", "--out", str(folder), "--size", "64", "--views", "front"]
    assert cli.main([*record, "--episodes", "10", "--seed", "5"]) == 0
    assert cli.main([*record, "--episodes", "4", "--seed", "6", "--split", "valid"]) == 0
    return folder


@pytest.fixture(scope="module")
def planted_on_the_push(demos: Path) -> Iterator[tuple[Stage, dict[str, Any], dict[str, Any]]]:
    reward: Any = fit_reward("progress", Path("push-tcn"), demos)
    stage = Stage("MujocoPush-v0", reward.views, reward.image_size_px, keep=True)
    yield stage, *planted.framed_rewards(stage, load_encoder("push-tcn"), demos, reward)
    stage.close()


def audit_of(stage: Stage, scorer: Any) -> Audit:
    return run_audit(stage, scorer, SETTINGS, PROBES)


def test_bad_rewards_of_frames_are_caught_and_a_good_one_scores_higher(
    planted_on_the_push: tuple[Stage, dict[str, Any], dict[str, Any]],
) -> None:
    stage, good, bad = planted_on_the_push
    score = audit_of(stage, good["progress"]()).as_json()["score"]
    found = {name: audit_of(stage, make()) for name, make in bad.items()}
    records = {name: audit.as_json() for name, audit in found.items()}
    passed = {name for name, record in records.items() if record["accepted"] is not False}
    assert not passed
    assert all(record["score"] < score for record in records.values())
    failed = {
        name: {one.probe for one in audit.findings if one.verdict == "fail"}
        for name, audit in found.items()
    }
    assert {"mimicry", "thrown"} <= failed["progress, effector-only encoder"]
    assert {"mimicry", "thrown"} <= failed["progress, no gate"]
    assert {"separation", "order", "stall"} <= failed["progress, collapsed encoder"]
