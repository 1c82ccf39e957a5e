"""Films episodes with several sources at once: takes what the readers queue, writes, reports."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from tcn_robot.errors import UserError
from tcn_robot.matching import frame_period_seconds
from tcn_robot.recordings.capture.clock import UtcAnchor, now_seconds
from tcn_robot.recordings.capture.offsets import MotionMeter
from tcn_robot.recordings.capture.reader import SourceReader
from tcn_robot.recordings.capture.report import Limits, describe_capture, describe_view
from tcn_robot.recordings.capture.robot_link import RobotLink
from tcn_robot.recordings.capture.source_table import SourceRequest
from tcn_robot.recordings.episode_writer import EpisodeWriter

IDLE_SECONDS = 0.002
PREVIEW_HZ = 15.0
FRAMES_PER_TURN = 8  # of one view, before the others have theirs


class Preview(Protocol):
    """Shows what the cameras see now, and hears keys."""

    def show(self, frames: Mapping[str, np.ndarray], status: Mapping[str, str]) -> list[str]:
        """Show frames and a line of text for each entry; return the keys pressed since."""
        ...

    def close(self) -> None:
        """Close the window or the page."""
        ...


@dataclass
class CapturedView:
    """What was kept of one view during an episode."""

    request: SourceRequest
    reader: SourceReader
    meter: MotionMeter = field(default_factory=MotionMeter)
    times_seconds: list[float] = field(default_factory=list)
    shape: tuple[int, ...] | None = None
    ended: str | None = None


class EpisodeFilming:
    """One episode while it is filmed.

    Args:
        readers: By view, started; the first view is the reference.
        requests: By view.
        episode: Where it goes.
        robot: Gives rows alongside; None without a robot.
    """

    def __init__(
        self,
        readers: Sequence[SourceReader],
        requests: Sequence[SourceRequest],
        episode: EpisodeWriter,
        robot: RobotLink | None = None,
    ) -> None:
        self.episode = episode
        self._robot = robot
        self.is_live = any(reader.source.is_live for reader in readers)
        self.views = {
            request.view: CapturedView(request, reader)
            for request, reader in zip(requests, readers, strict=True)
        }
        self.begin_seconds = now_seconds() if self.is_live else 0.0
        episode.begin(self.begin_seconds, tuple(self.views))
        if robot is not None:
            robot.drain()  # what came before the episode
        for reader in readers:
            reader.begin(self.begin_seconds if self.is_live else -np.inf)

    def run(self, should_stop: Callable[[], bool]) -> None:
        """Write what comes until it shall stop, a live source ends, or all others have."""
        while not should_stop():
            took = self.take()
            gone = [view for view in self.views.values() if view.ended is not None]
            if gone and (self.is_live or len(gone) == len(self.views)):
                break
            if not took:
                time.sleep(IDLE_SECONDS)
        for view in self.views.values():
            view.reader.end()
        while self.take():
            pass

    def take(self) -> int:
        """Write a few of the queued frames of each view; return how many."""
        took = sum(self._take_view(name, view) for name, view in self.views.items())
        for time_seconds, values in self._robot.drain() if self._robot is not None else []:
            self.episode.add_step({"time_seconds": time_seconds, **values})
        return took

    def _take_view(self, name: str, view: CapturedView) -> int:
        for count in range(FRAMES_PER_TURN):
            if view.ended is not None or view.reader.frames.empty():
                return count
            item = view.reader.frames.get()
            if item is None:
                view.ended = view.reader.ended
                return count
            time_seconds, frame = item
            picture = view.request.picture.apply(frame)
            if view.shape not in (None, picture.shape):
                view.ended = f"its pictures changed from {view.shape} to {picture.shape}"
                return count
            view.shape = picture.shape
            self.episode.add_frames(time_seconds, {name: picture})
            view.meter.add(time_seconds, picture)
            view.times_seconds.append(time_seconds)
        return FRAMES_PER_TURN

    def describe(self, limits: Limits) -> dict[str, Any]:
        """Return what `episode.json` says under `capture`.

        Raises:
            UserError: If a view has no frame.
        """
        for name, view in self.views.items():
            if not view.times_seconds:
                raise UserError(f"view {name!r} gave no frame in this episode; nothing is kept")
        times = {name: np.array(view.times_seconds) for name, view in self.views.items()}
        figures = {
            name: describe_view(
                times[name],
                self._rate_hz(view),
                view.reader.counts,
                view.ended if self.is_live else None,
            )
            for name, view in self.views.items()
        }
        for name, view in self.views.items():
            self.episode.set_rate(name, self._rate_hz(view))
        motions = {name: view.meter.motion() for name, view in self.views.items()}
        described = describe_capture(figures, times, motions, limits)
        if self._robot is not None:
            described["robot"] = vars(self._robot.counts)
        return described

    @staticmethod
    def _rate_hz(view: CapturedView) -> float:
        """Return the rate asked for or claimed; else what the view did in the median."""
        period_seconds = frame_period_seconds(np.array(view.times_seconds))
        return view.reader.source.frame_rate_hz or 1.0 / (period_seconds or 1.0)


def clock_entry(anchor: UtcAnchor | None) -> dict[str, Any]:
    """Return what `episode.json` says about the clock; without an anchor it is the films' own."""
    if anchor is None:
        return {"name": "film"}
    return {
        "name": "monotonic",
        "utc_anchor": anchor.zero_utc,
        "utc_uncertainty_seconds": anchor.uncertainty_seconds,
    }


def source_entry(request: SourceRequest) -> dict[str, Any]:
    """Return what `episode.json` says about a source; user name and password are left out."""
    address = re.sub(r"(?<=://)[^/@]*@", "", request.address)
    picture = {name: value for name, value in vars(request.picture).items() if value}
    return {"source": address, **picture}
