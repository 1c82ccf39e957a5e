"""Pictures of a training: batches as the network sees them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

# A picture for a person: more frames would be too small to see.
MOST_COLUMNS = 12
MOST_ROWS = 8


def batch_picture(images: torch.Tensor, shape: Sequence[int]) -> np.ndarray:
    """Return a batch as one picture: anchors above their positives, films line by line.

    Args:
        images: (N, S, S, 3) or, of an encoder of several frames, (N, T, S, S, 3), of which the last
            frame is shown; uint8 or float, 0 to 255. What the network gets, augmented.
        shape: How the batch is laid out: (2, P) is anchors, then positives; (V, L) is V films of L
            frames. Its product is N.

    Returns:
        uint8 (rows * S, columns * S, 3), at most 8 rows of 12 columns; columns are taken evenly
        over a film, and a pair stands in one column.
    """
    shown = images[:, -1] if images.ndim == 5 else images  # (N, S, S, 3)
    rows = int(shape[0])
    grid = shown.detach().reshape(rows, -1, *shown.shape[1:])[:MOST_ROWS]  # (R, P, S, S, 3)
    count = min(grid.shape[1], MOST_COLUMNS)
    columns = torch.linspace(0, grid.shape[1] - 1, count).round().long()
    grid = grid[:, columns.to(grid.device)].float().clamp(0, 255).round().to(torch.uint8)
    lined_up = grid.permute(0, 2, 1, 3, 4).flatten(0, 1).flatten(1, 2)  # (R * S, C * S, 3)
    return lined_up.cpu().numpy()


def shrink(frames: np.ndarray, size_px: int) -> np.ndarray:
    """Return frames at a size, each pixel the mean of those that it covers.

    Args:
        frames: uint8 (N, S, S, 3).
        size_px: Wanted height and width.

    Returns:
        uint8 (N, size_px, size_px, 3).
    """
    planes = torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).float()
    small = torch.nn.functional.adaptive_avg_pool2d(planes, size_px)  # (N, 3, s, s)
    return small.round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()
