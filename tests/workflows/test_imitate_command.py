"""The command of a run: typed again, it gives the same options."""

from __future__ import annotations

import dataclasses
import shlex
from pathlib import Path
from typing import Any

import pytest

from tcn_robot.policies.changed_options import changed_options
from tcn_robot.policies.config import ImitateConfig, load_config
from tcn_robot.policies.study_plan import load_plan
from tcn_robot.workflows import imitate as imitate_module
from tcn_robot.workflows.imitate_command import imitate_command
from tests.support.source_files import ROOT

STUDIES = ("task-rewards", "tasks-dense", "learned-rewards-push", "hand-to-robot")
ODD = ImitateConfig(
    "my_tasks:Poke-v0", "shaping", 5000, (3, 1), "td3", {"target_noise": 0.1},
    encoder="runs/a b", further_encoders=("runs/c",), demos="data/d", play=("data/p", "data/q"),
    views=("front", "left"), scored_views=("top", "right"), max_demos=3, observation="embedding",
    randomise=("lights",), reward_options={"of": "progress", "sparse_weight": 2.5, "name": "7"},
    num_envs=2, horizon=40, learning_rate=0.001, discount=0.9, batch_size=64,
    hidden_units=(64, 32), learning_starts_steps=100, evaluation_interval_steps=777,
    evaluation_starts=5, final_starts=6, checkpoint_interval_steps=111, films=False,
    training_films=2, save_zip=True,
)  # fmt: skip
CLONED = ImitateConfig("MujocoPush-v0", "none", 20, algo="bc", demos="data/push")


def read_back(command: str, monkeypatch: pytest.MonkeyPatch) -> tuple[ImitateConfig, Path]:
    """Return the options that `imitate` would run with."""
    taken: list[Any] = []
    monkeypatch.setattr(imitate_module, "run_imitation", lambda *given: taken.extend(given))
    program, name, *arguments = shlex.split(command)
    assert (program, name) == ("tcn-robot", "imitate")
    imitate_module.main(arguments)
    return taken[1], taken[0]


@pytest.mark.parametrize("config", [ODD, CLONED], ids=["odd", "cloned"])
def test_a_command_gives_the_options_back(
    config: ImitateConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = imitate_command(config, config.seeds, "runs/o ut")
    assert read_back(command, monkeypatch) == (config, Path("runs/o ut"))


@pytest.mark.parametrize("study", STUDIES)
def test_the_runs_of_studies_come_back(study: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for run in load_plan(ROOT / "docs" / "studies" / f"{study}.json").runs:
        command = imitate_command(run.config, run.config.seeds, "out")
        assert read_back(command, monkeypatch)[0] == run.config


def test_every_option_is_one_that_differs_in_the_odd_run() -> None:
    """A new field that the command forgets shows here."""
    names = {field.name for field in dataclasses.fields(ImitateConfig)} - {"gap", "seeds"}
    assert set(changed_options(ODD)) == names


def test_only_what_is_not_a_default_is_shown(tmp_path: Path) -> None:
    plain = ImitateConfig("MujocoPush-v0", "dense", 100, (0, 1), learning_rate=0.01)
    assert changed_options(plain) == {
        "task": "MujocoPush-v0", "reward": "dense", "steps": 100, "algo": "sac",
        "learning_rate": 0.01,
    }  # fmt: skip
    assert imitate_command(plain, (0, 1), "out") == (
        "tcn-robot imitate MujocoPush-v0 --reward dense --steps 100 --learning-rate 0.01 "
        "--seeds 0 1 --out out"
    )
    (tmp_path / "config.json").write_text(plain.to_json())
    assert changed_options(load_config(tmp_path)) == changed_options(plain)
    own = ImitateConfig("T", "dense", 100, algo_options={"target_rate": 0.5})
    assert changed_options(own)["algo_options"] == {"target_rate": 0.5}
