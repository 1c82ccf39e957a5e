"""Measures by how much two encodings of the same pictures differ, and what a moved thing changes.

`python scripts/measure_encoding_loss.py` prints the figures behind `LOSS_LEVELS` of
`recordings/proof.py`: largest difference (of 255) of a mean over a block, over all frames of an
episode of Push, between films of the same pictures made in different ways.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tcn_robot import cli
from tcn_robot.envs.stored_model import open_stored_model
from tcn_robot.recordings import Episode, open_recording
from tcn_robot.recordings.proof import block_difference
from tcn_robot.recordings.states import stored_model, stored_states
from tcn_robot.recordings.video import VideoEncoder, iterate_video

TASKS = ("MujocoPush-v0", "BulletPush-v0")
VIEWS = ("front", "left", "top")
FIRST_FRAMES = (3, 5, 7)  # the key frames are elsewhere: they come every ten frames
MOVED_METRES = 0.01


def encode(frames: np.ndarray, codec: str, folder: Path) -> np.ndarray:
    """Return frames uint8 (T, H, W, 3) as a film of them shows them."""
    path = folder / "film.mp4"
    encoder = VideoEncoder(path, frames.shape[2], frames.shape[1], codec, 10.0)
    for index, frame in enumerate(frames):
        encoder.write(frame, 100_000 * index)
    encoder.close()
    return np.array([frame for _, frame in iterate_video(path)])


def largest(first: np.ndarray, second: np.ndarray) -> float:
    """Return the largest block difference of two films of one length."""
    return max(block_difference(*pair) for pair in zip(first, second, strict=True))


def moved_state(episode: Episode) -> Callable[[np.ndarray], np.ndarray]:
    """Return what moves the block along x in a state."""
    assert episode.steps is not None
    x = episode.steps["pose_block"][0][0]
    place = np.flatnonzero(np.isclose(episode.steps["state"][0], x, rtol=0, atol=1e-12))[0]

    def move(state: np.ndarray) -> np.ndarray:
        moved = state.copy()
        moved[place] += MOVED_METRES
        return moved

    return move


def measure(path: Path, size_px: int, folder: Path) -> None:
    """Print a line for each view of the first episode."""
    recording = open_recording(path)
    episode = recording[0]
    model = open_stored_model(stored_model(recording, episode))
    model.apply(episode.metadata["randomisation"])
    move = moved_state(episode)
    for view in VIEWS:
        shown: dict[str, list[np.ndarray]] = {"as it was": [], "moved": []}
        for _, state in stored_states(episode):
            for name, one in (("as it was", state), ("moved", move(state))):
                model.set_state(one)
                shown[name].append(model.render_views((view,), (size_px, size_px))[view])
        frames, moved = np.array(shown["as it was"]), np.array(shown["moved"])
        film = encode(frames, "h264", folder)
        preset = largest(film, encode(frames, "h264-fast", folder))
        keys, twice = [], []
        for start in FIRST_FRAMES:
            cut = encode(frames[start:], "h264", folder)
            keys.append(largest(film[start:], cut))
            twice.append(largest(cut, encode(film[start:], "h264", folder)))
        there = largest(film, encode(moved, "h264", folder))
        print(
            f"{recording.task} {view} {size_px} px: other preset {preset:.1f}, other key frames "
            f"{max(keys):.1f}, encoded twice {max(twice):.1f}, block moved by 1 cm {there:.1f}",
            flush=True,
        )
    model.close()


def main() -> None:
    """Record an episode in each simulator and measure in each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[48, 84, 224])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for task in TASKS:
            path = folder / task
            asked = ["--out", str(path), "--episodes", "1", "--views", "front", "--size", "32"]
            if cli.main(["record", task, *asked]):
                sys.exit(2)
            for size_px in options.sizes:
                measure(path, size_px, folder)


if __name__ == "__main__":
    main()
