"""The lists of an action-recognition set, as UCF101 has them: classes, splits, and a table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tcn_robot.atomic import write_text_atomically
from tcn_robot.workflows.action_clips import VIDEO_FOLDER, ActionsRequest, PlannedClip

LIST_FOLDER = "ucfTrainTestlist"
TABLE_FILE = "clips.jsonl"
NUM_SPLITS = 3
TEST_SHARE = 7 / 25
"""Of the scenes; seven of UCF101's twenty-five groups."""


def test_groups(scenes: int, split: int) -> range:
    """Return the scenes that a split tests on, numbered from 1.

    Those of the three splits have no scene in common.

    Args:
        scenes: Number of scenes, at least NUM_SPLITS.
        split: 1, 2 or 3.
    """
    size = max(1, int(scenes * TEST_SHARE))
    return range((split - 1) * size + 1, split * size + 1)


def write_lists(
    out: Path, request: ActionsRequest, clips: Sequence[PlannedClip], records: Sequence[Any]
) -> None:
    """Write classInd.txt, the lists of the splits, the table of films and a README.

    Args:
        out: Folder of the set.
        request: What was asked for.
        clips: All films.
        records: What is known of each, in the same order.
    """
    folder = out / LIST_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    number = {name: index for index, name in enumerate(request.classes, start=1)}
    classes = [f"{index} {name}" for name, index in number.items()]
    _write(folder / "classInd.txt", classes)
    for split in range(1, NUM_SPLITS + 1):
        held_out = test_groups(request.scenes, split)
        training = [clip for clip in clips if clip.group not in held_out]
        testing = [clip for clip in clips if clip.group in held_out]
        lines = [f"{clip.path} {number[clip.action]}" for clip in training]
        _write(folder / f"trainlist{split:02d}.txt", lines)
        _write(folder / f"testlist{split:02d}.txt", [clip.path for clip in testing])
    _write(out / TABLE_FILE, [json.dumps(record, sort_keys=True) for record in records])
    write_text_atomically(out / "README.md", readme(request, len(clips)))


def readme(request: ActionsRequest, num_clips: int) -> str:
    """Return what the folder says of itself."""
    from tcn_robot.envs.actions import ACTIONS

    rows = [
        f"| {name} | {ACTIONS[name].meaning} | {ACTIONS[name].mirror or '-'} |"
        for name in request.classes
    ]
    return "\n".join(
        [
            "# Actions",
            "",
            f"{num_clips} films of {len(request.classes)} actions in {request.scenes} scenes, made "
            "by `tcn-robot record-actions`.",
            "",
            f"- `{VIDEO_FOLDER}/CLASS/v_CLASS_gGG_cCC.avi`: GG is the scene, CC the film in it.",
            f"- `{LIST_FOLDER}/`: UCF101's lists. No scene is in both halves of a split, and none "
            "is tested on twice.",
            f"- `{TABLE_FILE}`: task, body, view, scene, what was drawn, for each film.",
            "",
            "What a class shows, its mirror shows backwards: only the order of time tells them "
            "apart. No film was reversed.",
            "",
            "| class | what happens | mirror |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


def _write(path: Path, lines: Sequence[str]) -> None:
    write_text_atomically(path, "".join(f"{line}\n" for line in lines))
