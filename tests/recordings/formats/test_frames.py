"""Folders of pictures: natural order, times beside them or a rate, one folder per view."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from zlib import compress, crc32

import cv2
import numpy as np
import pytest

from tcn_robot import open_recording
from tcn_robot.recordings import DatasetWriter
from tcn_robot.recordings.capture.files import list_pictures
from tests.support.films import moving_square

FRAMES = moving_square(11)


def write_pictures(folder: Path, frames: np.ndarray, name: str = "{}.png") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for index, frame in enumerate(frames):
        content = cv2.imencode(Path(name).suffix, frame[:, :, ::-1])[1]
        (folder / name.format(index)).write_bytes(content.tobytes())


def test_natural_order_and_rate(tmp_path: Path, imported) -> None:
    write_pictures(tmp_path / "src" / "ünder stößel", FRAMES, "frame {}.png")
    path, _ = imported("frames", tmp_path / "src", "--rate", 10, "--encode", "lossless")
    (episode,) = open_recording(path)
    assert np.array_equal(episode.frames("view0"), FRAMES)
    assert np.array_equal(episode.timestamps("view0"), np.arange(11) / 10)


@pytest.mark.parametrize(
    ("folders", "episodes", "views"),
    [("views", 1, ("left", "rechts_ü".replace("ü", "").rstrip("_"))), ("episodes", 2, ("view0",))],
)
def test_folders_side_by_side(
    tmp_path: Path, imported, run, folders: str, episodes: int, views: tuple[str, ...]
) -> None:
    write_pictures(tmp_path / "src" / "left", FRAMES)
    write_pictures(tmp_path / "src" / "rechts ü", FRAMES[:7, ::-1])
    code, _, complaint = run("import", "frames", tmp_path / "src", tmp_path / "x", "--rate", 10)
    assert code == 2
    assert "--folders" in complaint
    path, printed = imported("frames", tmp_path / "src", "--rate", 10, "--folders", folders)
    recording = open_recording(path)
    assert len(recording) == episodes
    assert recording[0].views == views
    assert ("'rechts ü' is called 'rechts'" in printed) == (folders == "views")


@pytest.mark.parametrize("names", [("left", "right"), ("train/left", "train/right")])
@pytest.mark.parametrize("first", ["views", "episodes"])
def test_other_folders_do_not_mix(tmp_path: Path, run, names: tuple[str, str], first: str) -> None:
    for step, name in zip((1, -1), names, strict=True):
        write_pictures(tmp_path / "src" / name, FRAMES[:3, ::step])
    command = ("import", "frames", tmp_path / "src", tmp_path / "out", "--rate", 5, "--folders")
    assert run(*command, first)[0] == 0
    assert run(*command, first)[0] == 0
    second = "episodes" if first == "views" else "views"
    code, _, complaint = run(*command, second)
    assert (code, complaint.count("\n")) == (2, 1)
    assert f"imported with --folders {first}, now {second}; give a new folder" in complaint
    assert len(open_recording(tmp_path / "out")) == (1 if first == "views" else 2)


def test_episodes_with_views_below_splits(tmp_path: Path, imported) -> None:
    for split in ("train", "val"):
        write_pictures(tmp_path / "src" / split / "one" / "left", FRAMES[:3], "{:04d}.jpg")
        write_pictures(tmp_path / "src" / split / "one" / "right", FRAMES[:4, ::-1], "{:04d}.jpg")
    path, printed = imported("frames", tmp_path / "src", "--rate", 5)
    assert [one.split for one in open_recording(path)] == ["train", "valid"]
    assert open_recording(path)[0].views == ("left", "right")
    assert "views differ in length" in printed


def test_views_named_as_in_tcn(tmp_path: Path, imported) -> None:
    for view in range(2):
        write_pictures(tmp_path / "src" / f"pour_1_view{view}", np.roll(FRAMES, view * 4, axis=1))
    path, _ = imported("frames", tmp_path / "src", "--rate", 5)
    assert open_recording(path)[0].views == ("view0", "view1")
    assert open_recording(path)[0].metadata["imported_from"]["name"] == "pour_1"


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("frame,time_seconds\n0,1.5\n1,1.625\n2,2.0\n", [1.5, 1.625, 2.0]),
        ("1.5\n1.625\n\n2.0\n", [1.5, 1.625, 2.0]),
        ("\ufefftime;x\n", None),
        ("time,file\n2.0,2.png\n1.5,0.png\n1.625,1.png\n", [1.5, 1.625, 2.0]),
        ("frame,time_seconds\n0,1.5\n1,1.5\n2,2\n", None),
        ("frame,time_seconds\n0,1.5\n1,nan\n2,2\n", None),
        ("frame,time_seconds\n0,1.5\n1,x\n2,2\n", None),
        ("frame,time_seconds\n0,1.5\n", None),
        ("", None),
    ],
)
def test_times_beside_the_pictures(
    tmp_path: Path, imported, run, table: str, expected: list[float] | None
) -> None:
    write_pictures(tmp_path / "src", FRAMES[:3])
    (tmp_path / "src" / "times.csv").write_text(table, encoding="utf-8")
    if expected is None:
        code, printed, _ = run("import", "frames", tmp_path / "src", tmp_path / "out")
        assert code == 2
        assert "times.csv" in printed
        return
    path, _ = imported("frames", tmp_path / "src")
    assert open_recording(path)[0].timestamps("view0").tolist() == expected


def test_no_times_at_all_is_said(tmp_path: Path, run) -> None:
    write_pictures(tmp_path / "src", FRAMES)
    code, printed, _ = run("import", "frames", tmp_path / "src", tmp_path / "out")
    assert code == 2
    assert "--rate" in printed


def test_one_picture(tmp_path: Path, imported) -> None:
    write_pictures(tmp_path / "src", moving_square(1, 33, 47))
    path, _ = imported("frames", tmp_path / "src", "--rate", 10)
    assert open_recording(path)[0].frames("view0").shape == (1, 33, 47, 3)


def test_grey_deep_and_transparent_pictures(tmp_path: Path, imported) -> None:
    folder = tmp_path / "src"
    folder.mkdir()
    grey = FRAMES[0, :, :, 0]
    deep = (grey.astype(np.uint16) * 257)[:, :, None].repeat(3, axis=2)
    clear = np.dstack([FRAMES[0], np.full_like(grey, 9)])
    for index, picture in enumerate((grey, deep, clear)):
        (folder / f"{index}.png").write_bytes(cv2.imencode(".png", picture)[1].tobytes())
    path, _ = imported("frames", folder, "--rate", 10, "--encode", "lossless")
    frames = open_recording(path)[0].frames("view0")
    assert np.array_equal(frames[0], frames[1])


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
def test_lost_bits_and_alpha_are_said(tmp_path: Path, imported, suffix: str) -> None:
    deep = FRAMES[:2].astype(np.uint16) * 257
    clear = np.concatenate([FRAMES[:3], np.full_like(FRAMES[:3, :, :, :1], 9)], axis=3)
    write_pictures(tmp_path / "src" / "plain", FRAMES[:3], "{}" + suffix)
    for name, pictures in (("deep", deep), ("clear", clear)):
        (tmp_path / "src" / name).mkdir()
        for index, picture in enumerate(pictures):
            if suffix == ".webp" and name == "deep":
                picture = FRAMES[index]
            content = cv2.imencode(suffix, np.ascontiguousarray(picture[::-1]))[1]
            (tmp_path / "src" / name / f"{index}{suffix}").write_bytes(content.tobytes())
    _, printed = imported("frames", tmp_path / "src", "--rate", 10, "--folders", "episodes")
    clear_said = f"view0: 3 pictures, such as 0{suffix}, have an alpha channel, which is left out"
    assert clear_said in printed
    deep_said = f"view0: 2 pictures, such as 0{suffix}, have 16 bits per channel, 8 are kept"
    assert (deep_said in printed) == (suffix != ".webp")
    assert printed.count("such as") == (1 if suffix == ".webp" else 2)


def huge_png() -> bytes:
    """A picture of ten thousand million pixels, it says."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc32(kind + data))

    head = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    data = chunk(b"IHDR", head) + chunk(b"IDAT", compress(bytes(100))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + data


@pytest.mark.parametrize("content", [huge_png(), b""], ids=["huge", "empty"])
def test_pictures_that_claim_too_much_or_nothing(tmp_path: Path, run, content: bytes) -> None:
    for name in ("left", "right"):
        write_pictures(tmp_path / "src" / name, FRAMES)
    (tmp_path / "src" / "left" / "7.png").write_bytes(content)
    command = ("import", "frames", tmp_path / "src", tmp_path / "out", "--folders", "episodes")
    code, printed, _ = run(*command, "--rate", 10)
    assert code == 2
    assert "7.png cannot be decoded" in printed
    assert "1 episodes imported" in printed


@pytest.mark.parametrize("times", ["1e300", "-1e300", "1e11"])
def test_times_that_no_film_can_have(tmp_path: Path, run, times: str) -> None:
    write_pictures(tmp_path / "src", FRAMES[:1])
    (tmp_path / "src" / "times.csv").write_text(f"frame,time_seconds\n0,{times}\n")
    code, printed, _ = run("import", "frames", tmp_path / "src", tmp_path / "out")
    assert code == 2
    assert "times in seconds" in printed


@pytest.mark.parametrize(("rate", "is_possible"), [("1e-300", False), ("1e-5", True)])
def test_slow_pictures(tmp_path: Path, run, rate: str, is_possible: bool) -> None:
    write_pictures(tmp_path / "src", FRAMES[:3])
    code, printed, _ = run("import", "frames", tmp_path / "src", tmp_path / "out", "--rate", rate)
    assert code == (0 if is_possible else 2)
    assert ("times in seconds" in printed) == (not is_possible)


def test_times_since_1970(tmp_path: Path, imported) -> None:
    write_pictures(tmp_path / "src", FRAMES[:2])
    text = "frame,time_seconds\n0,9999999999.25\n1,9999999999.5\n"
    (tmp_path / "src" / "times.csv").write_text(text)
    path, _ = imported("frames", tmp_path / "src")
    found = open_recording(path)[0].timestamps("view0").tolist()
    assert found == [9999999999.25, 9999999999.5]


def test_names_with_raised_numbers(tmp_path: Path) -> None:
    write_pictures(tmp_path, FRAMES[:2], "1\N{SUPERSCRIPT TWO}{}.png")
    assert [path.stem[-1] for path in list_pictures(tmp_path)] == ["0", "1"]


@pytest.mark.parametrize("damage", ["cut", "text", "size", "none"])
def test_broken_pictures_are_named(tmp_path: Path, run, damage: str) -> None:
    source = tmp_path / "src"
    write_pictures(source, FRAMES)
    picture = source / "7.png"
    if damage == "cut":
        picture.write_bytes(picture.read_bytes()[:40])
    elif damage == "text":
        picture.write_text("x")
    elif damage == "size":
        write_pictures(source, moving_square(1, 16, 16), "7.png")
    else:
        for file in source.iterdir():
            file.unlink()
    code, printed, complaint = run("import", "frames", source, tmp_path / "out", "--rate", 10)
    assert code == 2
    assert ("has no picture" in complaint) if damage == "none" else ("7.png" in printed)
    assert not list(tmp_path.glob("out/episode_*"))


def test_links_out_of_the_folder_are_refused(tmp_path: Path, run) -> None:
    write_pictures(tmp_path / "secret", FRAMES)
    (tmp_path / "src").mkdir()
    os.symlink(tmp_path / "secret", tmp_path / "src" / "left")
    code, _, complaint = run("import", "frames", tmp_path / "src", tmp_path / "out", "--rate", 10)
    assert code == 2
    assert "leads out of" in complaint


def test_a_round_trip_is_exact(tmp_path: Path, clean_datasets, imported, run) -> None:
    code, printed, _ = run("export", "frames", clean_datasets["films"], tmp_path / "pictures")
    assert code == 0
    assert "lost: times: " in printed
    path, _ = imported("frames", tmp_path / "pictures", "--encode", "lossless")
    for here, there in zip(
        open_recording(clean_datasets["films"]), open_recording(path), strict=True
    ):
        assert (here.views, here.split) == (there.views, there.split)
        for view in here.views:
            assert np.array_equal(here.frames(view), there.frames(view))
            assert np.array_equal(here.timestamps(view), there.timestamps(view))


@pytest.mark.parametrize(
    "views", [("left_view0", "right_view0"), ("front",), ("pour_view1",), ("test", "train")]
)
@pytest.mark.parametrize(
    ("num_episodes", "root"),
    [(1, "pictures"), (2, "pictures/valid"), (2, "pictures/valid/episode_000000")],
)
def test_names_of_views_come_back(
    tmp_path: Path, imported, run, views: tuple[str, ...], num_episodes: int, root: str
) -> None:
    with DatasetWriter(tmp_path / "d", "pour", "lossless", kind="film") as writer:
        for _ in range(num_episodes):
            with writer.episode(10.0) as episode:
                episode.metadata.update(split="valid", clock={"name": "film"})
                for index, frame in enumerate(FRAMES[:3]):
                    shown = [frame[:: 1 - 2 * turn] for turn in range(len(views))]
                    episode.add_frames(index / 10, dict(zip(views, shown, strict=True)))
    assert run("export", "frames", tmp_path / "d", tmp_path / "pictures")[0] == 0
    back = open_recording(imported("frames", tmp_path / root)[0])
    assert len(back) == (1 if root.endswith("0") else num_episodes)
    assert {one.split for one in back} == {"valid"} or root.endswith("0")
    assert [one.views for one in back] == [views] * len(back)


def test_folders_named_as_in_tcn_are_views_if_that_is_said(tmp_path: Path, imported) -> None:
    for step, name in ((1, "left_view0"), (-1, "right_view0")):
        write_pictures(tmp_path / "src" / name, FRAMES[:3, ::step])
    path, _ = imported("frames", tmp_path / "src", "--rate", 5, "--folders", "views")
    assert [one.views for one in open_recording(path)] == [("left_view0", "right_view0")]


def test_simulations_lose_what_is_not_film(tmp_path: Path, clean_datasets, run) -> None:
    _, printed, _ = run("export", "frames", clean_datasets["simulated"], tmp_path / "pictures")
    assert "lost: robot: " in printed
    assert "lost: the rest: " in printed
    assert "(2 episodes)" in printed
