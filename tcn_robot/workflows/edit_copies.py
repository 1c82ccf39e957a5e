"""Edits that write another dataset: trim episodes, merge datasets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from tcn_robot.errors import UserError
from tcn_robot.workflows.edit_common import (
    described,
    open_dataset,
    parse_ids,
    refuse_same,
    would,
    writer_of,
)

if TYPE_CHECKING:
    from tcn_robot.recordings import DatasetWriter, Episode
    from tcn_robot.recordings.editing.trimming import Cut


def trim(
    dataset: Annotated[Path, tyro.conf.Positional],
    /,
    *,
    out: Path,
    ids: list[str] | None = None,
    start_seconds: float | None = None,
    stop_seconds: float | None = None,
    start_frame: int | None = None,
    stop_frame: int | None = None,
    dry_run: bool = False,
) -> None:
    """Cut episodes to a part of their time; the others are taken over whole. Ids and times stay.

    A film that is cut where it can begin keeps its bytes; else its frames are encoded again.

    Args:
        dataset: Folder of the dataset.
        out: Folder of the new dataset.
        ids: Which episodes to cut, such as `3 7-9`; all when left out.
        start_seconds: What comes earlier is cut off; after the episode's first frame.
        stop_seconds: This and what comes later is cut off; after the episode's first frame.
        start_frame: The same by frames of the first view.
        stop_frame: The same by frames of the first view.
        dry_run: Say what would be done and do nothing.
    """
    from tcn_robot.progress import progress
    from tcn_robot.recordings.editing import trimming
    from tcn_robot.recordings.editing.copying import refuse_other_episodes

    by_frames = start_frame is not None or stop_frame is not None
    by_time = start_seconds is not None or stop_seconds is not None
    if by_frames == by_time:
        raise UserError("give either --start-seconds, --stop-seconds or the same in frames")
    _refuse_empty_range(start_frame or 0, stop_frame)
    _refuse_empty_range(start_seconds or 0.0, stop_seconds)
    recording = open_dataset(dataset)
    refuse_same(out, dataset)
    chosen = list(recording.ids) if ids is None else parse_ids(ids, recording)
    cuts = {
        id: trimming.cut_by_frames(recording.by_id(id), start_frame or 0, stop_frame)
        if by_frames
        else trimming.cut_by_time(recording.by_id(id), start_seconds or 0.0, stop_seconds)
        for id in chosen
    }
    for id, one in cuts.items():
        trimming.refuse_empty(recording.by_id(id), one)
    if dry_run:
        print(f"{out}: would cut {described(chosen)}, take over {len(recording) - len(chosen)}")
        return
    refuse_other_episodes(
        out,
        {episode.id: episode for episode in recording},
        lambda there, episode: trimming.is_trimmed(there, episode, cuts.get(episode.id)),
    )
    with writer_of(recording, out) as writer:
        taken = writer.taken_ids()
        left = [episode for episode in recording if episode.id not in taken]
        for episode in progress(left, len(left), f"trimming {dataset}", "episodes"):
            _trim_one(episode, cuts.get(episode.id), writer)


def _refuse_empty_range(start: float, stop: float | None) -> None:
    if start < 0 or (stop is not None and stop <= start):
        raise UserError(f"the range must begin at 0 or later and end later, found {start}:{stop}")


def _trim_one(episode: Episode, cut: Cut | None, writer: DatasetWriter) -> None:
    """Write one episode, cut or whole."""
    from tcn_robot.recordings.editing import trimming
    from tcn_robot.recordings.editing.copying import copy_episode, copy_model
    from tcn_robot.recordings.writer import write_episode

    if cut is None:
        copy_episode(episode, writer.path)
        return
    copy_model(episode, writer.path)
    rate_hz = float(episode.metadata.get("fps_asked") or 30.0)
    with write_episode(writer.path, episode.id, episode.codec, rate_hz) as target:
        done = trimming.trim_episode(episode, cut, target)
    words = ", ".join(f"{view} {one.frames} frames ({one.how})" for view, one in done.items())
    print(f"episode {episode.id}: {words}")


def merge(
    dataset: Annotated[Path, tyro.conf.Positional],
    /,
    *others: Annotated[Path, tyro.conf.Positional],
    out: Path,
    dry_run: bool = False,
) -> None:
    """Join datasets of one task into a new one; files share their place on the disk if they can.

    An episode keeps its id where that is free, else it gets one behind all others; `merged_from` in
    its `episode.json` says where it comes from.

    Args:
        dataset: Folder of the first dataset.
        others: Folders of the others.
        out: Folder of the new dataset.
        dry_run: Say what would be done and do nothing.
    """
    from tcn_robot.progress import progress
    from tcn_robot.recordings.editing.merging import merge as merge_episodes
    from tcn_robot.recordings.editing.merging import plan_merge, refuse_other_merge

    if not others:
        raise UserError("merge needs at least one more dataset: `edit A merge B --out NEW`")
    for path in (dataset, *others):
        refuse_same(out, path)
    recordings = [open_dataset(path) for path in (dataset, *others)]
    plan = plan_merge(recordings)
    for one in plan:
        if one.id != one.episode.id:
            print(f"{one.recording.path}: episode {one.episode.id} becomes {one.id}")
    print(f"{out}: {would(dry_run)}hold {len(plan)} episodes of {len(recordings)} datasets")
    if dry_run:
        return
    refuse_other_merge(plan, out)
    with writer_of(recordings[0], out) as writer:
        left = len({one.id for one in plan} - writer.taken_ids())
        for _ in progress(merge_episodes(plan, writer), left, f"merging into {out}", "episodes"):
            pass
