"""Films that play in step: frames as they come, one of each in memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tcn_robot.errors import UserError
from tcn_robot.matching import frame_period_seconds, nearest_frames
from tcn_robot.plots.painting import PANEL_PX, Picture, fitted


@dataclass(frozen=True)
class PlayedFilm:
    """A film with its times.

    Attributes:
        title: What it is called below its panel.
        times_seconds: float64 (T,), from the first frame.
        frames: uint8 (H, W, 3) each; gone through once.
        has_times: Whether these times were measured, and may be told.
    """

    title: str
    times_seconds: NDArray[np.float64]
    frames: Iterable[Picture]
    has_times: bool = True


def moment(seconds: float, frame: int, has_times: bool) -> str:
    """Return the words for a place in a film: its time, where that is known, and its frame."""
    return f"{seconds:.1f} s · frame {frame}" if has_times else f"frame {frame}"


def frames_at(frames: Iterable[Picture], indices: Sequence[int]) -> Iterator[Picture]:
    """Yield the frames at places that never go back, each as often as it is asked for.

    Raises:
        UserError: The film ends before.
    """
    stream = enumerate(frames)
    place, frame = -1, None
    for index in indices:
        while place < index:
            place, frame = next(stream, (place, None))
            if frame is None:
                raise UserError(
                    f"expected a film of {index + 1} frames or more, found {place + 1}: it is "
                    "damaged or cut short"
                )
        assert frame is not None
        yield frame


def in_step(
    films: Sequence[PlayedFilm], clock_seconds: NDArray[np.float64]
) -> Iterator[list[Picture]]:
    """Yield the frames of all films at each time of a clock; one that has ended stands still."""
    rows = [
        frames_at(film.frames, nearest_frames(clock_seconds, film.times_seconds).tolist())
        for film in films
    ]
    for frames in zip(*rows, strict=True):
        yield list(frames)


def rate_of(times_seconds: NDArray[np.float64], speed: float, every: int = 1) -> float:
    """Return the frames per second at which a film plays at a speed; 10 where none is known."""
    period = frame_period_seconds(times_seconds)
    return float(np.clip(speed / (every * period) if period else 10.0, 1.0, 60.0))


class Shelf:
    """The frames of a film in any order: scaled to a panel and kept in a file, not in memory."""

    def __init__(self, frames: Iterable[Picture], height_px: int = PANEL_PX) -> None:
        """Go through a film once, uint8 (H, W, 3) each.

        Raises:
            UserError: It has no frame.
        """
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - goes with the shelf
        self._shape: tuple[int, ...] = ()
        count = 0
        for frame in frames:
            small = fitted(frame, height_px)
            if not self._shape:
                self._shape = small.shape
            elif small.shape != self._shape:  # pictures of a folder may differ
                small = fitted(frame, *self._shape[:2])
            self._file.write(small.tobytes())
            count += 1
        if not count:
            raise UserError("expected a film of one frame or more, found none; give a longer film")
        self._file.flush()
        self._frames = np.memmap(self._file, np.uint8, "r", shape=(count, *self._shape))

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, index: int) -> Picture:
        return np.array(self._frames[index])
