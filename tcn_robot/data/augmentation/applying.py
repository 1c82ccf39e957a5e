"""Changes to frames and clips, in their order."""

from __future__ import annotations

import torch

from tcn_robot.data.augmentation.blurring import blur
from tcn_robot.data.augmentation.colour import recolour, turn_hue
from tcn_robot.data.augmentation.geometry import cut_window, flip, shift
from tcn_robot.data.augmentation.options import AugmentationOptions
from tcn_robot.data.augmentation.parameters import Parameters, draw


def augment(
    frames: torch.Tensor, options: AugmentationOptions, generator: torch.Generator
) -> torch.Tensor:
    """Return changed copies of frames: `draw` and `apply` in one; the input is not touched.

    Args:
        frames: uint8 (N, S, S, 3), or clips (N, T, S, S, 3).
        options: How far to go.
        generator: Source of every random number, on the CPU, so that a seed means the same on
            every device.

    Returns:
        float32 of the same shape, from 0 to 255.
    """
    return apply(frames, draw(len(frames), options, generator))


def apply(frames: torch.Tensor, parameters: Parameters) -> torch.Tensor:
    """Return copies of frames, changed as the parameters say, on the frames' device.

    Args:
        frames: uint8 or float (N, S, S, 3) from 0 to 255, or clips (N, T, S, S, 3), whose T
            frames are all changed in the same way.
        parameters: Of N frames or clips, from `draw`, on any device.

    Returns:
        float32 of the same shape, from 0 to 255.

    Raises:
        ValueError: If there are parameters of another number of frames.
    """
    if len(parameters) != len(frames):
        raise ValueError(f"{len(frames)} frames, but parameters of {len(parameters)}")
    parameters = parameters.to(frames.device)
    shape = frames.shape
    if frames.numel() == 0:
        return frames.float()
    clips = frames if frames.ndim == 5 else frames[:, None]  # (N, T, S, S, 3)
    of_frame = parameters
    if clips.shape[1] > 1:
        number = torch.arange(len(frames), device=frames.device)
        of_frame = parameters[number.repeat_interleave(clips.shape[1])]
    changed = _moved(clips.flatten(0, 1), of_frame).view(clips.shape)
    if parameters.hue is not None:
        changed = turn_hue(changed, parameters.hue)
    changed = recolour(changed, parameters.brightness, parameters.contrast, parameters.saturation)
    if of_frame.blur is not None:
        changed = blur(changed.flatten(0, 1), of_frame.blur)
    return changed.view(shape)


def _moved(frames: torch.Tensor, parameters: Parameters) -> torch.Tensor:
    """Return frames (M, S, S, 3) after all that moves pixels, contiguous."""
    if parameters.shift is not None:
        frames = shift(frames, parameters.shift)
    if parameters.window is not None or parameters.rotation is not None:
        frames = cut_window(frames, parameters.window, parameters.rotation)
    if parameters.flip is not None:
        frames = flip(frames, parameters.flip)
    return frames.contiguous()
