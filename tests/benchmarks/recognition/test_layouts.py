"""Sets of clips as they lie on disk: found, and refused where they cannot be trusted."""

import json
import shutil

import numpy as np
import pytest

from tcn_robot.benchmarks.recognition.clips import open_action_set
from tcn_robot.errors import UserError
from tests.support.action_sets import (
    CLASSES,
    action_film,
    clip_name,
    write_film,
    write_hmdb51,
    write_lines,
    write_pictures,
    write_ucf101,
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return write_ucf101(tmp_path_factory.mktemp("sets") / "ucf")


@pytest.fixture
def ucf(made, tmp_path):
    """A copy that a test may break."""
    return shutil.copytree(made, tmp_path / "ucf")


def lists(folder):
    return folder / "ucfTrainTestlist"


def add_line(path, line):
    write_lines(path, [*path.read_text().splitlines(), line])


def test_ucf101(made):
    found = open_action_set(made)
    assert (found.layout, found.classes, found.has_groups) == ("ucf101", CLASSES, True)
    assert list(found.splits) == [1, 2, 3]
    split = found.split(2)
    assert len(split.train) == 4 * 4 * 2
    assert len(split.test) == 4 * 2 * 2
    assert {clip.group.split("/")[1] for clip in split.test} == {"g03", "g04"}
    first = split.train[0]
    assert first.name == "RedLeft/v_RedLeft_g01_c01.avi"
    # UCF101 numbers the groups of each class anew.
    assert (first.label, first.group, first.num_frames) == ("RedLeft", "RedLeft/g01", 8)
    assert split.labels(split.test[:1]).tolist() == [0]
    assert "4 classes; split 1 32 to train on and 16 to test on" in found.describe()
    assert found.notes == ()
    with pytest.raises(UserError, match="no split 4; there are 1, 2, 3"):
        found.split(4)


def test_extracted_frames_are_the_films(made, tmp_path):
    frames = open_action_set(write_ucf101(tmp_path / "frames", below="", pictures=True))
    films = open_action_set(made)
    assert frames.classes == films.classes
    for number in (1, 2, 3):
        names = [clip.name for clip in films.split(number).train]
        assert [clip.name for clip in frames.split(number).train] == names
    clip = frames.split(1).train[5]
    assert clip.path.is_dir()
    assert clip.num_frames == 8
    expected = action_film(clip.label, int(clip.group[-2:]), int(clip.name[-6:-4]))
    np.testing.assert_array_equal(clip.frames(np.arange(8), 24), expected)


def test_frames_stand_in_natural_order(tmp_path):
    from tests.support.action_sets import write_picture

    for number in (1, 2, 10):
        write_picture(tmp_path / "A" / "v_A_g01_c01" / f"{number}.png", np.full((8, 8, 3), number))
    from tcn_robot.benchmarks.recognition.decoding import read_frames

    read = read_frames(tmp_path / "A" / "v_A_g01_c01", np.arange(3), 8)
    assert read[:, 0, 0, 0].tolist() == [1, 2, 10]


def test_all_films_in_one_folder(ucf, tmp_path):
    flat = tmp_path / "flat"
    flat.mkdir()
    for film in (ucf / "UCF-101").rglob("*.avi"):
        shutil.copy(film, flat / film.name)
    shutil.copytree(lists(ucf), flat / "ucfTrainTestlist")
    assert len(open_action_set(flat).split(1).train) == 32


def test_a_set_of_record_actions_shares_scenes_between_classes(ucf):
    records = [
        {"file": clip_name(label, group, clip), "embodiment": "hand", "group": group}
        for label in CLASSES
        for group in range(1, 7)
        for clip in (1, 2)
    ]
    write_lines(ucf / "clips.jsonl", [json.dumps(record) for record in records])
    found = open_action_set(ucf)
    assert found.layout == "actions"
    assert {clip.group for clip in found.split(1).test} == {"g01", "g02"}
    assert found.split(1).train[0].embodiment == "hand"
    write_lines(ucf / "clips.jsonl", ["{"])
    with pytest.raises(UserError, match="is damaged"):
        open_action_set(ucf)


def test_hmdb51(tmp_path):
    found = open_action_set(write_hmdb51(tmp_path / "hmdb"))
    assert (found.layout, found.classes) == ("hmdb51", tuple(sorted(CLASSES)))
    split = found.split(1)
    assert (len(split.train), len(split.test)) == (16, 8)
    # Two classes may be cut from one source, and the halves may not share one.
    assert {clip.group for clip in split.test} == {"Some_Film_5", "Some_Film_6"}
    assert found.notes == ()


def test_hmdb51_says_what_it_cannot_read(tmp_path):
    folder = write_hmdb51(tmp_path / "hmdb")
    path = folder / "testTrainMulti_7030_splits" / "RedLeft_test_split1.txt"
    lines = path.read_text().splitlines()
    write_lines(path, [lines[0].replace(" 1", " 3"), *lines[1:]])
    with pytest.raises(UserError, match="0, 1 or 2 on a line, found"):
        open_action_set(folder)
    write_lines(path, [*lines, lines[0]])
    with pytest.raises(UserError, match="twice"):
        open_action_set(folder)
    # The same source on both sides is said.
    write_lines(path, [lines[0].replace(" 1", " 2"), *lines[1:]])
    write_film(
        folder / "RedLeft" / "Some_Film_1_RedLeft_f_nm_np1_fr_med_1.avi",
        action_film("RedLeft", 1, 1),
    )
    add_line(path, "Some_Film_1_RedLeft_f_nm_np1_fr_med_1.avi 1")
    assert open_action_set(folder).notes == (
        "split 1: 1 sources have clips in both halves, by their names",
    )


def test_pictures_with_halves(tmp_path):
    found = open_action_set(write_pictures(tmp_path / "letters"))
    assert (found.layout, list(found.splits)) == ("pictures", [1])
    split = found.split(1)
    assert (len(split.train), len(split.test)) == (32, 32)
    assert split.train[0].num_frames == 1
    assert split.train[0].frames(np.zeros(2, int), 12).shape == (2, 12, 12, 3)


def test_pictures_without_halves_get_three_splits(tmp_path):
    folder = write_pictures(tmp_path / "letters", halves=())
    found = open_action_set(folder)
    tested = []
    for number in (1, 2, 3):
        split = found.split(number)
        assert len(split.test) == 4 * 2  # 30 % of 8, of each class
        tested.append({clip.name for clip in split.test})
    assert not tested[0] & tested[1]
    assert not tested[1] & tested[2]
    again = open_action_set(folder)
    assert again.split(3).test == found.split(3).test
    assert "3 were drawn" in found.notes[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda f: add_line(lists(f) / "testlist01.txt", clip_name("RedLeft", 3, 1)),
            "split 1 shares 1 clips by name between train and test, such as "
            "'RedLeft/v_RedLeft_g03_c01.avi'",
        ),
        (
            lambda f: shutil.copy(
                f / "UCF-101" / clip_name("RedLeft", 3, 1),
                f / "UCF-101" / clip_name("RedLeft", 1, 1),
            ),
            "by content between train and test, such as "
            "'RedLeft/v_RedLeft_g01_c01.avi = RedLeft/v_RedLeft_g03_c01.avi'",
        ),
        (lambda f: move(f, "RedLeft", 3, 1), "by group between train and test"),
        (lambda f: (f / "UCF-101" / clip_name("RedLeft", 3, 1)).unlink(), "1 listed clips are"),
        (
            lambda f: add_line(lists(f) / "trainlist01.txt", "RedLeft/v_RedLeft_g03_c01.avi 1"),
            "twice",
        ),
        (
            lambda f: add_line(lists(f) / "trainlist01.txt", "RadLeft/v_RadLeft_g03_c01.avi 1"),
            "did you mean 'RedLeft'",
        ),
        (
            lambda f: add_line(lists(f) / "trainlist01.txt", "RedLeft/v_RedLeft_g07_c01.avi 2"),
            "says class 2 of 'RedLeft/v_RedLeft_g07_c01.avi', which is in the folder of class 1",
        ),
        (
            lambda f: add_line(lists(f) / "trainlist01.txt", "../RedLeft/v_RedLeft_g07_c01.avi 1"),
            "leads out of the set",
        ),
        (lambda f: (lists(f) / "testlist02.txt").unlink(), "no testlist02.txt"),
        (lambda f: (lists(f) / "testlist02.txt").write_text(""), "no clip to test on"),
        (lambda f: (lists(f) / "testlist02.txt").write_bytes(b"\xff\xfe\xff"), "no readable list"),
        (
            lambda f: write_lines(lists(f) / "classInd.txt", ["0 RedLeft", "1 RedRight"]),
            "should number classes from 1",
        ),
        (lambda f: keep(lists(f) / "trainlist01.txt", "Blue"), "without a clip of it to train on"),
    ],
)
def test_what_cannot_be_trusted_is_refused(ucf, change, message):
    change(ucf)
    with pytest.raises(UserError) as refusal:
        open_action_set(ucf)
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)


