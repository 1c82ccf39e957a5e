"""Measures whether an encoder puts two bodies' tips at one place: is one read as the other?

    python scripts/measure_body_transfer.py runs/hand-to-robot-reach --views front left \
        --shown-play data/hand-to-robot/reach-play-hand \
        --acting-play data/hand-to-robot/reach-play-robot

The tip's place of each frame of play is read from the ten nearest embeddings of other play (weights
fall with the squared distance): of the same body, half of the films by the other half, and of the
other body, raw and brought together in the ways of `body_calibration`. Prints the median error in
centimetres, and that of always answering the middle of the shown play, which knows nothing. The
places come from the simulator's observations, whose first three numbers are the tip in tens of
centimetres in every task of tcn_robot; no encoder sees them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from tcn_robot import load_encoder, open_recording
from tcn_robot.rewards.bodies import BODY_MAPS
from tcn_robot.rewards.frames import embed_scored
from tcn_robot.rewards.interface import Embedder

NEIGHBOURS = 10
ROWS = 1024  # Frames that are compared at once.
CENTIMETRES = 10.0


@dataclass(frozen=True)
class Play:
    """Play of one body.

    Attributes:
        embeddings: float64 (F, V * D), views side by side.
        tips_cm: float64 (F, 3).
        films: int64 (F,), number of the film.
    """

    embeddings: np.ndarray
    tips_cm: np.ndarray
    films: np.ndarray

    def half(self, odd: bool) -> Play:
        """Return the frames of every second film."""
        kept = self.films % 2 == int(odd)
        return Play(self.embeddings[kept], self.tips_cm[kept], self.films[kept])


def read_play(
    encoder: Embedder, folder: Path, views: Sequence[str], most_films: int | None
) -> Play:
    """Embed a dataset of play, its first films."""
    embeddings, tips, films = [], [], []
    for number, episode in enumerate(islice(open_recording(folder), most_films)):
        found = embed_scored(encoder, {view: episode.frames(view) for view in views}, views)
        embeddings.append(np.concatenate([found[view] for view in views], axis=1))
        tips.append(CENTIMETRES * episode.steps["observation"][:, :3])
        films.append(np.full(len(tips[-1]), number))
    return Play(np.concatenate(embeddings), np.concatenate(tips), np.concatenate(films))


def read_tips(known: Play, embeddings: np.ndarray) -> np.ndarray:
    """Return the places that the nearest known frames say, (N, 3)."""
    among = torch.from_numpy(np.ascontiguousarray(known.embeddings, np.float32))
    found = [
        torch.cdist(block, among).topk(NEIGHBOURS, largest=False)
        for block in torch.from_numpy(np.ascontiguousarray(embeddings, np.float32)).split(ROWS)
    ]
    distances = torch.cat([one.values for one in found]).numpy()
    nearest = torch.cat([one.indices for one in found]).numpy()
    weights = np.exp(-np.square(distances / np.median(distances)))
    weights /= weights.sum(axis=1, keepdims=True)
    return np.asarray((weights[..., None] * known.tips_cm[nearest]).sum(axis=1))


def median_error_cm(said: np.ndarray, true: np.ndarray) -> float:
    """Return the median distance, centimetres."""
    return float(np.median(np.linalg.norm(said - true, axis=1)))


def main() -> None:
    """Print one line per way of reading."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("encoder", help="run, folder or name of the zoo")
    for name in ("shown-play", "acting-play"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--views", nargs="+", default=["front"])
    parser.add_argument("--films", type=int, help="of each body, at most; all")
    given = parser.parse_args()
    encoder = load_encoder(given.encoder)
    shown = read_play(encoder, given.shown_play, given.views, given.films)
    acting = read_play(encoder, given.acting_play, given.views, given.films)
    rows = {}
    for name, play in (("shown body by itself", shown), ("acting body by itself", acting)):
        known, asked = play.half(odd=False), play.half(odd=True)
        rows[name] = median_error_cm(read_tips(known, asked.embeddings), asked.tips_cm)
    rows["acting by shown"] = median_error_cm(read_tips(shown, acting.embeddings), acting.tips_cm)
    for way, mapping in BODY_MAPS.items():
        known = Play(mapping(shown.embeddings)(shown.embeddings), shown.tips_cm, shown.films)
        asked = mapping(acting.embeddings)(acting.embeddings)
        error = median_error_cm(read_tips(known, asked), acting.tips_cm)
        rows[f"acting by shown, {way}"] = error
    rows["always the middle"] = median_error_cm(shown.tips_cm.mean(axis=0), acting.tips_cm)
    print("| the tip of the | median error, cm |\n|---|---|")
    for name, error in rows.items():
        print(f"| {name} | {error:.1f} |")


if __name__ == "__main__":
    sys.exit(main())
