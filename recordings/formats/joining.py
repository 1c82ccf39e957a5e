"""Joins films of many episodes into large ones, frames at one rate, without encoding anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer

from tcn_robot.errors import UserError
from tcn_robot.recordings.formats.films import (
    Film,
    FilmPart,
    decoding_ticks,
    open_film,
    read_film,
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
        order, num_bytes = _order_of(part)
        with open_film(film.path) as source:
            template = source.streams.video[0]
            context = template.codec_context
            kind = (film.codec, context.extradata, film.width_px, film.height_px)
            is_full = self._bytes + num_bytes > self._limit_bytes
            if self._output is None or kind != self._kind or is_full:
                self._begin(template, kind)
            start = self._frames
            shown = (start + order) * TICKS_PER_FRAME
            times = zip(shown.tolist(), decoding_ticks(shown).tolist(), strict=True)
            for packet, (pts, dts) in zip(_packets(source, part), times, strict=True):
                packet.stream = self._stream
                packet.time_base = self._time_base
                packet.pts, packet.dts, packet.duration = pts, dts, TICKS_PER_FRAME
                self._output.mux(packet)
        self._frames += len(order)
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


def _order_of(part: FilmPart) -> tuple[np.ndarray, int]:
    """Return at which place each packet's frame is shown, int64 (T,), and the bytes of them all.

    Films are read twice rather than kept: they may be larger than memory.

    Raises:
        UserError: If the frames cannot be taken out of their film.
    """
    with open_film(part.film.path) as source:
        found = [(packet.pts, packet.size, packet.is_keyframe) for packet in _packets(source, part)]
    shown = np.array([pts for pts, _, _ in found], np.int64)
    first = part.film.pts[part.frames[0]]
    is_whole = np.array_equal(np.sort(shown), part.film.pts[part.frames])
    if not is_whole or not found[0][2] or shown[0] != first:
        raise UserError(f"{part.film.path} does not begin with a key frame; use --encode h264")
    return np.argsort(np.argsort(shown, kind="stable")), sum(size for _, size, _ in found)


def _packets(source: InputContainer, part: FilmPart) -> Iterator[av.Packet]:
    """Yield the packets of frames that follow each other, as far as they lie together."""
    stream = source.streams.video[0]
    wanted = {int(pts) for pts in part.film.pts[part.frames]}
    if part.frames[0] > 0:
        source.seek(int(part.film.pts[part.frames[0]]), stream=stream)
    count = 0
    for packet in source.demux(stream):
        if packet.pts is None or not (count or packet.pts in wanted):
            continue
        if packet.pts not in wanted:
            return
        yield packet
        count += 1
        if count == len(part.frames):
            return
