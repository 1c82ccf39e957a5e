"""The server over real HTTP: what it gives, in which parts, and whom it refuses."""

from __future__ import annotations

import errno
import http.client
import json
import shutil
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tcn_robot.errors import UserError
from tcn_robot.recordings import DatasetWriter, find_faults
from tcn_robot.recordings.editing.history import delete_episodes, relabel_episodes
from tcn_robot.viewer.films import PreviewCache
from tcn_robot.viewer.server import ViewerServer
from tests.support.corpus import edit_episode
from tests.viewer.numbered import write_numbered

FILM = "/films/episode_000000/left.mp4"


@pytest.fixture
def server(served: Callable[..., ViewerServer], cameras: Path) -> ViewerServer:
    return served(cameras)


def ask(
    server: ViewerServer,
    path: str,
    method: str = "GET",
    headers: dict[str, str] | None = None,
) -> tuple[int, dict[str, str], bytes]:
    address = urlsplit(server.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=20)
    connection.request(method, path, headers=headers or {})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, {name.lower(): text for name, text in answer.getheaders()}, content


def test_the_page_loads_nothing_from_elsewhere(server: ViewerServer) -> None:
    code, headers, content = ask(server, "/")
    assert code == 200
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "http" not in policy
    nonce = policy.split("'nonce-")[1].split("'")[0]
    assert f'<script nonce="{nonce}">' in content.decode()
    assert nonce not in ask(server, "/")[2].decode()


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-", 0, None),
        ("bytes=10-19", 10, 20),
        ("bytes=-7", -7, None),
        ("bytes=5-99999999", 5, None),
    ],
)
def test_a_part_of_a_film(
    server: ViewerServer, cameras: Path, asked: str, start: int, stop: int | None
) -> None:
    whole = (cameras / "episode_000000" / "left.mp4").read_bytes()
    code, headers, content = ask(server, FILM, headers={"Range": asked})
    assert code == 206
    assert content == whole[start:stop]
    first = start % len(whole)
    assert headers["content-range"] == f"bytes {first}-{first + len(content) - 1}/{len(whole)}"
    assert headers["accept-ranges"] == "bytes"


def test_a_whole_film_and_a_part_that_is_not_there(server: ViewerServer, cameras: Path) -> None:
    whole = (cameras / "episode_000000" / "left.mp4").read_bytes()
    assert ask(server, FILM)[2] == whole
    code, headers, content = ask(server, FILM, "HEAD")
    assert (code, headers["content-length"], content) == (200, str(len(whole)), b"")
    for asked in (f"bytes={len(whole)}-", "bytes=9-3", "bytes=-0"):
        code, headers, _ = ask(server, FILM, headers={"Range": asked})
        assert (code, headers["content-range"]) == (416, f"bytes */{len(whole)}")


@pytest.mark.parametrize(
    "path",
    [
        "/dataset.json",
        "/episode_000000/left.mp4",
        "/films/episode_000000/../../secret.mp4",
        "/films/episode_000000/..%2F..%2Fsecret.mp4",
        "/films/episode_000000/%2e%2e/left.mp4",
        "/films/episode_000000/nobody.mp4",
        "/films/episode_000009/left.mp4",
        "/data/episode_000009.js",
        "/data/../../secret",
        "/posters/episode_000009.jpg",
        "/findings/99999999999999999999999",
        "//etc/passwd",
    ],
)
def test_nothing_else_is_there(server: ViewerServer, cameras: Path, path: str) -> None:
    (cameras.parent / "secret.mp4").write_text("secret")
    code, _, content = ask(server, path)
    assert code in (403, 404)
    assert b"secret" not in content.replace(b"secret.mp4", b"")


def test_a_view_or_a_link_that_leads_out_is_refused(
    served: Callable[..., ViewerServer], cameras: Path, tmp_path: Path
) -> None:
    path = tmp_path / "copy"
    shutil.copytree(cameras, path)
    (path / "secret.mp4").write_bytes(b"secret")
    (path / "episode_000000" / "left.mp4").unlink()
    (path / "episode_000000" / "left.mp4").symlink_to(path / "secret.mp4")
    server = served(path)
    code, _, content = ask(server, FILM)
    assert code == 404
    assert b"leads out" in content
    hostile = "../secret"
    edit_episode(path, lambda content: content["views"].update({hostile: content["views"]["left"]}))
    code, _, content = ask(server, "/films/episode_000000/..%2Fsecret.mp4")
    assert code == 404
    assert b"cannot name a view" in content
    assert ask(server, "/data/episode_000000.js")[0] == 200


