"""Errors that the user can mend."""

from __future__ import annotations

import pytest

from tcn_robot.errors import UserError, unknown_name


@pytest.mark.parametrize(
    ("name", "nearest"), [("frnt", "front"), ("Front", "front"), ("let", "left"), ("top ", "top")]
)
def test_the_nearest_name_is_offered(name: str, nearest: str) -> None:
    message = str(unknown_name("view", name, ["front", "left", "top"]))
    assert f"unknown view {name!r}" in message
    assert f"did you mean {nearest!r}?" in message
    assert "(known: front, left, top)" in message


def test_nothing_is_offered_when_nothing_is_near() -> None:
    assert "did you mean" not in str(unknown_name("view", "xyzzy", ["front", "left"]))


def test_no_choices_at_all() -> None:
    error = unknown_name("view", "front", iter(()))
    assert isinstance(error, UserError)
    assert str(error) == "unknown view 'front' (known: none)"
