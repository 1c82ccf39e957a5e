"""Films whose frames carry their number, so that a browser can be asked which one it shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tcn_robot.recordings import DatasetWriter

BITS = 8
BLOCK_PX = 12
# Reads the number back from what a video shows: blocks of black and white in its first row.
READ_NUMBER = f"""(video => {{
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth; canvas.height = video.videoHeight;
  const g = canvas.getContext("2d", {{ willReadFrequently: true }});
  g.drawImage(video, 0, 0);
  let number = 0;
  for (let bit = 0; bit < {BITS}; bit++) {{
    const [red] = g.getImageData(bit * {BLOCK_PX} + {BLOCK_PX // 2}, {BLOCK_PX // 2}, 1, 1).data;
    number += red > 127 ? 2 ** bit : 0;
  }}
  return number;
}})"""


def numbered_frame(number: int, height_px: int = 72, width_px: int = 96) -> np.ndarray:
    """uint8 (H, W, 3): the number as blocks, over a ground that moves on with it."""
    columns = np.arange(width_px)
    shade = (60 + (columns * 2 + number * 5) % 150).astype(np.uint8)
    frame = np.repeat(np.repeat(shade[None, :, None], height_px, axis=0), 3, axis=2)
    for bit in range(BITS):
        place = slice(bit * BLOCK_PX, (bit + 1) * BLOCK_PX)
        frame[:BLOCK_PX, place] = 255 if number >> bit & 1 else 0
    return frame


def write_numbered(
    path: Path,
    times_seconds: Mapping[str, Sequence[float]],
    *,
    codec: str = "h264",
    size_px: tuple[int, int] = (72, 96),
    episodes: int = 1,
    steps: Sequence[Mapping[str, Any]] = (),
    task: str = "pouring",
    **metadata: Any,
) -> None:
    """Write episodes of numbered frames, each view at its own times."""
    events = sorted(
        (time, view, number)
        for view, times in times_seconds.items()
        for number, time in enumerate(times)
    )
    with DatasetWriter(path, task, codec, kind="film") as writer:
        for _ in range(episodes):
            with writer.episode(frame_rate_hz=20.0) as episode:
                episode.metadata.update(clock={"name": "monotonic"}, **metadata)
                for row in steps:
                    episode.add_step(row)
                for time, view, number in events:
                    episode.add_frames(time, {view: numbered_frame(number, *size_px)})
