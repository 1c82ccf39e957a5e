"""record-actions as a user runs it: UCF101's layout, splits, resuming, bad input."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import pytest

from tcn_robot import cli
from tcn_robot.errors import UserError
from tcn_robot.workflows import record_actions
from tcn_robot.workflows.action_clips import ActionsRequest, planned_clips
from tcn_robot.workflows.action_lists import test_groups as groups_tested_on

SMALL = ["--scenes", "3", "--clips", "2", "--classes", "Lift", "PutDown", "Wave", "--size", "16"]
SMALL += ["--randomise"]


def run(out: Path, *more: str) -> None:
    record_actions.main(["--out", str(out), *SMALL, *more])


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


@pytest.fixture(scope="module")
def actions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("data") / "actions"
    run(out)
    return out


def lines_of(path: Path) -> list[str]:
    return path.read_text().splitlines()


def test_the_layout_is_that_of_ucf101(actions):
    """Read as its readers do: class numbers from 1, names with class, group and clip."""
    lists = actions / "ucfTrainTestlist"
    classes = dict(line.split()[::-1] for line in lines_of(lists / "classInd.txt"))
    assert classes == {"Lift": "1", "PutDown": "2", "Wave": "3"}
    films = {str(path.relative_to(actions / "videos")) for path in actions.rglob("*.avi")}
    assert len(films) == 18
    assert {path.name for path in (actions / "videos").iterdir()} == set(classes)
    tested: list[set[str]] = []
    for split in (1, 2, 3):
        train = dict(line.split() for line in lines_of(lists / f"trainlist0{split}.txt"))
        test = lines_of(lists / f"testlist0{split}.txt")
        assert set(train) | set(test) == films
        groups = []
        for names in (train, test):
            found = [re.fullmatch(r"(\w+)/v_\1_g(\d\d)_c(\d\d)\.avi", name) for name in names]
            assert {match[1] for match in found if match} == set(classes)
            groups.append({match[2] for match in found if match})
        assert not groups[0] & groups[1]
        assert all(train[name] == classes[name.partition("/")[0]] for name in train)
        tested.append(groups[1])
    assert len(set.union(*tested)) == sum(map(len, tested))


def test_films_hold_what_the_table_says(actions):
    records = [json.loads(line) for line in lines_of(actions / "clips.jsonl")]
    assert len(records) == 18
    for record in records:
        with av.open(str(actions / "videos" / record["file"])) as container:
            stream = container.streams.video[0]
            assert stream.codec_context.name == "mpeg4"
            assert float(stream.average_rate) == record["frame_rate_hz"]
            assert (stream.width, stream.height) == (16, 16)
            assert sum(1 for _ in container.decode(stream)) == record["frames"]
    assert {record["embodiment"] for record in records} == {"robot", "hand", "tongs"}
    assert len({record["view"] for record in records}) >= 3
    seeds = {record["group"]: record["scene_seed"] for record in records}
    assert len(set(seeds.values())) == 3
    assert all(record["scene_seed"] == seeds[record["group"]] for record in records)


def test_the_same_bytes_by_two_processes(actions, tmp_path):
    run(tmp_path / "two", "--workers", "2")
    assert digests(tmp_path / "two") == digests(actions)


def test_an_interrupted_set_goes_on_and_ends_alike(actions, tmp_path):
    out = tmp_path / "interrupted"
    command = [sys.executable, "-m", "tcn_robot", "record-actions", "--out", str(out), *SMALL]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while not list(out.glob("videos/*/*.avi")) and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate()
    if process.returncode:
        assert process.returncode == 130
        assert "interrupted; the same command goes on" in told
        assert not list(out.rglob(".v_*"))
    run(out)
    assert digests(out) == digests(actions)


def test_running_again_records_nothing_and_a_lost_film_comes_back(actions, capsys):
    before = digests(actions)
    film = next(actions.rglob("*.avi"))
    os.remove(film)
    run(actions)
    assert "1 of them new" in capsys.readouterr().out
    run(actions)
    assert "0 of them new" in capsys.readouterr().out
    assert digests(actions) == before


def test_more_classes_do_not_change_the_films_of_others():
    one = ActionsRequest(("Lift",), 3, 3, ("robot", "hand"), ("front", "top"), 16, (), False, 0)
    two = ActionsRequest(("Lift", "Wave"), 9, 3, ("robot", "hand"), ("front", "top"), 16, (), 0, 0)
    assert planned_clips(one, 2) == planned_clips(two, 2)[:3]


@pytest.mark.parametrize(("scenes", "sizes"), [(3, 1), (9, 2), (25, 7), (99, 27)])
def test_splits_share_no_test_scene(scenes, sizes):
    groups = [set(groups_tested_on(scenes, split)) for split in (1, 2, 3)]
    assert [len(found) for found in groups] == [sizes] * 3
    assert len(set.union(*groups)) == 3 * sizes
    assert max(set.union(*groups)) <= scenes


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--classes", "Lifts"], "unknown action 'Lifts'; did you mean 'Lift'?"),
        (["--classes", "Lift", "Lift"], "action named twice"),
        (["--embodiments", "hands"], "did you mean 'hand'?"),
        (["--views", "frnt"], "did you mean 'front'?"),
        (["--randomise", "lights"], "did you mean 'light'?"),
        (["--scenes", "2"], "--scenes must lie between 3 and 99, found 2"),
        (["--size", "33"], "--size must be even, found 33"),
        (["--clips", "0"], "--clips must lie between 1 and 99"),
        (["--workers", "0"], "--workers must be at least 1"),
        (["--seed", "-1"], "--seed must be at least 0"),
    ],
)
def test_bad_input(options, told, tmp_path):
    with pytest.raises(UserError, match=re.escape(told)):
        record_actions.main(["--out", str(tmp_path / "out"), *options])
    assert not (tmp_path / "out").exists()


def test_folders_that_hold_something_else(actions, tmp_path, capsys):
    with pytest.raises(UserError, match="was begun with seed 0, found 5"):
        run(actions, "--seed", "5")
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(UserError, match="is no set of actions"):
        run(tmp_path)
    (tmp_path / "mine").unlink()
    (tmp_path / "request.json").write_text("{")
    with pytest.raises(UserError, match="is damaged"):
        run(tmp_path)
    assert cli.main(["record-actions", "--out", str(tmp_path), "--scenez", "4"]) == 2
    assert "--scenes" in capsys.readouterr().err
