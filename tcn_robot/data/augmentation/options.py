"""How far frames may be changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tcn_robot.errors import UserError
from tcn_robot.option_ranges import expect_within

# Smallest and largest value of each option.
RANGES: dict[str, tuple[float, float]] = {
    "shift_px": (0, 1 << 16),
    "brightness": (0, 1),
    "contrast": (0, 1),
    "saturation": (0, 1),
    "blur": (0, 1),
    "window_area_min": (0.01, 1),
    "window_area_max": (0.01, 16),
    "window_aspect": (1, 16),
    "flip_probability": (0, 1),
    "rotation_degrees": (0, 180),
    "hue": (0, 0.5),
    "grey_probability": (0, 1),
}


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
        window_area_min: Smallest area of the window that is cut out and resized, as a share of
            the frame; 1 cuts nothing (TCN's pouring: 0.8, SimCLR: 0.08).
        window_area_max: Largest area of the window; above 1 the frame is shown smaller, with its
            border repeated (TCN's pouring: 3). Then half of the windows are larger than the frame.
        window_aspect: The window is up to this much wider or higher than the frame (SimCLR: 4/3).
        flip_probability: How often left and right change places. Only where they mean the same:
            to a robot they do not.
        rotation_degrees: Largest rotation, to either side; the border is repeated.
        hue: Largest turn of the hues, as a share of the colour circle, 0 to 0.5.
        grey_probability: How often a frame loses its colours.
        augmentation_sharing: Who shares a draw: nobody (frame), all frames of one view of an
            episode (view), or all frames of an episode (episode). A frame that is in a batch
            twice (SimCLR, BYOL) has two draws in any case; the frames of a clip share theirs.
    """

    shift_px: int = 1
    brightness: float = 0.2
    contrast: float = 0.2
    saturation: float = 0.3
    blur: float = 0.5
    window_area_min: float = 1.0
    window_area_max: float = 1.0
    window_aspect: float = 1.0
    flip_probability: float = 0.0
    rotation_degrees: float = 0.0
    hue: float = 0.0
    grey_probability: float = 0.0
    augmentation_sharing: Literal["frame", "view", "episode"] = "frame"

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            UserError: If one is out of its range.
        """
        for name, (smallest, largest) in RANGES.items():
            expect_within(self, smallest, largest, name)
        if self.window_area_min > self.window_area_max:
            raise UserError(
                "expected --window-area-min <= --window-area-max, found "
                f"{self.window_area_min:g} and {self.window_area_max:g}"
            )
        if self.augmentation_sharing not in ("frame", "view", "episode"):
            raise UserError(
                "--augmentation-sharing must be frame, view or episode, found "
                f"{self.augmentation_sharing!r}"
            )

    @property
    def cuts_windows(self) -> bool:
        """Whether windows are cut out and resized."""
        areas = (self.window_area_min, self.window_area_max)
        return areas != (1.0, 1.0) or self.window_aspect != 1.0
