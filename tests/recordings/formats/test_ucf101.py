"""UCF101's layout: classes and splits by list, films or folders of frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tcn_robot import open_recording
from tcn_robot.recordings import DatasetWriter
from tests.recordings.formats.test_frames import write_pictures
from tests.support.films import moving_square
from tests.support.foreign_films import decoded, write_film

LISTS = {
    "classInd.txt": "1 Jump\n2 Sit Down\n",
    "trainlist01.txt": "Jump/v_Jump_g02_c01.avi 1\nSit Down/v_SitDown_g02_c01.avi 2\n",
    "testlist01.txt": "Jump/v_Jump_g01_c01.avi\r\n",
    "trainlist02.txt": "Jump/v_Jump_g01_c01.avi 1\n",
    "testlist02.txt": "Jump/v_Jump_g02_c01.avi\n",
}
FILMS = ("Jump/v_Jump_g01_c01", "Jump/v_Jump_g02_c01", "Sit Down/v_SitDown_g02_c01")


def write_lists(root: Path, **changed: str) -> None:
    folder = root / "ucfTrainTestlist"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in {**LISTS, **changed}.items():
        (folder / name).write_text(text)


@pytest.fixture(params=["films", "frames"])
def actions(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, list[object]]:
    """A small set and the options that it needs."""
    root = tmp_path / "UCF-101"
    for number, name in enumerate(FILMS):
        frames = np.roll(moving_square(9), 5 * number, axis=1)
        if request.param == "films":
            write_film(root / "videos" / f"{name}.avi", frames, codec="mpeg4", rate=25)
        else:
            write_pictures(root / "frames" / name, frames, "img_{:05d}.jpg")
    write_lists(root)
    return root, [] if request.param == "films" else ["--rate", 25]


def test_classes_and_splits(actions: tuple[Path, list[object]], imported) -> None:
    root, options = actions
    path, _ = imported("ucf101", root, *options)
    recording = open_recording(path)
    assert recording.task == "UCF-101"
    found = {(one.metadata["label"], one.split) for one in recording}
    assert found == {("Jump", "test"), ("Jump", "train"), ("Sit Down", "train")}
    assert recording[0].timestamps("view0") == pytest.approx(np.arange(9) / 25, abs=1e-9)


def test_another_list(actions: tuple[Path, list[object]], imported) -> None:
    root, options = actions
    path, printed = imported("ucf101", root, "--list-number", 2, *options)
    assert [one.split for one in open_recording(path)] == ["train", "test"]
    assert "1 films are on no list 02: left out" in printed


def test_another_list_does_not_mix(actions: tuple[Path, list[object]], run, tmp_path: Path) -> None:
    root, options = actions
    assert run("import", "ucf101", root, tmp_path / "out", *options)[0] == 0
    code, _, complaint = run(
        *("import", "ucf101", root, tmp_path / "out", "--list-number", 2), *options
    )
    assert code == 2
    assert "imported with --list-number None, now 2; give a new folder" in complaint
    assert len(open_recording(tmp_path / "out")) == 3


def test_a_list_that_is_not_there(actions: tuple[Path, list[object]], run, tmp_path: Path) -> None:
    code, _, complaint = run("import", "ucf101", actions[0], tmp_path / "x", "--list-number", 3)
    assert code == 2
    assert "has no list 03; --list-number can be 1, 2" in complaint


@pytest.mark.parametrize(
    "line", ["../../etc/passwd.avi 1", "Jump/../../x.avi 1", "C:\\x.avi 1", "\\\\host\\x.avi 1"]
)
def test_lists_that_point_outside_are_refused(
    actions: tuple[Path, list[object]], run, tmp_path: Path, line: str
) -> None:
    write_lists(actions[0], **{"trainlist01.txt": LISTS["trainlist01.txt"] + line + "\n"})
    code, _, complaint = run("import", "ucf101", actions[0], tmp_path / "out")
    assert code == 2
    assert "leads out of it; refused" in complaint
    assert not (tmp_path / "out").exists()


def test_contradicting_lists_are_refused(
    actions: tuple[Path, list[object]], run, tmp_path: Path
) -> None:
    write_lists(actions[0], **{"testlist01.txt": "Jump/v_Jump_g02_c01.avi\n"})
    code, _, complaint = run("import", "ucf101", actions[0], tmp_path / "out")
    assert code == 2
    assert "mend the lists" in complaint


def test_missing_films_are_counted(actions: tuple[Path, list[object]], imported) -> None:
    root, options = actions
    write_lists(root, **{"testlist01.txt": "Jump/v_Jump_g01_c01.avi\nJump/gone.avi\n"})
    _, printed = imported("ucf101", root, *options)
    assert "1 listed films are missing, such as 'Jump/gone'" in printed


def test_without_lists_folders_tell(tmp_path: Path, imported) -> None:
    for split in ("train", "val"):
        write_film(tmp_path / "set" / split / "Jump" / f"{split}.mp4", moving_square(5))
    path, printed = imported("ucf101", tmp_path / "set")
    assert "no list of splits was found" in printed
    assert [one.split for one in open_recording(path)] == ["train", "valid"]
    assert open_recording(path)[0].metadata["label"] == "Jump"


def test_films_of_one_name_in_two_folders_are_both_taken(tmp_path: Path, imported) -> None:
    for number, part in enumerate(("a", "b")):
        film = tmp_path / "set" / part / "Jump" / "v_Jump_g01_c01.avi"
        write_film(film, np.roll(moving_square(5), 5 * number, axis=1), codec="mpeg4")
    write_lists(
        tmp_path / "set",
        **{"trainlist01.txt": "Jump/gone.avi 1\n", "testlist01.txt": "Jump/v_Jump_g01_c01.avi\n"},
    )
    path, printed = imported("ucf101", tmp_path / "set")
    assert [one.split for one in open_recording(path)] == ["test", "test"]
    assert "1 listed films are missing, such as 'Jump/gone'" in printed
    assert "on no list" not in printed


def test_what_record_actions_wrote(tmp_path: Path, imported) -> None:
    """Its writer of films and its table of splits, without simulating anything."""
    from tcn_robot.workflows.action_clips import write_avi

    film = tmp_path / "set" / "videos" / "Lift" / "v_Lift_g01_c01.avi"
    film.parent.mkdir(parents=True)
    write_avi(film, moving_square(7), 10.0)
    write_lists(
        tmp_path / "set",
        **{"trainlist01.txt": "Lift/v_Lift_g01_c01.avi 1\n", "testlist01.txt": ""},
    )
    path, _ = imported("ucf101", tmp_path / "set", "--encode", "lossless")
    assert np.array_equal(open_recording(path)[0].frames("view0"), decoded(film))


@pytest.mark.parametrize("codec", ["h264", "lossless"])
def test_a_round_trip_is_frame_exact(tmp_path: Path, imported, run, codec: str) -> None:
    with DatasetWriter(tmp_path / "d", "Ärger/Sit down", codec, kind="film") as writer:
        for split, label in (("train", "jump up"), ("valid", "jump up"), ("test", None)):
            with writer.episode(10.0) as episode:
                episode.metadata.update(split=split, clock={"name": "monotonic"})
                episode.metadata.update({} if label is None else {"label": label, "success": True})
                episode.add_step({"time_seconds": 3.0, "action": [1.0]})
                shift = 7 * episode.id
                for index, frame in enumerate(np.roll(moving_square(9, 32, 48), shift, axis=1)):
                    time_seconds = 3 + index / 10 + (0.07 if index == 5 else 0.0)
                    episode.add_frames(time_seconds, {"left": frame, "right": frame[::-1]})
    code, printed, _ = run("export", "ucf101", tmp_path / "d", tmp_path / "ucf")
    assert code == 0
    for said in (
        "lost: times: frames come at one rate there: measured times were up to 0.07 s off it",
        "lost: clock: each film begins at 0 there (left began at 3.0 s on the clock 'monotonic')",
        "lost: task: classes are words without spaces there ('jump up' is JumpUp) (3 episodes)",
        "lost: views: each view is a film of its own",
        "lost: splits: validlist01.txt is no list of UCF101's",
        "lost: robot: what the robot did and felt (time_seconds, action) has no place (3 episodes)",
        "lost: the rest: success, cameras and what else is known (success) have no place (2",
    ):
        assert said in printed
    assert "lost: pictures: " not in printed
    lists = tmp_path / "ucf" / "ucfTrainTestlist"
    assert (lists / "classInd.txt").read_text(encoding="utf-8") == "1 JumpUp\n2 SitDown\n"
    train = (lists / "trainlist01.txt").read_text().splitlines()
    assert train == ["JumpUp/v_JumpUp_g01_c01.avi 1", "JumpUp/v_JumpUp_g01_c02.avi 1"]
    assert (lists / "testlist01.txt").read_text().splitlines()[0].endswith("g03_c01.avi")
    path, _ = imported("ucf101", tmp_path / "ucf")
    here, back = open_recording(tmp_path / "d"), open_recording(path)
    assert len(back) == 6
    by_name = {one.metadata["imported_from"]["name"]: one for one in back}
    for episode in here:
        for clip, view in enumerate(episode.views, 1):
            (name,) = [one for one in by_name if f"_g{episode.id + 1:02d}_c{clip:02d}" in one]
            assert np.array_equal(by_name[name].frames("view0"), episode.frames(view))
            assert by_name[name].split == episode.split
            assert by_name[name].timestamps("view0") == pytest.approx(np.arange(9) / 10, abs=1e-6)


def test_labels_stay_apart_and_small_delays_are_said(tmp_path: Path, imported, run) -> None:
    labels = ("pour water", "PourWater", "x/PourWater", "PourWater2", "pour water", "!", "?")
    with DatasetWriter(tmp_path / "d", "t", "h264", kind="film") as writer:
        for label in labels:
            with writer.episode(10.0) as episode:
                episode.metadata.update(split="train", clock={"name": "film"}, label=label)
                frames = np.roll(moving_square(5), 4 * episode.id, axis=1)
                for index, frame in enumerate(frames):
                    late_seconds = 0.0124 if index == 2 and episode.id == 1 else 0.0
                    episode.add_frames(index / 10 + late_seconds, {"eye": frame})
    code, printed, _ = run("export", "ucf101", tmp_path / "d", tmp_path / "ucf")
    assert code == 0
    assert (
        "lost: times: frames come at one rate there: measured times were up to 0.0124 s" in printed
    )
    assert "('pour water' is PourWater3) (5 episodes)" in printed
    assert "lost: clock: " not in printed
    classes = (tmp_path / "ucf" / "ucfTrainTestlist" / "classInd.txt").read_text().splitlines()
    assert len(classes) == len(set(labels))
    back = open_recording(imported("ucf101", tmp_path / "ucf")[0])
    found = sorted(one.metadata["label"] for one in back)
    assert len(set(found)) == len(set(labels))
    assert found.count("PourWater3") == 2


def test_what_loses_nothing_says_nothing(tmp_path: Path, imported, run) -> None:
    film = tmp_path / "set" / "Jump" / "v_Jump_g01_c01.avi"
    write_film(film, moving_square(5), rate=30, options={"bf": "0"})
    path, _ = imported("ucf101", tmp_path / "set")
    code, printed, _ = run("export", "ucf101", path, tmp_path / "ucf")
    assert code == 0
    assert "lost: the rest: " in printed  # who acted: nobody knows
    assert printed.count("lost: ") == 1


def test_other_encodings_are_made_anew_and_said(tmp_path: Path, imported, run) -> None:
    write_film(tmp_path / "src" / "a_view0.mp4", moving_square(9), options={"bf": "2"})
    path, _ = imported("tcn", tmp_path / "src")
    code, printed, _ = run("export", "ucf101", path, tmp_path / "ucf")
    assert code == 0
    assert "lost: pictures: films in AVI are H.264: encoded anew (its frames are reord" in printed
    run("export", "ucf101", path, tmp_path / "exact", "--encode", "lossless")
    (film,) = (tmp_path / "exact").rglob("*.avi")
    assert np.array_equal(decoded(film), decoded(tmp_path / "src" / "a_view0.mp4"))
