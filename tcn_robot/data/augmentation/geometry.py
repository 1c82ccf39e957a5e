"""Where pixels come from: shifts, windows, rotations, flips."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F


def shift(frames: torch.Tensor, shifts: torch.Tensor) -> torch.Tensor:
    """Shift each frame by whole pixels, repeating the border.

    Args:
        frames: (N, H, W, 3).
        shifts: int64 (N, 2), pixels down and to the right from where a pixel is taken.

    Returns:
        (N, H, W, 3) of the same dtype.
    """
    if frames.device.type == "cpu":
        return _shift_by_slices(frames, shifts)
    return _shift_by_index(frames, shifts)


def _shift_by_slices(frames: torch.Tensor, shifts: torch.Tensor) -> torch.Tensor:
    """Shift frame by frame; on a CPU four times as fast as to index every pixel."""
    height, width = frames.shape[1:3]
    reach = int(shifts.abs().max()) if len(shifts) else 0
    border = ((0, 0), (reach, reach), (reach, reach), (0, 0))
    padded = np.pad(frames.numpy(), border, mode="edge")
    shifted = torch.empty(frames.shape, dtype=frames.dtype)
    starts = (shifts + reach).tolist()
    for target, source, (top, left) in zip(shifted.numpy(), padded, starts, strict=True):
        target[:] = source[top : top + height, left : left + width]
    return shifted


def _shift_by_index(frames: torch.Tensor, shifts: torch.Tensor) -> torch.Tensor:
    """Shift all frames at once, wherever they lie."""
    count, height, width = frames.shape[:3]
    rows = (torch.arange(height, device=frames.device) + shifts[:, :1]).clamp(0, height - 1)
    columns = (torch.arange(width, device=frames.device) + shifts[:, 1:]).clamp(0, width - 1)
    film = torch.arange(count, device=frames.device)[:, None, None]
    return frames[film, rows[:, :, None], columns[:, None, :]]


def cut_window(
    frames: torch.Tensor, window: torch.Tensor | None, rotation: torch.Tensor | None
) -> torch.Tensor:
    """Cut a window out of each frame, turned about its own centre, and resize it to the frame.

    Pixels are interpolated linearly between the four nearest; what lies outside of the frame
    repeats its border. Nothing is smoothed where the frame is shown smaller.

    Args:
        frames: (N, S, S, 3).
        window: float32 (N, 4), see `Parameters`; the whole frame when None.
        rotation: float32 (N,), radians by which the picture turns counter-clockwise; not at all
            when None.

    Returns:
        float32 (N, S, S, 3).
    """
    if window is None:
        window = frames.new_tensor([0, 0, 1, 1], dtype=torch.float32).expand(len(frames), 4)
    centre, sides = window[:, :2], window[:, 2:]
    angle = torch.zeros_like(sides[:, 0]) if rotation is None else rotation
    # y points down: where a pixel of a picture turned counter-clockwise came from lies clockwise.
    cosine, sine = angle.cos(), angle.sin()
    turn = torch.stack([cosine, -sine, sine, cosine], dim=1).view(-1, 2, 2)  # (N, 2, 2)
    affine = torch.cat([turn * sides[:, None], centre[..., None]], dim=2)  # (N, 2, 3)
    planes = frames.permute(0, 3, 1, 2).float()  # (N, 3, S, S), channels last
    grid = F.affine_grid(affine, list(planes.shape), align_corners=False)
    cut = F.grid_sample(planes, grid, "bilinear", padding_mode="border", align_corners=False)
    return cut.permute(0, 2, 3, 1)  # (N, S, S, 3)


def flip(frames: torch.Tensor, flips: torch.Tensor) -> torch.Tensor:
    """Exchange left and right where asked.

    Args:
        frames: (N, H, W, 3).
        flips: bool (N,).

    Returns:
        (N, H, W, 3) of the same dtype.
    """
    return torch.where(flips.view(-1, 1, 1, 1), frames.flip(2), frames)
