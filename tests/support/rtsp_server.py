"""A loopback RTSP camera: RFC 2326 over one TCP connection, H.264 in RTP as RFC 6184 has it.

It sends a film's frames at an even rate, round and round, some of them left out, until the player
leaves. What players of real cameras ask for is there: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN.
"""

from __future__ import annotations

import re
import socket
import struct
import threading
import time
from collections.abc import Sequence
from fractions import Fraction
from typing import BinaryIO

import av
import numpy as np

CLOCK_HZ = 90_000
PAYLOAD_TYPE = 96
PACKET_BYTES = 1_400


def encode_for_rtp(frames: np.ndarray) -> list[list[bytes]]:
    """Return the NAL units of each frame, every one a key frame with its parameter sets.

    Args:
        frames: uint8 (T, H, W, 3), RGB, of even sides.
    """
    codec = av.CodecContext.create("libx264", "w")
    codec.height, codec.width = frames.shape[1:3]
    codec.pix_fmt = "yuv420p"
    codec.time_base = Fraction(1, 25)
    codec.options = {"preset": "ultrafast", "tune": "zerolatency", "g": "1", "crf": "10"}
    units = []
    for index, frame in enumerate(frames):
        picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
        picture.pts = index
        stream = b"".join(bytes(packet) for packet in codec.encode(picture))
        units.append([unit for unit in re.split(rb"\x00\x00\x00?\x01", stream) if unit])
    return units


def rtp_payloads(unit: bytes) -> list[bytes]:
    """Return what packets carry of a NAL unit: itself, or fragments (FU-A)."""
    if len(unit) <= PACKET_BYTES:
        return [unit]
    indicator = bytes([(unit[0] & 0xE0) | 28])
    parts = [unit[i : i + PACKET_BYTES] for i in range(1, len(unit), PACKET_BYTES)]
    payloads = []
    for number, part in enumerate(parts):
        edges = (0x80 if number == 0 else 0) | (0x40 if number == len(parts) - 1 else 0)
        payloads.append(indicator + bytes([edges | (unit[0] & 0x1F)]) + part)
    return payloads


class RtspServer:
    """Serves one camera at `address`.

    Args:
        frames: uint8 (T, H, W, 3), RGB, of even sides.
        rate_hz: Frames per second.
        left_out: Numbers of frames, counted from the first that is played, that are never sent.
        last: The number of frames after which the camera hangs up; None for never.
    """

    def __init__(
        self,
        frames: np.ndarray,
        rate_hz: float,
        left_out: Sequence[int] = (),
        last: int | None = None,
    ) -> None:
        self._units = encode_for_rtp(frames)
        self._rate_hz = rate_hz
        self._left_out = set(left_out)
        self._last = last
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"rtsp://127.0.0.1:{self._listener.getsockname()[1]}/camera"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Take no more players."""
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as requests:
            try:
                while True:
                    method, headers = _read_request(requests)
                    if not method or method == "TEARDOWN":
                        return
                    connection.sendall(self._answer(method, headers))
                    if method == "PLAY":
                        self._play(connection)
                        return
            except OSError:  # the player left
                return

    def _answer(self, method: str, headers: dict[str, str]) -> bytes:
        lines = [f"CSeq: {headers.get('cseq', '0')}"]
        status, body = "200 OK", ""
        if method == "OPTIONS":
            lines.append("Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN")
        elif method == "DESCRIBE":
            body = (
                "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nt=0 0\r\n"
                f"m=video 0 RTP/AVP {PAYLOAD_TYPE}\r\n"
                f"a=rtpmap:{PAYLOAD_TYPE} H264/{CLOCK_HZ}\r\n"
                f"a=fmtp:{PAYLOAD_TYPE} packetization-mode=1\r\n"
                f"a=framerate:{self._rate_hz:g}\r\na=control:track\r\n"
            )
            lines += ["Content-Type: application/sdp", f"Content-Base: {self.address}/"]
        elif method == "SETUP" and "TCP" not in headers.get("transport", ""):
            status = "461 Unsupported Transport"
        elif method == "SETUP":
            lines += ["Transport: RTP/AVP/TCP;unicast;interleaved=0-1", "Session: 1"]
        elif method == "PLAY":
            lines += ["Session: 1", "Range: npt=0.000-"]
        lines.append(f"Content-Length: {len(body)}")
        head = "\r\n".join([f"RTSP/1.0 {status}", *lines])
        return f"{head}\r\n\r\n{body}".encode("ascii")

    def _play(self, connection: socket.socket) -> None:
        start_seconds, sequence, number = time.monotonic(), 0, 0
        while self._last is None or number < self._last:
            left_seconds = start_seconds + number / self._rate_hz - time.monotonic()
            if left_seconds > 0:
                time.sleep(left_seconds)
            if number not in self._left_out:
                payloads = [
                    payload
                    for unit in self._units[number % len(self._units)]
                    for payload in rtp_payloads(unit)
                ]
                stamp = round(number * CLOCK_HZ / self._rate_hz) & 0xFFFFFFFF
                for index, payload in enumerate(payloads):
                    is_last = index == len(payloads) - 1
                    kind = PAYLOAD_TYPE | (0x80 if is_last else 0)
                    head = struct.pack(">BBHII", 0x80, kind, sequence & 0xFFFF, stamp, 7)
                    packet = head + payload
                    connection.sendall(struct.pack(">BBH", 0x24, 0, len(packet)) + packet)
                    sequence += 1
            number += 1


def _read_request(requests: BinaryIO) -> tuple[str, dict[str, str]]:
    """Return (method, headers by lower-case name); "" when the player has hung up."""
    first = requests.readline().decode("ascii", "replace").split()
    headers = {}
    while line := requests.readline().decode("ascii", "replace").strip():
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return (first[0] if first else ""), headers
