"""Runs commands as named stages: measured, skipped when done before, continued after Ctrl-C."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO

from tcn_robot.atomic import write_text_atomically
from tcn_robot.errors import UserError

POLL_SECONDS = 0.5
FIRST_POLLS_SECONDS = 0.05  # A short stage is measured often enough too.
FIRST_SECONDS = 5.0
PATIENCE_SECONDS = 60.0
BYTES_PER_MB = 1e6
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"
)


@dataclass(frozen=True)
class Stage:
    """One command of the tcn-robot command line and what it is for.

    Attributes:
        name: Short, unique, fit for a file name.
        purpose: What it does, for the person who watches.
        arguments: The command without `tcn-robot`.
        output: What exists when the stage is whole.
        can_resume: Whether `--resume` may be added after an interruption, asked then.
    """

    name: str
    purpose: str
    arguments: tuple[str, ...]
    output: Path
    can_resume: Callable[[], bool] = field(default=lambda: False)

    @property
    def command(self) -> str:
        """The command as one would type it."""
        return shlex.join(["tcn-robot", *self.arguments])


@dataclass
class StageRecord:
    """What a stage cost, as it lies on disk.

    Attributes:
        name: The stage's name.
        command: The command as one would type it.
        finished: False after an interruption.
        start_seconds: When it began, on a clock that runs only while the whole is running.
        seconds: How long it took, interrupted attempts included.
        peak_memory_mb: Largest memory of its processes together, 10^6 bytes; pages that they
            share count once where the system tells.
    """

    name: str
    command: str
    finished: bool = False
    start_seconds: float = 0.0
    seconds: float = 0.0
    peak_memory_mb: float = 0.0


class StageFailed(UserError):
    """A stage ended with an error of its own, which stands above."""


def read_records(folder: Path) -> dict[str, StageRecord]:
    """Return the records of all stages so far, by name."""
    records = {}
    for path in sorted(folder.glob("*.json")):
        try:
            record = StageRecord(**json.loads(path.read_text("utf-8")))
        except (ValueError, TypeError) as error:
            raise UserError(
                f"{path} is damaged ({error}); delete it to do the stage again"
            ) from None
        records[record.name] = record
    return records


def write_record(folder: Path, record: StageRecord) -> None:
    """Write one stage's record."""
    text = json.dumps(asdict(record), indent=2) + "\n"
    write_text_atomically(folder / f"{record.name}.json", text)


def tree_memory_mb(pid: int) -> float:
    """Return the memory of a process and all below it, in 10^6 bytes.

    Linux knows the proportional set size, which counts shared pages once; elsewhere the resident
    size is taken, which counts them in each process.
    """
    import psutil

    total = 0
    try:
        root = psutil.Process(pid)
        processes = [root, *root.children(recursive=True)]
    except psutil.Error:
        return 0.0
    for process in processes:
        try:
            memory = (
                process.memory_full_info() if sys.platform == "linux" else process.memory_info()
            )
        except (psutil.Error, OSError):
            continue  # It ended, or is another user's.
        total += getattr(memory, "pss", memory.rss)
    return total / BYTES_PER_MB


