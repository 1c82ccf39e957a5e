"""MJPEG over HTTP, as network cameras and phone apps serve it: one JPEG after the other.

Read here and not by OpenCV, which buffers: each picture is stamped when its last byte has arrived.
"""

from __future__ import annotations

import urllib.error
import urllib.request
from http.client import HTTPException, HTTPResponse

import cv2
import numpy as np

from tcn_robot.errors import UserError
from tcn_robot.recordings.capture.clock import now_seconds

TIMEOUT_SECONDS = 5.0
MAXIMUM_JPEG_BYTES = 64 << 20
MAXIMUM_HEADER_LINES = 64
_START, _END = b"\xff\xd8", b"\xff\xd9"


class MjpegSource:
    """An address that answers with multipart/x-mixed-replace.

    Args:
        address: "http://…" or "https://…".
        frame_rate_hz: What the camera is meant to give; None where nobody knows.

    Raises:
        UserError: If the address does not answer, or with something else.
    """

    is_live = True

    def __init__(self, address: str, frame_rate_hz: float | None = None) -> None:
        self.address = address
        self.frame_rate_hz = frame_rate_hz
        self.broken_pictures = 0
        try:
            self._response: HTTPResponse = urllib.request.urlopen(address, timeout=TIMEOUT_SECONDS)
        except (OSError, ValueError, HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise UserError(
                f"the stream {address!r} does not open ({reason}); does a browser show it?"
            ) from error
        kind = self._response.headers.get_content_type()
        if kind != "multipart/x-mixed-replace":
            self._response.close()
            raise UserError(
                f"{address!r} is no MJPEG stream: expected multipart/x-mixed-replace, found "
                f"{kind}; most cameras have another address for the stream itself"
            )

    def read(self) -> tuple[float, np.ndarray] | None:
        """Return (time of arrival, uint8 (H, W, 3) RGB), or None when the stream ended."""
        while True:
            try:
                jpeg = self._read_part()
            except (OSError, ValueError, HTTPException):  # timed out, reset, or closed by us
                return None
            if jpeg is None:
                return None
            time_seconds = now_seconds()
            picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR_RGB)
            if picture is not None:
                return time_seconds, picture
            self.broken_pictures += 1

    def _read_part(self) -> bytes | None:
        """Return the bytes of the next JPEG; None at the end."""
        length = None
        for _ in range(MAXIMUM_HEADER_LINES):
            line = self._response.readline(1 << 16)
            if not line:
                return None
            name, _, value = line.decode("latin-1").partition(":")
            if name.strip().lower() == "content-length" and value.strip().isdigit():
                length = int(value)
            if not line.strip() and length is not None:
                break
            if line.startswith(_START):
                return self._read_to_end_mark(line)
        if length is None or length > MAXIMUM_JPEG_BYTES:
            return None
        content = self._response.read(length)
        return content if len(content) == length else None

    def _read_to_end_mark(self, start: bytes) -> bytes | None:
        """Read on where a server does not say how long its pictures are."""
        content = bytearray(start)
        while _END not in content[-4:]:
            line = self._response.readline(1 << 16)
            if not line or len(content) > MAXIMUM_JPEG_BYTES:
                return None
            content += line
        return bytes(content)

    def close(self) -> None:
        """Close the connection; a `read` that waits returns None."""
        self._response.close()
