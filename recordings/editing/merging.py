"""Joins datasets of one task into a new one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tcn_robot.errors import UserError
from tcn_robot.recordings.editing.copying import copy_episode, refuse_other_episodes
from tcn_robot.recordings.reader import Episode, Recording
from tcn_robot.recordings.writer import DatasetWriter

MERGED_FROM = "merged_from"


@dataclass(frozen=True)
class MergedEpisode:
    """Where an episode of the joined dataset comes from."""

    id: int
    recording: Recording
    episode: Episode


def plan_merge(recordings: Sequence[Recording]) -> list[MergedEpisode]:
    """Return which episode gets which id: its own where that is free, else one behind all others.

    Raises:
        UserError: If the datasets cannot stand in one.
    """
    _refuse_unequal(recordings, "kind", "films and simulations stay apart")
    advice = "`tcn-robot edit DIR relabel --task` gives a dataset of films another task"
    _refuse_unequal(recordings, "task", advice)
    gone = {id for one in recordings for id in one.metadata.get("deleted_ids", [])}
    next_id = 1 + max([*gone, *(id for one in recordings for id in one.ids)])
    taken = gone
    plan = []
    for recording in recordings:
        for episode in recording:
            id = episode.id
            if id in taken:
                id, next_id = next_id, next_id + 1
            taken.add(id)
            plan.append(MergedEpisode(id, recording, episode))
    return plan


def _refuse_unequal(recordings: Sequence[Recording], name: str, advice: str) -> None:
    found = list(dict.fromkeys(str(one.metadata.get(name)) for one in recordings))
    if len(found) > 1:
        raise UserError(
            f"datasets can be merged if they have one {name}, found {' and '.join(found)}; {advice}"
        )


def refuse_other_merge(plan: Sequence[MergedEpisode], path: Path) -> None:
    """Raise a UserError if a folder holds anything but a part of what a plan gives."""
    origins = {one.id: _origin(one) for one in plan}
    refuse_other_episodes(
        path,
        {one.id: one.episode for one in plan},
        lambda there, _: there.recorded.get(MERGED_FROM) == origins[there.id],
    )


def merge(plan: Sequence[MergedEpisode], writer: DatasetWriter) -> Iterator[MergedEpisode]:
    """Copy the episodes of a plan that are not there yet; yield each when it is whole."""
    taken = writer.taken_ids()
    for one in plan:
        if one.id not in taken:
            copy_episode(one.episode, writer.path, one.id, {MERGED_FROM: _origin(one)})
            yield one


def _origin(one: MergedEpisode) -> dict[str, object]:
    return {
        "dataset": one.recording.path.name,
        "id": one.episode.id,
        "content_sha256": one.episode.content_hash,
    }
