"""`tcn-robot edit DIR ACTION`: deletes, relabels, splits, trims and merges episodes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from tcn_robot.errors import UserError, unknown_name
from tcn_robot.workflows.options import parse_and_run

if TYPE_CHECKING:
    from tcn_robot.recordings import DatasetWriter, Episode, Recording
    from tcn_robot.recordings.editing.trimming import Cut

USAGE = """usage: tcn-robot edit DIR ACTION [options]

Edits a dataset. Ids stay; what was recorded stays as it is, each edit adds to the history that
`tcn-robot info DIR` shows.

actions:
  delete   episodes, for good
  relabel  split, success, policy or body of episodes; the task of the dataset
  split    train, valid and test at random, by shares
  trim     episodes to a part of their time, into another dataset
  merge    with other datasets of the same task, into another one

`tcn-robot edit DIR ACTION --help` explains one of them"""

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

    recording = _open(dataset)
    chosen = parse_ids(ids, recording)
    if not dry_run:
        with _writer(recording) as writer:
            delete_episodes(writer, chosen)
    verb, left = ("would delete" if dry_run else "deleted"), len(recording) - len(chosen)
    print(f"{dataset}: {verb} {_described(chosen)}; {left} left")


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

    recording = _open(dataset)
    named = {"split": split, "policy": policy, "embodiment": embodiment}
    said: dict[str, Any] = {name: value for name, value in named.items() if value is not None}
    if success is not None:
        said["success"] = SUCCESS[success]
    if task is not None and (said or ids is not None):
        raise UserError("--task concerns the whole dataset; give it alone")
    if task is not None:
        print(f"{dataset}: {_would(dry_run)}rename task {recording.task} to {task}")
        if not dry_run:
            with _writer(recording) as writer:
                rename_task(writer, task)
        return
    if not said:
        raise UserError("nothing to say; give --split, --success, --policy, --embodiment or --task")
    chosen = list(recording.ids) if ids is None else parse_ids(ids, recording)
    words = ", ".join(f"{name} {value}" for name, value in said.items())
    print(f"{dataset}: {_would(dry_run)}label {_described(chosen)}: {words}")
    if not dry_run:
        with _writer(recording) as writer:
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
    from tcn_robot.recordings.editing.history import relabel_episodes
    from tcn_robot.recordings.editing.splitting import draw_splits

    recording = _open(dataset)
    drawn = draw_splits(recording.ids, valid, test, seed)
    for name in ("train", "valid", "test"):
        chosen = [id for id, given in drawn.items() if given == name]
        if chosen:
            print(f"{dataset}: {_would(dry_run)}label {_described(chosen)}: split {name}")
    if dry_run:
        return
    with _writer(recording) as writer:
        labels = {id: {"split": name} for id, name in drawn.items()}
        relabel_episodes(writer, labels, action="split")
    if out is not None:
        _copy_splits(_open(dataset), out)


def _copy_splits(recording: Recording, out: Path) -> None:
    from tcn_robot.recordings.editing.copying import copy_episode

    for name in dict.fromkeys(episode.split for episode in recording):
        with _writer(recording, out / name) as writer:
            present = writer.taken_ids()
            for episode in recording.select(name):
                if episode.id not in present:
                    copy_episode(episode, writer.path)
        print(f"{out / name}: {len(recording.select(name))} episodes")


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

    by_frames = start_frame is not None or stop_frame is not None
    by_time = start_seconds is not None or stop_seconds is not None
    if by_frames == by_time:
        raise UserError("give either --start-seconds, --stop-seconds or the same in frames")
    start, stop = (start_frame, stop_frame) if by_frames else (start_seconds, stop_seconds)
    if (start or 0) < 0 or (stop is not None and stop <= (start or 0)):
        raise UserError(f"the range must begin at 0 or later and end later, found {start}:{stop}")
    recording = _open(dataset)
    _refuse_same(out, dataset)
    chosen = list(recording.ids) if ids is None else parse_ids(ids, recording)
    cut = trimming.cut_by_frames if by_frames else trimming.cut_by_time
    cuts = {id: cut(recording.by_id(id), start or 0, stop) for id in chosen}
    for id, one in cuts.items():
        trimming.refuse_empty(recording.by_id(id), one)
    if dry_run:
        print(f"{out}: would cut {_described(chosen)}, take over {len(recording) - len(chosen)}")
        return
    with _writer(recording, out) as writer:
        for episode in progress(recording, len(recording), f"trimming {dataset}", "episodes"):
            _trim_one(episode, cuts.get(episode.id), writer)


def _trim_one(episode: Episode, cut: Cut | None, writer: DatasetWriter) -> None:
    """Write one episode, cut or whole, unless it is there from an earlier call."""
    from tcn_robot.recordings import open_recording
    from tcn_robot.recordings.editing import trimming
    from tcn_robot.recordings.editing.copying import copy_episode, copy_model
    from tcn_robot.recordings.format import encoder_of
    from tcn_robot.recordings.writer import write_episode

    if episode.id in writer.episode_ids():
        there = open_recording(writer.path).by_id(episode.id)
        trimming.refuse_other_cut(there, episode, cut)
        return
    if cut is None:
        copy_episode(episode, writer.path)
        return
    copy_model(episode, writer.path)
    rate_hz = float(episode.metadata.get("fps_asked") or 30.0)
    with write_episode(writer.path, episode.id, encoder_of(episode.codec), rate_hz) as target:
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
    """Join datasets of one task into a new one; films share their place on the disk if they can.

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
    from tcn_robot.recordings.editing.merging import plan_merge

    if not others:
        raise UserError("merge needs at least one more dataset: `edit A merge B --out NEW`")
    for path in (dataset, *others):
        _refuse_same(out, path)
    recordings = [_open(path) for path in (dataset, *others)]
    plan = plan_merge(recordings)
    for one in plan:
        if one.id != one.episode.id:
            print(f"{one.recording.path}: episode {one.episode.id} becomes {one.id}")
    print(f"{out}: {_would(dry_run)}hold {len(plan)} episodes of {len(recordings)} datasets")
    if dry_run:
        return
    with _writer(recordings[0], out) as writer:
        left = len(plan) - len(writer.episode_ids())
        for _ in progress(merge_episodes(plan, writer), left, f"merging into {out}", "episodes"):
            pass


