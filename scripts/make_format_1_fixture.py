"""Makes tests/fixtures/format_1, the dataset that every later version must still read.

Run once, when format 1 was fixed: `python scripts/make_format_1_fixture.py`. The test
`tests/recordings/test_format_1.py` reads what lies in the repository; do not run this again for
format 1. A new format version gets a script and a folder of its own.
"""

import hashlib
import json
from pathlib import Path

import numpy as np

from tcn_robot.recordings import DatasetWriter, EpisodeWriter, open_recording

FOLDER = Path(__file__).resolve().parents[1] / "tests" / "fixtures" / "format_1"
SIZE_PX = 24


def picture(index: int, shift: int) -> np.ndarray:
    """Return uint8 (24, 24, 3): a bright square on a gradient."""
    rows, columns = np.mgrid[0:SIZE_PX, 0:SIZE_PX]
    frame = np.stack([rows * 9, columns * 9, np.full_like(rows, 60)], axis=-1).astype(np.uint8)
    left = (2 * index + shift) % (SIZE_PX - 6)
    frame[6:12, left : left + 6] = (240, 200, 20)
    return frame


def write_simulated(episode: EpisodeWriter, num_steps: int, split: str) -> None:
    """Write a simulated episode of two views with steps and a model."""
    for row in range(num_steps):
        time_seconds = row * 0.05
        episode.add_frames(time_seconds, {"front": picture(row, 0), "top": picture(row, 5)})
        last = row == num_steps - 1
        episode.add_step(
            {
                "time_seconds": time_seconds,
                "action": None if last else np.array([0.25 * row, -1.0], np.float32),
                "phase": "reach" if row < 2 else "push",
                "phase_index": int(row >= 2),
                "progress": row / (num_steps - 1),
                "success": last,
                "reward_sparse": float(last),
                "reward_dense": row / 8,
                "state": np.arange(5.0) + row / 3,
                "observation": np.full(3, row, np.float32),
            }
        )
    camera = {"intrinsics": np.eye(3).tolist(), "extrinsics": np.eye(4).tolist()}
    model = episode.add_asset("<mujoco/>\n", ".xml")
    episode.metadata.update(
        task="tcn_robot/MujocoPush-v0",
        policy="expert",
        split=split,
        seed=4232842298785526,
        success=True,
        clock={"name": "simulation"},
        embodiment="robot",
        simulator={"name": "mujoco", "version": "3.3.0", "model": model},
        cameras={"front": camera, "top": camera},
        randomisation={"block_mass_kg": 0.2},
    )


def write_film(episode: EpisodeWriter) -> None:
    """Write a plain film of two cameras with unequal lengths and a dropped frame."""
    for index, time_seconds in enumerate([10.0, 10.1, 10.21, 10.4, 10.5]):
        episode.add_frames(time_seconds, {"left": picture(index, 0)})
        if index < 3:
            episode.add_frames(time_seconds + 0.004, {"right": picture(index, 9)})
    episode.metadata.update(
        task="tcn_robot/MujocoPush-v0",
        split="test",
        clock={"name": "monotonic", "utc_anchor": "2026-01-02T03:04:05.678Z"},
    )


def summary(path: Path) -> dict[str, object]:
    """Return what a reader must find: hashes of decoded pixels, times and steps."""
    found: dict[str, object] = {}
    for episode in open_recording(path):
        views = {
            view: {
                "pixels_sha256": hashlib.sha256(episode.frames(view).tobytes()).hexdigest(),
                "shape": list(episode.frames(view).shape),
                "times_seconds": episode.timestamps(view).tolist(),
            }
            for view in episode.views
        }
        found[str(episode.id)] = {"split": episode.split, "views": views}
    return found


def main() -> None:
    """Write the dataset and, beside it, what must be read from it."""
    dataset = FOLDER / "dataset"
    with DatasetWriter(dataset, "tcn_robot/MujocoPush-v0", "lossless") as writer:
        with writer.episode(20.0, episode_id=0) as episode:
            write_simulated(episode, 6, "train")
        with writer.episode(20.0, episode_id=2) as episode:
            write_simulated(episode, 4, "valid")
        with writer.episode(10.0, episode_id=7) as episode:
            write_film(episode)
    (dataset / ".lock").unlink()
    text = json.dumps(summary(dataset), indent=1) + "\n"
    (FOLDER / "expected.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
