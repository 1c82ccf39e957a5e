"""Curves of a run: metrics.jsonl always, TensorBoard where it is installed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from tcn_robot.atomic import write_text_atomically
from tcn_robot.training.projector import Points, write_projector

METRICS_FILE = "metrics.jsonl"
TENSORBOARD_FOLDER = "tensorboard"


class Curves:
    """Writes figures per step; after a resume there is neither a gap nor a double.

    Lines past the step that is resumed from are cut from metrics.jsonl; TensorBoard is told to
    drop its own (`purge_step`).
    """

    def __init__(self, folder: Path, first_step: int) -> None:
        """Open the curves of a run folder for the figures of steps after `first_step`."""
        self._path = folder / METRICS_FILE
        truncate_metrics(self._path, first_step)
        self._file = open(self._path, "a", encoding="utf-8")  # noqa: SIM115 (closed by __exit__)
        self._tensorboard = _tensorboard_writer(folder / TENSORBOARD_FOLDER, first_step + 1)

    def write(self, step: int, figures: dict[str, float]) -> None:
        """Add one line for a step; it reaches the file at once."""
        self._file.write(json.dumps({"step": step, **figures}) + "\n")
        self._file.flush()
        if self._tensorboard is not None:
            for name, value in figures.items():
                self._tensorboard.add_scalar(name, value, step)

    def write_image(self, step: int, name: str, image: np.ndarray) -> None:
        """Add an image uint8 (H, W, 3); it goes to TensorBoard only."""
        if self._tensorboard is not None:
            self._tensorboard.add_image(name, image, step, dataformats="HWC")

    @property
    def has_pictures(self) -> bool:
        """Whether anybody will see pictures and points: they go to TensorBoard only."""
        return self._tensorboard is not None

    def write_points(self, step: int, points: Points) -> None:
        """Add embedded frames for TensorBoard's projector."""
        if self._tensorboard is not None:
            write_projector(self._path.parent / TENSORBOARD_FOLDER, step, points)

    def flush(self) -> None:
        """Bring everything written so far to the files, before a checkpoint says it is there."""
        self._file.flush()
        if self._tensorboard is not None:
            self._tensorboard.flush()

    def __enter__(self) -> Curves:
        """Return the curves."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the files, also after an interruption."""
        self._file.close()
        if self._tensorboard is not None:
            self._tensorboard.close()


class SilentCurves(Curves):
    """Takes everything and writes nothing: for the processes that are not the main one."""

    def __init__(self) -> None:
        """Open no file."""
        self._tensorboard = None

    def write(self, step: int, figures: dict[str, float]) -> None:
        """Write nothing."""

    def flush(self) -> None:
        """Do nothing."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close nothing."""


def open_curves(folder: Path, first_step: int, writing: bool) -> Curves:
    """Return the curves of a run folder, or some that nobody sees."""
    return Curves(folder, first_step) if writing else SilentCurves()


def _tensorboard_writer(folder: Path, first_step: int) -> Any:
    """Return a SummaryWriter, or None where TensorBoard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    _outlive_last_second(folder)
    return SummaryWriter(str(folder), purge_step=first_step)


def _outlive_last_second(folder: Path) -> None:
    """Wait until a new event file sorts behind those that are there.

    TensorBoard reads them in the order of their names, which hold whole seconds; a purge that
    is read before what it shall purge does nothing.
    """
    seconds = [int(path.name.split(".")[3]) for path in folder.glob("events.out.tfevents.*")]
    while seconds and int(time.time()) <= max(seconds):
        time.sleep(0.02)


def truncate_metrics(path: Path, last_step: int) -> None:
    """Cut the lines of steps after `last_step`, and all from the first one that is damaged."""
    if not path.exists():
        return
    kept = [line for line, figures in _whole_lines(path) if figures["step"] <= last_step]
    write_text_atomically(path, "".join(f"{line}\n" for line in kept))


def _whole_lines(path: Path) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield lines and what they say, up to the first that is damaged or only half written."""
    for line in path.read_bytes().split(b"\n")[:-1]:
        try:
            text = line.decode("utf-8")
            figures = json.loads(text)
        except ValueError:
            return
        if not isinstance(figures, dict) or type(figures.get("step")) is not int:
            return
        yield text, figures


def read_metrics(folder: Path) -> list[dict[str, float]]:
    """Return the lines of a run's metrics.jsonl, up to the first that is damaged or cut off."""
    return [figures for _, figures in _whole_lines(folder / METRICS_FILE)]
