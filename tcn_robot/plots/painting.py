"""Frames of films as they are put together: panels, words, clocks, borders, points."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

Picture = NDArray[np.uint8]
Rgb = tuple[int, int, int]

PANEL_PX = 256
GAP_PX = 8
LINE_PX = 20
TEXT_PX = 13
SMALLEST_TEXT_PX = 10
CLOCK_PX = 6
# The pages of the house, as in tcn_robot.look.
PAPER, INK, MUTED = (27, 28, 32), (232, 230, 225), (155, 149, 141)
LIGHT_PAPER = (255, 255, 255)
TRACK_COLOUR = (70, 70, 76)
RIGHT_COLOUR, WRONG_COLOUR = (45, 212, 191), (251, 146, 60)
# Fractional bits of a point's place, as OpenCV takes it: a sixteenth of a pixel.
SHIFT = 4


def fitted(frame: Picture, height_px: int = PANEL_PX, width_px: int | None = None) -> Picture:
    """Return a frame scaled into a box, its shape kept; what is left over is paper.

    Args:
        frame: uint8 (H, W, 3).
        height_px: Height of the box.
        width_px: Its width; what the frame's shape asks for when None.

    Returns:
        uint8 (height_px, width_px, 3).
    """
    import cv2

    height, width = frame.shape[:2]
    if width_px is None:
        width_px = max(round(width * height_px / height), 1)
    scale = min(height_px / height, width_px / width)
    inner = (max(round(width * scale), 1), max(round(height * scale), 1))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    scaled = cv2.resize(np.ascontiguousarray(frame), inner, interpolation=how)
    if scaled.shape[:2] == (height_px, width_px):
        return np.asarray(scaled, np.uint8)
    box = blank(height_px, width_px)
    top, left = (height_px - inner[1]) // 2, (width_px - inner[0]) // 2
    box[top : top + inner[1], left : left + inner[0]] = scaled
    return box


def blank(height_px: int, width_px: int, colour: Rgb = PAPER) -> Picture:
    """Return paper, uint8 (height_px, width_px, 3)."""
    picture = np.empty((height_px, width_px, 3), np.uint8)
    picture[:] = colour
    return picture


def caption(text: str, width_px: int, colour: Rgb = INK) -> Picture:
    """Return a line of words on paper, uint8 (LINE_PX, width_px, 3).

    Words that are too long become smaller, and end in "…" where that is not enough.
    """
    from PIL import Image, ImageDraw

    picture = Image.fromarray(blank(LINE_PX, width_px))
    room = width_px - 4
    sizes = range(TEXT_PX, SMALLEST_TEXT_PX - 1, -1)
    size = next((size for size in sizes if _font(size).getlength(text) <= room), SMALLEST_TEXT_PX)
    font = _font(size)
    if font.getlength(text) > room:
        while text and font.getlength(f"{text}…") > room:
            text = text[:-1]
        text = f"{text.rstrip()}…"
    draw = ImageDraw.Draw(picture)
    draw.text((2, LINE_PX / 2), text, fill=colour, font=font, anchor="lm")
    return np.asarray(picture)


@lru_cache(maxsize=8)
def _font(size_px: int) -> FreeTypeFont:
    """Return the font of the figures, which comes with matplotlib."""
    import matplotlib
    from PIL import ImageFont

    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    return ImageFont.truetype(str(path), size_px)


def clock(width_px: int, share: float, is_right: bool | None = None) -> Picture:
    """Return a bar of how far a film has come, uint8 (CLOCK_PX, width_px, 3).

    Args:
        width_px: Its width.
        share: Place in the film, in [0, 1].
        is_right: Whether this is the moment looked for; None where nobody knows.
    """
    bar = blank(CLOCK_PX, width_px, TRACK_COLOUR)
    bar[0] = PAPER
    colour = {None: MUTED, True: RIGHT_COLOUR, False: WRONG_COLOUR}[is_right]
    bar[1:, : max(1, round(share * width_px))] = colour
    return bar


def bordered(picture: Picture, colour: Rgb, width_px: int = 4) -> Picture:
    """Return a picture whose outermost pixels are a border."""
    framed = picture.copy()
    framed[:width_px] = framed[-width_px:] = colour
    framed[:, :width_px] = framed[:, -width_px:] = colour
    return framed


def beside(pictures: Sequence[Picture], gap_px: int = GAP_PX) -> Picture:
    """Put pictures side by side, those that are lower extended by paper."""
    height = max(picture.shape[0] for picture in pictures)
    parts: list[Picture] = []
    for picture in pictures:
        width = picture.shape[1]
        parts += [
            below([picture, blank(height - picture.shape[0], width)], 0),
            blank(height, gap_px),
        ]
    return np.concatenate(parts[:-1], axis=1)


def below(pictures: Sequence[Picture], gap_px: int = GAP_PX) -> Picture:
    """Put pictures below each other, those that are narrower extended by paper."""
    width = max(picture.shape[1] for picture in pictures)
    parts: list[Picture] = []
    for picture in pictures:
        missing = width - picture.shape[1]
        wide = picture
        if missing:
            wide = np.concatenate([picture, blank(picture.shape[0], missing)], axis=1)
        parts += [wide, blank(gap_px, width)]
    return np.concatenate(parts[:-1], axis=0)


def on_page(picture: Picture, margin_px: int = GAP_PX) -> Picture:
    """Put paper around a picture, to an even height and width."""
    height, width = picture.shape[:2]
    page = blank(height + 2 * margin_px + height % 2, width + 2 * margin_px + width % 2)
    page[margin_px : margin_px + height, margin_px : margin_px + width] = picture
    return page


def paint_dot(
    picture: Picture,
    place: NDArray[np.float64],
    radius_px: float,
    colour: Rgb,
    rim: Rgb | None = None,
) -> None:
    """Paint a round point into a picture, in place.

    Args:
        picture: uint8 (H, W, 3).
        place: Column and row of its centre, (2,); pixel centres are at whole numbers.
        radius_px: Its radius.
        colour: RGB.
        rim: Colour of a thin rim around it.
    """
    import cv2

    centre = (round(place[0] * 2**SHIFT), round(place[1] * 2**SHIFT))
    if rim is not None:
        outer = round((radius_px + 1.6) * 2**SHIFT)
        cv2.circle(picture, centre, outer, rim, -1, cv2.LINE_AA, SHIFT)
    cv2.circle(picture, centre, round(radius_px * 2**SHIFT), colour, -1, cv2.LINE_AA, SHIFT)


def paint_trail(
    picture: Picture, places: NDArray[np.float64], colours: NDArray[np.uint8], width_px: int = 2
) -> None:
    """Paint the way through places (N, 2) into a picture, in place, coloured (N, 3)."""
    import cv2

    points = np.round(places * 2**SHIFT).astype(int)
    for start, stop, colour in zip(points[:-1], points[1:], colours[1:], strict=True):
        ends = tuple(start.tolist()), tuple(stop.tolist())
        cv2.line(picture, *ends, colour.tolist(), width_px, cv2.LINE_AA, SHIFT)
