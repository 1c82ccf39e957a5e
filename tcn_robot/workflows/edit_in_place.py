"""Edits of a dataset in its place: delete, relabel and split episodes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

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
    from tcn_robot.recordings import Recording

Split = Literal["train", "valid", "test"]
SUCCESS = {"true": True, "false": False, "unknown": None}


def delete(
    dataset: Annotated[Path, tyro.conf.Positional], /, *, ids: list[str], dry_run: bool = False
) -> None:
    """Delete episodes for good; their ids are never used again.

    Args:
        dataset: Folder of the dataset.
        ids: Which episodes, such as `3 7-9`.
        dry_run: Say what would be done and do nothing.
    """
    from tcn_robot.recordings.editing.history import delete_episodes

    recording = open_dataset(dataset)
    chosen = parse_ids(ids, recording)
    if not dry_run:
        with writer_of(recording) as writer:
            delete_episodes(writer, chosen)
    verb, left = ("would delete" if dry_run else "deleted"), len(recording) - len(chosen)
    print(f"{dataset}: {verb} {described(chosen)}; {left} left")


def relabel(
    dataset: Annotated[Path, tyro.conf.Positional],
    /,
    *,
    ids: list[str] | None = None,
    split: Split | None = None,
    success: Literal["true", "false", "unknown"] | None = None,
    policy: str | None = None,
    embodiment: str | None = None,
    task: str | None = None,
    dry_run: bool = False,
) -> None:
    """Say something else of episodes than was recorded; their files stay as they are.

    Args:
        dataset: Folder of the dataset.
        ids: Which episodes, such as `3 7-9`; all when left out.
        split: train, valid or test.
        success: Whether the task was done: true, false or unknown.
        policy: Who acted.
        embodiment: Whose body acted.
        task: What the dataset shows; it concerns all its episodes.
        dry_run: Say what would be done and do nothing.
    """
    from tcn_robot.recordings.editing.history import relabel_episodes, rename_task

    recording = open_dataset(dataset)
    named = {"split": split, "policy": policy, "embodiment": embodiment}
    said: dict[str, Any] = {name: value for name, value in named.items() if value is not None}
    if success is not None:
        said["success"] = SUCCESS[success]
    if task is not None and (said or ids is not None):
        raise UserError("--task concerns the whole dataset; give it alone")
    if task is not None:
        print(f"{dataset}: {would(dry_run)}rename task {recording.task} to {task}")
        if not dry_run:
            with writer_of(recording) as writer:
                rename_task(writer, task)
        return
    if not said:
        raise UserError("nothing to say; give --split, --success, --policy, --embodiment or --task")
    chosen = list(recording.ids) if ids is None else parse_ids(ids, recording)
    words = ", ".join(f"{name} {value}" for name, value in said.items())
    print(f"{dataset}: {would(dry_run)}label {described(chosen)}: {words}")
    if not dry_run:
        with writer_of(recording) as writer:
            relabel_episodes(writer, dict.fromkeys(chosen, said))


def split(
    dataset: Annotated[Path, tyro.conf.Positional],
    /,
    *,
    valid: float = 0.0,
    test: float = 0.2,
    seed: int = 0,
    out: Path | None = None,
    dry_run: bool = False,
) -> None:
    """Draw which episodes are for training, validation and test, whole episodes each.

    Args:
        dataset: Folder of the dataset.
        valid: Share of the episodes for validation, 0 to 1.
        test: Share of the episodes for test, 0 to 1.
        seed: Of the draw; the same one gives the same split.
        out: Also copy each split into a dataset of its own below this folder.
        dry_run: Say what would be done and do nothing.
    """
    from tcn_robot.recordings import SPLITS
    from tcn_robot.recordings.editing.copying import has_same_files, refuse_other_episodes
    from tcn_robot.recordings.editing.history import relabel_episodes
    from tcn_robot.recordings.editing.splitting import draw_splits

    recording = open_dataset(dataset)
    drawn = draw_splits(recording.ids, valid, test, seed)
    for name in SPLITS:
        chosen = [id for id, given in drawn.items() if given == name]
        if chosen:
            print(f"{dataset}: {would(dry_run)}label {described(chosen)}: split {name}")
    if out is not None:
        refuse_same(out, dataset)
        for name in SPLITS:
            originals = {id: recording.by_id(id) for id, given in drawn.items() if given == name}
            refuse_other_episodes(out / name, originals, has_same_files)
    if dry_run:
        return
    with writer_of(recording) as writer:
        labels = {id: {"split": name} for id, name in drawn.items()}
        relabel_episodes(writer, labels, action="split")
    if out is not None:
        _copy_splits(open_dataset(dataset), out)


def _copy_splits(recording: Recording, out: Path) -> None:
    from tcn_robot.recordings.editing.copying import copy_episode

    for name in dict.fromkeys(episode.split for episode in recording):
        with writer_of(recording, out / name) as writer:
            taken = writer.taken_ids()
            for episode in recording.select(name):
                if episode.id not in taken:
                    copy_episode(episode, writer.path)
            print(f"{out / name}: {len(writer.episode_ids())} episodes")