def test_nothing_can_be_written(server: ViewerServer) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert ask(server, "/", method)[0] == 501


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "", "[", "127.0.0.1.evil.com"])
def test_another_host_name_is_refused(server: ViewerServer, host: str) -> None:
    for path in ("/", FILM, "/data/episode_000000.js", "/findings"):
        assert ask(server, path, headers={"Host": host})[0] == 403


def test_elsewhere_every_address_needs_the_token(
    served: Callable[..., ViewerServer], cameras: Path
) -> None:
    server = served(cameras, token="a&b c")
    for path in ("/", FILM, "/data/episode_000000.js", "/findings", "/posters/episode_000000.jpg"):
        assert ask(server, path)[0] == 403
        assert ask(server, f"{path}?token=a")[0] == 403
        assert ask(server, f"{path}?token=a%26b%20c")[0] == 200
    assert server.url.endswith("?token=a%26b%20c")
    assert b"left.mp4?token=a%26b%20c" in ask(server, "/data/episode_000000.js?token=a%26b%20c")[2]
    elsewhere = served(cameras, address="0.0.0.0:0")
    assert len(urlsplit(elsewhere.url).query) > len("token=") + 16
    assert urlsplit(elsewhere.url).hostname == socket.gethostname().lower()


def test_an_address_that_cannot_be_used(served: Callable[..., ViewerServer], cameras: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(UserError, match="cannot listen on"):
            served(cameras, address=address)
    for address in ("nonsense", "127.0.0.1:", "127.0.0.1:99999", ":80"):
        with pytest.raises(UserError, match="HOST:PORT"):
            served(cameras, address=address)


def test_a_fault_of_the_disk_is_told(
    served: Callable[..., ViewerServer], lossless: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "preview.mp4")

    monkeypatch.setattr("tcn_robot.viewer.films.write_preview", full)
    code, headers, content = ask(served(lossless), FILM)
    assert code == 500
    assert content.decode().startswith("the disk is full while writing preview.mp4")
    assert headers["content-type"].startswith("text/plain")


def test_no_preview_is_made_for_a_browser_that_went_away(
    served: Callable[..., ViewerServer], lossless: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = served(lossless)
    asked, made = threading.Event(), []
    preview = PreviewCache.preview

    def late(cache: PreviewCache, source: Path, is_wanted: Callable[[], bool]) -> Path:
        while is_wanted():
            pass
        try:
            return preview(cache, source, is_wanted)
        finally:
            asked.set()

    monkeypatch.setattr(PreviewCache, "preview", late)
    monkeypatch.setattr("tcn_robot.viewer.films.write_preview", lambda *_: made.append(1))
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port)) as browser:
        browser.sendall(f"GET {FILM} HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n".encode())
    assert asked.wait(20)
    assert not made


@pytest.mark.parametrize(
    ("path", "headers", "code"),
    [
        ("http://[x/", {"Host": "127.0.0.1"}, 400),
        (f"/findings?since={'9' * 5000}", {}, 200),
        (FILM, {"Range": f"bytes={'9' * 5000}-"}, 206),
        (FILM, {"Range": f"bytes=-{'9' * 5000}"}, 206),
    ],
)
def test_malformed_requests_are_answered(
    server: ViewerServer,
    capsys: pytest.CaptureFixture[str],
    path: str,
    headers: dict[str, str],
    code: int,
) -> None:
    assert ask(server, path, headers=headers)[0] == code
    assert capsys.readouterr().err == ""


def test_findings_come_as_they_are_made(
    served: Callable[..., ViewerServer], cameras: Path, tmp_path: Path
) -> None:
    path = tmp_path / "copy"
    shutil.copytree(cameras, path)
    (path / "episode_000001" / "right.mp4").unlink()
    server = served(path)
    assert json.loads(ask(server, "/findings/1")[2])[0]["kind"] == "missing-file"
    answer = json.loads(ask(server, "/findings?since=0")[2])
    assert [news[:2] for news in answer["news"]] == [[1, 1]]
    assert json.loads(ask(server, f"/findings?since={answer['done']}")[2])["news"] == []


