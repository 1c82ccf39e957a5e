"""The folder of an export: no link is replaced, and a killed export leaves nothing for good."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tcn_robot import cli
from tcn_robot.errors import UserError
from tcn_robot.workflows.folders import exclusive_folder

KILLED = """
import os, signal, sys
from pathlib import Path
from tcn_robot.workflows.folders import exclusive_folder
with exclusive_folder(Path(sys.argv[1])) as partial:
    (partial / "half").mkdir()
    (partial / "half" / "file").write_text("x")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("what", ["empty", "missing", "itself"])
def test_a_link_is_refused(
    tmp_path: Path,
    clean_datasets: dict[str, Path],
    capsys: pytest.CaptureFixture[str],
    what: str,
) -> None:
    (tmp_path / "empty").mkdir()
    link = tmp_path / "link"
    os.symlink(link if what == "itself" else tmp_path / what, link)
    assert cli.main(["export", "tcn", str(clean_datasets["films"]), str(link)]) == 2
    complaint = capsys.readouterr().err
    assert complaint.count("\n") == 1
    assert "is a link" in complaint
    assert link.is_symlink()
    assert names(tmp_path) == ["empty", "link"]


def test_what_a_killed_export_left_is_removed_by_the_next(tmp_path: Path) -> None:
    target = tmp_path / "out"
    ended = subprocess.run([sys.executable, "-c", KILLED, str(target)], check=False)
    assert ended.returncode == -signal.SIGKILL
    (left,) = names(tmp_path)
    assert left.startswith(".partial-")
    with exclusive_folder(target) as partial:
        assert names(partial) == []
        (partial / "whole").write_text("x")
    assert (names(tmp_path), names(target)) == (["out"], ["whole"])


@pytest.mark.parametrize("is_there", [False, True])
def test_only_one_writes(tmp_path: Path, is_there: bool) -> None:
    target = tmp_path / "out"
    if is_there:
        target.mkdir()
    with exclusive_folder(target) as partial:
        (partial / "first").write_text("x")
        with (
            pytest.raises(UserError, match="another process is writing"),
            exclusive_folder(target),
        ):
            pass
        with exclusive_folder(tmp_path / ("y" * 255)) as other:
            assert other != partial
    assert (names(tmp_path), names(target)) == (["out", "y" * 255], ["first"])


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    def stop() -> None:
        with exclusive_folder(tmp_path / "out") as partial:
            (partial / "first").write_text("x")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop()
    assert names(tmp_path) == []


def test_a_link_in_place_of_the_hidden_folder_is_not_followed(tmp_path: Path) -> None:
    with exclusive_folder(tmp_path / "out") as partial:
        pass
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("x")
    os.symlink(tmp_path / "mine", partial)
    with pytest.raises(UserError, match="remove it"), exclusive_folder(tmp_path / "out"):
        pass
    assert names(tmp_path / "mine") == ["file"]


def test_without_locks_each_has_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise OSError("no locks here")

    monkeypatch.setattr("fcntl.flock", refuse)
    with exclusive_folder(tmp_path / "out") as first, exclusive_folder(tmp_path / "out2"):
        (first / "file").write_text("x")
    assert names(tmp_path) == ["out", "out2"]
