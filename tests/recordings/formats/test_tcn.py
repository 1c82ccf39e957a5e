"""Official TCN folders: any number of views, names as they come, splits by folder."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest

from tcn_robot import open_recording
from tcn_robot.recordings import DatasetWriter
from tests.support.films import moving_square
from tests.support.foreign_films import decoded, lay_on_its_side, write_film


@pytest.fixture
def pouring(tmp_path: Path) -> Path:
    """The public pouring set's layout: splits, two views, unequal lengths, another encoding."""
    videos = tmp_path / "multiview-pouring" / "videos"
    for split, name in (("train", "orange to_white"), ("val", "0"), ("test", "größe_2")):
        for view in range(2):
            frames = moving_square(8 + 3 * view)[:, :, :: 1 - 2 * view]
            codec = "mpeg4" if split == "test" else "libx264"
            write_film(videos / split / f"{name}_view{view}.mov", frames, codec=codec)
    (videos / "train" / "notes.txt").write_text("x")
    return videos


def test_the_pouring_set(pouring: Path, imported) -> None:
    path, printed = imported("tcn", pouring)
    recording = open_recording(path)
    assert recording.task == "multiview-pouring"
    assert [one.split for one in recording] == ["test", "train", "valid"]
    names = [one.metadata["imported_from"]["name"] for one in recording]
    assert names == ["test/größe_2", "train/orange to_white", "val/0"]
    assert (
        "train/orange to_white: episode 1: views differ in length, all frames are kept" in printed
    )
    assert "view0 8, view1 11" in printed
    assert "2 views encoded anew as h264: its encoding is mpeg4" in printed
    assert [one.codec for one in recording] == ["h264", "original", "original"]
    original = decoded(pouring / "val" / "0_view1.mov")
    assert np.array_equal(recording[2].frames("view1"), original)
    assert recording[2].timestamps("view1") == pytest.approx(np.arange(11) / 30, abs=1e-9)
    assert recording[2].metadata["clock"] == {"name": "film"}


