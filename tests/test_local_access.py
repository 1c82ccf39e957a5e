"""Who may reach a page that we serve."""

from __future__ import annotations

import pytest

from tcn_robot.errors import UserError
from tcn_robot.local_access import LocalAccess, split_address


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1:80", ("127.0.0.1", 80)),
        ("[::1]:0", ("::1", 0)),
        ("robot.local:65535", ("robot.local", 65535)),
    ],
)
def test_addresses(address: str, expected: tuple[str, int]) -> None:
    assert split_address(address, "--address") == expected


@pytest.mark.parametrize(
    "address", ["", "host", ":80", "host:", "host:x", "host:65536", "h:-1", "h:²"]
)
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(UserError, match="--address should be HOST:PORT"):
        split_address(address, "--address")


@pytest.mark.parametrize("host", ["localhost:80", "127.0.0.1", "[::1]:5", "LOCALHOST"])
def test_our_own_names_are_allowed_on_the_loopback(host: str) -> None:
    assert LocalAccess("127.0.0.1").refusal(host, "") is None


@pytest.mark.parametrize("host", [None, "", "evil.example", "localhost.evil.example", "[", "::::"])
def test_other_names_are_not(host: str | None) -> None:
    assert LocalAccess("127.0.0.1").refusal(host, "") == "this address is not ours"


def test_elsewhere_the_token_counts_and_not_the_name() -> None:
    access = LocalAccess("0.0.0.0")
    assert access.token
    assert access.token != LocalAccess("0.0.0.0").token
    assert access.refusal("robot.local", access.query[1:]) is None
    for query in ("", "token=", "token=x", f"token={access.token}x", "token=ü"):
        assert access.refusal("robot.local", query) == "the address needs its token"


def test_a_token_on_the_loopback_is_asked_for_too() -> None:
    access = LocalAccess("localhost", "a b&c")
    assert access.query == "?token=a%20b%26c"
    assert access.refusal("localhost", access.query[1:]) is None
    assert access.refusal("localhost", "")
    assert access.refusal("evil.example", access.query[1:])
