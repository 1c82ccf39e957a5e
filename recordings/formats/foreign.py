"""What an episode of another project is to us, and what a format must be able to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from tcn_robot.recordings.formats.films import Film, FilmPart, whole
from tcn_robot.recordings.formats.losses import Losses
from tcn_robot.recordings.formats.places import Marked
from tcn_robot.recordings.reader import Recording

# What docs/formats.md says of each format; `describe_losses` has these keys.
ASPECTS = ("pictures", "times", "views", "splits", "task", "robot", "the rest")


@dataclass(frozen=True)
class ForeignView:
    """One view of an episode.

    Attributes:
        times_seconds: float64 (T,), ascending: when frames were seen.
        pictures: Yields the frames upright, uint8 (H, W, 3), RGB.
        film: The frames as a part of a film, whose packets may be taken over; None if there is no
            film.
    """

    times_seconds: np.ndarray
    pictures: Callable[[], Iterator[np.ndarray]]
    film: FilmPart | None = None


def film_view(film: Film) -> ForeignView:
    """Return a film as a view, at the times that it carries."""
    part = whole(film)
    return ForeignView(film.times_seconds, part.pictures, part)


@dataclass(frozen=True)
class Contents:
    """What is in a foreign episode; made when it is imported.

    Attributes:
        views: By name, in order.
        steps: Columns of `steps.parquet`, one value per row; `time_seconds` among them.
        metadata: Further fields of `episode.json`.
        rate_hz: Rate at which frames are expected; from the times when None.
        notes: What is worth saying of this episode, one line each.
    """

    views: Mapping[str, ForeignView]
    steps: Mapping[str, Sequence[Any]] | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    rate_hz: float | None = None
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class ForeignEpisode:
    """One episode of another project; nothing of it was decoded yet.

    Attributes:
        name: What it is called there, the same whenever the folder is read: `imported_from` has it.
        files: What it is made of, to tell whether it is still the same: files, or parts of them.
        load: Decodes what has to be decoded; raises UserError if that cannot be.
        split: "train", "valid" or "test" where the format says so.
    """

    name: str
    files: Sequence[Path | Marked]
    load: Callable[[], Contents]
    split: str | None = None


@dataclass(frozen=True)
class ReadOptions:
    """What may be asked of an import.

    Attributes:
        rate_hz: Rate of pictures that have no times.
        folders: Whether folders of pictures are "views" of one episode or "episodes"; None where
            their names tell.
        list_number: Which of several lists of splits to use, from 1.
        follow_links: Take files that links lead to, wherever they are.
    """

    rate_hz: float | None = None
    folders: str | None = None
    list_number: int = 1
    follow_links: bool = False


@dataclass(frozen=True)
class ForeignDataset:
    """The episodes of a folder.

    Attributes:
        episodes: In a fixed order.
        task: What they show, if the format says so.
        notes: What is worth saying of the folder as a whole, one line each.
    """

    episodes: Sequence[ForeignEpisode]
    task: str | None = None
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class WriteOptions:
    """What may be asked of an export.

    Attributes:
        rate_hz: Frames per second of the other format, where it has one rate.
        resample: Bring views of unequal lengths or rates onto one grid.
        encode: "as-needed" takes films over where that can be; "h264" and "lossless" encode all.
        views: Views to write; all when None.
    """

    rate_hz: float | None = None
    resample: bool = False
    encode: str = "as-needed"
    views: Sequence[str] | None = None


class Format(Protocol):
    """How recordings of another project lie on the disk. A class made without arguments.

    What it can do is a `ForeignReader`, a `ForeignWriter` or both.
    """

    def describe_losses(self) -> Mapping[str, str]:
        """Return for each of `ASPECTS` what the format holds of it and what is lost, in a line."""
        ...


class ForeignReader(Format, Protocol):
    """A format that can be imported."""

    def read(self, path: Path, options: ReadOptions) -> ForeignDataset:
        """List the episodes in a folder.

        Raises:
            UserError: If the folder is not of this format, or names files outside of itself.
        """
        ...


class ForeignWriter(Format, Protocol):
    """A format that can be exported.

    Attributes:
        LOSSES: What each kind of loss means, by name; `{}` takes an example.
    """

    LOSSES: Mapping[str, str]

    def write(
        self, recording: Recording, path: Path, options: WriteOptions, losses: Losses
    ) -> Iterator[int]:
        """Write a dataset into a new, empty folder; yield the id of each episode when it is done.

        What the format cannot hold goes into `losses`.

        Raises:
            UserError: If the dataset cannot stand in this format as asked.
        """
        ...
