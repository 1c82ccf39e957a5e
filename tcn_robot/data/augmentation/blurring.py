"""A light blur, as from a lens that is a little out of focus."""

from __future__ import annotations

from functools import cache

import torch
import torch.nn.functional as F

BLUR_KERNEL = (0.25, 0.5, 0.25)


def blur(frames: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
    """Mix each frame with its 3 x 3 binomial blur.

    The outermost pixels stay as they are.

    Args:
        frames: float (N, H, W, 3).
        share: float32 (N,), share of the blur, 0 to 1.

    Returns:
        float (N, H, W, 3).
    """
    planes = frames.permute(0, 3, 1, 2)  # (N, 3, H, W), channels last
    blurred = F.conv2d(planes, _kernel(frames.device), groups=3)  # (N, 3, H - 2, W - 2)
    blurred = blurred.permute(0, 2, 3, 1)
    mixed = frames.clone()
    mixed[:, 1:-1, 1:-1].lerp_(blurred, share.view(-1, 1, 1, 1))
    return mixed


# Kept on each device: a copy to a GPU in every step would wait for the step before.
@cache
def _kernel(device: torch.device) -> torch.Tensor:
    """Return the blur of one channel after the other, (3, 1, 3, 3)."""
    line = torch.tensor(BLUR_KERNEL, device=device)
    return (line[:, None] * line).expand(3, 1, 3, 3)
