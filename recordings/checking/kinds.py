"""The kinds of fault that `tcn-robot check` can find, and what each one means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Kind:
    """One way in which a dataset can be broken.

    Attributes:
        meaning: What it is, in one line.
        is_fault: Whether data are wrong or lost; else it is worth knowing and no more.
        is_mendable: Whether `--repair` can mend it without a guess; else the episode is set aside.
    """

    meaning: str
    is_fault: bool = True
    is_mendable: bool = False


KINDS: dict[str, Kind] = {
    # The dataset
    "newer-format": Kind("the dataset was written by a newer tcn_robot"),
    "damaged-dataset-file": Kind("dataset.json is no readable description of a dataset"),
    "broken-history": Kind("a description that an edit wrote is missing or was changed"),
    "deleted-episode": Kind("an episode that was deleted still lies there; nobody reads it", False),
    "unfinished-episode": Kind(
        "a recorder was killed while it wrote this; no reader sees it", False
    ),
    "foreign-entry": Kind("a file or folder that is no part of a dataset", False),
    "missing-model": Kind("the simulator's model is missing: no view can be rendered again"),
    "changed-model": Kind("the simulator's model is not the one that was recorded"),
    "repeated-episode": Kind("two episodes have the same films", False),
    # The files of an episode
    "damaged-metadata": Kind("episode.json is missing or cannot be read"),
    "wrong-id": Kind("episode.json and the folder's name disagree about the id"),
    "missing-file": Kind("a file of the episode is missing", is_mendable=True),
    "changed-file": Kind("a file is not the one that was recorded (SHA-256)", is_mendable=True),
    "foreign-file": Kind("a file that does not belong to the episode", is_mendable=True),
    "unsafe-name": Kind("a name that leads out of the episode's folder"),
    "absurd-value": Kind("a size, rate or count that cannot be"),
    "unknown-value": Kind("a split, codec or clock that the format does not know"),
    # Times
    "damaged-times": Kind("frames.parquet cannot be read", is_mendable=True),
    "times-not-finite": Kind("a capture time is no finite number"),
    "times-go-back": Kind("a frame is not later than the frame before"),
    "time-jump": Kind("a simulator's clock does not run evenly"),
    "long-gap": Kind("a camera gave nothing for a long time", False),
    "dropped-frames": Kind("a camera dropped more than 5 % of its frames", False),
    "frame-numbers": Kind("the frames of a view are not numbered 0, 1, 2, …"),
    "counts-disagree": Kind(
        "episode.json, times, film or steps disagree about how many", is_mendable=True
    ),
    "film-times-disagree": Kind("the film's own times are not those of frames.parquet"),
    "unequal-views": Kind("the views of a simulator differ in length", is_mendable=True),
    # Pictures
    "undecodable-film": Kind("a film cannot be decoded to its end", is_mendable=True),
    "size-disagrees": Kind(
        "the film's pictures have another size than episode.json says", is_mendable=True
    ),
    "blank-view": Kind("a view shows one colour only, such as black"),
    "frozen-view": Kind("a view stands still while another moves"),
    "identical-views": Kind("two views show the same pictures"),
    # Steps
    "damaged-steps": Kind("steps.parquet cannot be read, or its rows have different lengths"),
    "not-finite": Kind("a number of the steps is not finite"),
    "step-times-disagree": Kind("the rows of a simulator's steps are not at its frames' times"),
}


# Of these nothing but the dataset's description can be looked at.
UNREADABLE = frozenset({"newer-format", "damaged-dataset-file", "broken-history"})


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong.

    Attributes:
        kind: A key of `KINDS`.
        message: What was expected and what was found, in one line.
        view: The view it concerns, if one.
        time_seconds: When in the episode, on its clock, if at one time.
        file: Name of the episode's file it concerns, if one as a whole.
    """

    kind: str
    message: str
    view: str | None = None
    time_seconds: float | None = None
    file: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no such kind of fault: {self.kind}")

    def __str__(self) -> str:
        return self.message

    @property
    def is_fault(self) -> bool:
        """Whether data are wrong or lost."""
        return KINDS[self.kind].is_fault

    def as_json(self) -> dict[str, Any]:
        """Return the fault as plain values."""
        return {
            "kind": self.kind,
            "is_fault": self.is_fault,
            "message": self.message,
            "view": self.view,
            "time_seconds": self.time_seconds,
        }
