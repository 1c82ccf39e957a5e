"""Augmentation of whole batches on the training device, each frame with its own parameters."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F

# ITU-R BT.601 luma: what a person sees as equally bright.
GREY_WEIGHTS = (0.299, 0.587, 0.114)
BLUR_KERNEL = (0.25, 0.5, 0.25)


@dataclass(frozen=True)
class AugmentationOptions:
    """How far frames may be changed; 0 switches a change off.

    Attributes:
        shift_px: Largest shift in each direction; the border is repeated. Neighbouring frames of
            a slow film differ by about a pixel: larger shifts drown what tells them apart.
        brightness: Brightness is scaled by 1 - b to 1 + b.
        contrast: Contrast is scaled by 1 - c to 1 + c.
        saturation: Saturation is scaled by 1 - s to 1 + s.
        blur: Largest share of a 3 x 3 blur mixed in, 0 to 1.
    """

    shift_px: int = 1
    brightness: float = 0.2
    contrast: float = 0.2
    saturation: float = 0.3
    blur: float = 0.5


def augment(
    frames: torch.Tensor, options: AugmentationOptions, generator: torch.Generator
) -> torch.Tensor:
    """Return changed copies of frames; the input is not touched.

    Parameters are drawn on the generator's device, so that a seed means the same on every
    device when the generator lives on the CPU.

    Args:
        frames: uint8 (N, S, S, 3).
        options: How far to go.
        generator: Source of every random number.

    Returns:
        float32 (N, S, S, 3) from 0 to 255.
    """
    shifted = random_shift(frames, options.shift_px, generator)
    coloured = random_colour(shifted, options, generator)
    return random_blur(coloured, options.blur, generator)


def random_shift(frames: torch.Tensor, shift_px: int, generator: torch.Generator) -> torch.Tensor:
    """Shift each frame by whole pixels, repeating the border.

    Args:
        frames: (N, H, W, 3).
        shift_px: Largest shift in x and in y.
        generator: Source of the shifts.
    """
    if shift_px == 0:
        return frames
    count, height, width = frames.shape[:3]
    shifts = torch.randint(
        -shift_px, shift_px + 1, (count, 2), generator=generator, device=generator.device
    ).to(frames.device)
    rows = (torch.arange(height, device=frames.device) + shifts[:, :1]).clamp(0, height - 1)
    columns = (torch.arange(width, device=frames.device) + shifts[:, 1:]).clamp(0, width - 1)
    film = torch.arange(count, device=frames.device)[:, None, None]
    return frames[film, rows[:, :, None], columns[:, None, :]]


def _factors(
    count: int, spread: float, generator: torch.Generator, like: torch.Tensor
) -> torch.Tensor:
    """Return (N, 1, 1, 1) factors from 1 - spread to 1 + spread."""
    drawn = torch.rand(count, generator=generator, device=generator.device)
    return (1 + spread * (2 * drawn - 1)).to(like.device).view(count, 1, 1, 1)


def random_colour(
    frames: torch.Tensor, options: AugmentationOptions, generator: torch.Generator
) -> torch.Tensor:
    """Scale brightness, contrast about the frame's mean, and saturation; clamp to 0..255.

    Args:
        frames: (N, H, W, 3), 0 to 255.
        options: How far to go.
        generator: Source of the factors.

    Returns:
        float32 (N, H, W, 3).
    """
    pixels = frames.to(torch.float32, copy=True)
    count = len(pixels)
    brightness = _factors(count, options.brightness, generator, pixels)
    contrast = _factors(count, options.contrast, generator, pixels)
    saturation = _factors(count, options.saturation, generator, pixels)
    weights = torch.tensor(GREY_WEIGHTS, device=pixels.device)
    grey = (pixels @ weights)[..., None]  # (N, H, W, 1)
    mean = grey.mean(dim=(1, 2), keepdim=True)
    # All three are affine in (pixel, grey, mean): one pass over the pixels, in place.
    gain = brightness * contrast
    offset = grey.mul_(gain * (1 - saturation)).add_(mean * (brightness * (1 - contrast)))
    return pixels.mul_(gain * saturation).add_(offset).clamp_(0, 255)


def random_blur(frames: torch.Tensor, strength: float, generator: torch.Generator) -> torch.Tensor:
    """Mix each frame with its 3 x 3 binomial blur, by a share from 0 to `strength`.

    The outermost pixels stay as they are.

    Args:
        frames: float (N, H, W, 3).
        strength: Largest share, 0 to 1.
        generator: Source of the shares.
    """
    if strength == 0:
        return frames
    count = len(frames)
    drawn = torch.rand(count, generator=generator, device=generator.device)
    share = (strength * drawn).to(frames.device).view(count, 1, 1, 1)
    line = torch.tensor(BLUR_KERNEL, device=frames.device)
    kernel = (line[:, None] * line).expand(3, 1, 3, 3)
    planes = frames.permute(0, 3, 1, 2)  # (N, 3, H, W), channels last
    blurred = F.conv2d(planes, kernel, groups=3).permute(0, 2, 3, 1)  # (N, H - 2, W - 2, 3)
    mixed = frames.clone()
    mixed[:, 1:-1, 1:-1].lerp_(blurred, share)
    return mixed
