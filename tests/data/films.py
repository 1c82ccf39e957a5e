"""Films that need no recording: what samplers and training must know of an episode."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from tcn_robot.data.frame_store import FrameStore
from tcn_robot.data.writing import write_store


@dataclass
class Film:
    """An episode in memory."""

    clips: dict[str, np.ndarray]
    times: dict[str, np.ndarray]
    id: int = 0
    split: str = "train"
    content_hash: str = field(default="")

    def __post_init__(self) -> None:
        self.content_hash = self.content_hash or f"{self.split}-{self.id}"

    @property
    def views(self) -> tuple[str, ...]:
        return tuple(self.clips)

    def frames(self, view: str) -> np.ndarray:
        return self.clips[view]

    def iterate_frames(self, view: str) -> Iterator[np.ndarray]:
        yield from self.clips[view]

    def timestamps(self, view: str) -> np.ndarray:
        return self.times[view]


def blank_film(times: dict[str, Sequence[float]], size_px: int = 8, id: int = 0) -> Film:
    """Return a film of black frames at the given times."""
    clips = {v: np.zeros((len(t), size_px, size_px, 3), np.uint8) for v, t in times.items()}
    return Film(clips, {view: np.asarray(t, np.float64) for view, t in times.items()}, id)


def dot_film(
    rng: np.random.Generator, length: int = 24, size_px: int = 32, id: int = 0, split: str = "train"
) -> Film:
    """Return a dot on a random path, filmed by two cameras that see it differently.

    The second camera is mirrored, swaps the axes and has other colours, so that an untrained
    encoder finds no moment of one view in the other.
    """
    knots = rng.uniform(0.15, 0.85, size=(5, 2))
    at = np.linspace(0, 4, length)
    path = np.stack([np.interp(at, np.arange(5), knots[:, axis]) for axis in (0, 1)], axis=1)
    mirrored = 1 - path[:, ::-1]
    clips = {
        "front": draw_dots(path, size_px, colour=(230, 60, 40), ground=(40, 60, 90)),
        "side": draw_dots(mirrored, size_px, colour=(250, 220, 90), ground=(110, 90, 70)),
    }
    times = np.arange(length) * 0.1
    return Film(clips, {"front": times, "side": times}, id, split)


def draw_dots(
    path: np.ndarray, size_px: int, colour: tuple[int, ...], ground: tuple[int, ...]
) -> np.ndarray:
    """Return uint8 (T, S, S, 3) with a soft dot at each position (T, 2) from 0 to 1."""
    pixels = (np.arange(size_px) + 0.5) / size_px
    across = np.square(pixels[None, None, :] - path[:, 0, None, None])
    down = np.square(pixels[None, :, None] - path[:, 1, None, None])
    share = np.exp(-(across + down) / (2 * 0.06**2))[..., None]  # (T, S, S, 1)
    return (share * np.array(colour) + (1 - share) * np.array(ground)).astype(np.uint8)


def dot_films(seed: int, train: int, valid: int = 0, **options: int) -> list[Film]:
    """Return films of both splits."""
    rng = np.random.default_rng(seed)
    splits = ["train"] * train + ["valid"] * valid
    return [dot_film(rng, id=id, split=split, **options) for id, split in enumerate(splits)]


def store_of(films: Sequence[Film], folder: Path, size_px: int = 32) -> FrameStore:
    """Write films as a frame store and open it."""
    folder.mkdir(parents=True)
    write_store(folder, films, size_px, "films")
    return FrameStore.open(folder)


def store_of_two_bodies(folder: Path) -> FrameStore:
    """Return films of dots, four to train on and two to validate, by turns of hand and robot."""
    films = dot_films(seed=0, train=4, valid=2, length=20, size_px=16)
    plain = store_of(films, folder, size_px=16)
    bodies = ("hand", "robot")
    return FrameStore(
        plain.size_px,
        tuple(replace(e, embodiment=bodies[i % 2]) for i, e in enumerate(plain.episodes)),
    )
