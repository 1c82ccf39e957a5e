"""What the colour of a point says: time, a number, or which class it is of."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tcn_robot.errors import UserError, unknown_name
from tcn_robot.plots.tracks import Track

TIME = "time"
OF_TRACKS = ("input", "film", "view")
TIME_COLOURS = "plasma"
# More values than this of a label of numbers are a scale, not classes.
MOST_NUMBERED_CLASSES = 10
MOST_CLASSES = 24
# Told apart by hue and by lightness, on white paper and on dark; the first ones are the house's.
CLASS_COLOURS = (
    *(("#0f766e", "#2dd4bf"), ("#c2570c", "#fb9a52"), ("#1d4ed8", "#7aa2ff")),
    *(("#be185d", "#f472b6"), ("#ca8a04", "#facc15"), ("#7c3aed", "#b79bff")),
    *(("#4d7c0f", "#a3d154"), ("#0ea5e9", "#67e8f9"), ("#78716c", "#d6d3d1")),
    *(("#f472b6", "#fbcfe8"), ("#84cc16", "#4d7c0f"), ("#7f1d1d", "#f87171")),
)


@dataclass(frozen=True)
class Colouring:
    """A colour for every point, and what it means.

    Attributes:
        title: What is coloured by.
        values: Per track (T,): float64 on the scale, or int64 positions in `classes`.
        classes: Names, one colour each; empty for a scale.
        limits: The ends of the scale.
    """

    title: str
    values: list[NDArray[np.float64]] | list[NDArray[np.int64]]
    classes: tuple[str, ...] = ()
    limits: tuple[float, float] = (0.0, 1.0)

    def colours(self, track: int, dark: bool = False) -> NDArray[np.float64]:
        """Return the colours of a track's points, RGBA in [0, 1], float64 (T, 4)."""
        values = self.values[track]
        if self.classes:
            table = np.array(class_colours(len(self.classes), dark))
            return table[values.astype(np.int64)]
        return scale_colours(values, self.limits)


def scale_colours(values: NDArray[np.generic], limits: tuple[float, float]) -> NDArray[np.float64]:
    """Return the colours of numbers (T,) on the scale of time, float64 (T, 4)."""
    import matplotlib

    low, high = limits
    share = (np.asarray(values, np.float64) - low) / max(high - low, 1e-12)
    return np.asarray(matplotlib.colormaps[TIME_COLOURS](share.clip(0, 1)))


def class_colours(count: int, dark: bool = False) -> list[tuple[float, float, float, float]]:
    """Return a colour for each class, RGBA in [0, 1]; many classes are spread over all hues.

    Args:
        count: How many classes there are.
        dark: Whether the paper is dark.
    """
    import matplotlib
    from matplotlib.colors import to_rgba

    if count <= len(CLASS_COLOURS):
        return [to_rgba(pair[dark]) for pair in CLASS_COLOURS[:count]]
    hues = (np.arange(count) + 0.5) / count
    return [tuple(colour) for colour in matplotlib.colormaps["turbo"](hues).tolist()]


def choose_colouring(tracks: Sequence[Track], by: str) -> Colouring:
    """Return what the points are coloured by.

    Args:
        tracks: One or more.
        by: "time" (share of the film passed), "input", "film", "view", or a label that all tracks
            have: one colour per value, or a scale where it has many numbers.

    Raises:
        UserError: Nothing of that name is known of all tracks (with the nearest name).
    """
    if by == TIME:
        return Colouring("share of the film passed", [track.share for track in tracks])
    if by in OF_TRACKS:
        named = [_of_track(track, by) for track in tracks]
        columns = [np.full(len(t), name) for t, name in zip(tracks, named, strict=True)]
        return _by_class(by, columns)
    known = _labels_of_all(tracks)
    if by not in known:
        somewhere = any(by in track.labels for track in tracks)
        if somewhere:
            without = next(track.title for track in tracks if by not in track.labels)
            raise UserError(
                f"--colour {by}: {without} has no such label; leave it out, or colour by one of "
                f"{', '.join([TIME, *OF_TRACKS, *known])}"
            )
        raise unknown_name("colour", by, [TIME, *OF_TRACKS, *known])
    columns = [np.asarray(track.labels[by]) for track in tracks]
    if _is_scale(columns):
        numbers = [column.astype(np.float64) for column in columns]
        finite = np.concatenate(numbers)
        finite = finite[np.isfinite(finite)]
        return Colouring(by, numbers, limits=(float(finite.min()), float(finite.max())))
    return _by_class(by, columns)


def _of_track(track: Track, by: str) -> str:
    return {"input": track.source, "film": track.name, "view": track.view or "one view"}[by]


def _labels_of_all(tracks: Sequence[Track]) -> list[str]:
    shared = set.intersection(*(set(track.labels) for track in tracks))
    return [name for name in tracks[0].labels if name in shared]


def _is_scale(columns: Sequence[NDArray[np.generic]]) -> bool:
    if any(column.dtype.kind not in "fiu" for column in columns):
        return False
    every = np.concatenate([column.astype(np.float64) for column in columns])
    if not np.isfinite(every).any():
        return False
    return len(np.unique(every)) > MOST_NUMBERED_CLASSES


def _by_class(title: str, columns: Sequence[NDArray[np.generic]]) -> Colouring:
    """Colour by value; classes stand in the order in which films come to them."""
    texts = [column.astype(str) for column in columns]
    names = list(dict.fromkeys(value for column in texts for value in column.tolist()))
    if all(re.fullmatch(r".*?\d+", name) for name in names):  # episode 2 before episode 10
        names.sort(key=_natural)
    if len(names) > MOST_CLASSES:
        raise UserError(
            f"--colour {title} has {len(names)} values, more than {MOST_CLASSES} colours that can "
            "be told apart; choose fewer films, or colour by time"
        )
    place = {name: index for index, name in enumerate(names)}
    values = [np.array([place[value] for value in column.tolist()], np.int64) for column in texts]
    return Colouring(title, values, tuple(names))


def _natural(name: str) -> list[tuple[int, str]]:
    pieces = (piece for piece in re.split(r"(\d+)", name) if piece)
    return [(int(piece), "") if piece.isdecimal() else (-1, piece) for piece in pieces]
