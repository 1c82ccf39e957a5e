"""Files and folders are whole or absent, whatever interrupts their writing."""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tcn_robot.atomic import (
    PARTIAL_PREFIX,
    atomic_file,
    atomic_folder,
    commit_folder,
    write_text_atomically,
)
from tcn_robot.errors import UserError


def leftovers(folder: Path) -> list[Path]:
    return list(folder.glob(f"{PARTIAL_PREFIX}*"))


def test_a_folder_appears_when_it_is_done(tmp_path: Path) -> None:
    target = tmp_path / "new" / "run"
    with atomic_folder(target) as partial:
        (partial / "inner").mkdir()
        (partial / "inner" / "a.txt").write_text("a")
        assert partial.parent == target.parent
        assert partial.name.startswith(PARTIAL_PREFIX)
        assert not target.exists()
    assert (target / "inner" / "a.txt").read_text() == "a"
    assert stat.S_IMODE(target.stat().st_mode) == 0o755
    assert not leftovers(target.parent)


def test_a_folder_replaces_the_one_before_as_a_whole(tmp_path: Path) -> None:
    target = tmp_path / "run"
    for name in ("old", "new"):
        with atomic_folder(target) as partial:
            (partial / name).touch()
    assert [path.name for path in target.iterdir()] == ["new"]
    assert not leftovers(tmp_path)


@pytest.mark.parametrize("error", [ValueError("fault"), KeyboardInterrupt(), SystemExit(3)])
def test_a_fault_leaves_the_folder_before_untouched(tmp_path: Path, error: BaseException) -> None:
    target = tmp_path / "run"
    with atomic_folder(target) as partial:
        (partial / "old").touch()

    def write_half() -> None:
        with atomic_folder(target) as partial:
            (partial / "half").touch()
            raise error

    with pytest.raises(type(error)):
        write_half()
    assert [path.name for path in target.iterdir()] == ["old"]
    assert not leftovers(tmp_path)


@pytest.mark.parametrize("kind", ["a file", "a link"])
def test_neither_a_file_nor_a_link_is_replaced(tmp_path: Path, kind: str) -> None:
    target, elsewhere, partial = tmp_path / "run", tmp_path / "elsewhere", tmp_path / "partial"
    elsewhere.mkdir()
    partial.mkdir()
    if kind == "a file":
        target.write_text("mine")
    else:
        target.symlink_to(elsewhere)
    with pytest.raises(UserError, match=f"found {kind}"):
        commit_folder(partial, target)
    with pytest.raises(UserError, match=f"found {kind}"), atomic_folder(target):
        raise AssertionError("nothing should be written for it")
    assert target.is_symlink() or target.read_text() == "mine"
    assert partial.is_dir()
    assert not leftovers(tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_a_killed_writer_leaves_only_a_hidden_folder(tmp_path: Path) -> None:
    code = (
        "import sys, time, pathlib\nfrom tcn_robot.atomic import atomic_folder\n"
        f"with atomic_folder(pathlib.Path({str(tmp_path / 'run')!r})) as partial:\n"
        "    (partial / 'half').touch()\n    print('writing', flush=True)\n    time.sleep(60)\n"
    )
    writer = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "writing\n"
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    writer.stdout.close()
    assert not (tmp_path / "run").exists()
    assert len(leftovers(tmp_path)) == 1


def test_a_text_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "config.json"
    write_text_atomically(path, "first")
    write_text_atomically(path, "zweite Fassung: größer\n")
    assert path.read_text(encoding="utf-8") == "zweite Fassung: größer\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert not leftovers(path.parent)


def test_a_text_that_cannot_be_written_leaves_the_file_before(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    write_text_atomically(path, "first")
    with pytest.raises(UnicodeEncodeError):
        write_text_atomically(path, "lone surrogate \udc80")
    assert path.read_text(encoding="utf-8") == "first"
    assert not leftovers(tmp_path)


def test_a_file_is_whole_or_absent_and_keeps_its_suffix(tmp_path):
    path = tmp_path / "new" / "film.mp4"
    with atomic_file(path) as partial:
        assert partial.suffix == ".mp4"
        partial.write_bytes(b"whole")
        assert not path.exists()
    assert path.read_bytes() == b"whole"
    with contextlib.suppress(KeyboardInterrupt), atomic_file(path) as partial:
        partial.write_bytes(b"half")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"whole"
    assert [one.name for one in path.parent.iterdir()] == ["film.mp4"]
