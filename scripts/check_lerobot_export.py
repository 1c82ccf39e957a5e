"""Opens an export with LeRobot itself and compares every picture with the recorded one.

Run it in an environment that has LeRobot (tcn_robot need not be there):

    tcn-robot export lerobot-v3 data/push exported/push
    python scripts/check_lerobot_export.py exported/push data/push

Exports that were resampled or encoded anew differ; the largest difference is printed.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import av
import numpy as np
from lerobot.datasets.lerobot_dataset import LeRobotDataset


def recorded_frames(path: Path) -> np.ndarray:
    """Return the frames of one of our films, uint8 (T, H, W, 3)."""
    with av.open(str(path)) as film:
        return np.array([frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)])


def largest_difference(export: Path, dataset: Path) -> tuple[int, int]:
    """Return how many pictures were compared and by how much a value differs at most."""
    shown = LeRobotDataset("local/export", root=export)
    entries = json.loads((export / "meta" / "tcn_robot.json").read_text(encoding="utf-8"))
    compared = largest = row = 0
    for entry in entries["episodes"]:
        folder = dataset / f"episode_{entry['id']:06d}"
        cameras = {key.removeprefix("observation.images."): key for key in shown.meta.camera_keys}
        films = {view: recorded_frames(folder / f"{view}.mp4") for view in cameras}
        for index in range(entry["length"]):
            item = shown[row + index]
            for view, key in cameras.items():
                picture = np.rint(item[key].permute(1, 2, 0).numpy() * 255).astype(int)
                largest = max(largest, int(np.abs(picture - films[view][index]).max()))
                compared += 1
        row += entry["length"]
    assert row == len(shown), f"LeRobot has {len(shown)} rows, expected {row}"
    return compared, largest


def main() -> None:
    """Compare and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("export", type=Path)
    parser.add_argument("dataset", type=Path)
    arguments = parser.parse_args()
    compared, largest = largest_difference(arguments.export, arguments.dataset)
    print(f"{compared} pictures compared, largest difference {largest} of 255")


if __name__ == "__main__":
    main()
