"""What a picture is drawn from: the embeddings of one film, and what is known of its frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tcn_robot.metrics import MetricInputError
from tcn_robot.metrics.checks import checked_embedding


@dataclass(frozen=True)
class Track:
    """The embeddings of one film in the order of time.

    Attributes:
        name: What is shown, such as "episode 3" or a file's name.
        source: The input that it comes from.
        view: The camera; "" where there is only one or none is known.
        times_seconds: float64 (T,), ascending; the index of the frame where no time is known.
        embeddings: (T, D) finite.
        labels: What is known of each frame, (T,) each, by name.
    """

    name: str
    source: str
    view: str
    times_seconds: NDArray[np.float64]
    embeddings: NDArray[Any]
    labels: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.embeddings)

    @property
    def title(self) -> str:
        """Name and view in one."""
        return f"{self.name} · {self.view}" if self.view else self.name

    @property
    def share(self) -> NDArray[np.float64]:
        """How much of the film has passed at each frame, float64 (T,) in [0, 1]."""
        passed = self.times_seconds - self.times_seconds[0]
        return passed / max(float(passed[-1]), 1e-12)

    def at(self, frames: NDArray[np.int64]) -> Track:
        """Return the track of some of its frames."""
        labels = {name: values[frames] for name, values in self.labels.items()}
        times, embeddings = self.times_seconds[frames], self.embeddings[frames]
        return replace(self, times_seconds=times, embeddings=embeddings, labels=labels)


def stacked(tracks: Sequence[Track]) -> NDArray[np.float64]:
    """Return the embeddings of all tracks below each other, float64 (N, D).

    Raises:
        MetricInputError: They are not finite, or of different dimensions.
    """
    arrays = [checked_embedding(track.embeddings, track.title) for track in tracks]
    for track, array in zip(tracks, arrays, strict=True):
        if array.shape[1] != arrays[0].shape[1]:
            raise MetricInputError(
                f"expected embeddings of one dimension, found {arrays[0].shape[1]} in "
                f"{tracks[0].title} and {array.shape[1]} in {track.title}; embed both with the "
                "same encoder"
            )
    return np.concatenate(arrays).astype(np.float64)


def thinned(tracks: Sequence[Track], most_points: int) -> list[Track]:
    """Return tracks of at most so many points in all, taken evenly over each.

    First and last frames stay; a track keeps at least one point.
    """
    kept = kept_frames([len(track) for track in tracks], most_points)
    return [track.at(frames) for track, frames in zip(tracks, kept, strict=True)]


def kept_frames(lengths: Sequence[int], most_points: int) -> list[NDArray[np.int64]]:
    """Return which frames of films are kept so that there are at most so many in all.

    Args:
        lengths: Frames of each film.
        most_points: At least 1; more films than this keep one frame each.

    Returns:
        Per film int64, ascending, evenly over it, first and last frame among them.
    """
    total = sum(lengths)
    if total <= most_points:
        return [np.arange(length) for length in lengths]
    counts = [max(length * most_points // total, 1) for length in lengths]
    pairs = zip(lengths, counts, strict=True)
    return [np.linspace(0, length - 1, n).round().astype(np.int64) for length, n in pairs]


def split_back(points: NDArray[Any], tracks: Sequence[Track]) -> list[NDArray[Any]]:
    """Return the rows (N, …) that belong to each track, in their order."""
    ends = np.cumsum([len(track) for track in tracks])
    return np.split(points, ends[:-1])
