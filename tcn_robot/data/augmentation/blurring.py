"""A light blur, as from a lens that is a little out of focus."""

from __future__ import annotations

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
    line = torch.tensor(BLUR_KERNEL, device=frames.device)
    kernel = (line[:, None] * line).expand(3, 1, 3, 3)
    planes = frames.permute(0, 3, 1, 2)  # (N, 3, H, W), channels last
    blurred = F.conv2d(planes, kernel, groups=3).permute(0, 2, 3, 1)  # (N, H - 2, W - 2, 3)
    mixed = frames.clone()
    mixed[:, 1:-1, 1:-1].lerp_(blurred, share.view(-1, 1, 1, 1))
    return mixed
