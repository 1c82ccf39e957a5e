"""A disk that is full, read-only or not ours: one clear error, and every whole episode stays."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tcn_robot import cli
from tcn_robot.atomic import atomic_folder
from tcn_robot.errors import FULL, UserError
from tcn_robot.recordings import DatasetWriter, find_faults, open_recording
from tcn_robot.recordings.writer import write_episode
from tests.support.crash_harness import fork_recorder, read_to_end

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork.*:DeprecationWarning")

NOBODY = 65534
DISK_BYTES = 400_000


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 400 kB, mounted for the test."""
    disk = tmp_path / "disk"
    disk.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(disk)]
    if (
        not shutil.which("mount")
        or subprocess.run(["mount", *options], capture_output=True).returncode
    ):
        pytest.skip("mounting a small disk needs root")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def noise(seed: int, num_frames: int = 10) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (num_frames, 32, 32, 3), dtype=np.uint8)


def record(writer: DatasetWriter, seed: int) -> None:
    with writer.episode(frame_rate_hz=20.0) as episode:
        for index, frame in enumerate(noise(seed)):
            episode.add_frames(index / 20, {"front": frame})


def record_until_full(path: Path) -> int:
    """Record until the disk is full; return the number of episodes that were called whole."""
    count = 0
    try:
        with DatasetWriter(path, "noise", "lossless") as writer:
            for seed in range(1_000):
                record(writer, seed)
                count += 1
    except OSError as error:
        if error.errno not in FULL:
            raise
        return count
    raise AssertionError("the disk never was full")


def assert_whole(path: Path, count: int) -> None:
    recording = open_recording(path)
    assert recording.ids == tuple(range(count))
    assert not [fault for _, faults in find_faults(recording) for fault in faults]
    for id in range(count):
        np.testing.assert_array_equal(recording.by_id(id).frames("front"), noise(id))
    assert not list(path.glob(".partial-*"))


def test_a_full_disk_keeps_the_whole_episodes_and_goes_on_later(small_disk: Path) -> None:
    path = small_disk / "d"
    count = record_until_full(path)
    assert count > 3
    assert_whole(path, count)
    subprocess.run(["mount", "-o", "remount,size=4000000", str(small_disk)], check=True)
    with DatasetWriter(path, "noise", "lossless") as writer:
        record(writer, count)
    assert_whole(path, count + 1)


def test_every_level_of_fullness_is_survived(small_disk: Path) -> None:
    """The disk runs full at another place each time: in a film, a table, a name, a trailer."""
    filler = small_disk / "filler"
    places = set()
    for free_bytes in range(0, 120_000, 4096):
        path = small_disk / "d"
        filler.write_bytes(b"x" * max(0, _free_bytes(small_disk) - free_bytes))
        try:
            count = record_until_full(path)
        finally:
            filler.unlink()
        places.add(count)
        if count:
            assert_whole(path, count)
        shutil.rmtree(path, ignore_errors=True)
    assert len(places) > 1


def _free_bytes(disk: Path) -> int:
    figures = os.statvfs(disk)
    return figures.f_bavail * figures.f_bsize


def test_the_command_says_that_the_disk_is_full_and_resumes(
    small_disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = small_disk / "d"
    command = ["record", "MujocoReach-v0", "--out", str(path), "--episodes", "20", "--lossless"]
    options = ["--views", "front", "--size", "32"]
    assert cli.main([*command, *options]) == cli.EXIT_BAD_INPUT
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert "is full" in line
    assert "--resume" in line
    before = {id: open_recording(path).by_id(id).content_hash for id in open_recording(path).ids}
    assert 0 < len(before) < 20
    subprocess.run(["mount", "-o", "remount,size=40000000", str(small_disk)], check=True)
    assert cli.main([*command, *options, "--resume"]) == 0
    recording = open_recording(path)
    assert len(recording) == 20
    assert {id: recording.by_id(id).content_hash for id in before} == before


def test_a_disk_that_becomes_read_only_costs_one_episode(small_disk: Path) -> None:
    path = small_disk / "d"
    writer = DatasetWriter(path, "noise", "lossless").__enter__()
    record(writer, 0)
    # A second mount over the folder: the lock, open below it, would forbid a remount.
    subprocess.run(["mount", "--bind", str(path), str(path)], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", str(path)], check=True)
    with pytest.raises(OSError, match="Read-only"):
        record(writer, 1)
    writer.__exit__(None, None, None)
    assert open_recording(path).ids == (0,)
    subprocess.run(["umount", str(path)], check=True)
    with DatasetWriter(path, "noise", "lossless") as writer:
        record(writer, 1)
    assert_whole(path, 2)


def test_a_folder_that_loses_its_write_permission_keeps_what_is_whole(tmp_path: Path) -> None:
    home = Path(tempfile.mkdtemp())  # not in tmp_path, which nobody else may enter
    home.chmod(0o755)
    path = home / "d"

    def lose_permission(say: Callable[[str], None]) -> None:
        with DatasetWriter(path, "noise", "lossless") as writer:
            record(writer, 0)
            path.chmod(0o555)
            if os.getuid() == 0:  # who may write anywhere
                os.setuid(NOBODY)
            try:
                record(writer, 1)
            except PermissionError:
                say("refused")

    try:
        child, receiver = fork_recorder(lose_permission)
        os.waitpid(child, 0)
        assert read_to_end(receiver) == [["refused"]]
        path.chmod(0o755)
        assert_whole(path, 1)
        with DatasetWriter(path, "noise", "lossless") as writer:
            record(writer, 1)
        assert_whole(path, 2)
    finally:
        shutil.rmtree(home)


def test_a_worker_that_outlived_its_recorder_never_replaces_an_episode(tmp_path: Path) -> None:
    """Its parent was killed, a new recorder has taken the lock and the same id."""
    path = tmp_path / "d"
    with DatasetWriter(path, "noise", "lossless") as writer:
        record(writer, 0)

    def outlive() -> None:
        with write_episode(path, 1, "lossless", 20.0) as orphan:
            orphan.add_frames(0.0, {"front": noise(7)[0]})
            with write_episode(path, 1, "lossless", 20.0) as episode:
                for index, frame in enumerate(noise(1)):
                    episode.add_frames(index / 20, {"front": frame})

    with pytest.raises(UserError, match="another process writes into"):
        outlive()
    assert_whole(path, 2)


def record_and_break(writer: DatasetWriter) -> None:
    with writer.episode(20.0) as episode:
        episode.add_frames(0.0, {"front": noise(1)[0]})
        raise ConnectionError("the camera was unplugged")


def test_a_source_that_breaks_in_the_middle_leaves_nothing_half(tmp_path: Path) -> None:
    with DatasetWriter(tmp_path / "d", "noise", "lossless") as writer:
        record(writer, 0)
        with pytest.raises(ConnectionError):
            record_and_break(writer)
        assert not list(writer.path.glob(".partial-*"))
        record(writer, 1)
    assert_whole(tmp_path / "d", 2)


def test_a_new_folder_refuses_to_replace_on_request(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "kept").touch()
    with (
        pytest.raises(UserError, match="appeared while it was being written"),
        atomic_folder(tmp_path / "there", replace=False) as partial,
    ):
        (partial / "new").touch()
    assert [p.name for p in (tmp_path / "there").iterdir()] == ["kept"]
    assert not list(tmp_path.glob(".partial-*"))