def test_the_command_of_the_document(
    pouring: Path, run, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (root / "docs/formats.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"tcn-robot (import tcn multiview-pouring\S* \S+)", text)
    monkeypatch.chdir(tmp_path)
    assert run(*command.split())[0] == 0
    assert len(open_recording("data/pouring")) == 3


def test_one_split_alone_and_given_by_hand(pouring: Path, imported, run, tmp_path: Path) -> None:
    path, _ = imported("tcn", pouring / "val", "--task", "pour")
    assert (open_recording(path).task, open_recording(path)[0].split) == ("pour", "valid")
    again = run("import", "tcn", pouring / "train", path, "--task", "pour", "--split", "test")
    assert again[0] == 0
    assert [one.split for one in open_recording(path)] == ["valid", "test"]


@pytest.mark.parametrize(
    "names",
    [
        ["a_view0.mp4"],
        ["a_view0.mp4", "a_view1.mov", "a_view2.mkv"],
        ["a_view_00.mp4", "a_view_01.mp4", "a_view_10.mp4"],
        ["x_view_view3.mp4", "x_view_view4.MP4"],
    ],
)
def test_any_number_and_naming_of_views(tmp_path: Path, imported, names: list[str]) -> None:
    for index, name in enumerate(names):
        frames = np.roll(moving_square(4), 3 * index, axis=1)
        write_film(tmp_path / "src" / name.replace(".MP4", ".mp4"), frames)
    path, _ = imported("tcn", tmp_path / "src")
    numbers = [int(name.split(".")[0].rpartition("view")[2].strip("_")) for name in names]
    assert open_recording(path)[0].views == tuple(f"view{number}" for number in numbers)


def test_import_goes_on_and_leaves_out_what_is_broken(pouring: Path, run, tmp_path: Path) -> None:
    broken = pouring / "val" / "0_view1.mov"
    whole = broken.read_bytes()
    broken.write_bytes(whole[: len(whole) // 2])
    out = tmp_path / "out"
    code, printed, _ = run("import", "tcn", pouring, out)
    assert code == 2
    assert "val/0: left out: " in printed
    assert "2 episodes imported" in printed
    assert "1 left out" in printed
    broken.write_bytes(whole)
    code, printed, _ = run("import", "tcn", pouring, out)
    assert code == 0
    assert "1 episodes imported" in printed
    assert "2 were there" in printed
    assert len(open_recording(out)) == 3
    assert run("import", "tcn", pouring, out)[1].count("0 episodes imported") == 1


def test_other_options_do_not_mix(pouring: Path, run, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run("import", "tcn", pouring, out, "--limit", 1)[0] == 0
    code, _, complaint = run("import", "tcn", pouring, out, "--size", "20x16")
    assert code == 2
    assert "imported with --size None, now 20x16; give a new folder" in complaint


def test_another_split_does_not_mix(pouring: Path, run, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run("import", "tcn", pouring, out, "--split", "test")[0] == 0
    code, _, complaint = run("import", "tcn", pouring, out, "--split", "train")
    assert code == 2
    assert "imported with --split test, now train; give a new folder" in complaint
    assert run("import", "tcn", pouring, out, "--split", "test", "--follow-links")[0] == 0


def test_size_and_lossless(pouring: Path, imported) -> None:
    path, printed = imported("tcn", pouring, "--size", "21x15", "--encode", "lossless")
    episode = open_recording(path)[2]
    assert episode.codec == "lossless"
    assert episode.frames("view0").shape == (8, 15, 21, 3)
    assert "6 views encoded anew" in printed
    path, _ = imported("tcn", pouring, "--encode", "lossless", "--limit", 1)
    source = decoded(pouring / "test" / "größe_2_view0.mov")
    assert np.array_equal(open_recording(path)[0].frames("view0"), source)


def test_links_out_of_the_folder_are_refused(pouring: Path, run, tmp_path: Path) -> None:
    outside = tmp_path / "elsewhere" / "0_view2.mov"
    write_film(outside, moving_square(5))
    os.symlink(outside, pouring / "val" / "0_view2.mov")
    code, _, complaint = run("import", "tcn", pouring, tmp_path / "out")
    assert code == 2
    assert "leads out of" in complaint
    assert not (tmp_path / "out").exists()
    assert run("import", "tcn", pouring, tmp_path / "out", "--follow-links")[0] == 0


def test_links_in_a_circle_are_refused(pouring: Path, run, tmp_path: Path) -> None:
    os.symlink(pouring, pouring / "val" / "again")
    code, _, complaint = run("import", "tcn", pouring, tmp_path / "out")
    assert code == 2
    assert "leads back" in complaint


@pytest.mark.parametrize("what", ["empty", "absent", "file", "other films"])
def test_the_wrong_folder_is_one_line(tmp_path: Path, run, what: str) -> None:
    source = tmp_path / "src"
    if what == "file":
        source.write_text("x")
    elif what != "absent":
        source.mkdir()
    if what == "other films":
        write_film(source / "a.mp4", moving_square(3))
    code, printed, complaint = run("import", "tcn", source, tmp_path / "out")
    assert (code, printed, complaint.count("\n")) == (2, "", 1)
    assert str(source) in complaint


def test_the_same_view_twice_is_refused(tmp_path: Path, run) -> None:
    for name in ("a_view1.mp4", "a_view01.mov"):
        write_film(tmp_path / "src" / name, moving_square(3))
    code, _, complaint = run("import", "tcn", tmp_path / "src", tmp_path / "out")
    assert code == 2
    assert "is there twice" in complaint


@pytest.mark.parametrize("codec", ["h264", "lossless"])
def test_a_round_trip_is_exact(tmp_path: Path, imported, run, codec: str) -> None:
    times = {"left": [5.0, 5.1000001, 5.35, 5.4], "right": [5.02, 5.2, 5.9]}
    with DatasetWriter(tmp_path / "d", "pour", codec, kind="film") as writer:
        for split in ("train", "test"):
            with writer.episode(10.0) as episode:
                episode.metadata.update(split=split, clock={"name": "monotonic"}, success=True)
                for view, moments in times.items():
                    for moment, frame in zip(moments, moving_square(4, 31, 41), strict=False):
                        shown = frame if view == "left" else frame[::-1]
                        episode.begin(5.0, tuple(times))
                        episode.add_frames(moment, {view: shown})
                episode.add_step({"time_seconds": 5.0, "action": [1.0]})
    code, printed, _ = run("export", "tcn", tmp_path / "d", tmp_path / "tcn")
    assert code == 0
    assert "lost: times: films carry them to a microsecond" in printed
    assert "lost: views: views have numbers, no names (left is view0, right is view1)" in printed
    assert "lost: robot: what the robot did and felt (time_seconds, action)" in printed
    assert "lost: the rest: task, success, cameras and what else is known (success)" in printed
    back = open_recording(imported("tcn", tmp_path / "tcn")[0])
    here = open_recording(tmp_path / "d")
    assert sorted(one.split for one in back) == ["test", "train"]
    episode = next(one for one in back if one.split == "train")
    for view, number in (("left", "view0"), ("right", "view1")):
        assert np.array_equal(episode.frames(number), here[0].frames(view))
        since = here[0].timestamps(view) - 5.0
        assert episode.timestamps(number) == pytest.approx(since, abs=6e-7)


def test_an_export_replaces_nothing(tmp_path: Path, clean_datasets, run) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "mine.txt").write_text("x")
    code, _, complaint = run("export", "tcn", clean_datasets["films"], tmp_path / "there")
    assert code == 2
    assert "is there already" in complaint
    code, _, complaint = run(
        "export", "tcn", clean_datasets["films"], tmp_path / "new", "--views", "lfet"
    )
    assert code == 2
    assert "did you mean 'left'" in complaint
    assert not (tmp_path / "new").exists()


def test_films_of_a_phone(tmp_path: Path, imported) -> None:
    """Lying on their side, at a rate that varies: upright and at the same times in the dataset."""
    ticks = [0, 33, 66, 133, 166, 200, 270, 300]
    path = write_film(tmp_path / "src" / "a_view0.mp4", moving_square(8), ticks_ms=ticks)
    lying = decoded(path)
    lay_on_its_side(path)
    write_film(tmp_path / "src" / "a_view1.mp4", moving_square(8)[:, ::-1], ticks_ms=ticks)
    out, printed = imported("tcn", tmp_path / "src", "--encode", "lossless")
    episode = open_recording(out)[0]
    assert np.array_equal(episode.frames("view0"), np.rot90(lying, -1, axes=(1, 2)))
    for view in episode.views:
        assert episode.timestamps(view) == pytest.approx(np.array(ticks) / 1000, abs=1e-9)
    out, printed = imported("tcn", tmp_path / "src")
    assert "1 views encoded anew as h264: its pictures lie on their side" in printed
    assert open_recording(out)[0].frames("view0").shape == (8, 40, 32, 3)


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "avi"])
def test_a_film_without_a_frame(tmp_path: Path, run, suffix: str) -> None:
    write_film(tmp_path / "src" / "a_view0.mp4", moving_square(3))
    write_film(tmp_path / "src" / f"b_view0.{suffix}", moving_square(3)[:0])
    code, printed, _ = run("import", "tcn", tmp_path / "src", tmp_path / "out")
    assert code == 2
    assert "b: left out: " in printed
    assert "1 episodes imported" in printed


def test_a_dataset_that_is_a_link_to_itself_is_one_line(pouring: Path, run, tmp_path: Path) -> None:
    os.symlink(tmp_path / "out", tmp_path / "out")
    code, _, complaint = run("import", "tcn", pouring, tmp_path / "out")
    assert (code, complaint.count("\n")) == (2, 1)


@pytest.mark.parametrize("out", ["out", ".", "..", "../..", "link/out"])
def test_a_dataset_and_its_source_lie_apart(pouring: Path, run, tmp_path: Path, out: str) -> None:
    os.symlink(pouring, tmp_path / "link")
    target = tmp_path / out if out.startswith("link") else pouring / out
    before = sorted(tmp_path.rglob("*"))
    code, _, complaint = run("import", "tcn", pouring, target)
    assert code == 2
    assert "which is only read" in complaint
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("out", ["out", ".", ".."])
def test_an_export_and_its_dataset_lie_apart(tmp_path: Path, run, out: str) -> None:
    write_film(tmp_path / "src" / "a_view0.mp4", moving_square(3))
    dataset = tmp_path / "sets" / "d"
    assert run("import", "tcn", tmp_path / "src", dataset)[0] == 0
    before = sorted(tmp_path.rglob("*"))
    code, _, complaint = run("export", "tcn", dataset, dataset / out)
    assert code == 2
    assert "which is only read" in complaint
    assert sorted(tmp_path.rglob("*")) == before


def test_an_episode_that_has_changed_is_never_taken_twice_in_silence(
    pouring: Path, tmp_path: Path, run
) -> None:
    out = tmp_path / "out"
    assert run("import", "tcn", pouring, out)[0] == 0
    for view in range(2):
        write_film(pouring / "val" / f"0_view{view}.mov", moving_square(5))
    code, printed, _ = run("import", "tcn", pouring, out)
    assert code == 0
    assert "2 were there" in printed
    assert "val/0: episode 3: the dataset had an episode of this name" in printed
    assert [one.length("view0") for one in open_recording(out)][2:] == [8, 5]


def test_what_was_deleted_is_not_imported_again(pouring: Path, tmp_path: Path, run) -> None:
    out = tmp_path / "out"
    assert run("import", "tcn", pouring, out)[0] == 0
    assert run("edit", out, "delete", "--ids", "1")[0] == 0
    assert run("edit", out, "relabel", "--ids", "0", "--split", "train")[0] == 0
    code, printed, _ = run("import", "tcn", pouring, out)
    assert code == 0
    assert "3 were there" in printed
    assert open_recording(out).ids == (0, 2)
