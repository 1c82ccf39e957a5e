"""What a report can show, read from disk and ready to be drawn; parts that do not exist are None.

All frames are uint8 (…, H, W, 3) RGB, all times seconds from the start of the episode.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tcn_robot.report.policy_evidence import GivenAudit, MethodOverTasks, PolicyRun


@dataclass(frozen=True)
class Strip:
    """Moments of one episode as each view recorded them.

    Attributes:
        episode: Name of the episode, for the caption.
        times_seconds: float (K,).
        frames: View name to uint8 (K, H, W, 3).
    """

    episode: str
    times_seconds: np.ndarray
    frames: dict[str, np.ndarray]


@dataclass(frozen=True)
class Retrieval:
    """For each frame of one view, the nearest frame of another view, by embedding.

    Attributes:
        episode: Name of the episode, for the caption.
        query_view: View the frames are asked from.
        found_view: View the neighbours are looked for in.
        query_frames: uint8 (T, H, W, 3).
        library_frames: uint8 (S, H, W, 3), what can be found.
        found: Index of the trained encoder's nearest neighbour, int (T,) in [0, S).
        found_untrained: The same for the untrained encoder, or None.
        times_seconds: float (T,), of the queries.
        library_times_seconds: float (S,).
        sharpened: True if the shown frames were rendered again, larger than the encoder saw them.
        trained_on: True if the encoder may have been trained on this episode.
    """

    episode: str
    query_view: str
    found_view: str
    query_frames: np.ndarray
    library_frames: np.ndarray
    found: np.ndarray
    found_untrained: np.ndarray | None
    times_seconds: np.ndarray
    library_times_seconds: np.ndarray
    sharpened: bool = False
    trained_on: bool = False


@dataclass(frozen=True)
class Similarity:
    """How close every frame of one view is to every frame of another.

    Attributes:
        episode: Name of the episode.
        row_view: View of the rows.
        column_view: View of the columns.
        row_seconds: float (T,).
        column_seconds: float (S,).
        matrices: "trained", and "untrained" where known, to float (T, S) in (0, 1].
    """

    episode: str
    row_view: str
    column_view: str
    row_seconds: np.ndarray
    column_seconds: np.ndarray
    matrices: dict[str, np.ndarray]


@dataclass(frozen=True)
class Track:
    """The way of one episode, seen from one view, through a plane.

    Attributes:
        episode: Name of the episode.
        view: Name of the view.
        points: float (T, 2).
        share: float (T,) in [0, 1], how much of the episode has passed.
    """

    episode: str
    view: str
    points: np.ndarray
    share: np.ndarray


@dataclass(frozen=True)
class EmbeddingPlane:
    """Several tracks in one plane.

    Attributes:
        title: What the plane is, such as "trained, PCA".
        tracks: The tracks in it.
        axis_labels: Horizontal and vertical label.
    """

    title: str
    tracks: list[Track]
    axis_labels: tuple[str, str]


@dataclass(frozen=True)
class RewardTrace:
    """The learned reward along one episode that the reward was not fitted to.

    Attributes:
        title: "Success", "Failure" or "Play".
        explanation: One sentence: which episode this is.
        times_seconds: float (T,).
        reward: float (T,).
        thumbnails: uint8 (K, H, W, 3), evenly spread over the episode.
    """

    title: str
    explanation: str
    times_seconds: np.ndarray
    reward: np.ndarray
    thumbnails: np.ndarray


@dataclass(frozen=True)
class TrainingCurve:
    """How the embedding came about.

    Attributes:
        steps: float (K,).
        loss: float (K,).
        validation_steps: float (J,).
        validation_error: Alignment error on validation episodes, float (J,) in [0, 1].
    """

    steps: np.ndarray
    loss: np.ndarray
    validation_steps: np.ndarray
    validation_error: np.ndarray


@dataclass(frozen=True)
class Stage:
    """One stage of the demo as it was run."""

    name: str
    command: str
    seconds: float
    peak_memory_mb: float
    start_seconds: float = 0.0


@dataclass
class Evidence:
    """Everything one report is made of.

    Attributes:
        task: The task's id, or "" if unknown.
        sources: The folders and files the report was made from, as the user wrote them.
        policies_first: Whether the page is about policies before all else.
        studies: Names of the studies that it is about.
        alignment: The figures of `tcn-robot bench alignment`.
        description: What a study is about, in its own words, or "".
        runs: The policies, those of one task one after the other.
        over_tasks: Methods that were tried on several tasks.
        audits: Audits of rewards.
        repeat: Commands that make what is shown, and this page, again.
        origin: Sentences on what the figures were made with.
        reward_note: One sentence about the reward over more episodes, or "".
        missing: One sentence per part that could not be shown, with what brings it.
    """

    task: str = ""
    sources: list[str] = field(default_factory=list)
    policies_first: bool = False
    strip: Strip | None = None
    retrieval: Retrieval | None = None
    similarity: Similarity | None = None
    planes: list[EmbeddingPlane] = field(default_factory=list)
    alignment: dict[str, Any] | None = None
    training: TrainingCurve | None = None
    rewards: list[RewardTrace] = field(default_factory=list)
    reward_note: str = ""
    description: str = ""
    studies: list[str] = field(default_factory=list)
    runs: list[PolicyRun] = field(default_factory=list)
    over_tasks: list[MethodOverTasks] = field(default_factory=list)
    audits: list[GivenAudit] = field(default_factory=list)
    repeat: list[str] = field(default_factory=list)
    origin: list[str] = field(default_factory=list)
    stages: list[Stage] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    recordings: dict[str, dict[str, Any]] = field(default_factory=dict)
    seed: int | None = None
    missing: list[str] = field(default_factory=list)