def test_an_episode_that_changes_is_checked_again(
    served: Callable[..., ViewerServer], cameras: Path, tmp_path: Path
) -> None:
    path = tmp_path / "copy"
    shutil.copytree(cameras, path)
    server = served(path)
    before = json.loads(ask(server, "/findings/1")[2])
    assert not any(one["is_fault"] for one in before)
    (path / "episode_000001" / "right.mp4").unlink()
    assert json.loads(ask(server, "/findings/1")[2])[0]["kind"] == "missing-file"
    answer = json.loads(ask(server, "/findings?since=1")[2])
    assert answer == {"news": [[1, 1, len(before)]], "done": 2}
    shutil.copy(cameras / "episode_000001" / "right.mp4", path / "episode_000001")
    assert json.loads(ask(server, "/findings/1")[2]) == before
    shutil.rmtree(path / "episode_000001")
    assert ask(server, "/findings/1")[0] == 404


def test_a_page_that_is_loaded_hears_nothing_of_how_it_was(
    served: Callable[..., ViewerServer], cameras: Path, tmp_path: Path
) -> None:
    path = tmp_path / "copy"
    shutil.copytree(cameras, path)
    server = served(path)
    for id in (0, 1):
        ask(server, f"/findings/{id}")
    (path / "episode_000000" / "right.mp4").unlink()
    shutil.rmtree(path / "episode_000001")
    ask(server, "/")
    while not (answer := json.loads(ask(server, "/findings")[2]))["news"]:
        pass
    assert {tuple(news[:2]) for news in answer["news"]} == {(0, 1)}


def test_a_long_check_holds_up_neither_pages_nor_the_end(
    served: Callable[..., ViewerServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "films"
    write_numbered(path, {"only": [0.0, 0.1]})
    entered, may_go_on = threading.Event(), threading.Event()

    def slow(*arguments: Any, **options: Any) -> Any:
        entered.set()
        may_go_on.wait(20)
        return find_faults(*arguments, **options)

    monkeypatch.setattr("tcn_robot.viewer.findings.find_faults", slow)
    server = served(path)
    ask(server, "/")
    assert entered.wait(20)
    write_numbered(path, {"only": [0.0, 0.2]})
    assert '"id":[0,1]' in ask(server, "/")[2].decode()
    assert json.loads(ask(server, "/findings")[2])["done"] == 0
    may_go_on.set()
    while (answer := json.loads(ask(server, "/findings")[2]))["done"] < 2:
        pass
    assert [news[0] for news in answer["news"]] == [0, 1]
    may_go_on.clear()
    entered.clear()
    write_numbered(path, {"only": [0.0, 0.3]})
    ask(server, "/")
    assert entered.wait(20)
    server.close()  # ends although the check has not
    assert not may_go_on.is_set()
    may_go_on.set()


def test_what_is_relabelled_and_deleted_while_it_is_open(
    served: Callable[..., ViewerServer], tmp_path: Path
) -> None:
    path = tmp_path / "films"
    write_numbered(path, {"only": [0.0, 0.1]}, episodes=3)
    server = served(path)
    assert '"success":[null,null,null]' in ask(server, "/")[2].decode()
    with DatasetWriter(path, "pouring", "h264", kind="film") as writer:
        relabel_episodes(writer, {1: {"success": True, "split": "test"}})
        delete_episodes(writer, [2])
    page = ask(server, "/")[2].decode()
    assert '"id":[0,1],"split":["train","test"],"success":[null,true]' in page
    assert ask(server, "/data/episode_000002.js")[0] == 404


def test_episodes_that_come_and_go_while_it_is_open(
    served: Callable[..., ViewerServer], tmp_path: Path
) -> None:
    path = tmp_path / "films"
    write_numbered(path, {"only": [0.0, 0.1]})
    server = served(path)
    ids = '"episodes":{"id":[0%s]'
    assert ids % "" in ask(server, "/")[2].decode()
    write_numbered(path, {"only": [0.0, 0.1]})
    assert ids % ",1" in ask(server, "/")[2].decode()
    assert ask(server, "/data/episode_000001.js")[0] == 200
    shutil.rmtree(path / "episode_000001")
    assert ids % "" in ask(server, "/")[2].decode()
    assert ask(server, "/data/episode_000001.js")[0] == 404
