"""Encodes in a thread, so that encoding does not hold up whoever makes the frames."""

from __future__ import annotations

import queue
import threading

import numpy as np

from tcn_robot.recordings.video import VideoEncoder

QUEUE_FRAMES = 32


class BackgroundEncoder:
    """Feeds one film's encoder from a queue of bounded length.

    A full queue makes `write` wait: memory stays bounded and no frame is lost. An error of the
    encoder (a full disk) is raised by the next `write`, at the latest by `close`.
    """

    def __init__(self, encoder: VideoEncoder) -> None:
        self._encoder = encoder
        self._queue: queue.Queue[tuple[np.ndarray, int] | None] = queue.Queue(QUEUE_FRAMES)
        self._error: BaseException | None = None
        self._is_finishing = False
        self._thread = threading.Thread(target=self._work, name="encoder", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        is_over = False
        while not is_over:
            item = self._queue.get()
            is_over = item is None
            if self._error is not None:
                continue  # keep emptying the queue, so that nobody waits on it for ever
            try:
                if item is None:
                    self._encoder.close()
                else:
                    self._encoder.write(*item)
            except BaseException as error:  # noqa: BLE001 - raised again where frames come from
                self._error = error

    def write(self, frame: np.ndarray, time_ticks: int) -> None:
        """Queue a copy of one frame, uint8 (H, W, 3), and its time in microseconds."""
        if self._error is not None:
            raise self._error
        self._queue.put((frame.copy(), time_ticks))

    def finish(self) -> None:
        """Let the film be finished in the background; no frame may follow. See `close`."""
        if not self._is_finishing:
            self._is_finishing = True
            self._queue.put(None)

    def close(self) -> None:
        """Wait until what is queued is encoded and the film is finished."""
        self.finish()
        self._thread.join()
        if self._error is not None:
            raise self._error

    def abort(self) -> None:
        """Stop and release; the film is not finished."""
        self._error = self._error or InterruptedError("aborted")
        self.finish()
        self._thread.join()
        self._encoder.abort()
