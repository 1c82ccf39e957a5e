"""Names resolve to a table of ours, an installed plug-in, or module:Class, in that order."""

from __future__ import annotations

import sys
from collections import OrderedDict
from pathlib import Path

import pytest

from tcn_robot.errors import UserError
from tcn_robot.objectives import OBJECTIVES, find_objective
from tcn_robot.plugins import GROUPS, import_module, known_names, resolve
from tcn_robot.rewards import REWARDS, reward_class

GROUP = "tcn_robot.objectives"
TABLE = {"tcn": dict}


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install a distribution with one module and an entry point in every group."""
    (tmp_path / "their_parts.py").write_text(
        "class Theirs:\n    Options = defaults = sampler = unit_length = None\n"
        "    fit = score_episode = None\n"
        "    class Inner: ...\n\n_hidden = 1\n"
    )
    info = tmp_path / "their_parts-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their_parts\nVersion: 1.0\n")
    points = "".join(
        f"[{group}]\ntheirs = their_parts:Theirs\nbroken = no_such_module:X\ntcn = os:path\n\n"
        for group in GROUPS
    )
    (info / "entry_points.txt").write_text(points)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "their_parts", raising=False)
    return tmp_path


def test_our_own_table_wins(plugin: Path) -> None:
    assert resolve("objective", "tcn", TABLE, GROUP) is dict


def test_an_entry_point(plugin: Path) -> None:
    assert resolve("objective", "theirs", TABLE, GROUP).__name__ == "Theirs"
    assert known_names(TABLE, GROUP) == ["tcn", "broken", "theirs"]


def test_module_and_class() -> None:
    assert resolve("objective", "collections:OrderedDict", TABLE, GROUP) is OrderedDict


def test_a_nested_class(plugin: Path) -> None:
    assert resolve("objective", "their_parts:Theirs.Inner", TABLE, GROUP).__name__ == "Inner"


def test_a_module_in_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "beside_me.py").write_text("ANSWER = 42\n")
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    monkeypatch.chdir(tmp_path)
    assert import_module("task", "beside_me:x", "beside_me").ANSWER == 42


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("tnc", "unknown objective 'tnc'; did you mean 'tcn'?"),
        ("theirz", "did you mean 'theirs'?"),
        ("broken", "objective 'no_such_module:X': cannot import 'no_such_module'"),
        ("no_such_module:Class", "cannot import 'no_such_module'"),
        ("their_parts:Thiers", "unknown name in their_parts 'Thiers'; did you mean 'Theirs'?"),
        (":Class", "expected package.module:Class"),
        ("module:", "expected package.module:Class"),
    ],
)
def test_refusals(name: str, told: str, plugin: Path) -> None:
    with pytest.raises(UserError) as caught:
        resolve("objective", name, TABLE, GROUP)
    assert told in str(caught.value)
    assert "_hidden" not in str(caught.value)


def test_objectives_and_rewards_take_plug_ins(plugin: Path) -> None:
    assert find_objective("theirs").__name__ == "Theirs"
    assert reward_class("theirs").__name__ == "Theirs"
    with pytest.raises(UserError, match="is no reward: it lacks fit, score_episode"):
        reward_class("their_parts:Theirs.Inner")
    assert all(find_objective(name) is part for name, part in OBJECTIVES.items())
    assert all(reward_class(name) is part for name, part in REWARDS.items())
