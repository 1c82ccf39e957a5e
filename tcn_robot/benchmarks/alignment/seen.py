"""What an encoder was trained on, and so what of a film it has never seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tcn_robot.benchmarks.alignment.held_out import HeldOutEpisode, scene_key

#: What a film can show that training did not, in the order in which it is said.
PARTS = ("body", "camera", "scene")


class RecordedEpisode(Protocol):
    """The part of a recorded episode that a summary of the training reads."""

    @property
    def views(self) -> tuple[str, ...]:
        """Names of its views."""

    @property
    def split(self) -> str:
        """Which part of the data it belongs to."""

    @property
    def embodiment(self) -> str:
        """Whose body acted."""

    @property
    def metadata(self) -> dict[str, Any]:
        """What `episode.json` says."""


@dataclass(frozen=True)
class Seen:
    """What an encoder was trained on.

    Attributes:
        bodies: Whose films.
        views: Names of the cameras.
        scenes: Digests of the looks that were drawn, "" for a scene as the task has it.
        drawn: What those looks varied, such as "light".
        source: Where this is known from, for the report.
    """

    bodies: frozenset[str]
    views: frozenset[str]
    scenes: frozenset[str] = frozenset({""})
    drawn: tuple[str, ...] = ()
    source: str = ""

    def unseen(self, episode: HeldOutEpisode, view: str) -> tuple[str, ...]:
        """Return which of `PARTS` of a film the encoder has never seen."""
        known = {
            "body": episode.embodiment in self.bodies,
            "camera": view in self.views,
            "scene": not episode.origin.scene or episode.origin.scene in self.scenes,
        }
        return tuple(part for part in PARTS if not known[part])


def summary_of_training(
    episodes: Iterable[RecordedEpisode], views: Sequence[str] = ()
) -> dict[str, Any]:
    """Return what stands in a run about the recordings that it was trained on.

    Args:
        episodes: Of all its recordings; those of split "test" do not count.
        views: The views that were trained on; those of the episodes when there are none.

    Returns:
        "tasks", "bodies", "views", "policies", "drawn" (what looks varied) and "scenes" (their
        digests), lists in alphabetical order, and "episodes".
    """
    found: dict[str, set[str]] = {
        name: set() for name in ("tasks", "bodies", "views", "policies", "drawn", "scenes")
    }
    count = 0
    for episode in episodes:
        if episode.split == "test":
            continue
        said, count = episode.metadata, count + 1
        look = said.get("randomisation") or {}
        found["tasks"].add(str(said.get("task") or ""))
        found["bodies"].add(episode.embodiment)
        found["views"].update(views or episode.views)
        found["policies"].add(str(said.get("policy") or ""))
        found["scenes"].add(scene_key(look))
        found["drawn"].update(look)
    return {**{name: sorted(values) for name, values in found.items()}, "episodes": count}


def seen_from_summary(said: Mapping[str, Any], source: str) -> Seen | None:
    """Return what a summary of the training says; None where it is none.

    Args:
        said: What `summary_of_training` gave, or the part of it that is known.
        source: Where it stands.
    """
    bodies, views = said.get("bodies"), said.get("views")
    if not isinstance(bodies, list) or not isinstance(views, list) or not bodies or not views:
        return None
    return Seen(
        frozenset(map(str, bodies)),
        frozenset(map(str, views)),
        frozenset(map(str, said.get("scenes") or [""])) | {""},
        tuple(map(str, said.get("drawn") or [])),
        source,
    )
