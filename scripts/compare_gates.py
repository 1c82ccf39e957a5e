"""Compares the gates of the progress reward on recorded successes and failures.

    python scripts/compare_gates.py push-tcn --demos data/push-train --calibration data/push-valid \
        --successes data/push-test --failures data/push-stop data/push-miss

Prints a Markdown table: for each gate the mean reward per step of the successes and of every kind
of failure, the same of the last frame alone, and the share of (success, failure) pairs in which
the success is paid more per step. Only the gate differs: distances are measured once.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tcn_robot import load_encoder, open_recording
from tcn_robot.rewards import ProgressReward
from tcn_robot.rewards.gates import GATES

#: Progress and distance d / s of each frame of one episode, (T,) each.
Parts = tuple[np.ndarray, np.ndarray]


def films(folders: Sequence[Path], view: str, most: int) -> list[dict[str, np.ndarray]]:
    """Return the films of at most so many episodes of datasets, in one view."""
    episodes = [episode for folder in folders for episode in open_recording(folder)]
    return [{view: episode.frames(view)} for episode in episodes[:most]]


def parts_of(reward: ProgressReward, shown: Sequence[dict[str, np.ndarray]]) -> list[Parts]:
    """Return what the reward of each film is made of, whatever the gate."""
    explained = [reward.explain(film) for film in shown]
    return [(one.progress.astype(float), one.distance.astype(float)) for one in explained]


def preferred_share(better: Sequence[float], worse: Sequence[float]) -> float:
    """Return in which share of pairs the first is higher, ties half: the area under the ROC."""
    difference = np.subtract.outer(np.asarray(better), np.asarray(worse))
    return float(((difference > 0) + 0.5 * (difference == 0)).mean())


def row(name: str, successes: Sequence[Parts], failures: Sequence[Sequence[Parts]]) -> str:
    """Return one line of the table."""

    def scored(parts: Parts) -> np.ndarray:
        return np.asarray(parts[0] * GATES[name](parts[1]))

    cells = []
    for episodes in (successes, *failures):
        scores = [scored(parts) for parts in episodes]
        per_step = np.mean([score.mean() for score in scores])
        cells.append(f"{per_step:.3f} / {np.mean([score[-1] for score in scores]):.3f}")
    good = [scored(parts).mean() for parts in successes]
    bad = [scored(parts).mean() for episodes in failures for parts in episodes]
    return f"| `{name}` | {' | '.join(cells)} | {preferred_share(good, bad):.2f} |"


def main() -> None:
    """Fit once, score everything, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("encoder", help="run, folder or name of the zoo")
    parser.add_argument("--demos", type=Path, nargs="+", required=True)
    parser.add_argument("--calibration", type=Path, nargs="*", default=[])
    parser.add_argument("--successes", type=Path, nargs="+", required=True)
    parser.add_argument("--failures", type=Path, nargs="+", required=True, help="one per kind")
    parser.add_argument("--view", default="front")
    parser.add_argument("--most", type=int, default=40, help="episodes of each")
    given = parser.parse_args()

    withheld = films(given.calibration, given.view, given.most)
    reward = ProgressReward.fit(
        load_encoder(given.encoder),
        films(given.demos, given.view, given.most),
        calibration=withheld or None,
    )
    successes = parts_of(reward, films(given.successes, given.view, given.most))
    failures = [
        parts_of(reward, films([folder], given.view, given.most)) for folder in given.failures
    ]
    kinds = " | ".join(folder.name for folder in given.failures)
    print(f"| gate | successes | {kinds} | success preferred |")
    print("|---" * (3 + len(failures)) + "|")
    for name in GATES:
        print(row(name, successes, failures))


if __name__ == "__main__":
    sys.exit(main())
