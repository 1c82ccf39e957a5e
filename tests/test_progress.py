"""Progress is a bar on a terminal and plain lines in a log."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tcn_robot import progress as module
from tcn_robot.progress import Progress, progress


def test_items_pass_through_and_the_log_ends_with_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(progress(range(5), 5, "counting", "items")) == [0, 1, 2, 3, 4]
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("counting: 5/5 items, ")
    assert shown.err.count("\n") == 1
    assert "\r" not in shown.err
    assert "0 s left" in shown.err


def test_a_log_line_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "LOG_INTERVAL_SECONDS", 0.0)
    with Progress(3, "training", "steps") as display:
        for loss in (0.5, 0.25, 0.125):
            display.advance(note=f"loss {loss}")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("training: 1/3 steps, ")
    assert lines[-1].endswith("loss 0.125")


def test_no_items_is_no_fault(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(progress([], 0, "nothing")) == []
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo terminal")
@pytest.mark.parametrize("columns", [0, 40, 120])
def test_a_terminal_gets_a_bar(columns: int) -> None:
    import fcntl
    import struct
    import termios

    code = "from tcn_robot.progress import progress\nlist(progress(range(4), 4, 'counting'))"
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    done = subprocess.run([sys.executable, "-c", code], stderr=theirs)
    os.close(theirs)
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    assert done.returncode == 0
    assert "\r" in shown
    assert "4/4" in shown
