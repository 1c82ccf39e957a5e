"""Films for a page: the moment found in another view, and the strip of moments of each view."""

from __future__ import annotations

import numpy as np

from tcn_robot.plots.neighbour_film import RIGHT_WITHIN
from tcn_robot.plots.painting import below, beside, clock
from tcn_robot.report.evidence import Retrieval, Strip
from tcn_robot.report.media import Film, encode_film, enlarge

PANEL_HEIGHT_PX = 256


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
        panels = [_with_clock(frame, true_share)]
        for found in columns:
            share = float(library_share[found[index]])
            is_right = abs(share - true_share) <= RIGHT_WITHIN
            panels.append(_with_clock(library[found[index]], share, is_right))
        frames.append(beside(panels))
    interval_seconds = float(np.median(np.diff(retrieval.times_seconds)))
    return encode_film(np.stack(frames), 0.5 / interval_seconds)


def _with_clock(frame: np.ndarray, share: float, is_right: bool | None = None) -> np.ndarray:
    return below([frame, clock(frame.shape[1], share, is_right)], 0)


def strip_picture(strip: Strip, view: str, gap_px: int = 2) -> np.ndarray:
    """Put the moments of one view beside each other.

    Returns:
        uint8 (H, K * W + gaps, 3), white between the moments.
    """
    frames = strip.frames[view]
    padded = np.pad(frames, ((0, 0), (0, 0), (0, gap_px), (0, 0)), constant_values=255)
    return np.concatenate(list(padded), axis=1)[:, :-gap_px]
