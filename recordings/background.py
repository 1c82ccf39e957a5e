"""Encodes in threads, so that encoding does not hold up whoever makes the frames."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

import numpy as np

from tcn_robot.recordings.video import VideoEncoder

QUEUE_FRAMES = 32


class EncodingThread:
    """Does what it is given in order, from a queue of bounded length.

    Views with small pictures share one: each thread that wakes up takes the interpreter's lock
    from the simulator, and small pictures are encoded faster than they are rendered.
    """

    def __init__(self) -> None:
        self._queue: queue.Queue[Callable[[], None] | None] = queue.Queue(QUEUE_FRAMES)
        thread = threading.Thread(target=self._work, name="encoder", daemon=True)
        thread.start()
        self._thread: threading.Thread | None = thread

    def put(self, job: Callable[[], None]) -> None:
        """Queue something that raises nothing; waits while the queue is full."""
        self._queue.put(job)

    def stop(self) -> None:
        """Do what is queued, then end."""
        if self._thread is None:
            return
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()
        # Let go of it here. Python forgets a thread in a callback in which exceptions are only
        # printed: called later, after a long sync, it swallowed the Ctrl-C that came meanwhile.
        self._thread = None

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            job()


class BackgroundEncoder:
    """Feeds one film's encoder from a thread.

    A full queue makes `write` wait: memory stays bounded and no frame is lost. An error of the
    encoder (a full disk) is raised by the next `write`, at the latest by `close`.
    """

    def __init__(self, encoder: VideoEncoder, thread: EncodingThread) -> None:
        self._encoder = encoder
        self._thread = thread
        self._error: BaseException | None = None
        self._is_finishing = False
        self._finished = threading.Event()

    def write(self, frame: np.ndarray, time_ticks: int) -> None:
        """Queue a copy of one frame, uint8 (H, W, 3), and its time in microseconds."""
        if self._error is not None:
            raise self._error
        kept = frame.copy()
        self._thread.put(lambda: self._try(lambda: self._encoder.write(kept, time_ticks)))

    def _try(self, work: Callable[[], None]) -> None:
        """Work in the thread; after an error nothing more is done, so that the queue empties."""
        if self._error is None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001 - raised again where frames come from
                self._error = error

    def finish(self) -> None:
        """Let the film be finished in the background; no frame may follow. See `close`."""
        if not self._is_finishing:
            self._thread.put(self._finish)
            self._is_finishing = True  # now: whoever is interrupted before puts it again

    def _finish(self) -> None:
        self._try(self._encoder.close)
        self._finished.set()

    def close(self) -> None:
        """Wait until what is queued is encoded and the film is finished."""
        self.finish()
        self._finished.wait()
        if self._error is not None:
            raise self._error

    def abort(self) -> None:
        """Stop and release; the film is not finished."""
        self._error = self._error or InterruptedError("aborted")
        self.finish()
        self._finished.wait()
        self._encoder.abort()