class RunningStage:
    """A stage's process with the clock and the memory gauge beside it."""

    def __init__(
        self, stage: Stage, record: StageRecord, alongside: bool, begun_before: bool = False
    ) -> None:
        """Start the process.

        Args:
            stage: What to run.
            record: Carries what earlier attempts cost; brought up to date by `poll`.
            alongside: Whether others run at the same time: then it gets one thread and its words
                are marked with its name.
            begun_before: Whether an earlier attempt may have left something to go on with.
        """
        self.stage = stage
        self.record = record
        resume = ("--resume",) if begun_before and stage.can_resume() else ()
        self._seconds_before = record.seconds
        self._ended = False
        self._begin = time.monotonic()
        # Its own session: Ctrl-C reaches us alone, and we pass it on once.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tcn_robot", *stage.arguments, *resume],
            env={**os.environ, **(ONE_THREAD if alongside else {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if alongside else None,
            stderr=subprocess.STDOUT if alongside else None,
            text=True,
            start_new_session=True,
        )
        self._reader: threading.Thread | None = None
        if self._process.stdout is not None:
            self._reader = threading.Thread(
                target=_repeat_lines, args=(self._process.stdout, stage.name), daemon=True
            )
            self._reader.start()

    def poll(self) -> int | None:
        """Measure, and return the exit code, None while it runs; after its end measure no more."""
        if self._ended:
            return self._process.returncode
        memory_mb = tree_memory_mb(self._process.pid)
        self.record.peak_memory_mb = round(max(self.record.peak_memory_mb, memory_mb), 1)
        self.record.seconds = round(self._seconds_before + time.monotonic() - self._begin, 2)
        code = self._process.poll()
        self._ended = code is not None
        if self._ended and self._reader is not None:
            self._reader.join()
        return code

    def stop(self) -> None:
        """Ask it to stop as Ctrl-C would, and insist after a while."""
        for number, patience_seconds in (
            (signal.SIGINT, PATIENCE_SECONDS),
            (signal.SIGTERM, 5.0),
            (signal.SIGKILL, 5.0),
        ):
            if self._process.poll() is not None:
                break
            try:
                os.killpg(self._process.pid, number)
                self._process.wait(patience_seconds)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue
        self.poll()


def _repeat_lines(stream: IO[str], name: str) -> None:
    for line in stream:
        print(f"{name} | {line}", end="", flush=True)


def run_stages(stages: Sequence[Stage], folder: Path, clock_seconds: float) -> float:
    """Run stages side by side, or only wait for those that are not done yet.

    Args:
        stages: Those that may run at the same time.
        folder: Where the records lie.
        clock_seconds: What all stages before took.

    Returns:
        The clock after them.

    Raises:
        StageFailed: One ended with an error; the others are stopped and can be continued.
        KeyboardInterrupt: After all have been stopped.
    """
    records = read_records(folder)
    end_seconds = clock_seconds
    running: list[RunningStage] = []
    for stage in stages:
        record = records.get(stage.name)
        if record and record.finished and stage.output.exists():
            end_seconds = max(end_seconds, record.start_seconds + record.seconds)
    try:
        for stage in stages:
            record = records.get(stage.name) or StageRecord(stage.name, stage.command)
            if record.finished and stage.output.exists():
                continue
            record.finished, record.start_seconds = False, round(clock_seconds, 2)
            write_record(folder, record)  # Even after a power cut it is known to have begun.
            running.append(RunningStage(stage, record, len(stages) > 1, stage.name in records))
        _wait(running)
    finally:
        for one in running:
            one.stop()
            write_record(folder, one.record)
    return max([end_seconds, *(one.record.start_seconds + one.record.seconds for one in running)])


def _wait(running: list[RunningStage]) -> None:
    """Poll until all have ended well; raise as soon as one has not."""
    left = list(running)
    begin = time.monotonic()
    with terminated_as_interrupt():
        while left:
            for one in list(left):
                code = one.poll()
                if code is None:
                    continue
                left.remove(one)
                if code != 0 or not one.stage.output.exists():
                    raise StageFailed(_failure(one.stage, code))
                one.record.finished = True
            if left:
                young = time.monotonic() - begin < FIRST_SECONDS
                time.sleep(FIRST_POLLS_SECONDS if young else POLL_SECONDS)


def _failure(stage: Stage, code: int) -> str:
    if code != 0:
        return f"stage {stage.name!r} ended with exit code {code}; its own words stand above"
    return f"stage {stage.name!r} ended well but left no {stage.output}"


@contextmanager
def terminated_as_interrupt() -> Iterator[None]:
    """Treat SIGTERM like Ctrl-C inside the block, so that no process is left behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
