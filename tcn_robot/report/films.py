"""Films for a page: the moment found in another view, and the strip of moments of each view."""

from __future__ import annotations

import numpy as np

from tcn_robot.report.evidence import Retrieval, Strip
from tcn_robot.report.media import Film, encode_film, enlarge

PANEL_HEIGHT_PX = 256
GAP_PX = 8
CLOCK_HEIGHT_PX = 8
RIGHT_COLOUR = np.array([45, 212, 191], np.uint8)
WRONG_COLOUR = np.array([251, 146, 60], np.uint8)
TRACK_COLOUR = np.array([70, 70, 76], np.uint8)
GAP_COLOUR = np.array([27, 28, 32], np.uint8)


def clock_bar(width_px: int, share: float, true_share: float) -> np.ndarray:
    """Draw where in its film a frame lies, coloured by how near that is to the truth.

    Args:
        width_px: Width of the bar.
        share: Place of the shown frame, in [0, 1].
        true_share: Place of the frame that would be right, in [0, 1].

    Returns:
        uint8 (CLOCK_HEIGHT_PX, width_px, 3).
    """
    bar = np.empty((CLOCK_HEIGHT_PX, width_px, 3), np.uint8)
    bar[:] = GAP_COLOUR
    bar[CLOCK_HEIGHT_PX // 2 :] = TRACK_COLOUR
    near = abs(share - true_share) <= 0.05
    filled = max(1, round(share * width_px))
    bar[CLOCK_HEIGHT_PX // 2 :, :filled] = RIGHT_COLOUR if near else WRONG_COLOUR
    return bar


def retrieval_film(retrieval: Retrieval, height_px: int = PANEL_HEIGHT_PX) -> Film:
    """Put the query left and what was found right, each with its place in time below it.

    Plays at half the recorded speed, so that the eye can compare.

    Args:
        retrieval: What was found.
        height_px: Height of each picture.
    """
    query = enlarge(retrieval.query_frames, height_px)  # (T, H, W, 3)
    library = enlarge(retrieval.library_frames, height_px)  # (S, H, W, 3)
    columns = [retrieval.found]
    if retrieval.found_untrained is not None:
        columns.append(retrieval.found_untrained)
    query_share = np.linspace(0, 1, len(query))
    library_share = np.linspace(0, 1, len(library))
    frames = []
    for index, frame in enumerate(query):
        true_share = float(query_share[index])
        panels = [_with_clock(frame, true_share, true_share)]
        for found in columns:
            share = float(library_share[found[index]])
            panels.append(_with_clock(library[found[index]], share, true_share))
        frames.append(_side_by_side(panels))
    interval_seconds = float(np.median(np.diff(retrieval.times_seconds)))
    return encode_film(np.stack(frames), 0.5 / interval_seconds)


def _with_clock(frame: np.ndarray, share: float, true_share: float) -> np.ndarray:
    return np.concatenate([frame, clock_bar(frame.shape[1], share, true_share)], axis=0)


def _side_by_side(panels: list[np.ndarray]) -> np.ndarray:
    gap = np.empty((panels[0].shape[0], GAP_PX, 3), np.uint8)
    gap[:] = GAP_COLOUR
    parts: list[np.ndarray] = []
    for panel in panels:
        parts += [panel, gap]
    return np.concatenate(parts[:-1], axis=1)


def strip_picture(strip: Strip, view: str, gap_px: int = 2) -> np.ndarray:
    """Put the moments of one view beside each other.

    Returns:
        uint8 (H, K * W + gaps, 3), white between the moments.
    """
    frames = strip.frames[view]
    padded = np.pad(frames, ((0, 0), (0, 0), (0, gap_px), (0, 0)), constant_values=255)
    return np.concatenate(list(padded), axis=1)[:, :-gap_px]
