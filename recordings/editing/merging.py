"""Joins datasets of one task into a new one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tcn_robot.errors import UserError
from tcn_robot.recordings.editing.copying import copy_episode
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
    for name in ("task", "kind"):
        found = list(dict.fromkeys(str(one.metadata.get(name)) for one in recordings))
        if len(found) > 1:
            raise UserError(
                f"datasets can be merged if they have one {name}, found {' and '.join(found)}; "
                "`tcn-robot edit DIR relabel --task` gives a dataset another task"
            )
    next_id = 1 + max(id for one in recordings for id in one.ids)
    taken: set[int] = set()
    plan = []
    for recording in recordings:
        for episode in recording:
            id = episode.id
            if id in taken:
                id, next_id = next_id, next_id + 1
            taken.add(id)
            plan.append(MergedEpisode(id, recording, episode))
    return plan


def merge(plan: Sequence[MergedEpisode], writer: DatasetWriter) -> Iterator[MergedEpisode]:
    """Copy the episodes of a plan that are not there yet; yield each when it is whole.

    Raises:
        UserError: If another episode has the id already.
    """
    present = set(writer.episode_ids())
    for one in plan:
        origin = {
            "dataset": one.recording.path.name,
            "id": one.episode.id,
            "content_sha256": one.episode.content_hash,
        }
        if one.id in present:
            _refuse_another(writer, one.id, origin)
            continue
        copy_episode(one.episode, writer.path, one.id, {MERGED_FROM: origin})
        yield one


def _refuse_another(writer: DatasetWriter, id: int, origin: dict[str, object]) -> None:
    from tcn_robot.recordings.reader import open_recording

    found = open_recording(writer.path).by_id(id).metadata.get(MERGED_FROM)
    if found != origin:
        raise UserError(
            f"{writer.path} already has an episode {id} from elsewhere; give a new folder as --out"
        )
