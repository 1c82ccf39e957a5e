"""The episodes that a benchmark looks at: complete tries that no encoder was trained on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tcn_robot.errors import UserError, unknown_name
from tcn_robot.provenance import key_of

# These move about without doing the task, so their order of time has no counterpart elsewhere.
AIMLESS_POLICIES = frozenset({"play", "random"})
# Columns of `steps` that are no labels: what was done, and what the simulator needs.
NO_LABELS = frozenset({"time_seconds", "action", "state", "observation"})
# What belongs to a body and not to the scene around it.
OF_THE_BODY = frozenset({"skin"})


class FilmedEpisode(Protocol):
    """The part of a recorded episode that is read here."""

    @property
    def id(self) -> int:
        """Its number in the recording."""

    @property
    def views(self) -> tuple[str, ...]:
        """Names of its views."""

    @property
    def split(self) -> str:
        """Which part of the data it belongs to."""

    @property
    def embodiment(self) -> str:
        """Whose body acted, "" where it is not known."""

    @property
    def metadata(self) -> dict[str, Any]:
        """What `episode.json` says."""

    @property
    def content_hash(self) -> str:
        """What tells it from every other episode."""

    @property
    def ancestors(self) -> tuple[str, ...]:
        """Content hashes of the episodes it was rendered from."""

    @property
    def steps(self) -> dict[str, NDArray[Any]] | None:
        """What the simulator knew, one row per frame."""

    def frames(self, view: str) -> NDArray[np.uint8]:
        """Return uint8 (T, H, W, 3)."""

    def timestamps(self, view: str) -> NDArray[np.float64]:
        """Return (T,) seconds."""


@dataclass(frozen=True)
class Origin:
    """Where an episode comes from, as far as pairs of episodes are found by it.

    Attributes:
        recording: Folder of its recording.
        task: What is shown.
        split: Which part of the data it belongs to.
        hashes: Its content hash, then those of the episodes it was rendered from; two episodes
            that share one show the same moments.
        scene: Digest of the look that was drawn for the scene, "" where nothing was drawn.
        simulator: Its name, "" for films.
    """

    recording: str = ""
    task: str = ""
    split: str = "test"
    hashes: tuple[str, ...] = ()
    scene: str = ""
    simulator: str = ""


@dataclass(frozen=True)
class HeldOutEpisode:
    """One episode, decoded.

    Attributes:
        name: For messages.
        frames: {view: uint8 (T, H, W, 3)}.
        times_seconds: {view: float64 (T,)} on one clock.
        observation: (T, F) what the simulator says there is to see, or None for films.
        progress: (T,) in [0, 1], the simulator's label, or None.
        embodiment: Whose body acted, "" where the recording does not say.
        labels: {column: (T, ...)} what the simulator knew of each frame, such as its phase.
        origin: Where it comes from.
        frame_step: Of the recording's frames every how many are here.
    """

    name: str
    frames: dict[str, NDArray[np.uint8]]
    times_seconds: dict[str, NDArray[np.float64]]
    observation: NDArray[np.float64] | None = None
    progress: NDArray[np.float64] | None = None
    embodiment: str = ""
    labels: dict[str, NDArray[Any]] = field(default_factory=dict)
    origin: Origin = Origin()
    frame_step: int = 1

    @property
    def synchronised(self) -> bool:
        """Whether frame t of every view was taken at the same moment, as a simulator does."""
        times = list(self.times_seconds.values())
        return all(
            len(other) == len(times[0]) and np.allclose(other, times[0], rtol=0.0, atol=1e-6)
            for other in times[1:]
        )


def held_out_episodes(
    recordings: Sequence[tuple[Path, Iterable[FilmedEpisode]]],
    split: str = "test",
    views: Sequence[str] | None = None,
) -> list[HeldOutEpisode]:
    """Decode the demonstrations of a split.

    Args:
        recordings: (where it lies, its episodes) of each recording.
        split: "test", "valid" or "train".
        views: The views to compare; all those of the first episode when None.

    Raises:
        UserError: No such episode, or one without the views.
    """
    chosen: list[HeldOutEpisode] = []
    found: dict[str, int] = {}
    for path, episodes in recordings:
        for episode in episodes:
            if episode.metadata.get("policy") in AIMLESS_POLICIES:
                continue
            found[episode.split] = found.get(episode.split, 0) + 1
            if episode.split == split:
                views = views if views is not None else episode.views
                chosen.append(_decoded(episode, views, f"{path} episode {episode.id}"))
    if not chosen:
        where = ", ".join(str(path) for path, _ in recordings) or "nothing"
        there = ", ".join(f"{number} in {name}" for name, number in found.items()) or "none"
        raise UserError(
            f"expected demonstrations in split {split!r}, found {there} ({where}); "
            f"record some with --split {split}, or pass --split"
        )
    return chosen


def thinned(episode: HeldOutEpisode, step: int) -> HeldOutEpisode:
    """Return an episode with every `step`-th frame and its labels; the others are given up.

    Args:
        episode: All views of it have its frames.
        step: 1 or more.
    """
    if step == 1:
        return episode

    def kept(columns: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        # Copies: a view of the film would keep all of its frames in memory.
        return {name: column[::step].copy() for name, column in columns.items()}

    return replace(
        episode,
        frames=kept(episode.frames),
        times_seconds=kept(episode.times_seconds),
        labels=kept(episode.labels),
        observation=None if episode.observation is None else episode.observation[::step].copy(),
        progress=None if episode.progress is None else episode.progress[::step].copy(),
        frame_step=episode.frame_step * step,
    )


def _decoded(episode: FilmedEpisode, views: Sequence[str], name: str) -> HeldOutEpisode:
    for view in views:
        if view not in episode.views:
            raise unknown_name(f"view in {name}:", view, episode.views)
    frames = {view: episode.frames(view) for view in views}
    num_frames = {len(film) for film in frames.values()}
    steps = episode.steps or {}
    # Without one row per frame the labels cannot be matched to what is seen.
    fitting = {name: column for name, column in steps.items() if num_frames == {len(column)}}
    known = {
        column: np.asarray(fitting[column], dtype=np.float64)
        for column in ("observation", "progress")
        if column in fitting
    }
    return HeldOutEpisode(
        name=name,
        frames=frames,
        times_seconds={view: episode.timestamps(view) for view in views},
        observation=known.get("observation"),
        progress=known.get("progress"),
        embodiment=episode.embodiment,
        labels={name: column for name, column in fitting.items() if name not in NO_LABELS},
        origin=_origin(episode, name),
    )


def _origin(episode: FilmedEpisode, name: str) -> Origin:
    said = episode.metadata
    return Origin(
        recording=name.partition(" episode ")[0],
        task=str(said.get("task") or ""),
        split=episode.split,
        hashes=(episode.content_hash, *episode.ancestors),
        scene=scene_key(said.get("randomisation") or {}),
        simulator=str((said.get("simulator") or {}).get("name") or ""),
    )


def scene_key(look: Mapping[str, Any]) -> str:
    """Return a short digest of what was drawn for a scene; "" where nothing was.

    Args:
        look: `randomisation` of an episode; what belongs to the body does not count.
    """
    scene = {part: drawn for part, drawn in look.items() if part not in OF_THE_BODY}
    return key_of(scene) if scene else ""
