"""Colours: shifted ones, and those of skin."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

import numpy as np

from tcn_robot.envs.things import Colour


def shifted_colour(rgb: Sequence[float] | np.ndarray, shift: Sequence[float]) -> list[float]:
    """Return a colour (red, green, blue) with hue added, saturation and value multiplied."""
    red, green, blue = (float(part) for part in rgb[:3])
    hue, saturation, value = colorsys.rgb_to_hsv(red, green, blue)
    shifted = colorsys.hsv_to_rgb(
        (hue + shift[0]) % 1.0, min(1.0, saturation * shift[1]), min(1.0, value * shift[2])
    )
    return list(shifted)


def is_skin(rgba: Colour | np.ndarray, skins: Sequence[Sequence[float]]) -> bool:
    """Whether a shape has one of the colours of skin."""
    return bool(np.isclose(np.asarray(rgba)[:3], skins, atol=1e-3).all(axis=1).any())
