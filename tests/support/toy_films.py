"""Short films in memory whose class is easy to learn, for the training of whole networks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

COLOURS = ((200, 40, 40), (40, 40, 200))


@dataclass(frozen=True)
class ToyFilm:
    """A film that is there already; `reads` counts how often it was asked for frames."""

    name: str
    label: str
    group: str
    pictures: NDArray[np.uint8]
    reads: list[int]

    @property
    def num_frames(self) -> int:
        return len(self.pictures)

    def frames(self, indices: NDArray[np.int64], size_px: int) -> NDArray[np.uint8]:
        assert self.pictures.shape[1] == size_px
        self.reads.append(len(indices))
        return self.pictures[indices]


def coloured_films(count: int, size_px: int = 16, seed: int = 0) -> list[ToyFilm]:
    """Return films of two classes, each of a colour of its own."""
    generator = np.random.default_rng(seed)
    films = []
    for index in range(count):
        label = index % 2
        noise = generator.integers(-30, 31, (int(generator.integers(7, 15)), size_px, size_px, 3))
        pictures = np.clip(np.array(COLOURS[label]) + noise, 0, 255).astype(np.uint8)
        films.append(ToyFilm(f"film {index}", f"class {label}", f"g{index // 2}", pictures, []))
    return films


def directed_films(count: int, size_px: int = 16, seed: int = 0) -> list[ToyFilm]:
    """Return films of two classes that have the same pictures in opposite orders: a moving bar."""
    generator = np.random.default_rng(seed)
    films = []
    for index in range(count):
        label = index % 2
        pictures = np.full((3 * size_px, size_px, size_px, 3), 60, np.uint8)
        start = int(generator.integers(size_px))
        for time in range(len(pictures)):
            column = (start + (time if label else -time)) % size_px
            pictures[time, :, [column, (column + 1) % size_px]] = 230
        films.append(ToyFilm(f"film {index}", f"class {label}", f"g{index // 2}", pictures, []))
    return films


def turning_films(count: int, size_px: int = 16, seed: int = 0) -> list[ToyFilm]:
    """Return films of two classes that have two colours, each in one half: which comes first?"""
    generator = np.random.default_rng(seed)
    films = []
    for index in range(count):
        label = index % 2
        order = (label, 1 - label)
        half = int(generator.integers(6, 10))
        noise = generator.integers(-30, 31, (2 * half, size_px, size_px, 3))
        colours = np.array(COLOURS)[np.repeat(order, half)][:, None, None]
        pictures = np.clip(colours + noise, 0, 255).astype(np.uint8)
        films.append(ToyFilm(f"film {index}", f"class {label}", f"g{index // 2}", pictures, []))
    return films
