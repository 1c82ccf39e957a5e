"""A local page that shows what the cameras see, for a box without a display.

It listens on the loopback unless told otherwise; elsewhere a token is needed, which the printed
address carries. Pages of other sites cannot reach it: the Host header must be ours, and a key is
only taken with the page's own secret.
"""

from __future__ import annotations

import hmac
import html
import json
import secrets
import string
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from typing import Any, ClassVar
from urllib.parse import quote, unquote, urlsplit

import cv2
import numpy as np

from tcn_robot.errors import UserError
from tcn_robot.local_access import LocalAccess, split_address

STREAM_HZ = 12.0
JPEG_QUALITY = 80
MAXIMUM_BODY_BYTES = 256
MAXIMUM_STREAMS = 32
STREAM_TIMEOUT_SECONDS = 10.0
KEYS = ("space", "return", "backspace", "q")
_BOUNDARY = "frame"


class _State:
    """What the page shows; written by the capture, read by the server's threads."""

    def __init__(self, access: LocalAccess) -> None:
        self.access = access
        self.secret = secrets.token_urlsafe(16)
        self.changed = threading.Condition()
        self.frames: dict[str, np.ndarray] = {}
        self.number = 0
        self.status: dict[str, str] = {}
        self.keys: list[str] = []
        self.is_closed = False
        self.streams = threading.Semaphore(MAXIMUM_STREAMS)


class PreviewPage:
    """Serves the page from a thread.

    Args:
        address: "HOST:PORT"; port 0 takes a free one.
        token: What the address must carry; made up when None and the host is not the loopback.

    Raises:
        UserError: If the address cannot be listened on.
    """

    def __init__(self, address: str = "127.0.0.1:8765", token: str | None = None) -> None:
        host, port = split_address(address, "the preview's address")
        access = LocalAccess(host, token)
        self._state = _State(access)
        handler = type("Exchange", (_Exchange,), {"state": self._state})
        try:
            self._server = ThreadingHTTPServer((host, port), handler)
        except OSError as error:
            raise UserError(
                f"the preview cannot listen on {address} ({error.strerror}); give another "
                "--preview-address"
            ) from error
        self._server.daemon_threads = True
        self.url = f"http://{host}:{self._server.server_address[1]}/{access.query}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def show(self, frames: Mapping[str, np.ndarray], status: Mapping[str, str]) -> list[str]:
        """Show frames, uint8 (H, W, 3) RGB, and lines of text; return the keys pressed since."""
        state = self._state
        with state.changed:
            state.frames, state.status = dict(frames), dict(status)
            state.number += 1
            keys, state.keys = state.keys, []
            state.changed.notify_all()
        return keys

    def close(self) -> None:
        """Stop serving."""
        with self._state.changed:
            self._state.is_closed = True
            self._state.changed.notify_all()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Exchange(BaseHTTPRequestHandler):
    state: ClassVar[_State]
    protocol_version = "HTTP/1.1"
    timeout = STREAM_TIMEOUT_SECONDS

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if not self._is_allowed(parts.query):
            return
        if parts.path == "/":
            self._send("text/html; charset=utf-8", self._page().encode())
        elif parts.path == "/status":
            with self.state.changed:
                content = {"status": self.state.status, "views": list(self.state.frames)}
            self._send("application/json", json.dumps(content).encode())
        elif parts.path.startswith("/stream/"):
            self._stream(unquote(parts.path.removeprefix("/stream/")))
        else:
            self._refuse(404, "there is nothing here")

    def do_POST(self) -> None:
        parts = urlsplit(self.path)
        length = self.headers.get("Content-Length", "")
        body = b""
        if length.isdigit() and int(length) <= MAXIMUM_BODY_BYTES:
            body = self.rfile.read(int(length))
        self.close_connection = True
        if not self._is_allowed(parts.query):
            return
        secret = self.headers.get("X-Preview-Secret", "")
        if not hmac.compare_digest(secret.encode(), self.state.secret.encode()):
            self._refuse(403, "keys are taken from the page only")
            return
        key = body.decode(errors="replace")
        if parts.path != "/key" or key not in KEYS:
            self._refuse(400, "no such key")
            return
        with self.state.changed:
            self.state.keys.append(key)
        self._send("text/plain", b"ok")

    def _is_allowed(self, query: str) -> bool:
        reason = self.state.access.refusal(self.headers.get("Host"), query)
        if reason is not None:
            self._refuse(403, reason)
        return reason is None

    def _page(self) -> str:
        template = resources.files(__package__).joinpath("preview_page.html").read_text("utf-8")
        with self.state.changed:
            views = list(self.state.frames)
        suffix = self.state.access.query
        pictures = "".join(
            f'<figure><img src="/stream/{quote(view, safe="")}{suffix}" alt="{html.escape(view)}">'
            f"<figcaption>{html.escape(view)}</figcaption></figure>"
            for view in views
        )
        return string.Template(template).substitute(
            views=pictures, secret=self.state.secret, query=suffix
        )

    def _stream(self, view: str) -> None:
        if not self.state.streams.acquire(blocking=False):
            self._refuse(503, "too many viewers")
            return
        try:
            self.send_response(200)
            self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={_BOUNDARY}")
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self._send_pictures(view)
        except (BrokenPipeError, ConnectionError, TimeoutError):
            pass  # the viewer went away
        finally:
            self.state.streams.release()
            self.close_connection = True

    def _send_pictures(self, view: str) -> None:
        number = -1
        while True:
            with self.state.changed:
                if self.state.number == number and not self.state.is_closed:
                    self.state.changed.wait(1.0)
                number = self.state.number
                frame = self.state.frames.get(view)
                if self.state.is_closed or frame is None:
                    return
            picture = cv2.cvtColor(frame, cv2.COLOR_RGB2BGR)
            _, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
            content = jpeg.tobytes()
            head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(content)}"
            self.wfile.write(head.encode() + b"\r\n\r\n" + content + b"\r\n")
            time.sleep(1.0 / STREAM_HZ)

    def _send(self, kind: str, content: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        policy = "default-src 'self' 'unsafe-inline'; frame-ancestors 'none'"
        self.send_header("Content-Security-Policy", policy)
        self.end_headers()
        self.wfile.write(content)

    def _refuse(self, code: int, reason: str) -> None:
        self.close_connection = True
        self.send_error(code, reason)

    def log_message(self, *arguments: Any) -> None:
        """Say nothing on the terminal, which shows the capture."""
