"""The episodes that a benchmark looks at: complete tries that no encoder was trained on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tcn_robot.errors import UserError, unknown_name

# These move about without doing the task, so their order of time has no counterpart elsewhere.
AIMLESS_POLICIES = frozenset({"play", "random"})


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
    def steps(self) -> dict[str, NDArray[Any]] | None:
        """What the simulator knew, one row per frame."""

    def frames(self, view: str) -> NDArray[np.uint8]:
        """Return uint8 (T, H, W, 3)."""

    def timestamps(self, view: str) -> NDArray[np.float64]:
        """Return (T,) seconds."""


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
    """

    name: str
    frames: dict[str, NDArray[np.uint8]]
    times_seconds: dict[str, NDArray[np.float64]]
    observation: NDArray[np.float64] | None = None
    progress: NDArray[np.float64] | None = None
    embodiment: str = ""

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


def _decoded(episode: FilmedEpisode, views: Sequence[str], name: str) -> HeldOutEpisode:
    for view in views:
        if view not in episode.views:
            raise unknown_name(f"view in {name}:", view, episode.views)
    frames = {view: episode.frames(view) for view in views}
    num_frames = {len(film) for film in frames.values()}
    steps = episode.steps or {}
    # Without one row per frame the labels cannot be matched to what is seen.
    labelled = {
        column: np.asarray(steps[column], dtype=np.float64)
        for column in ("observation", "progress")
        if column in steps and num_frames == {len(steps[column])}
    }
    return HeldOutEpisode(
        name=name,
        frames=frames,
        times_seconds={view: episode.timestamps(view) for view in views},
        observation=labelled.get("observation"),
        progress=labelled.get("progress"),
        embodiment=episode.embodiment,
    )
