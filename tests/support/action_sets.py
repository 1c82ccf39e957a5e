"""Tiny sets of labelled clips in the layouts that people have, made up.

Classes come in pairs that only the order of time tells apart: a square goes right, or the same
left. Each group has a ground of its own.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

CLASSES = ("RedLeft", "RedRight", "BlueLeft", "BlueRight")
NUM_FRAMES = 8
_COLOURS = {"Red": (230, 40, 30), "Blue": (30, 50, 235)}


def action_film(label: str, group: int, clip: int, size_px: int = 24) -> np.ndarray:
    """uint8 (8, size, size, 3): a square of the class's colour goes the class's way."""
    generator = np.random.default_rng((group, clip))
    ground = np.full((size_px, size_px, 3), 60 + 20 * (group % 5), np.uint8)
    ground += generator.integers(0, 12, ground.shape, dtype=np.uint8)
    frames = np.repeat(ground[None], NUM_FRAMES, axis=0)
    colour = next(rgb for name, rgb in _COLOURS.items() if label.startswith(name))
    top = int(generator.integers(2, size_px - 10))
    lefts = np.linspace(0, size_px - 8, NUM_FRAMES).astype(int)
    for frame, left in zip(frames, lefts if label.endswith("Right") else lefts[::-1], strict=True):
        frame[top : top + 8, left : left + 8] = colour
    return frames


def write_film(path: Path, frames: np.ndarray) -> None:
    """Write frames as a film whose every picture is coded by itself."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=Fraction(10))
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuvj444p"
        stream.options = {"qscale": "2"}
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))


def write_picture(path: Path, frame: np.ndarray) -> None:
    """Write one picture, uint8 (H, W, 3), RGB."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.ascontiguousarray(frame[..., ::-1]))


def write_lines(path: Path, lines: list[str]) -> None:
    """Write a list."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def clip_name(label: str, group: int, clip: int) -> str:
    """A clip as UCF101's lists name it."""
    return f"{label}/v_{label}_g{group:02d}_c{clip:02d}.avi"


def write_ucf101(
    folder: Path, groups: int = 6, clips: int = 2, below: str = "UCF-101", pictures: bool = False
) -> Path:
    """UCF101's layout: films or folders of frames, and three splits, two groups tested on each."""
    for label in CLASSES:
        for group in range(1, groups + 1):
            for clip in range(1, clips + 1):
                frames = action_film(label, group, clip)
                path = folder / below / clip_name(label, group, clip)
                if pictures:
                    for index, frame in enumerate(frames, 1):
                        write_picture(path.with_suffix("") / f"img_{index}.png", frame)
                else:
                    write_film(path, frames)
    lists = folder / "ucfTrainTestlist"
    numbers = {label: number for number, label in enumerate(CLASSES, 1)}
    write_lines(lists / "classInd.txt", [f"{number} {name}" for name, number in numbers.items()])
    for split in (1, 2, 3):
        tested = (2 * split - 1, 2 * split)
        named = [
            (clip_name(label, group, clip), numbers[label], group)
            for label in CLASSES
            for group in range(1, groups + 1)
            for clip in range(1, clips + 1)
        ]
        train = [f"{name} {number}" for name, number, group in named if group not in tested]
        write_lines(lists / f"trainlist{split:02d}.txt", train)
        test = [name for name, _, group in named if group in tested]
        write_lines(lists / f"testlist{split:02d}.txt", test)
    return folder


def hmdb_name(label: str, group: int, clip: int) -> str:
    """A clip as HMDB51 names it: source, class, what is seen, number."""
    return f"Some_Film_{group}_{label}_f_nm_np1_fr_med_{clip}.avi"


def write_hmdb51(folder: Path) -> Path:
    """HMDB51's layout: groups 1 to 4 train, 5 and 6 test, of group 7 nothing is used."""
    for label in CLASSES:
        lines = []
        for group in range(1, 8):
            name = hmdb_name(label, group, 0)
            write_film(folder / label / name, action_film(label, group, 0))
            lines.append(f"{name} {0 if group == 7 else 2 if group > 4 else 1} ")
        write_lines(folder / "testTrainMulti_7030_splits" / f"{label}_test_split1.txt", lines)
    return folder


def write_pictures(folder: Path, halves: tuple[str, ...] = ("train", "test")) -> Path:
    """A folder per class, in a folder per half where there are halves."""
    for place, half in enumerate(halves or ("",)):
        for label in CLASSES:
            for index in range(8):
                frame = action_film(label, index, place)[NUM_FRAMES // 2]
                write_picture(folder / half / label / f"picture{index}.png", frame)
    return folder
