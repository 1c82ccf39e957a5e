"""The frames of short films in memory, decoded once; what does not fit is read each time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tcn_robot.progress import Progress

GIB = 1 << 30


class Film(Protocol):
    """A film that frames can be read from."""

    @property
    def num_frames(self) -> int:
        """How many it has."""

    def frames(self, indices: NDArray[np.int64], size_px: int) -> NDArray[np.uint8]:
        """Return the frames of int64 (N,), as uint8 (N, S, S, 3)."""


class FilmFrames:
    """Gathers frames of films, from memory as far as they fit there.

    Attributes:
        size_px: Side S of the frames.
        num_frames: int64 (C,), frames of each film.
    """

    def __init__(self, films: Sequence[Film], size_px: int, memory_gib: float) -> None:
        """Decode the films from the first one on, as long as there is room.

        Args:
            films: C films.
            size_px: Side of the frames.
            memory_gib: Room for frames, in GiB.
        """
        self.size_px = size_px
        self.num_frames = np.array([film.num_frames for film in films], np.int64)
        self._films = films
        sizes = np.cumsum(self.num_frames) * size_px**2 * 3  # bytes up to and with each film
        fitting = int(np.searchsorted(sizes, memory_gib * GIB, side="right"))
        self._held: list[NDArray[np.uint8]] = []
        with Progress(fitting, "read films", "films") as display:
            for film in films[:fitting]:
                self._held.append(film.frames(np.arange(film.num_frames), size_px))
                display.advance()

    @property
    def num_held(self) -> int:
        """How many films are in memory."""
        return len(self._held)

    def gather(self, film: NDArray[np.int64], frame: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return frames of films.

        Args:
            film: int64 (N,), positions of the films.
            frame: int64 (N, ...), frames of each.

        Returns:
            uint8 (N, ..., S, S, 3), a copy.
        """
        side = self.size_px
        gathered = np.empty((*frame.shape, side, side, 3), np.uint8)
        for row, (position, wanted) in enumerate(zip(film, frame, strict=True)):
            gathered[row] = self._read(int(position), wanted)
        return gathered

    def _read(self, position: int, wanted: NDArray[np.int64]) -> NDArray[np.uint8]:
        if position < len(self._held):
            return self._held[position][wanted]
        needed, place = np.unique(wanted, return_inverse=True)
        return self._films[position].frames(needed, self.size_px)[place.reshape(wanted.shape)]
