"""Kills a recorder many times and counts what is lost; measures what committing an episode costs.

`python scripts/bench_crash.py --out docs/results/recording/crash.json`: a thousand kills with
SIGKILL at random moments, then the time from the last encoded frame to the whole episode against
the bare syncs of the same files, in one run, alternating.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tcn_robot import atomic
from tcn_robot.progress import Progress
from tcn_robot.provenance import commit
from tcn_robot.recordings import DatasetWriter
from tests.support.crash_harness import kill_many

KILLS_PER_DATASET = 50


def count_losses(kills: int, seed: int, folder: Path) -> dict[str, Any]:
    """Kill recorders in datasets of their own; return the sums of what was lost."""
    sums: dict[str, Any] = {"kills": 0, "whole_episodes": 0, "killed_while_committing": 0}
    sums |= {"lost": 0, "altered": 0, "read_half": 0, "ids_used_twice": 0}
    with Progress(kills, "killing recorders", "kills") as display:
        for start in range(0, kills, KILLS_PER_DATASET):
            count = min(KILLS_PER_DATASET, kills - start)
            path = folder / f"killed_{start}"
            *_, losses = kill_many(path, count, seed + start)
            display.advance(count)
            sums["kills"] += losses.kills
            sums["whole_episodes"] += losses.whole
            sums["killed_while_committing"] += losses.while_committing
            sums["lost"] += len(losses.lost)
            sums["altered"] += len(losses.altered)
            sums["read_half"] += len(losses.faulty)
            sums["ids_used_twice"] += len(losses.ids_used_twice)
    return sums


def measure_commit(folder: Path, episodes: int) -> dict[str, Any]:
    """Return seconds of a commit, and of the bare syncs of the same files, episode by episode."""
    film = np.random.default_rng(0).integers(0, 256, (60, 84, 84, 3), dtype=np.uint8)
    state = np.random.default_rng(1).normal(size=(60, 80))
    commits, bare, sizes = [], [], []
    with DatasetWriter(folder / "committed", "commit") as writer:
        for _ in range(episodes):
            seconds: list[float] = []
            with writer.episode(20.0) as episode:
                for index, frame in enumerate(film):
                    episode.add_frames(index / 20, {"front": frame, "left": frame, "top": frame})
                    episode.add_step({"time_seconds": index / 20, "state": state[index]})
                start_after_encoding(episode, seconds)
            commits.append(time.perf_counter() - seconds[0])
            path = writer.path / f"episode_{episode.id:06d}"
            contents = {file.name: file.read_bytes() for file in path.iterdir()}
            sizes.append(sum(map(len, contents.values())))
            bare.append(bare_syncs(folder / "bare", contents))
    ratios = np.array(commits) / np.array(bare)
    generator = np.random.default_rng(0)
    medians = np.median(generator.choice(ratios, (2_000, len(ratios))), axis=1)
    return {
        "episodes": episodes,
        "bytes_per_episode": int(np.median(sizes)),
        "files_per_episode": len(contents),
        "commit_ms_median": round(1e3 * float(np.median(commits)), 2),
        "bare_syncs_ms_median": round(1e3 * float(np.median(bare)), 2),
        "ratio_median": round(float(np.median(ratios)), 2),
        "ratio_interval": [round(float(q), 2) for q in np.quantile(medians, (0.025, 0.975))],
    }


def start_after_encoding(episode: Any, seconds: list[float]) -> None:
    """Put down the time at which the films are finished and only tables and syncs are left."""
    encoders = list(episode._encoders.values())
    last = encoders[-1]
    close = last.close

    def close_and_note() -> None:
        close()
        seconds.append(time.perf_counter())

    mock.patch.object(last, "close", close_and_note).start()


def bare_syncs(folder: Path, contents: dict[str, bytes]) -> float:
    """Write the same bytes anew and return the seconds that syncing and renaming them takes."""
    folder.mkdir(exist_ok=True)
    partial, target = folder / ".partial", folder / f"{len(list(folder.iterdir())):06d}"
    partial.mkdir()
    for name, content in contents.items():
        (partial / name).write_bytes(content)
    start_seconds = time.perf_counter()
    for name in contents:
        atomic.sync_file(partial / name)
    atomic.sync_file(partial)
    os.rename(partial, target)
    atomic.sync_file(folder)
    return time.perf_counter() - start_seconds


def main() -> None:
    """Parse the options, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=1_000)
    parser.add_argument("--episodes", type=int, default=100, help="commits to time")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        figures = {
            "kills": count_losses(options.kills, options.seed, folder),
            "commit": measure_commit(folder, options.episodes),
            "commit_of_the_code": commit(),
        }
    text = json.dumps(figures, indent=2)
    print(text)
    if options.out is not None:
        atomic.write_text_atomically(options.out, text + "\n")


if __name__ == "__main__":
    main()
