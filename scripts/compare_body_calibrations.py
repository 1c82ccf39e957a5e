r"""Compares what play of two bodies makes of a reward that one shows and the other is scored by.

    python scripts/compare_body_calibrations.py runs/push-both --demos data/push-hand \
        --calibration data/push-hand-valid --shown-play data/push-hand-play \
        --acting-play data/push-robot-play --successes data/push-test \
        --failures data/push-stop data/push-miss

Prints a Markdown table: for every `body_calibration` the mean reward per step and that of the last
frame of the acting body's successes and of each kind of failure, the mean distance d / s of the
successes, and the correlation of their progress with time.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tcn_robot import load_encoder, open_recording
from tcn_robot.rewards import ProgressExplanation, ProgressReward

WAYS = ("none", "quantile", "standardise", "whiten")


class RememberingEncoder:
    """Embeds each film once, for all ways."""

    def __init__(self, name: str) -> None:
        """Load an encoder of single frames."""
        self._encoder = load_encoder(name)
        self.image_size_px = self._encoder.image_size_px
        self._known: dict[bytes, np.ndarray] = {}

    def embed(self, frames: np.ndarray) -> np.ndarray:
        """Embed uint8 (N, H, W, 3) frames as float32 (N, D)."""
        key = frames.tobytes()
        if key not in self._known:
            self._known[key] = self._encoder.embed(frames)
        return self._known[key]


def films(folder: Path, view: str) -> list[dict[str, np.ndarray]]:
    """Return the films of a dataset in one view."""
    return [{view: episode.frames(view)} for episode in open_recording(folder)]


def paid(explained: Sequence[ProgressExplanation]) -> str:
    """Return the mean reward per step and that of the last frame."""
    per_step = np.mean([one.reward.mean() for one in explained])
    return f"{per_step:.3f} / {np.mean([one.reward[-1] for one in explained]):.3f}"


def main() -> None:
    """Fit once for every way and print its line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("encoder", help="run, folder or name of the zoo")
    for name in ("demos", "calibration", "shown-play", "acting-play", "successes"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--failures", type=Path, nargs="+", required=True, help="one per kind")
    parser.add_argument("--view", default="front")
    parser.add_argument("--gate", default="smooth", help="the same for every way")
    given = parser.parse_args()

    def of(folder: Path) -> list[dict[str, np.ndarray]]:
        return films(folder, given.view)

    encoder = RememberingEncoder(given.encoder)
    demos, calibration, successes = of(given.demos), of(given.calibration), of(given.successes)
    play = {"shown": of(given.shown_play), "acting": of(given.acting_play)}
    failures = {folder.name: of(folder) for folder in given.failures}
    print(f"| body_calibration | successes | {' | '.join(failures)} | d / s | progress in time |")
    print("|---" * (4 + len(failures)) + "|")
    for way in WAYS:
        options = {} if way == "none" else {"play": play, "body_calibration": way}
        reward = ProgressReward.fit(
            encoder, demos, calibration=calibration, gate=given.gate, **options
        )
        good = [reward.explain(film) for film in successes]
        bad = [[reward.explain(film) for film in made] for made in failures.values()]
        distance = np.mean([one.distance.mean() for one in good])
        order = [np.corrcoef(np.arange(len(one.progress)), one.progress)[0, 1] for one in good]
        print(
            f"| `{way}` | {paid(good)} | {' | '.join(map(paid, bad))} | {distance:.2f} | "
            f"{np.mean(order):.2f} |"
        )


if __name__ == "__main__":
    sys.exit(main())
