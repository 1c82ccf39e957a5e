"""Files that are broken anywhere: the complaint is a UserError, whatever it is that broke."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tcn_robot.errors import UserError
from tcn_robot.recordings.formats.foreign import ReadOptions
from tcn_robot.recordings.formats.places import content_mark
from tcn_robot.recordings.formats.table import reader_named
from tests.recordings.formats.test_frames import write_pictures
from tests.support.films import moving_square
from tests.support.foreign_films import write_film
from tests.support.lerobot_files import made_episode, write_v3, write_v21

CAMERA = "observation.images.top"


def lerobot(root: Path) -> None:
    write_v3(root, [made_episode(3, 1, [CAMERA]), made_episode(4, 2, [CAMERA])], codec="libx264")


def lerobot_pictures(root: Path) -> None:
    write_v3(root, [made_episode(3, 1, [CAMERA])], kind="image")


def lerobot_old(root: Path) -> None:
    write_v21(root, [made_episode(3, 1, [CAMERA])])


def pouring(root: Path) -> None:
    for view, suffix in enumerate((".mp4", ".mov", ".avi", ".mkv")):
        codec = "mpeg4" if suffix == ".avi" else "libx264"
        write_film(root / "train" / f"a_view{view}{suffix}", moving_square(5), codec=codec)


def actions(root: Path) -> None:
    write_film(root / "videos/Jump/v_Jump_g01_c01.avi", moving_square(3), codec="mpeg4")
    lists = root / "ucfTrainTestlist"
    lists.mkdir()
    (lists / "trainlist01.txt").write_text("Jump/v_Jump_g01_c01.avi 1\n")
    (lists / "classInd.txt").write_text("1 Jump\n")


def pictures(root: Path) -> None:
    write_pictures(root / "left", moving_square(3))
    write_pictures(root / "right", moving_square(3), "{}.jpg")
    (root / "left" / "times.csv").write_text("frame,time_seconds\n0,0\n1,0.1\n2,0.2\n")


KINDS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "lerobot": ("lerobot-v3", lerobot),
    "lerobot pictures": ("lerobot-v3", lerobot_pictures),
    "lerobot 2.1": ("lerobot-v2.1", lerobot_old),
    "tcn": ("tcn", pouring),
    "ucf101": ("ucf101", actions),
    "frames": ("frames", pictures),
}


def read_all(format: str, root: Path) -> None:
    """Read everything that can be read; what is wrong may only be a UserError."""
    try:
        found = reader_named(format).read(root, ReadOptions(rate_hz=10.0, folders="views"))
    except UserError:
        return
    for episode in found.episodes:
        try:
            content_mark(episode.files)
            contents = episode.load()
            for view in contents.views.values():
                assert len(list(view.pictures())) == len(view.times_seconds)
        except UserError:
            pass


def broken(content: bytes, how: int, generator: np.random.Generator) -> bytes:
    data = bytearray(content)
    if how == 0:
        return bytes(data[: int(generator.integers(0, max(len(data), 1)))])
    if how == 1:
        for at in generator.integers(0, len(data), 1 + len(data) // 200):
            data[at] = int(generator.integers(0, 256))
        return bytes(data)
    if how == 2:
        at = int(generator.integers(0, len(data)))
        return bytes(data[:at]) + generator.bytes(40) + bytes(data[at:])
    numbers = [index for index, byte in enumerate(data) if chr(byte).isdigit()] or [0]
    data[int(generator.choice(numbers))] = ord(generator.choice(list('-9e.["')))
    return bytes(data)


@pytest.mark.parametrize("kind", KINDS)
def test_broken_anywhere(tmp_path: Path, kind: str) -> None:
    format, make = KINDS[kind]
    whole = tmp_path / "whole"
    make(whole)
    files = sorted(path.relative_to(whole) for path in whole.rglob("*") if path.is_file())
    generator = np.random.default_rng(len(kind))
    for turn in range(60):
        copy = tmp_path / f"copy{turn}"
        shutil.copytree(whole, copy)
        target = copy / files[turn % len(files)]
        target.write_bytes(broken(target.read_bytes(), turn % 4, generator))
        read_all(format, copy)
        shutil.rmtree(copy)


@pytest.mark.parametrize("kind", KINDS)
def test_any_file_absent_or_a_folder(tmp_path: Path, kind: str) -> None:
    format, make = KINDS[kind]
    make(tmp_path / "whole")
    for number, path in enumerate(sorted((tmp_path / "whole").rglob("*"))):
        for is_folder in (False, True):
            copy = tmp_path / f"copy{number}{is_folder}"
            shutil.copytree(tmp_path / "whole", copy)
            target = copy / path.relative_to(tmp_path / "whole")
            shutil.rmtree(target) if target.is_dir() else target.unlink()
            if is_folder:
                target.mkdir()
            read_all(format, copy)


def test_deep_json(tmp_path: Path) -> None:
    lerobot(tmp_path / "src")
    (tmp_path / "src/meta/info.json").write_text("[" * 100_000)
    with pytest.raises(UserError, match="cannot be read"):
        reader_named("lerobot-v3").read(tmp_path / "src", ReadOptions())
