"""Brightness, contrast, saturation and hue."""

from __future__ import annotations

from functools import cache

import torch

# ITU-R BT.601 luma: what a person sees as equally bright.
GREY_WEIGHTS = (0.299, 0.587, 0.114)
# Two axes of colour at right angles to grey (NTSC's I and Q); every row sums to 0.
CHROMA_WEIGHTS = ((0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112))


def recolour(
    frames: torch.Tensor,
    brightness: torch.Tensor,
    contrast: torch.Tensor,
    saturation: torch.Tensor,
) -> torch.Tensor:
    """Scale brightness, contrast about the clip's mean, and saturation; clamp to 0..255.

    Args:
        frames: (N, T, H, W, 3), 0 to 255; the T frames of a clip are changed in the same way, so
            that what stands still goes on standing still.
        brightness: float32 (N,), factors.
        contrast: float32 (N,), factors.
        saturation: float32 (N,), factors.

    Returns:
        float32 (N, T, H, W, 3).
    """
    pixels = frames.to(torch.float32, copy=True)
    brightness, contrast, saturation = (
        factors.view(-1, 1, 1, 1, 1) for factors in (brightness, contrast, saturation)
    )
    grey = (pixels @ _grey_weights(pixels.device))[..., None]  # (N, T, H, W, 1)
    mean = grey.mean(dim=(1, 2, 3), keepdim=True)
    # All three are affine in (pixel, grey, mean): one pass over the pixels, in place.
    gain = brightness * contrast
    offset = grey.mul_(gain * (1 - saturation)).add_(mean * (brightness * (1 - contrast)))
    return pixels.mul_(gain * saturation).add_(offset).clamp_(0, 255)


def turn_hue(frames: torch.Tensor, angle: torch.Tensor) -> torch.Tensor:
    """Turn all colours about grey; what is grey stays, and so does how bright things are.

    Differs from the papers (TCN, SimCLR), which turn the hue of HSV: there a turn changes how
    bright a colour looks, and costs several passes. Here it is one matrix per frame in YIQ.

    Args:
        frames: (N, T, H, W, 3), 0 to 255.
        angle: float32 (N,), radians.

    Returns:
        float32 (N, T, H, W, 3); it may leave 0..255, `recolour` clamps.
    """
    still, along, across = _turning_parts(frames.device)
    cosine, sine = angle.cos().view(-1, 1, 1), angle.sin().view(-1, 1, 1)
    matrix = still + cosine * along + sine * across  # (N, 3, 3)
    flat = frames.float().reshape(len(frames), -1, 3)  # (N, T * H * W, 3)
    return (flat @ matrix.mT).view(frames.shape)


# Kept on each device: a copy to a GPU in every step would wait for the step before.
@cache
def _grey_weights(device: torch.device) -> torch.Tensor:
    return torch.tensor(GREY_WEIGHTS, device=device)


@cache
def _turning_parts(device: torch.device) -> tuple[torch.Tensor, ...]:
    """Return A, B, C (3, 3) for which A + cos(a) B + sin(a) C turns RGB about grey by a."""
    axes = torch.tensor([GREY_WEIGHTS, *CHROMA_WEIGHTS], dtype=torch.float64)
    back = torch.linalg.inv(axes)
    still, along, across = torch.zeros(3, 3, 3, dtype=torch.float64)
    still[0, 0] = along[1, 1] = along[2, 2] = across[2, 1] = 1
    across[1, 2] = -1
    return tuple((back @ part @ axes).float().to(device) for part in (still, along, across))
