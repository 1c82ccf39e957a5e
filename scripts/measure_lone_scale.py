"""How near other successes come to one demonstration, in units of what it says of itself.

    python scripts/measure_lone_scale.py reach-tcn --demos data/reach-train

For each demonstration alone, the 95th percentile of the distance of all others' frames to its 5
nearest ones is what the scale s of `progress` should be; beside it what can be had from it alone.
All are divided by the 95th percentile of the distance of its frames to its own 5 nearest others.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tyro

from tcn_robot import load_encoder
from tcn_robot.recordings import open_recording
from tcn_robot.rewards.nearest import FrameBank
from tcn_robot.workflows.learned_reward import chosen_demos

NEIGHBOURS, PERCENTILE = 5, 95.0


def ratios(films: list[np.ndarray], index: int) -> tuple[float, float]:
    """Return (others' frames, median pair of its own) over its own frames' neighbours."""
    bank = FrameBank.of([films[index]])
    own = np.percentile(np.concatenate(bank.distances_to_others(NEIGHBOURS)), PERCENTILE)
    others = [
        bank.progress(film, NEIGHBOURS, 1.0).distance
        for place, film in enumerate(films)
        if place != index
    ]
    theirs = np.percentile(np.concatenate(others), PERCENTILE)
    return float(theirs / own), float(np.median(bank.distances_between_pairs()) / own)


def main(encoder: tyro.conf.Positional[Path], /, demos: Path, max_demos: int = 16) -> None:
    """Print the median, lowest and highest ratio over the demonstrations, per view.

    Args:
        encoder: Run or folder with the encoder, or a name of the zoo.
        demos: Dataset with demonstrations.
        max_demos: Most of them that are used.
    """
    seeing = load_encoder(encoder)
    fitting, _ = chosen_demos(open_recording(demos), max_demos)
    for view in fitting[0].views:
        films = [seeing.embed(demo.frames(view)) for demo in fitting]
        found = np.array([ratios(films, index) for index in range(len(films))])
        for name, column in zip(("others' frames", "pairs of its own"), found.T, strict=True):
            middle, low, high = np.median(column), column.min(), column.max()
            print(f"{view}, {name}: {middle:.1f} ({low:.1f} to {high:.1f})")


if __name__ == "__main__":
    tyro.cli(main)
