"""What the robot says comes in whole, in order and on the right clock; nonsense is counted."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcn_robot.errors import UserError
from tcn_robot.recordings.capture.robot_link import (
    CallableLink,
    RobotLink,
    UdpLink,
    open_robot_link,
    parse_message,
)


def send(port: int, *messages: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as robot:
        for message in messages:
            robot.sendto(message, ("127.0.0.1", port))


def wait_until(is_true: Callable[[], bool]) -> None:
    for _ in range(200):
        if is_true():
            return
        time.sleep(0.01)
    raise AssertionError("nothing came")


def test_messages_become_rows_in_order() -> None:
    link = UdpLink()
    link.start()
    before = time.monotonic()
    send(link.port, *(json.dumps({"joints": [i, 2 * i], "mode": "go"}).encode() for i in range(50)))
    wait_until(lambda: link.counts.received == 50)
    rows = link.drain()
    link.close()
    times = [time_seconds for time_seconds, _ in rows]
    assert before <= times[0] <= times[-1] <= time.monotonic()
    np.testing.assert_array_equal([v["joints"] for _, v in rows], [[i, 2 * i] for i in range(50)])
    assert rows[0][1]["mode"] == "go"


NONSENSE = [
    b"",
    b"{",
    b"[1]",
    b"{}",
    b'{"joints": [NaN, 1]}',
    b'{"joints": [1, Infinity]}',
    b'{"joints": [[1, 2]]}',
    b'{"joints": []}',
    b'{"joints": {"a": 1}}',
    b'{"joints": [1, "2"]}',
    b'{"joints": [1, 2, 3]}',
    b'{"other": [1, 2]}',
    b"\xff\xfe\x00",
    b"[" * 60_000,
]


@pytest.mark.parametrize("nonsense", NONSENSE, ids=range(len(NONSENSE)))
def test_nonsense_is_counted_and_described(nonsense: bytes) -> None:
    link = UdpLink()
    link.start()
    send(link.port, b'{"joints": [1, 2]}', nonsense, b'{"joints": [3, 4]}')
    wait_until(lambda: link.counts.received == 2)
    link.close()
    assert link.counts.malformed == 1
    assert link.counts.first_fault
    assert [values["joints"].tolist() for _, values in link.drain()] == [[1, 2], [3, 4]]


def test_a_token_keeps_others_out_and_stays_out_of_the_rows() -> None:
    link = UdpLink(token="secret")
    link.start()
    send(link.port, b'{"x": 1}', b'{"x": 2, "token": "guess"}', b'{"x": 3, "token": "secret"}')
    wait_until(lambda: link.counts.received == 1)
    link.close()
    assert link.drain()[0][1] == {"x": 3.0}
    assert link.counts.malformed == 2


def test_an_open_address_needs_a_token_and_a_port_is_taken_once() -> None:
    with pytest.raises(UserError, match="give a token"):
        UdpLink("0.0.0.0")
    link = UdpLink()
    with pytest.raises(UserError, match="another capture"):
        UdpLink(port=link.port)
    link.close()


def test_a_function_is_asked_at_its_rate() -> None:
    count = [0]

    def read() -> dict[str, object]:
        count[0] += 1
        return {"joints": np.array([count[0], 0.5], np.float32), "closed": True}

    link = CallableLink(read, rate_hz=200.0)
    link.start()
    wait_until(lambda: link.counts.received >= 10)
    link.close()
    rows = link.drain()
    assert [row["joints"][0] for _, row in rows] == list(range(1, len(rows) + 1))
    assert np.diff([time_seconds for time_seconds, _ in rows]).min() > 0


def test_a_function_that_raises_is_one_line() -> None:
    def read() -> dict[str, object]:
        raise OSError("bus off")

    link = CallableLink(read)
    link.start()

    def raised() -> bool:
        try:
            link.drain()
        except UserError as error:
            return "OSError: bus off" in str(error)
        return False

    wait_until(raised)
    link.close()


@pytest.mark.parametrize("text", ["udp:x", "serial", "json:", "json:dumps@fast", "json:nothing"])
def test_other_addresses_are_refused(text: str) -> None:
    with pytest.raises(UserError):
        open_robot_link(text)


def test_addresses_open_links() -> None:
    links: list[RobotLink] = [open_robot_link("udp:127.0.0.1:0"), open_robot_link("time:time@5")]
    assert [type(link) for link in links] == [UdpLink, CallableLink]
    links[0].close()


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists) | st.integers())
def test_any_json_is_refused_or_understood(value: object) -> None:
    try:
        parsed = parse_message({"x": value})
    except ValueError:
        return
    assert set(parsed) == {"x"}