def move(folder, label, group, clip):
    """Put a clip of a training group into the list of those to test on."""
    train, test = (lists(folder) / f"{half}list01.txt" for half in ("train", "test"))
    name = clip_name(label, group, clip)
    write_lines(train, [line for line in train.read_text().splitlines() if name not in line])
    add_line(test, name)


def keep(path, word):
    write_lines(path, [line for line in path.read_text().splitlines() if word in line])


def test_missing_clips_are_left_out_where_that_is_allowed(ucf):
    (ucf / "UCF-101" / clip_name("RedLeft", 3, 1)).unlink()
    found = open_action_set(ucf, allow_missing=True)
    assert len(found.split(1).train) == 31
    assert found.notes == (
        "1 listed clips are missing, such as 'RedLeft/v_RedLeft_g03_c01.avi': left out",
    )


def test_a_class_with_one_clip_is_said(ucf):
    path = lists(ucf) / "trainlist01.txt"
    lines = path.read_text().splitlines()
    one = [line for line in lines if "RedLeft" in line][:1]
    write_lines(path, [*one, *(line for line in lines if "RedLeft" not in line)])
    assert "1 classes have one clip to train on" in open_action_set(ucf).notes[0]


def test_a_folder_without_a_layout_is_refused(tmp_path):
    with pytest.raises(UserError, match="is no action set that is known; expected one of"):
        open_action_set(tmp_path)
    with pytest.raises(UserError, match="does not exist"):
        open_action_set(tmp_path / "none")
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="is a file"):
        open_action_set(tmp_path / "file")


@pytest.mark.slow
def test_a_recorded_set_of_actions(tmp_path):
    from tcn_robot.cli import main

    folder = tmp_path / "actions"
    options = ["--scenes", "4", "--clips", "1", "--size", "32", "--classes", "Lift", "PutDown"]
    assert main(["record-actions", "--out", str(folder), *options]) == 0
    found = open_action_set(folder)
    assert (found.layout, found.classes) == ("actions", ("Lift", "PutDown"))
    for split in found.splits.values():
        assert {clip.group for clip in split.test}.isdisjoint({c.group for c in split.train})
        assert all(clip.embodiment for clip in split.train)
    clip = found.split(1).test[0]
    assert clip.frames(np.array([0, clip.num_frames - 1]), 32).shape == (2, 32, 32, 3)
