"""The next batch, drawn and gathered by a thread while the step before it runs."""

from __future__ import annotations

import copy
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np
import torch

from tcn_robot.data.sampling import Batch, Sampler


@dataclass(frozen=True)
class _Ahead:
    """A batch that was drawn ahead.

    Attributes:
        batch: What was drawn.
        frames: Its frames, on the device.
        state: The generator's state after drawing.
        copied: On a GPU, recorded when the frames are there.
    """

    batch: Batch
    frames: torch.Tensor
    state: Any
    copied: torch.cuda.Event | None


class Prefetch:
    """Hands out a sampler's batches with their frames, one drawn ahead.

    The generator that is handed in moves as if there were no thread: it stands before the next
    batch whenever a batch has been handed out, so that a checkpoint of it is right at any time.
    The thread draws with a copy. A generator that was set to another state meanwhile (a
    checkpoint was loaded) makes the batch that lies ready useless; it is drawn again.

    On a GPU, frames are copied on a stream of their own, beside the step.
    """

    def __init__(
        self, sampler: Sampler, gather: Callable[[Batch], torch.Tensor], device: torch.device
    ) -> None:
        """Start nothing yet.

        Args:
            sampler: Draws the batches; its `draw` must depend on the generator alone.
            gather: Returns the frames of a batch, on `device`; called by the thread.
            device: Where frames lie.
        """
        self._sampler = sampler
        self._gather = gather
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="prefetch")
        self._ahead: Future[_Ahead] | None = None
        self._ahead_of: Any = None  # state of the generator that the thread began with

    def next(self, rng: np.random.Generator) -> tuple[Batch, torch.Tensor]:
        """Return the batch that `sampler.draw(rng)` would, and its frames; `rng` moves as then.

        Args:
            rng: The generator of the training.

        Raises:
            Exception: Whatever drawing and gathering raise, here and not in the thread.
        """
        if self._ahead is None or not _are_equal(self._ahead_of, rng.bit_generator.state):
            self._draw_ahead(rng)
        assert self._ahead is not None
        found, self._ahead = self._ahead.result(), None
        rng.bit_generator.state = found.state
        self._draw_ahead(rng)
        if found.copied is not None:
            stream = torch.cuda.current_stream(found.frames.device)
            stream.wait_event(found.copied)
            found.frames.record_stream(stream)  # not handed out again before the step has read it
        return found.batch, found.frames

    def close(self) -> None:
        """Wait for the thread and let go of it."""
        self._thread.shutdown(wait=True, cancel_futures=True)
        self._ahead = None

    def __enter__(self) -> Prefetch:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()

    def _draw_ahead(self, rng: np.random.Generator) -> None:
        self._ahead_of = rng.bit_generator.state
        self._ahead = self._thread.submit(self._drawn, copy.deepcopy(rng))

    def _drawn(self, rng: np.random.Generator) -> _Ahead:
        batch = self._sampler.draw(rng)
        if self._stream is None:
            return _Ahead(batch, self._gather(batch), rng.bit_generator.state, None)
        with torch.cuda.stream(self._stream):
            frames = self._gather(batch)
            copied = self._stream.record_event()
        return _Ahead(batch, frames, rng.bit_generator.state, copied)


def _are_equal(one: Any, other: Any) -> bool:
    """Return whether two states of generators are the same: nested dicts of numbers and arrays."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_are_equal(one[k], other[k]) for k in one)
    return bool(np.array_equal(one, other))
