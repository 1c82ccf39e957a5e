"""A typed function becomes a command; whatever is wrong with its options is one plain line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Literal

import pytest
import tyro

from tcn_robot.errors import UserError
from tcn_robot.workflows.options import parse, parse_and_run


def record(
    task: Annotated[str, tyro.conf.Positional],
    folders: Annotated[tuple[Path, ...], tyro.conf.Positional] = (),
    /,
    *,
    out: Path,
    episodes: int = 3,
    views: tuple[str, ...] = ("front",),
    seeds: tuple[int, ...] = (0,),
    resume: bool = False,
    codec: Literal["h264", "lossless"] = "h264",
    learning_rate: float = 1e-3,
    limit: int | None = None,
) -> str:
    """Record something.

    Args:
        task: What to record.
        folders: Where to look.
        out: Where to write.
        episodes: How many.
        views: Cameras.
        seeds: Seeds.
        resume: Go on.
        codec: How films are packed.
        learning_rate: A rate.
        limit: A limit.
    """
    return f"{task} {out}"


def values(*arguments: str) -> tuple[tuple[object, ...], dict[str, object]]:
    return parse(record, list(arguments), "tcn-robot record")


def refusal(*arguments: str) -> str:
    with pytest.raises(UserError) as caught:
        values(*arguments)
    message = str(caught.value)
    assert "\n" not in message
    assert not set(message) & set("│╭╰─")
    return message


def test_positional_variadic_and_named_values() -> None:
    positional, named = values(
        *("Push", "a", "b", "--out", "x", "--views", "left", "right", "top"),
        *("--seeds", "0", "1", "-2", "--resume", "--learning-rate", "1e-4", "--limit=5"),
    )
    assert positional == ("Push", (Path("a"), Path("b")))
    assert named["views"] == ("left", "right", "top")
    assert named["seeds"] == (0, 1, -2)
    assert (named["resume"], named["learning_rate"], named["limit"]) == (True, 1e-4, 5)
    assert named["episodes"] == 3


def test_options_may_stand_before_the_positional_ones() -> None:
    positional, named = values("--out", "x", "--episodes", "4", "Push", "a")
    assert positional == ("Push", (Path("a"),))
    assert named["episodes"] == 4


def test_underscores_are_as_good_as_hyphens() -> None:
    assert values("Push", "--out", "x", "--learning_rate", "2")[1]["learning_rate"] == 2


def test_the_command_is_called() -> None:
    assert parse_and_run(record, ["Push", "--out", "x"]) == "Push x"


def test_an_error_inside_the_command_is_not_mistaken_for_bad_options() -> None:
    def broken(*, count: int = 1) -> None:
        """Fail."""
        raise ValueError("from inside")

    with pytest.raises(ValueError, match="from inside"):
        parse_and_run(broken, [])


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("Push", "--out", "x", "--epsiodes", "3"), "did you mean '--episodes'?"),
        (("Push", "--ou", "x"), "unknown option '--ou'; did you mean '--out'?"),
        (("Push",), "missing --out PATH"),
        (("--out", "x"), "missing TASK"),
        ((), "missing TASK, --out PATH"),
        (("Push", "--out"), "--out needs a value"),
        (("Push", "--out", "x", "--episodes", "three"), "expected a whole number, found 'three'"),
        (("Push", "--out", "x", "--limit", "u"), "--limit: expected INT, found 'u'"),
        (("Push", "--out", "x", "--learning-rate", "a"), "expected a number, found 'a'"),
        (("Push", "--out", "x", "--seeds", "1", "b"), "--seeds: cannot read the values '1', 'b'"),
        (("Push", "--out", "x", "--codec", "h265"), "unknown --codec 'h265'; did you mean 'h264'?"),
        (("Push", "--out", "x", "--resume", "-q"), "unexpected argument -q"),
    ],
)
def test_refusals(arguments: tuple[str, ...], expected: str) -> None:
    assert expected in refusal(*arguments)


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_messages_are_the_same_on_a_terminal_without_frames(encoding: str, root: Path) -> None:
    for arguments, expected in (
        (["bench", "alignment", "run", "films", "--split", "tets"], "did you mean 'test'"),
        (["record", "MujocoPush-v0"], "missing --out PATH, --episodes INT"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "tcn_robot", *arguments],
            cwd=root,
            env={**os.environ, "PYTHONIOENCODING": encoding},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 2
        assert expected in done.stderr


def test_help_shows_every_argument(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        values("--help")
    assert not stop.value.code
    shown = capsys.readouterr().out
    for words in ("usage: tcn-robot record", "TASK", "What to record.", "--out PATH", "A limit."):
        assert words in shown
