"""Stages: measured, skipped when done, failing with words, stopped without leaving anything."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from tcn_robot.errors import UserError
from tcn_robot.recordings import open_recording
from tcn_robot.workflows.stages import (
    RunningStage,
    Stage,
    StageFailed,
    StageRecord,
    read_records,
    run_stages,
    tree_memory_mb,
    write_record,
)


def bench_stage(folder: Path, name: str = "bench") -> Stage:
    """A real command that needs a second: compares two small arrays."""
    for file in ("a.npy", "b.npy"):
        np.save(folder / file, np.eye(4))
    out = folder / f"{name}.json"
    arguments = ("bench", "alignment", "--embeddings", str(folder / "a.npy"),
                 str(folder / "b.npy"), "--out", str(out))  # fmt: skip
    return Stage(name, "compare", arguments, out)


def test_a_stage_is_measured_and_not_run_twice(tmp_path: Path) -> None:
    stage = bench_stage(tmp_path)
    records = tmp_path / "stages"
    clock = run_stages([stage], records, 100.0)
    record = read_records(records)["bench"]
    assert record.finished
    assert record.start_seconds == 100.0
    assert clock == pytest.approx(100.0 + record.seconds)
    assert record.seconds > 0
    assert record.peak_memory_mb > 5
    assert record.command.startswith("tcn-robot bench alignment --embeddings")
    before = stage.output.stat().st_mtime_ns
    assert run_stages([stage], records, 100.0) == clock
    assert stage.output.stat().st_mtime_ns == before


def test_waiting_for_another_stage_is_not_counted(tmp_path: Path) -> None:
    stage = bench_stage(tmp_path)
    one = RunningStage(stage, StageRecord("bench", stage.command), alongside=True)
    while one.poll() is None:
        time.sleep(0.05)
    measured = one.record.seconds
    time.sleep(0.2)
    one.stop()
    assert one.record.seconds == measured


def test_a_stage_whose_output_is_gone_is_run_again(tmp_path: Path) -> None:
    stage = bench_stage(tmp_path)
    write_record(tmp_path / "stages", StageRecord("bench", stage.command, finished=True))
    run_stages([stage], tmp_path / "stages", 0.0)
    assert stage.output.is_file()


def test_stages_side_by_side_are_marked_and_one_that_fails_stops_all(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    good, bad = bench_stage(tmp_path), Stage("bad", "", ("benhc",), tmp_path / "never")
    with pytest.raises(StageFailed, match="stage 'bad' ended with exit code 2"):
        run_stages([bad, good], tmp_path / "stages", 0.0)
    assert "bad | tcn-robot: error: unknown command 'benhc'; did you mean 'bench'" in (
        capfd.readouterr().out
    )
    assert not read_records(tmp_path / "stages")["bad"].finished
    assert issubclass(StageFailed, UserError)


def test_a_stage_that_leaves_nothing_has_failed(tmp_path: Path) -> None:
    stage = Stage("silent", "", ("--version",), tmp_path / "never")
    with pytest.raises(StageFailed, match="left no"):
        run_stages([stage], tmp_path / "stages", 0.0)


def memory_of_a_process_holding(megabytes: int) -> float:
    hold = f"block = bytearray(b'1' * {megabytes} * 10**6); print('held', flush=True); input()"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {hold!r}])"
    process = subprocess.Popen(
        [sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    memory_mb = tree_memory_mb(process.pid)
    process.communicate("\n")
    return memory_mb


def test_memory_is_that_of_all_processes_below() -> None:
    without = memory_of_a_process_holding(0)
    assert memory_of_a_process_holding(60) - without == pytest.approx(60, abs=6)
    assert without > 3
    assert tree_memory_mb(2**22 + 1) == 0.0  # no such process


@pytest.mark.slow
def test_a_recording_that_is_stopped_is_gone_on_with(tmp_path: Path) -> None:
    data = tmp_path / "data"

    def stage(can_resume: bool) -> Stage:
        arguments = (
            *("record", "MujocoReach-v0", "--out", str(data), "--episodes", "12"),
            *("--size", "16", "--views", "front"),
        )
        return Stage("record", "", arguments, data / "dataset.json", lambda: can_resume)

    before = set(psutil.Process().children(recursive=True))
    running = RunningStage(stage(False), StageRecord("record", ""), alongside=False)
    deadline = time.monotonic() + 60
    while not list(data.glob("episode_*")) and time.monotonic() < deadline:
        assert running.poll() is None
        time.sleep(0.02)
    running.stop()
    kept = len(open_recording(data))
    assert 1 <= kept < 12
    left = set(psutil.Process().children(recursive=True)) - before
    assert not [one for one in left if one.is_running()]
    assert not running.record.finished
    # As if the power had failed: known to have begun, not for how long.
    write_record(tmp_path / "stages", StageRecord("record", ""))
    run_stages([stage(True)], tmp_path / "stages", 0.0)
    assert len(open_recording(data)) == 12
    assert read_records(tmp_path / "stages")["record"].finished
