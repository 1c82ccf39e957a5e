"""The films of one camera of a LeRobot dataset: joined, measured, described."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np

from tcn_robot.recordings.format import video_name
from tcn_robot.recordings.formats.films import (
    LOSSLESS_PIXELS,
    TAKEN_OVER,
    FilmPart,
    film_packets,
    read_film,
)
from tcn_robot.recordings.formats.foreign import WriteOptions
from tcn_robot.recordings.formats.joining import FilmJoiner
from tcn_robot.recordings.formats.lerobot import layout
from tcn_robot.recordings.formats.lerobot.stats import PictureFigures, Stats, sampled_rows
from tcn_robot.recordings.formats.losses import Losses
from tcn_robot.recordings.reader import Episode
from tcn_robot.recordings.video import TICKS_PER_SECOND, VideoEncoder

_SCRATCH_FILE = ".film.mp4"


class CameraFilms:
    """Writes one camera's films.

    Args:
        root: Folder of the dataset.
        key: The camera's feature, such as "observation.images.front".
        rate_hz: Frames per second.
        options: What was asked for.
        losses: Takes what cannot be held.
    """

    def __init__(
        self, root: Path, key: str, rate_hz: int, options: WriteOptions, losses: Losses
    ) -> None:
        self._root = root
        self._key = key
        self._rate_hz = rate_hz
        self._options = options
        self._losses = losses
        self._number = layout.FileNumber()
        self._is_first = True
        self._joiner = FilmJoiner(rate_hz, layout.VIDEO_FILE_BYTES, self._next_path)

    def _next_path(self) -> Path:
        if not self._is_first:
            self._number.advance()
        self._is_first = False
        return self._number.path(self._root, layout.VIDEO_PATH, video_key=self._key)

    def add(self, episode: Episode, view: str, frames: np.ndarray) -> tuple[dict[str, Any], Stats]:
        """Write the frames of one episode.

        Args:
            episode: The episode.
            view: Its view.
            frames: int64 (T,), ascending: which frame each row shows.

        Returns:
            What `meta/episodes` says of where they are, and the figures of their pictures.
        """
        film = read_film(episode.path / video_name(view))
        part = FilmPart(film, frames)
        anew = self._why_anew(part)
        figures = PictureFigures()
        scratch = self._root / _SCRATCH_FILE
        if anew is None:
            measured = FilmPart(film, frames[sampled_rows(len(frames))])
            for picture in measured.pictures():
                figures.add(picture)
        else:
            self._losses.add("pictures", episode.id, f"{view}: {anew}")
            self._encode(part, scratch, figures)
            film = read_film(scratch)
            part = FilmPart(film, np.arange(len(frames)))
        if film.pixels in LOSSLESS_PIXELS:
            self._losses.add("players", episode.id, view)
        start = self._joiner.append(film, part)
        scratch.unlink(missing_ok=True)
        prefix = f"videos/{self._key}"
        placed = {
            **self._number.as_columns(prefix),
            f"{prefix}/from_timestamp": start / self._rate_hz,
            f"{prefix}/to_timestamp": (start + len(frames)) / self._rate_hz,
        }
        return placed, figures.stats()

    def _why_anew(self, part: FilmPart) -> str | None:
        if self._options.encode != "as-needed":
            return "asked for"
        if part.film.codec not in TAKEN_OVER:
            return f"its encoding is {part.film.codec}"
        if not part.is_run:
            return "frames are repeated or left out"
        return None if film_packets(part) else "it does not begin with a key frame"

    def _encode(self, part: FilmPart, target: Path, figures: PictureFigures) -> None:
        film = part.film
        is_exact = film.pixels in LOSSLESS_PIXELS and self._options.encode == "as-needed"
        codec = "lossless" if is_exact or self._options.encode == "lossless" else "h264"
        encoder = VideoEncoder(target, film.width_px, film.height_px, codec, self._rate_hz)
        sampled = set(sampled_rows(len(part.frames)).tolist())
        try:
            for row, picture in enumerate(part.pictures()):
                encoder.write(picture, round(row * TICKS_PER_SECOND / self._rate_hz))
                if row in sampled:
                    figures.add(picture)
            encoder.close()
        except BaseException:
            encoder.abort()
            raise

    def close(self) -> None:
        """Finish the last film."""
        self._joiner.close()

    def abort(self) -> None:
        """Let the last film go as it is."""
        self._joiner.abort()

    def info(self) -> dict[str, Any]:
        """Return what `meta/info.json` says of the films, from the first one."""
        path = self._root / layout.VIDEO_PATH.format(
            video_key=self._key, chunk_index=0, file_index=0
        )
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            return {
                "video.height": stream.height,
                "video.width": stream.width,
                "video.codec": stream.codec_context.codec.canonical_name,
                "video.pix_fmt": stream.pix_fmt,
                "video.is_depth_map": False,
                "video.fps": self._rate_hz,
                "video.channels": 3,
                "has_audio": False,
            }
