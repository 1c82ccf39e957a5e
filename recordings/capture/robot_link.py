"""What a robot does and feels while it is filmed: small JSON datagrams, or a Python function.

`docs/capture.md` has the protocol. Messages are stamped when they arrive, with the clock that
stamps the frames; they become rows of `steps.parquet` with times of their own.
"""

from __future__ import annotations

import hmac
import json
import math
import queue
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from tcn_robot.errors import UserError
from tcn_robot.plugins import import_module
from tcn_robot.recordings.capture.clock import now_seconds

MAXIMUM_DATAGRAM_BYTES = 65_507
QUEUE_MESSAGES = 4_096
LOOPBACK = ("127.0.0.1", "::1", "localhost")
DEFAULT_PORT = 9870
DEFAULT_RATE_HZ = 50.0
_RECEIVE_SECONDS = 0.2

Values = dict[str, Any]


@dataclass
class LinkCounts:
    """What became of the messages: taken, malformed (with the first reason), dropped."""

    received: int = 0
    malformed: int = 0
    first_fault: str | None = None
    dropped: int = 0


class RobotLink(Protocol):
    """Gives the rows that came since the last look, oldest first."""

    counts: LinkCounts

    def start(self) -> None:
        """Begin to listen."""
        ...

    def drain(self) -> list[tuple[float, Values]]:
        """Return (time in seconds, values by column) of each message."""
        ...

    def close(self) -> None:
        """Stop to listen."""
        ...


class _Rows:
    """A bounded queue of rows with one set of columns."""

    def __init__(self, counts: LinkCounts) -> None:
        self._counts = counts
        self._queue: queue.Queue[tuple[float, Values]] = queue.Queue(QUEUE_MESSAGES)
        self._shape: dict[str, int | str] | None = None

    def add(self, time_seconds: float, message: Any) -> None:
        try:
            values = parse_message(message)
            shape = {name: _kind(value) for name, value in values.items()}
            if self._shape is None:
                self._shape = shape
            if shape != self._shape:
                raise ValueError(f"expected the columns {self._shape}, found {shape}")
        except ValueError as error:
            self._counts.malformed += 1
            self._counts.first_fault = self._counts.first_fault or str(error)
            return
        try:
            self._queue.put_nowait((time_seconds, values))
            self._counts.received += 1
        except queue.Full:
            self._counts.dropped += 1

    def drain(self) -> list[tuple[float, Values]]:
        rows = []
        while True:
            try:
                rows.append(self._queue.get_nowait())
            except queue.Empty:
                return rows


def parse_message(message: Any) -> Values:
    """Return a message's values: finite numbers, text, truth values, and lists of numbers.

    Raises:
        ValueError: If it is no object, is empty, or holds something else.
    """
    if not isinstance(message, dict) or not message:
        raise ValueError(f"expected a JSON object with values, found {type(message).__name__}")
    return {str(name): _value(str(name), value) for name, value in message.items()}


def _value(name: str, value: Any) -> Any:
    if isinstance(value, (bool, str)):
        return value
    if isinstance(value, (int, float, np.number)):
        if not math.isfinite(value):
            raise ValueError(f"{name!r} is {value}; numbers must be finite")
        return float(value)
    if isinstance(value, (list, tuple, np.ndarray)):
        numbers = [_value(name, part) for part in value]
        if not numbers or not all(isinstance(number, float) for number in numbers):
            raise ValueError(f"{name!r} should be a flat list of numbers")
        return np.array(numbers, np.float64)
    raise ValueError(f"{name!r} is a {type(value).__name__}; use numbers, text or lists of numbers")


def _kind(value: Any) -> int | str:
    return len(value) if isinstance(value, np.ndarray) else type(value).__name__


