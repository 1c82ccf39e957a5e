"""How often the progress reward names a demonstration that succeeded, and one that failed.

    python scripts/measure_disagreement.py push-tcn --successes data/push-train \
        --failures data/push-stop data/push-miss [--sizes 4 8 16] [--draws 10]

Draws sets of demonstrations with a fixed seed and prints a Markdown line per size: the share of
successes that are named in sets of successes alone, and, one of them replaced by a failure, the
share of sets in which the failure is named.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tcn_robot import load_encoder, open_recording
from tcn_robot.rewards.agreement import agreement_of, disagreements
from tcn_robot.rewards.nearest import by_path

NEIGHBOURS = 5


def embedded(encoder: object, folder: Path, view: str, most: int, success: bool) -> list:
    """Return the embedded films of at most so many episodes that have ended in this way."""
    episodes = [one for one in open_recording(folder) if one.success is success][:most]
    return [encoder.embed(episode.frames(view)) for episode in episodes]


def named(films: Sequence[np.ndarray]) -> set[int]:
    """Return the places of the films that are named."""
    return set(disagreements([agreement_of(films, NEIGHBOURS, by_path)]))


def main() -> None:
    """Print a line per size of a set."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("encoder", help="run, folder or name of the zoo")
    parser.add_argument("--successes", type=Path, required=True)
    parser.add_argument("--failures", type=Path, nargs="+", required=True, help="one per kind")
    parser.add_argument("--view", default="front")
    parser.add_argument("--sizes", type=int, nargs="+", default=[4, 8, 16])
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--most", type=int, default=60, help="episodes of each")
    given = parser.parse_args()

    encoder = load_encoder(given.encoder)
    good = embedded(encoder, given.successes, given.view, given.most, True)
    bad = {
        folder.name: embedded(encoder, folder, given.view, given.most, False)
        for folder in given.failures
    }
    print(f"| encoder | demonstrations | successes named | {' | '.join(bad)} |")
    print("|---" * (3 + len(bad)) + "|")
    generator = np.random.default_rng(0)
    for size in given.sizes:
        sets = [generator.choice(len(good), size, replace=False) for _ in range(given.draws)]
        alone = [len(named([good[place] for place in drawn])) / size for drawn in sets]
        cells = []
        for films in bad.values():
            hits = [
                size - 1 in named([*(good[p] for p in drawn[:-1]), films[index % len(films)]])
                for index, drawn in enumerate(sets)
            ]
            cells.append(f"{np.mean(hits):.0%}")
        print(f"| {given.encoder} | {size} | {np.mean(alone):.1%} | {' | '.join(cells)} |")


if __name__ == "__main__":
    sys.exit(main())
