"""The table of what an environment may draw anew for each episode, with its ranges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tcn_robot.envs.randomisation.distractors import DISTRACTORS
from tcn_robot.errors import UserError, unknown_name


@dataclass(frozen=True)
class Range:
    """Evenly drawn from [low, high); `meaning` says what it is and in which unit."""

    low: float
    high: float
    meaning: str

    def draw(self, generator: np.random.Generator) -> float:
        """Return one number."""
        return float(generator.uniform(self.low, self.high))

    def draw_vector(self, generator: np.random.Generator) -> np.ndarray:
        """Return three numbers, (3,)."""
        return generator.uniform(self.low, self.high, 3)


# Lights together stay below 1.5: what is bright keeps its colour.
RANGES: dict[str, dict[str, Range]] = {
    "light": {
        "azimuth": Range(-np.pi, np.pi, "radians: from where the lamp shines"),
        "tilt": Range(0.0, 0.9, "radians of the lamp from straight above"),
        "strength": Range(0.20, 0.55, "diffuse light of the lamp; 0.45 when not drawn"),
        "warmth": Range(-0.12, 0.12, "share by which its red is stronger and its blue weaker"),
        "ambient": Range(0.32, 0.50, "light from everywhere; 0.45 when not drawn"),
        "headlight": Range(0.20, 0.40, "light from the camera; 0.35 when not drawn"),
    },
    "colour": {
        "hue": Range(-0.05, 0.05, "turns of the colour circle, added; things and body"),
        "saturation": Range(0.75, 1.15, "factor; things and body"),
        "value": Range(0.75, 1.15, "factor; things and body"),
        "ground_hue": Range(0.0, 1.0, "turns; table and floor"),
        "ground_saturation": Range(0.0, 0.30, "table and floor stay pale: things stand out"),
        "ground_value": Range(0.35, 0.75, "table and floor"),
    },
    "texture": {"repeat": Range(2.0, 10.0, "times that the pattern goes into the table's side")},
    "camera": {
        "at": Range(-0.10, 0.10, "metres along x, y and z"),
        "target": Range(-0.02, 0.02, "metres along x, y and z: where it looks"),
        "up": Range(-0.05, 0.05, "tilt of the picture, about radians"),
        "widening": Range(1.00, 1.10, "factor on the field of view"),
        "wrist_at": Range(-0.006, 0.006, "metres in the palm's frame"),
        "wrist_target": Range(-0.006, 0.006, "metres in the palm's frame"),
    },
    "distractors": {
        "count": Range(2, len(DISTRACTORS) + 1, "things beside the workspace, rounded down"),
        "hue": Range(0.0, 1.0, "turns; each thing's own"),
        "saturation": Range(0.3, 0.9, "each thing's own; 0 is grey"),
        "value": Range(0.3, 0.9, "each thing's own; 0 is black"),
    },
    "friction": {"factor": Range(0.75, 1.35, "on the sliding friction of each thing, of the body")},
    "mass": {"factor": Range(0.6, 1.6, "on mass and inertia of each thing that can move")},
}
ALL = "all"
SKIN = "skin"
"""Drawn in every episode of a body that has skin."""
TEXTURES = ("checker", "crosses", "gradient", "noise", "tiles")
"""Names of the materials in assets/scene.xml."""

# How a camera moves that somebody holds in his hand.
WAVE_HZ = Range(0.05, 0.45, "of each of the waves that add up to a movement")
WAVE_AT = Range(-0.02, 0.02, "metres along each axis, for each wave: some 3 cm together")
WAVE_TARGET = Range(-0.008, 0.008, "metres along each axis: where it looks")


def chosen_names(names: str | Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """Return names in the table's order.

    Args:
        names: Names of `RANGES`; "all" stands for all that are known.
        known: Those that a simulator can set.

    Raises:
        UserError: For an unknown name, with the nearest.
    """
    asked = (names,) if isinstance(names, str) else tuple(names)
    for name in asked:
        if name not in (*known, ALL):
            raise unknown_name("randomisation", name, (*known, ALL))
    return tuple(name for name in known if ALL in asked or name in asked)


def refuse_any(drawn: Mapping[str, Any]) -> None:
    """Raise a UserError when anything was drawn, for scenes in which nothing can be."""
    if drawn:
        raise UserError(
            f"this scene comes from another package and has nothing to randomise, found "
            f"{', '.join(drawn)}; restore the dataset from a copy"
        )
