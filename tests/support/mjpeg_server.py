"""A loopback server of MJPEG cameras that see one scene, with planted delays and drops."""

from __future__ import annotations

import bisect
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import cv2
import numpy as np


class Scene:
    """Three discs that move from place to place as a hand does: smooth, with pauses."""

    def __init__(self, seconds: float, seed: int) -> None:
        generator = np.random.default_rng(seed)
        self._paths = [self._moves(seconds, generator) for _ in range(3)]

    @staticmethod
    def _moves(seconds: float, generator: np.random.Generator) -> list[tuple[Any, ...]]:
        time_seconds, place, moves = 0.0, generator.uniform(-1, 1, 3), []
        while time_seconds < seconds:
            target, lasts_seconds = generator.uniform(-1, 1, 3), generator.uniform(0.3, 1.0)
            moves.append((time_seconds, lasts_seconds, place, target))
            time_seconds += lasts_seconds + generator.choice([0.0, 0.0, generator.uniform(0, 0.6)])
            place = target
        return moves

    def places(self, time_seconds: float) -> list[np.ndarray]:
        """Return where each disc is, (3,) in [-1, 1]; minimum jerk between two places."""
        found = []
        for moves in self._paths:
            at = max(bisect.bisect([move[0] for move in moves], time_seconds) - 1, 0)
            start, lasts, place, target = moves[at]
            u = float(np.clip((time_seconds - start) / lasts, 0.0, 1.0))
            found.append(place + (target - place) * (10 * u**3 - 15 * u**4 + 6 * u**5))
        return found

    def picture(self, time_seconds: float, camera: int, size_px: tuple[int, int]) -> np.ndarray:
        """Return what a camera sees, uint8 (H, W, 3) BGR; each looks from another side."""
        width, height = size_px
        turn = 0.5 * camera
        frame = np.full((height, width, 3), (70 + 20 * camera, 90, 110), np.uint8)
        for number, (x, y, z) in enumerate(self.places(time_seconds)):
            across = np.cos(turn) * x + np.sin(turn) * z
            down = 0.8 * y - 0.3 * np.sin(turn) * x
            centre = int(width * (0.5 + 0.33 * across)), int(height * (0.5 + 0.33 * down))
            colour = [(40, 60, 230), (220, 180, 40), (60, 210, 90)][number]
            cv2.circle(frame, centre, int(height * (0.07 + 0.02 * number)), colour, -1, cv2.LINE_AA)
        return frame


@dataclass
class Camera:
    """One camera: JPEGs, when each is sent (seconds after the start), which are left out.

    Attributes:
        jpegs: One for each frame.
        due_seconds: float64 (T,).
        dropped: Indices of frames that are never sent.
        declares_length: Whether parts say how many bytes they have.
    """

    jpegs: list[bytes]
    due_seconds: np.ndarray
    dropped: set[int] = field(default_factory=set)
    declares_length: bool = True


def make_camera(
    scene: Scene,
    number: int,
    *,
    seconds: float,
    offset_seconds: float = 0.0,
    drop_share: float = 0.0,
    fps: float = 30.0,
    size_px: tuple[int, int] = (640, 480),
) -> Camera:
    """Return a camera whose pictures are sent `offset_seconds` after what they show happened."""
    generator = np.random.default_rng(number)
    due = np.arange(0.0, seconds, 1.0 / fps) + generator.uniform(0, 1.0 / fps)
    jpegs = []
    for due_seconds in due:
        picture = scene.picture(float(due_seconds) - offset_seconds + 1.0, number, size_px)
        jpegs.append(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes())
    dropped = {i for i in range(30, len(due) - 30) if generator.random() < drop_share}
    return Camera(jpegs, due, dropped)


class MjpegServer:
    """Serves cameras at /0, /1, … from threads; the clock starts with `start`."""

    def __init__(self, cameras: list[Camera]) -> None:
        self._start = threading.Event()
        self.start_seconds = 0.0
        handler = type("Handler", (_Handler,), {"cameras": cameras, "server_": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        port = self._server.server_address[1]
        self.addresses = [f"http://127.0.0.1:{port}/{number}" for number in range(len(cameras))]

    def start(self) -> None:
        """Let all cameras run from now on."""
        self.start_seconds = time.monotonic()
        self._start.set()

    def wait(self) -> None:
        """Wait until `start` was called."""
        self._start.wait()

    def close(self) -> None:
        """Stop serving."""
        self._start.set()
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    cameras: ClassVar[list[Camera]]
    server_: ClassVar[MjpegServer]

    def do_GET(self) -> None:
        number = self.path.strip("/")
        if not number.isdigit() or int(number) >= len(self.cameras):
            self.send_error(404)
            return
        camera = self.cameras[int(number)]
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=b")
        self.end_headers()
        self.server_.wait()
        for index, (jpeg, due_seconds) in enumerate(
            zip(camera.jpegs, camera.due_seconds, strict=True)
        ):
            left = self.server_.start_seconds + due_seconds - time.monotonic()
            if left > 0:
                time.sleep(left)
            if index in camera.dropped:
                continue
            head = b"--b\r\nContent-Type: image/jpeg\r\n"
            if camera.declares_length:
                head += f"Content-Length: {len(jpeg)}\r\n".encode()
            try:
                self.wfile.write(head + b"\r\n" + jpeg + b"\r\n")
            except OSError:
                return

    def log_message(self, *arguments: Any) -> None:
        pass
