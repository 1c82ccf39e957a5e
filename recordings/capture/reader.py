"""Reads one source in a thread of its own and never waits for whoever takes the frames."""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass, field

import numpy as np

from tcn_robot.errors import UserError
from tcn_robot.recordings.sources import FrameSource

QUEUE_FRAMES = 32
# Of a period: how much early a frame may come and still be taken at a lower rate.
EARLY_SHARE = 0.25
JOIN_SECONDS = 6.0  # a little more than sources wait for a picture
END_OF_SOURCE = "the source ended"


@dataclass
class Counts:
    """What became of a source's frames since the counts were begun.

    Attributes:
        arrived: Frames that came while an episode was recorded.
        thinned: Those left out because a lower rate was asked for.
        dropped_seconds: When the frames came that found the queue full and were lost.
    """

    arrived: int = 0
    thinned: int = 0
    dropped_seconds: list[float] = field(default_factory=list)


class SourceReader:
    """Puts the frames of one source into a bounded queue, from a thread.

    A live source is never held up: a frame that finds the queue full is dropped and its time noted.
    A source on the disk waits instead. Outside an episode only the last frame is kept.

    Attributes:
        view: Name of the view.
        source: Where the frames come from.
        frames: The queue: (time in seconds, uint8 (H, W, 3)), or None when the source has ended.
        latest: The last frame that was read, for a preview; None before the first.
        ended: Why the source gives no more frames; None while it does.
    """

    def __init__(self, view: str, source: FrameSource, rate_limit_hz: float | None = None) -> None:
        self.view = view
        self.source = source
        self.frames: queue.Queue[tuple[float, np.ndarray] | None] = queue.Queue(QUEUE_FRAMES)
        self.latest: np.ndarray | None = None
        self.ended: str | None = None
        self.counts = Counts()
        self._period_seconds = 1.0 / rate_limit_hz if rate_limit_hz else 0.0
        self._due_seconds = -np.inf
        self._begin_seconds = -np.inf
        self._is_recording = threading.Event()
        self._is_stopped = threading.Event()
        self._first = threading.Event()
        self._thread = threading.Thread(target=self._work, name=f"reader-{view}", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def wait_for_first(self, timeout_seconds: float) -> None:
        """Wait until the source has shown that it gives frames.

        Raises:
            UserError: If it has not by then.
        """
        if not self._first.wait(timeout_seconds) or self.latest is None:
            raise UserError(
                f"{self.source.address!r} ({self.view}) gave no frame in {timeout_seconds:g} s; "
                "is another program using it?"
            )

    def begin(self, begin_seconds: float = -np.inf) -> None:
        """Start to queue the frames from a time on, with an empty queue and new counts."""
        self.frames = queue.Queue(QUEUE_FRAMES)
        self.counts = Counts()
        self._begin_seconds = begin_seconds
        self._due_seconds = -np.inf
        self._is_recording.set()
        if self.ended is not None:
            self.frames.put(None)

    def end(self) -> None:
        """Stop to queue frames; those that are queued stay."""
        self._is_recording.clear()

    def close(self) -> None:
        """Stop the thread and release the source."""
        self._is_stopped.set()
        self._is_recording.clear()
        if self._thread.is_alive():
            self._thread.join(timeout=JOIN_SECONDS)
        self.source.close()

    def _work(self) -> None:
        ended = END_OF_SOURCE
        try:
            while not self._is_stopped.is_set():
                if not self.source.is_live and self.latest is not None:
                    self._wait_for_recording()
                found = self.source.read()
                if found is None:
                    break
                self._take(*found)
        except UserError as error:  # said by whoever asks why it ended
            ended = str(error)
        self.ended = ended
        self._first.set()
        if self._is_recording.is_set() and not self._is_stopped.is_set():
            self._put_end()

    def _wait_for_recording(self) -> None:
        """Keep the frames of a file for the episode: it would run out before."""
        while not self._is_recording.wait(0.05) and not self._is_stopped.is_set():
            pass

    def _take(self, time_seconds: float, frame: np.ndarray) -> None:
        self.latest = frame
        self._first.set()
        if not self.source.is_live:
            self._wait_for_recording()
        if not self._is_recording.is_set() or time_seconds < self._begin_seconds:
            return
        self.counts.arrived += 1
        period = self._period_seconds
        if time_seconds < self._due_seconds - EARLY_SHARE * period:
            self.counts.thinned += 1
            return
        # Due times keep the pace; after a gap they start anew.
        self._due_seconds = max(self._due_seconds + period, time_seconds + 0.5 * period)
        if self.source.is_live:
            try:
                self.frames.put_nowait((time_seconds, frame))
            except queue.Full:
                self.counts.dropped_seconds.append(time_seconds)
        else:
            self._put_waiting((time_seconds, frame))

    def _put_waiting(self, item: tuple[float, np.ndarray] | None) -> None:
        while not self._is_stopped.is_set() and self._is_recording.is_set():
            try:
                self.frames.put(item, timeout=0.05)
                return
            except queue.Full:
                continue

    def _put_end(self) -> None:
        self._put_waiting(None)
