"""What is done to each frame of a batch: drawn on the CPU, for the whole batch at once."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from tcn_robot.data.augmentation.options import AugmentationOptions


@dataclass(frozen=True)
class Parameters:
    """What is done to each of N frames or clips; None is not done.

    Attributes:
        brightness: float32 (N,), factor.
        contrast: float32 (N,), factor about the frame's mean.
        saturation: float32 (N,), factor; 0 is grey.
        shift: int64 (N, 2), pixels down and to the right from where a pixel is taken.
        blur: float32 (N,), share of the blur that is mixed in.
        window: float32 (N, 4), centre x, centre y (-1 to 1 is the frame), width and height
            (1 is the frame) of the window that is cut out.
        flip: bool (N,), whether left and right change places.
        rotation: float32 (N,), radians; positive turns the picture counter-clockwise.
        hue: float32 (N,), radians that colours are turned by.
    """

    brightness: torch.Tensor
    contrast: torch.Tensor
    saturation: torch.Tensor
    shift: torch.Tensor | None = None
    blur: torch.Tensor | None = None
    window: torch.Tensor | None = None
    flip: torch.Tensor | None = None
    rotation: torch.Tensor | None = None
    hue: torch.Tensor | None = None

    def __len__(self) -> int:
        """Return N."""
        return len(self.brightness)

    def __getitem__(self, rows: torch.Tensor | slice) -> Parameters:
        """Return the parameters of some frames: int64 (M,) places, or a slice."""
        return Parameters(**{name: values[rows] for name, values in self._given().items()})

    def to(self, device: torch.device) -> Parameters:
        """Return the parameters on a device, by one copy."""
        if device == self.brightness.device:
            return self
        given = self._given()
        columns = [values.reshape(len(self), -1).float() for values in given.values()]
        table = torch.cat(columns, dim=1)
        if device.type == "cuda":  # pinned, so that nobody waits for the copy
            table = table.pin_memory()
        widths = [column.shape[1] for column in columns]
        copied = table.to(device, non_blocking=True).split(widths, dim=1)
        moved = {
            name: column.reshape(values.shape).to(values.dtype)  # whole numbers stay exact
            for (name, values), column in zip(given.items(), copied, strict=True)
        }
        return Parameters(**moved)

    def _given(self) -> dict[str, torch.Tensor]:
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {name: value for name, value in values.items() if value is not None}


def sharing_groups(
    sharing: Literal["frame", "view", "episode"],
    episode: np.ndarray,
    view: np.ndarray,
    frame: np.ndarray,
) -> torch.Tensor | None:
    """Return who shares a draw.

    Args:
        sharing: See `AugmentationOptions`.
        episode: int (N,), episode of each frame.
        view: int (N,), view within it.
        frame: int (N,), frame within that.

    Returns:
        int64 (N,), the same number for those who share; None when nobody does. The second, third
        … place of the same frame in the batch counts as another film.
    """
    if sharing == "frame":
        return None
    columns = [episode, view, frame]
    same = np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)[1].reshape(-1)
    order = np.argsort(same, kind="stable")
    first = np.searchsorted(same[order], same[order], side="left")
    repeat = np.empty(len(same), np.int64)
    repeat[order] = np.arange(len(same)) - first
    films = [episode, repeat] if sharing == "episode" else [episode, view, repeat]
    groups = np.unique(np.stack(films, axis=1), axis=0, return_inverse=True)[1]
    return torch.from_numpy(groups.reshape(-1).astype(np.int64))


def draw(
    count: int,
    options: AugmentationOptions,
    generator: torch.Generator,
    groups: torch.Tensor | None = None,
) -> Parameters:
    """Draw what is done to each frame of a batch.

    What is switched off by default is drawn last and only when it is on, so that the same seed
    keeps its meaning when options are added.

    Args:
        count: N, frames or clips in the whole batch, that of all processes together.
        options: How far to go.
        generator: Source of every number, on the CPU.
        groups: int64 (N,), who shares a draw, from `sharing_groups`; nobody when None.

    Returns:
        Parameters of N frames, on the generator's device.
    """
    if groups is not None:
        distinct, place = torch.unique(groups, return_inverse=True)
        return draw(len(distinct), options, generator)[place]
    shift = _shifts(count, options.shift_px, generator)
    brightness = 1 + _symmetric(count, options.brightness, generator)
    contrast = 1 + _symmetric(count, options.contrast, generator)
    saturation = 1 + _symmetric(count, options.saturation, generator)
    blur = _uniform(count, generator) * options.blur if options.blur else None
    window = _windows(count, options, generator) if options.cuts_windows else None
    flip = rotation = hue = None
    if options.flip_probability:
        flip = _uniform(count, generator) < options.flip_probability
    if options.rotation_degrees:
        rotation = _symmetric(count, math.radians(options.rotation_degrees), generator)
    if options.hue:
        hue = _symmetric(count, 2 * math.pi * options.hue, generator)
    if options.grey_probability:
        kept = _uniform(count, generator) >= options.grey_probability
        saturation = saturation * kept
    return Parameters(brightness, contrast, saturation, shift, blur, window, flip, rotation, hue)


def _uniform(count: int, generator: torch.Generator) -> torch.Tensor:
    """Return (N,) from 0 to 1."""
    return torch.rand(count, generator=generator, device=generator.device)


def _symmetric(count: int, spread: float, generator: torch.Generator) -> torch.Tensor:
    """Return (N,) from -spread to spread."""
    return spread * (2 * _uniform(count, generator) - 1)


def _shifts(count: int, shift_px: int, generator: torch.Generator) -> torch.Tensor | None:
    if shift_px == 0:
        return None
    shape = (count, 2)
    return torch.randint(
        -shift_px, shift_px + 1, shape, generator=generator, device=generator.device
    )


def _windows(count: int, options: AugmentationOptions, generator: torch.Generator) -> torch.Tensor:
    """Return windows (N, 4), see `Parameters`.

    The area is uniform between its ends, and the window uniform among the places where it and
    the frame lie within each other; the aspect is uniform in its logarithm. When areas reach to
    both sides of 1, each side has half of the windows (TCN's scale augmentation).

    Differs from the paper: SimCLR draws again when a window does not fit into the frame; here
    its longer side is cut to the frame's.
    """
    smallest, largest = options.window_area_min, options.window_area_max
    low, high = torch.full((count,), smallest), torch.full((count,), largest)
    if smallest < 1 < largest:
        enlarges = _uniform(count, generator) < 0.5
        low, high = torch.where(enlarges, low, 1.0), torch.where(enlarges, 1.0, high)
    area = low + (high - low) * _uniform(count, generator)
    stretch = torch.exp(0.5 * _symmetric(count, math.log(options.window_aspect), generator))
    sides = area.sqrt()[:, None] * torch.stack([stretch, 1 / stretch], dim=1)  # (N, 2)
    sides = torch.where(area[:, None] <= 1, sides.clamp(max=1), sides)
    places = torch.rand((count, 2), generator=generator, device=generator.device)
    centres = (1 - sides).abs() * (2 * places - 1)
    return torch.cat([centres, sides], dim=1)
