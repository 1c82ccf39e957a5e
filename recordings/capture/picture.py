"""What is done to every picture of a source before it is kept: rotate, crop, resize."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from tcn_robot.errors import UserError

_TURNS = {
    90: cv2.ROTATE_90_CLOCKWISE,
    180: cv2.ROTATE_180,
    270: cv2.ROTATE_90_COUNTERCLOCKWISE,
}


@dataclass(frozen=True)
class Picture:
    """How a source's pictures are changed, in this order.

    Attributes:
        rotate_degrees: 0, 90, 180 or 270, clockwise.
        crop_px: (left, top, width, height) of the turned picture; None keeps all of it.
        size_px: (width, height) wanted; None keeps the size.
    """

    rotate_degrees: int = 0
    crop_px: tuple[int, int, int, int] | None = None
    size_px: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if self.rotate_degrees not in (0, *_TURNS):
            raise UserError(
                f"a picture can be turned by 0, 90, 180 or 270 degrees, found {self.rotate_degrees}"
            )
        if self.crop_px is not None and (min(self.crop_px[:2]) < 0 or min(self.crop_px[2:]) < 1):
            raise UserError(f"a crop is left,top,width,height in pixels, found {self.crop_px}")
        if self.size_px is not None and min(self.size_px) < 1:
            raise UserError(f"a size is WIDTHxHEIGHT in pixels, found {self.size_px}")

    def apply(self, frame: np.ndarray) -> np.ndarray:
        """Return the changed picture.

        Args:
            frame: uint8 (H, W, 3).

        Raises:
            UserError: If the crop lies outside the picture.
        """
        if self.rotate_degrees:
            frame = cv2.rotate(frame, _TURNS[self.rotate_degrees])
        if self.crop_px is not None:
            left, top, width, height = self.crop_px
            if left + width > frame.shape[1] or top + height > frame.shape[0]:
                raise UserError(
                    f"the crop {left},{top},{width},{height} does not fit into a picture of "
                    f"{frame.shape[1]}x{frame.shape[0]} px"
                )
            frame = frame[top : top + height, left : left + width]
        if self.size_px is not None and self.size_px != (frame.shape[1], frame.shape[0]):
            shrinks = self.size_px[0] <= frame.shape[1]
            method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
            frame = cv2.resize(frame, self.size_px, interpolation=method)
        return frame
