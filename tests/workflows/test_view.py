"""`tcn-robot view`: serves until Ctrl-C, or writes a folder; complaints in one line."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tcn_robot.errors import UserError
from tcn_robot.workflows import view as view_command

COMMAND = [sys.executable, "-m", "tcn_robot", "view"]


def address_of(server: subprocess.Popen[str]) -> str:
    assert server.stdout is not None
    line = server.stdout.readline()
    assert "Ctrl-C ends" in line, line
    return line.split(" at ")[1].split(" ")[0]


@pytest.fixture
def films(clean_datasets: dict[str, Path]) -> Path:
    return clean_datasets["films"]


def test_it_serves_until_ctrl_c(films: Path) -> None:
    options = ["--no-open", "--address", "127.0.0.1:0", "--check", "full"]
    with subprocess.Popen(
        [*COMMAND, str(films), *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        page = urllib.request.urlopen(address_of(server), timeout=20).read().decode()
        assert "<title>films</title>" in page
        server.send_signal(signal.SIGINT)
        _, complaint = server.communicate(timeout=30)
    assert server.returncode == 0
    assert complaint.strip() == ""


def test_the_usual_address_may_be_taken(films: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        usual = f"127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setattr(view_command, "DEFAULT_ADDRESS", usual)
        server = view_command._listen(view_command._open_viewer(films, (), "none"), usual)
        try:
            assert usual not in server.url
            viewer = view_command._open_viewer(films, (), "none")
            with pytest.raises(UserError, match="cannot listen"):
                view_command._listen(viewer, f"localhost:{taken.getsockname()[1]}")
        finally:
            server.close()


def test_it_writes_a_folder(
    films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    out = tmp_path / "page"
    view_command.main([str(films), "--out", str(out), "--episodes", "1", "3"])
    assert f"{out / 'index.html'}: 2 episodes" in capsys.readouterr().out
    assert (out / "data" / "episode_000003.js").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--copy"], "--copy belongs to --out"),
        (["--episodes", "77"], "no episode 77"),
        (["--address", "here"], "HOST:PORT"),
        (["--check", "some"], "some"),
    ],
)
def test_bad_input_is_one_line(films: Path, arguments: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message) as raised:
        view_command.main([str(films), "--no-open", *arguments])
    assert "\n" not in str(raised.value)


def test_a_folder_that_is_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no dataset"):
        view_command.main([str(tmp_path / "nothing")])
