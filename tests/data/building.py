"""Builds frame stores in processes that can be killed, and looks at what came out."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tcn_robot.data import FrameStore
from tcn_robot.errors import UserError
from tcn_robot.recordings import open_recording

BUILD = """
import sys
from tcn_robot.data.build import build_frame_store
build_frame_store([sys.argv[1]], 16)
"""


def start_build(dataset: Path) -> subprocess.Popen:
    command = [sys.executable, "-c", BUILD, str(dataset)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def stop_in_the_middle(dataset: Path, folder: Path, num_lines: int, how: signal.Signals) -> str:
    """Stop a build when some episodes are done; return what it said to that.

    One that was through before the signal came, on a busy machine, is done over again.
    """
    for _ in range(10):
        build = start_build(dataset)
        while build.poll() is None:
            lists = [path.read_bytes() for path in folder.glob(".partial-*/done.jsonl")]
            if lists and lists[0].count(b"content_hash") >= num_lines:
                break
        build.send_signal(how)
        said = build.communicate()[1]
        if build.returncode == -how:
            return said
        assert build.returncode == 0, said
        for whole in folder.glob("16px-*"):
            shutil.rmtree(whole)
    raise AssertionError("never stopped in the middle")


def names(folder: Path) -> list[str]:
    """What lies in a store's folder, without the file that is locked."""
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".lock")


def assert_holds(store: FrameStore, dataset: Path) -> None:
    """Fail unless a store has what its recording, of the same size, has."""
    recording = open_recording(dataset)
    assert [episode.id for episode in store.episodes] == list(recording.ids)
    for stored, episode in zip(store.episodes, recording, strict=True):
        assert stored.views == episode.views
        for view in episode.views:
            assert np.array_equal(stored.frames(view), episode.frames(view))
            assert np.array_equal(stored.timestamps(view), episode.timestamps(view))


def said_in_one_line(caught: pytest.ExceptionInfo[UserError]) -> str:
    assert "\n" not in str(caught.value)
    return str(caught.value)
