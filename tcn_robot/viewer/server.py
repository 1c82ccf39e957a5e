"""Serves the page of a dataset: reads only, on the loopback unless told otherwise.

Whoever may ask is settled by `tcn_robot.local_access`. An address names an episode by id and a
view by a name that the episode has; no path is ever taken from it.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import select
import socket
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

from tcn_robot.errors import UserError, describe_os_error
from tcn_robot.local_access import LocalAccess, split_address
from tcn_robot.recordings import Episode
from tcn_robot.viewer.dataset import WatchedDataset
from tcn_robot.viewer.episode_page import describe_episode, film_path
from tcn_robot.viewer.films import PreviewCache, is_playable
from tcn_robot.viewer.findings import Findings, findings_of_dataset
from tcn_robot.viewer.packing import plain, script_call
from tcn_robot.viewer.page import film_name, render_page
from tcn_robot.viewer.posters import episode_poster

IDLE_SECONDS = 60.0
EVERYWHERE = ("0.0.0.0", "::")
_BLOCK_BYTES = 1 << 18
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_COUNT = re.compile(r"\d{1,18}")


class Viewer:
    """What the server's threads share.

    Args:
        dataset: The dataset.
        findings: What was found in it.
        cache: Films made for browsers.
    """

    def __init__(self, dataset: WatchedDataset, findings: Findings, cache: PreviewCache) -> None:
        self.dataset = dataset
        self.findings = findings
        self.cache = cache
        self.refreshing = threading.Lock()

    def page(self, access: LocalAccess, nonce: str) -> str:
        """Return the page, with the episodes that are there now."""
        with self.refreshing:
            self.dataset.refresh()
            self.findings.start(self.dataset.recording)
            config = {
                "is_live": True,
                "query": access.query,
                "check": self.findings.depth,
                "findings": findings_of_dataset(self.dataset.recording),
            }
            return render_page(self.dataset.recording, self.dataset.rows(), config, nonce)

    def film(self, episode: Episode, view: str, is_wanted: Callable[[], bool]) -> Path:
        """Return the film of a view, or one made from it that browsers play.

        `is_wanted` says whether the browser still waits for it.
        """
        path = film_path(episode, view)
        return path if is_playable(path) else self.cache.preview(path, is_wanted)


class ViewerServer:
    """Serves from threads until it is closed.

    Args:
        viewer: What is shown.
        address: "HOST:PORT"; port 0 takes a free one.
        token: What addresses must carry; made up when None and the host is not the loopback.

    Raises:
        UserError: If the address cannot be listened on.
    """

    def __init__(self, viewer: Viewer, address: str, token: str | None = None) -> None:
        host, port = split_address(address, "--address")
        access = LocalAccess(host, token)
        exchange = type("Exchange", (_Exchange,), {"viewer": viewer, "access": access})
        try:
            self._server = _Server(host, port, exchange)
        except OSError as error:
            raise UserError(
                f"cannot listen on {address} ({error.strerror}); give another --address HOST:PORT"
            ) from error
        self._viewer = viewer
        self.url = f"http://{_shown(host)}:{self._server.server_address[1]}/{access.query}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Wait until the server is closed; Ctrl-C raises here."""
        while self._thread.is_alive():
            self._thread.join(1.0)

    def close(self) -> None:
        """Stop serving and checking."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._viewer.findings.close()


def _shown(host: str) -> str:
    """Return a host as an address names it; where it listens everywhere, this machine's name."""
    if host in EVERYWHERE:
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, host: str, port: int, exchange: type[BaseHTTPRequestHandler]) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), exchange)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of browsers that went away; anything else is a fault of ours."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


