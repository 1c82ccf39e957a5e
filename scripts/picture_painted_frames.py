"""Draws frames of recordings as they are and as an encoder with a foreground sees them.

    python scripts/picture_painted_frames.py runs/hand-to-robot-push-painted \
        data/hand-to-robot/push-play-hand data/hand-to-robot/push-play-robot --out painted.png

One row per dataset and view: pairs of a frame and its painting, evenly spaced over one episode.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np
import torch

from tcn_robot import load_encoder, open_recording
from tcn_robot.models import Encoder

SHOWN_PX = 128


def painted_row(encoder: Encoder, frames: np.ndarray, count: int) -> np.ndarray:
    """Return pairs of frames and paintings side by side, uint8 (H, W, 3)."""
    chosen = frames[np.linspace(0, len(frames) - 1, count).astype(int)]
    seen = encoder.prepare(torch.from_numpy(chosen)).numpy()
    pairs = [picture for pair in zip(chosen, seen, strict=True) for picture in pair]
    size = (SHOWN_PX, SHOWN_PX)
    return np.concatenate(
        [cv2.resize(picture, size, interpolation=cv2.INTER_NEAREST) for picture in pairs], axis=1
    )


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("encoder", help="run or folder of an encoder trained with --foreground")
    parser.add_argument("datasets", type=Path, nargs="+")
    parser.add_argument("--views", nargs="+", default=["front", "left"])
    parser.add_argument("--episode", type=int, default=3, help="its place in each dataset")
    parser.add_argument("--frames", type=int, default=4)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    encoder = load_encoder(given.encoder)
    rows = [
        painted_row(encoder, open_recording(folder)[given.episode].frames(view), given.frames)
        for folder in given.datasets
        for view in given.views
    ]
    picture = np.concatenate(rows)[..., ::-1]  # OpenCV writes blue, green, red.
    cv2.imwrite(str(given.out), picture)


if __name__ == "__main__":
    sys.exit(main())