class UdpLink:
    """Receives datagrams, each one JSON object.

    Args:
        host: Address to listen on. Others than the loopback need a token.
        port: Port; 0 takes a free one, see `port`.
        token: What each message must have as its "token".

    Raises:
        UserError: If the port is taken, or another address is opened without a token.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0, token: str | None = None) -> None:
        if host not in LOOPBACK and not token:
            raise UserError(
                f"the robot link would listen on {host!r}, where others can write to it; give a "
                "token: udp:HOST:PORT#TOKEN"
            )
        self.counts = LinkCounts()
        self._token = token
        self._rows = _Rows(self.counts)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        try:
            self._socket.bind((host, port))
        except OSError as error:
            self._socket.close()
            raise UserError(
                f"the robot link cannot listen on {host}:{port} ({error.strerror}); is another "
                "capture running? give another port"
            ) from error
        self.port: int = self._socket.getsockname()[1]
        self._socket.settimeout(_RECEIVE_SECONDS)
        self._is_stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, name="robot-link", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def drain(self) -> list[tuple[float, Values]]:
        """Return (time of arrival, values) of the messages since the last call."""
        return self._rows.drain()

    def close(self) -> None:
        """Stop to listen."""
        self._is_stopped.set()
        if self._thread.is_alive():
            self._thread.join()
        self._socket.close()

    def _work(self) -> None:
        while not self._is_stopped.is_set():
            try:
                datagram, _ = self._socket.recvfrom(MAXIMUM_DATAGRAM_BYTES)
            except TimeoutError:
                continue
            except OSError:  # the socket was closed, or the sender's port is gone
                continue
            self._take(now_seconds(), datagram)

    def _take(self, time_seconds: float, datagram: bytes) -> None:
        try:
            message = json.loads(datagram)
        except (ValueError, RecursionError):
            message = None
        if self._token is not None and isinstance(message, dict):
            token = str(message.pop("token", ""))
            if not hmac.compare_digest(token.encode(), self._token.encode()):
                message = None
        self._rows.add(time_seconds, message)


class CallableLink:
    """Asks a Python function for the robot's values at a steady rate, in a thread.

    Args:
        function: Takes nothing and returns a dict of numbers, text and lists of numbers.
        rate_hz: How often it is asked.
    """

    def __init__(self, function: Callable[[], Values], rate_hz: float = DEFAULT_RATE_HZ) -> None:
        self.counts = LinkCounts()
        self._function = function
        self._period_seconds = 1.0 / rate_hz
        self._rows = _Rows(self.counts)
        self._is_stopped = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="robot-link", daemon=True)

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def drain(self) -> list[tuple[float, Values]]:
        """Return (time of the answer, values) since the last call.

        Raises:
            UserError: If the function raised; with its message.
        """
        if self._error is not None:
            raise UserError(
                f"the robot's function raised {type(self._error).__name__}: {self._error}"
            ) from self._error
        return self._rows.drain()

    def close(self) -> None:
        """Stop to ask."""
        self._is_stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def _work(self) -> None:
        due_seconds = now_seconds()
        while not self._is_stopped.wait(max(0.0, due_seconds - now_seconds())):
            try:
                values = self._function()
            except BaseException as error:  # noqa: BLE001 - raised again where the rows are taken
                self._error = error
                return
            self._rows.add(now_seconds(), values)
            due_seconds = max(due_seconds + self._period_seconds, now_seconds())


def open_robot_link(text: str) -> RobotLink:
    """Return the link that a text means: "udp", "udp:HOST:PORT#TOKEN" or "module:function@HZ".

    Raises:
        UserError: If it means nothing.
    """
    if text == "udp" or text.startswith("udp:"):
        address, _, token = text[4:].partition("#")
        host, _, port = address.rpartition(":")
        if address and not port.isdigit():
            raise UserError(f"--robot {text!r}: expected udp:HOST:PORT, such as udp:127.0.0.1:9870")
        return UdpLink(host.strip("[]") or "127.0.0.1", int(port or DEFAULT_PORT), token or None)
    path, _, rate = text.partition("@")
    module_name, _, name = path.partition(":")
    try:
        rate_hz = float(rate or DEFAULT_RATE_HZ)
    except ValueError:
        rate_hz = 0.0
    if not module_name or not name or not rate_hz > 0:
        raise UserError(f"--robot {text!r}: expected udp:HOST:PORT or module:function@HZ")
    function = getattr(import_module("robot", text, module_name), name, None)
    if not callable(function):
        raise UserError(f"--robot {text!r}: {module_name} has no function {name!r}")
    return CallableLink(function, rate_hz)