class _Exchange(BaseHTTPRequestHandler):
    viewer: ClassVar[Viewer]
    access: ClassVar[LocalAccess]
    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    error_message_format = "%(explain)s"
    error_content_type = "text/plain; charset=utf-8"
    has_begun = False  # to answer

    def do_GET(self) -> None:
        self.has_begun = False
        try:
            parts = urlsplit(self.path)
        except ValueError:
            self._refuse(400, "the address is malformed")
            return
        reason = self.access.refusal(self.headers.get("Host"), parts.query)
        if reason is not None:
            self._refuse(403, reason)
            return
        try:
            for pattern, answer in _ROUTES:
                match = pattern.fullmatch(parts.path)
                if match:
                    answer(self, *match.groups(), parse_qs(parts.query))
                    return
            self._refuse(404, "there is nothing here")
        except UserError as error:
            self._refuse(404, str(error))
        except (BrokenPipeError, ConnectionError, TimeoutError):
            self.close_connection = True  # the browser went away
        except OSError as error:
            self.close_connection = True
            if not self.has_begun:
                self._refuse(500, describe_os_error(error) or str(error))

    do_HEAD = do_GET

    def _answer_page(self, query: dict[str, list[str]]) -> None:
        nonce = secrets.token_urlsafe(16)
        policy = (
            f"default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'unsafe-inline'; "
            "img-src 'self' data:; media-src 'self'; connect-src 'self'; base-uri 'none'; "
            "form-action 'none'; frame-ancestors 'none'"
        )
        text = self.viewer.page(self.access, nonce)
        headers = {"Content-Security-Policy": policy, "Referrer-Policy": "no-referrer"}
        self._send("text/html; charset=utf-8", text.encode(), headers)

    def _answer_data(self, id: str, query: dict[str, list[str]]) -> None:
        episode = self.viewer.dataset.episode(int(id))
        suffix = self.access.query

        def address(episode: Episode, view: str, is_preview: bool) -> str:
            return film_name(episode.id, view) + suffix

        text = script_call("showEpisodeData", describe_episode(episode, address))
        self._send("text/javascript; charset=utf-8", text.encode())

    def _answer_findings(self, id: str, query: dict[str, list[str]]) -> None:
        episode = self.viewer.dataset.episode(int(id))
        if not episode.path.is_dir():
            raise UserError(f"episode {episode.id} is gone; load the page again")
        self._send_json(self.viewer.findings.of_episode(self.viewer.dataset.recording, episode.id))

    def _answer_progress(self, query: dict[str, list[str]]) -> None:
        text = query.get("since", ["0"])[0]
        news, done = self.viewer.findings.since(int(text) if _COUNT.fullmatch(text) else 0)
        self._send_json({"news": news, "done": done})

    def _answer_poster(self, id: str, query: dict[str, list[str]]) -> None:
        episode = self.viewer.dataset.episode(int(id))
        headers = {"Cache-Control": "private, max-age=600"}
        self._send("image/jpeg", episode_poster(episode), headers)

    def _answer_film(self, id: str, name: str, query: dict[str, list[str]]) -> None:
        episode = self.viewer.dataset.episode(int(id))
        view = unquote(name)
        if view not in episode.views:
            self._refuse(404, "there is no such view")
            return
        self._send_file(self.viewer.film(episode, view, self._is_there), "video/mp4")

    def _is_there(self) -> bool:
        """Return whether the browser still waits for its answer."""
        try:
            ready, _, _ = select.select([self.connection], [], [], 0)
            return not ready or bool(self.connection.recv(1, socket.MSG_PEEK))
        except OSError:
            return False

    def _send_file(self, path: Path, kind: str) -> None:
        """Send a file, or the part of it that the browser asks for."""
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            wanted = _range(self.headers.get("Range"), size)
            if wanted is None:
                self._begin(416, kind, 0, {"Content-Range": f"bytes */{size}"})
                return
            start, stop = wanted
            headers = {"Accept-Ranges": "bytes", "Cache-Control": "no-cache"}
            is_part = self.headers.get("Range") is not None
            if is_part:
                headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
            self._begin(206 if is_part else 200, kind, stop - start, headers)
            file.seek(start)
            left = stop - start if self.command != "HEAD" else 0
            while left > 0:
                block = file.read(min(left, _BLOCK_BYTES))
                if not block:  # it became shorter meanwhile: the browser must not wait for more
                    self.close_connection = True
                    return
                self.wfile.write(block)
                left -= len(block)

    def _send_json(self, value: Any) -> None:
        self._send("application/json", json.dumps(plain(value), allow_nan=False).encode())

    def _send(self, kind: str, content: bytes, headers: dict[str, str] | None = None) -> None:
        self._begin(200, kind, len(content), {"Cache-Control": "no-store", **(headers or {})})
        if self.command != "HEAD":
            self.wfile.write(content)

    def _begin(self, code: int, kind: str, length: int, headers: dict[str, str]) -> None:
        self.has_begun = True
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _refuse(self, code: int, reason: str) -> None:
        self.close_connection = True
        self.send_error(code, "refused", reason)

    def log_message(self, *arguments: Any) -> None:
        """Say nothing on the terminal."""


Answer = Callable[..., None]
_ROUTES: tuple[tuple[re.Pattern[str], Answer], ...] = (
    (re.compile("/"), _Exchange._answer_page),
    (re.compile(r"/data/episode_(\d{6,18})\.js"), _Exchange._answer_data),
    (re.compile(r"/findings/(\d{1,18})"), _Exchange._answer_findings),
    (re.compile("/findings"), _Exchange._answer_progress),
    (re.compile(r"/posters/episode_(\d{6,18})\.jpg"), _Exchange._answer_poster),
    (re.compile(r"/films/episode_(\d{6,18})/([^/]+)\.mp4"), _Exchange._answer_film),
)


def _range(header: str | None, size: int) -> tuple[int, int] | None:
    """Return (start, stop) of what a Range header asks for; None where there is nothing there.

    Several ranges at once, which no player asks for, are answered with the whole file's.
    """
    match = _RANGE.fullmatch(header.strip()) if header else None
    if match is None or not any(match.groups()):
        return 0, size
    first, last = match.groups()
    if not first:
        return (max(size - int(last), 0), size) if int(last) and size else None
    start = int(first)
    stop = min(int(last) + 1, size) if last else size
    return (start, stop) if start < stop else None
