"""The preview page over real HTTP: shows, hears keys, and lets nobody else in."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import cv2
import numpy as np
import pytest

from tcn_robot.errors import UserError
from tcn_robot.recordings.capture.preview_page import PreviewPage
from tests.support.films import moving_square

FRAMES = {"front": moving_square(3, 96, 128)[2], "left <b>": moving_square(3, 96, 128)[0]}


@pytest.fixture
def page() -> Iterator[PreviewPage]:
    page = PreviewPage("127.0.0.1:0")
    page.show(FRAMES, {"state": "recording 3.2 s", "front": "96 frames, 0 dropped"})
    yield page
    page.close()


def ask(
    page: PreviewPage,
    path: str,
    method: str = "GET",
    body: str | None = None,
    headers: dict[str, str] | None = None,
) -> tuple[int, bytes]:
    address = urlsplit(page.url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=5)
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, content


def secret_of(page: PreviewPage) -> str:
    content = ask(page, "/")[1].decode()
    return content.split('"X-Preview-Secret": "')[1].split('"')[0]


def test_page_status_and_pictures(page: PreviewPage) -> None:
    code, content = ask(page, "/")
    assert code == 200
    assert b"left &lt;b&gt;" in content
    assert b"<b>" not in content
    assert b"http" not in content.replace(b"<!doctype html>", b"")  # nothing from elsewhere
    status = json.loads(ask(page, "/status")[1])
    assert status == {
        "status": {"state": "recording 3.2 s", "front": "96 frames, 0 dropped"},
        "views": ["front", "left <b>"],
    }


def test_the_stream_shows_the_latest_frame(page: PreviewPage) -> None:
    address = urlsplit(page.url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=5)
    connection.request("GET", "/stream/front")
    answer = connection.getresponse()
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += answer.read(1)
    length = int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0])
    jpeg = np.frombuffer(answer.read(length), np.uint8)
    picture = cv2.imdecode(jpeg, cv2.IMREAD_COLOR_RGB)
    assert np.abs(picture.astype(int) - FRAMES["front"]).mean() < 6
    connection.close()


def test_keys_come_once_and_only_from_the_page(page: PreviewPage) -> None:
    assert ask(page, "/key", "POST", "space")[0] == 403
    assert page.show(FRAMES, {}) == []
    headers = {"X-Preview-Secret": secret_of(page)}
    assert ask(page, "/key", "POST", "space", headers)[0] == 200
    assert ask(page, "/key", "POST", "rm -rf", headers)[0] == 400
    assert ask(page, "/key", "POST", "x" * 10_000, headers)[0] == 400
    assert page.show(FRAMES, {}) == ["space"]
    assert page.show(FRAMES, {}) == []


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", ""])
def test_a_page_of_another_site_is_refused(page: PreviewPage, host: str) -> None:
    assert ask(page, "/", headers={"Host": host})[0] == 403
    assert ask(page, "/status", headers={"Host": host})[0] == 403


@pytest.mark.parametrize("path", ["/../etc/passwd", "/stream/../../x", "/x", "/stream/nobody"])
def test_nothing_else_is_served(page: PreviewPage, path: str) -> None:
    code, content = ask(page, path)
    assert code in (200, 404)
    assert b"root:" not in content
    assert code == 404 or content == b""  # a stream of a view that is not there ends at once


def test_a_token_is_asked_for_where_there_is_one() -> None:
    page = PreviewPage("127.0.0.1:0", token="s3 cret&")
    page.show(FRAMES, {})
    try:
        address = urlsplit(page.url)
        assert ask(page, "/")[0] == 403
        assert ask(page, "/status?token=wrong")[0] == 403
        assert ask(page, f"/?{address.query}")[0] == 200
    finally:
        page.close()


def test_elsewhere_a_token_is_made_up() -> None:
    page = PreviewPage("0.0.0.0:0")
    try:
        assert "token=" in page.url
    finally:
        page.close()


def test_a_taken_port_and_a_bad_address_are_one_line(page: PreviewPage) -> None:
    port = urlsplit(page.url).port
    with pytest.raises(UserError, match="cannot listen on"):
        PreviewPage(f"127.0.0.1:{port}")
    with pytest.raises(UserError, match="HOST:PORT"):
        PreviewPage("8765")


def test_viewers_that_do_not_read_hold_nothing_up(page: PreviewPage) -> None:
    address = urlsplit(page.url)
    viewers = []
    for _ in range(3):
        viewer = socket.create_connection((address.hostname, address.port))
        viewer.sendall(b"GET /stream/front HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        viewers.append(viewer)
    noise = np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    done = threading.Event()

    def show_many() -> None:
        for _ in range(300):
            page.show({"front": noise}, {})
        done.set()

    threading.Thread(target=show_many, daemon=True).start()
    assert done.wait(10)
    for viewer in viewers:
        viewer.close()


def test_closing_ends_the_streams() -> None:
    page = PreviewPage("127.0.0.1:0")
    page.show(FRAMES, {})
    threads = threading.active_count()
    address = urlsplit(page.url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=5)
    connection.request("GET", "/stream/front")
    answer = connection.getresponse()
    answer.read(10)
    page.close()
    answer.read()  # comes to an end
    connection.close()
    for _ in range(100):
        if threading.active_count() < threads:
            break
        time.sleep(0.05)
    assert threading.active_count() < threads


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium")
def test_a_browser_shows_it(page: PreviewPage, tmp_path: Path) -> None:
    picture = tmp_path / "page.png"
    command = ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    command += [f"--screenshot={picture}", "--window-size=900,500", "--timeout=3000", page.url]
    subprocess.run(command, capture_output=True, timeout=90, check=True)
    shown = cv2.imread(str(picture))
    red = (shown[..., 2].astype(int) - shown[..., 0] > 120).mean()
    assert red > 0.002  # the moving square of the films
