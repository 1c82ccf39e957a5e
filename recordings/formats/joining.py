"""Joins films of many episodes into large ones, frames at one rate, without encoding anew."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from tcn_robot.errors import UserError
from tcn_robot.recordings.formats.films import (
    Film,
    FilmPart,
    decoding_ticks,
    film_packets,
    open_film,
    read_film,
    shown_order,
)
from tcn_robot.recordings.video import MUXER_OPTIONS

TICKS_PER_FRAME = 512


class FilmJoiner:
    """Appends films to a file until it is large; then begins the next one.

    Args:
        rate_hz: Frames per second.
        limit_bytes: How large a file may become.
        next_path: Gives the path of the first file, and of each one that follows it.
    """

    def __init__(self, rate_hz: int, limit_bytes: int, next_path: Callable[[], Path]) -> None:
        self._time_base = Fraction(1, rate_hz * TICKS_PER_FRAME)
        self._limit_bytes = limit_bytes
        self._next_path = next_path
        self._output: Any = None
        self._stream: Any = None
        self._kind: object = None
        self._path = Path()
        self._bytes = 0
        self._frames = 0

    def append(self, film: Film, part: FilmPart) -> int:
        """Append frames and return how many the file had before.

        Args:
            film: The film they are of.
            part: Frames that follow each other and begin with a key frame.

        Raises:
            UserError: If they cannot be taken out of their film.
        """
        packets = film_packets(part)
        if not packets:
            raise UserError(f"{film.path} does not begin with a key frame; use --encode h264")
        num_bytes = sum(packet.size for packet in packets)
        with open_film(film.path) as source:
            template = source.streams.video[0]
            context = template.codec_context
            kind = (film.codec, context.extradata, film.width_px, film.height_px)
            is_full = self._bytes + num_bytes > self._limit_bytes
            if self._output is None or kind != self._kind or is_full:
                self._begin(template, kind)
        start = self._frames
        shown = (start + shown_order(packets)) * TICKS_PER_FRAME
        for packet, pts, dts in zip(packets, shown, decoding_ticks(shown), strict=True):
            packet.stream = self._stream
            packet.time_base = self._time_base
            packet.pts, packet.dts, packet.duration = int(pts), int(dts), TICKS_PER_FRAME
            self._output.mux(packet)
        self._frames += len(packets)
        self._bytes += num_bytes
        return start

    def _begin(self, template: av.VideoStream, kind: object) -> None:
        self.close()
        self._path = self._next_path()
        self._output = av.open(str(self._path), "w", format="mp4", options=MUXER_OPTIONS)
        self._stream = self._output.add_stream_from_template(template, opaque=True)
        self._stream.time_base = self._time_base
        self._kind, self._bytes, self._frames = kind, 0, 0

    def close(self) -> None:
        """Finish the file and look whether it shows what it should.

        Raises:
            UserError: If it does not.
        """
        if self._output is None:
            return
        self._output.close()
        self._output = None
        written = read_film(self._path)
        seconds = np.arange(self._frames) * TICKS_PER_FRAME * float(self._time_base)
        if len(written.pts) != self._frames or np.abs(written.times_seconds - seconds).max() > 1e-6:
            raise UserError(f"{self._path.name} could not be joined; use --encode h264")

    def abort(self) -> None:
        """Let the file go, finished or not."""
        if self._output is not None:
            self._output.close()
            self._output = None
