"""A small still of an episode for the list: one frame from its middle."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np

from tcn_robot.errors import UserError
from tcn_robot.recordings import Episode
from tcn_robot.viewer.episode_page import film_path

HEIGHT_PX = 72
QUALITY = 80
BLANK = 128


def episode_poster(episode: Episode) -> bytes:
    """Return a still of the first view that has one; a grey picture where none has."""
    try:
        views = episode.views
    except UserError:
        views = ()
    for view in views:
        try:
            return poster_jpeg(film_path(episode, view))
        except UserError:  # `check` tells what is wrong with it
            continue
    return encode_jpeg(np.full((HEIGHT_PX, HEIGHT_PX, 3), BLANK, np.uint8))


def poster_jpeg(film: Path) -> bytes:
    """Return the key frame next to the middle of a film as a small JPEG.

    Raises:
        UserError: If no frame can be decoded there.
    """
    if not film.is_file():
        raise UserError(f"{film} is missing")
    try:
        with av.open(str(film)) as container:
            stream = container.streams.video[0]
            stream.thread_count = 1
            if stream.duration:
                container.seek((stream.start_time or 0) + stream.duration // 2, stream=stream)
            frame = next(container.decode(stream)).to_ndarray(format="rgb24")
    except (av.FFmpegError, IndexError, StopIteration) as error:
        raise UserError(f"{film} has no frame that can be shown ({error})") from error
    height_px, width_px = frame.shape[:2]
    width_px = max(1, round(width_px * HEIGHT_PX / height_px))
    shrink = cv2.INTER_AREA if height_px > HEIGHT_PX else cv2.INTER_NEAREST
    small = cv2.resize(frame, (width_px, HEIGHT_PX), interpolation=shrink)
    return encode_jpeg(small)


def encode_jpeg(picture: np.ndarray) -> bytes:
    """Return a picture, uint8 (H, W, 3) RGB, as JPEG."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
    _, jpeg = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), quality)
    return jpeg.tobytes()
