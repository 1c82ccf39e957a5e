"""Area resizing in torch, with the same result as the frame store's (OpenCV's INTER_AREA)."""

from __future__ import annotations

import torch
import torch.nn.functional as F


def area_weights(source_px: int, target_px: int) -> torch.Tensor:
    """Return (target, source) float32: the share of each source pixel in each target pixel.

    Rows sum to 1; a target pixel is the mean of the area it covers.
    """
    scale = source_px / target_px
    edges = torch.arange(target_px + 1, dtype=torch.float64) * scale
    pixels = torch.arange(source_px, dtype=torch.float64)
    upper = torch.minimum(edges[1:, None], pixels[None, :] + 1)
    lower = torch.maximum(edges[:-1, None], pixels[None, :])
    return ((upper - lower).clamp(min=0) / scale).float()


def resize_frames(frames: torch.Tensor, size_px: int) -> torch.Tensor:
    """Resize frames to a square; the aspect ratio is not kept.

    Args:
        frames: (N, H, W, 3) uint8.
        size_px: Wanted height and width.

    Returns:
        (N, size, size, 3) uint8. Shrinking averages areas, enlarging is bilinear.
    """
    height, width = frames.shape[1:3]
    if (height, width) == (size_px, size_px):
        return frames
    if min(height, width) < size_px:
        planes = frames.permute(0, 3, 1, 2).float()
        resized = F.interpolate(planes, size=(size_px, size_px), mode="bilinear")
        return resized.permute(0, 2, 3, 1).round().clamp(0, 255).to(torch.uint8)
    rows = area_weights(height, size_px).to(frames.device)
    columns = area_weights(width, size_px).to(frames.device)
    squeezed = torch.einsum("ow,nhwc->nhoc", columns, frames.float())
    resized = torch.einsum("oh,nhwc->nowc", rows, squeezed)
    return resized.round().clamp(0, 255).to(torch.uint8)
