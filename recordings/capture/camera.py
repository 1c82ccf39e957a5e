"""Sources that OpenCV opens and that run at their own pace: cameras, RTSP and other streams."""

from __future__ import annotations

import os

import cv2
import numpy as np

from tcn_robot.errors import UserError
from tcn_robot.recordings.capture.clock import now_seconds

OPEN_TIMEOUT_MS = 5_000
READ_TIMEOUT_MS = 5_000


class CameraSource:
    """A camera by number or device file, or a stream by address; stamped when it arrives.

    Args:
        address: "0", "/dev/video0", "rtsp://…".
        frame_rate_hz: Rate to ask for; None keeps the camera's own.
        size_px: (width, height) to ask for; None keeps the camera's own.

    Raises:
        UserError: If it does not open or gives no picture.
    """

    is_live = True

    def __init__(
        self, address: str, frame_rate_hz: float | None, size_px: tuple[int, int] | None
    ) -> None:
        self.address = address
        self._capture = _open(address)
        if frame_rate_hz is not None:
            self._capture.set(cv2.CAP_PROP_FPS, frame_rate_hz)
        if size_px is not None:
            self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, size_px[0])
            self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, size_px[1])
        # The oldest picture in a long buffer is late by the whole buffer.
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        self.frame_rate_hz = frame_rate_hz or float(self._capture.get(cv2.CAP_PROP_FPS)) or None

    def read(self) -> tuple[float, np.ndarray] | None:
        """Return (time of arrival, uint8 (H, W, 3) RGB), or None when the camera ended."""
        if not self._capture.grab():
            return None
        time_seconds = now_seconds()  # before decoding, which takes milliseconds
        ok, picture = self._capture.retrieve()
        if not ok or picture is None:
            return None
        return time_seconds, cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)

    def close(self) -> None:
        """Release the camera."""
        self._capture.release()


def _open(address: str) -> cv2.VideoCapture:
    if "OPENCV_LOG_LEVEL" not in os.environ:
        # It prints a page about each device that is not there; we say it in one line.
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    if address.isdigit() or address.startswith("/dev/"):
        capture = cv2.VideoCapture(int(address) if address.isdigit() else address)
        advice = "is it plugged in, and free? `ls /dev/video*` shows what there is"
    else:
        timeouts = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, OPEN_TIMEOUT_MS]
        timeouts += [cv2.CAP_PROP_READ_TIMEOUT_MSEC, READ_TIMEOUT_MS]
        capture = cv2.VideoCapture(address, cv2.CAP_FFMPEG, timeouts)
        advice = "does a player open this address?"
    if not capture.isOpened():
        capture.release()
        raise UserError(f"the camera {address!r} does not open; {advice}")
    return capture