def parse_ids(words: Sequence[str], recording: Recording) -> list[int]:
    """Return the ids that words such as "3" and "7-9" name, ascending.

    Raises:
        UserError: If a word is no id or range, or the recording has no such episode.
    """
    ids: set[int] = set()
    for word in words:
        match = re.fullmatch(r"(\d+)(?:-(\d+))?", word)
        if match is None:
            raise UserError(f"--ids takes ids and ranges such as 3 7-9, found {word!r}")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise UserError(f"--ids: the range {word!r} ends before it begins")
        if last - first > max(recording.ids):
            recording.by_id(last)  # says which ids there are
        ids |= set(range(first, last + 1))
    for id in sorted(ids):
        recording.by_id(id)
    return sorted(ids)


def _open(path: Path) -> Recording:
    from tcn_robot.recordings import open_recording

    return open_recording(path)


def _writer(recording: Recording, path: Path | None = None) -> DatasetWriter:
    from tcn_robot.recordings import DatasetWriter

    kind = str(recording.metadata.get("kind", "film"))
    return DatasetWriter(path or recording.path, recording.task, kind=kind)


def _refuse_same(out: Path, dataset: Path) -> None:
    if out.resolve() == dataset.resolve():
        raise UserError(f"--out must be another folder than {dataset}")


def _would(dry_run: bool) -> str:
    return "would " if dry_run else ""


def _described(ids: Sequence[int]) -> str:
    from tcn_robot.recordings.reader import describe_ids

    noun = "episode" if len(ids) == 1 else f"{len(ids)} episodes:"
    return f"{noun} {describe_ids(tuple(ids))}"


ACTIONS = {
    "delete": delete,
    "relabel": relabel,
    "split": split,
    "trim": trim,
    "merge": merge,
}


def main(arguments: list[str]) -> None:
    """Run the command."""
    if arguments and arguments[0] in ("-h", "--help"):
        print(USAGE)
        raise SystemExit(0)
    if not arguments or arguments[0].startswith("-"):
        found = f", found {arguments[0]}" if arguments else ""
        raise UserError(f"give a dataset and an action, such as `edit DIR delete --ids 3`{found}")
    if arguments[0] in ACTIONS and not Path(arguments[0]).is_dir():
        raise UserError(f"the dataset comes first: `tcn-robot edit DIR {arguments[0]} …`")
    if len(arguments) < 2 or arguments[1].startswith("-"):
        raise UserError(f"give an action behind the dataset: {', '.join(ACTIONS)}")
    dataset, action, *rest = arguments
    if action not in ACTIONS:
        raise unknown_name("action", action, ACTIONS)
    parse_and_run(ACTIONS[action], [dataset, *rest], name=f"edit DIR {action}")
