"""Cuts films without encoding them again, where the cut falls on a frame they can begin with."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from tcn_robot.recordings.video import MUXER_OPTIONS, TICKS_PER_SECOND

_MICROSECONDS = Fraction(1, TICKS_PER_SECOND)


def cut_film(
    path: Path, target: Path, start_frame: int, stop_frame: int, shift_ticks: int = 0
) -> bool:
    """Write some frames of a film into another one, byte for byte as they are encoded.

    Args:
        path: The film.
        target: The new film; removed again if this does not work.
        start_frame: First frame to take, in the order in which frames are shown.
        stop_frame: The frame after the last one to take.
        shift_ticks: Microseconds to add to the times that the frames carry.

    Returns:
        Whether it was done: the film must be able to begin with the first frame, and the frames
        must lie together in the file. If not, they have to be decoded and encoded again.
    """
    try:
        wanted = _packets_of(path, start_frame, stop_frame)
        if wanted is None:
            return False
        expected = _write(path, wanted, target, shift_ticks)
        if _shown_ticks(target) == expected:
            return True
    except (av.FFmpegError, IndexError, ValueError):  # what cannot be cut is encoded anew
        pass
    target.unlink(missing_ok=True)
    return False


def _packets_of(path: Path, start_frame: int, stop_frame: int) -> range | None:
    """Return where the packets of some frames lie, if together and behind a key frame."""
    shown_at, is_key = [], []
    with av.open(str(path)) as film:
        for packet in _packets(film):
            if packet.pts is None or packet.time_base is None:
                return None
            shown_at.append(packet.pts)
            is_key.append(packet.is_keyframe)
    order = np.argsort(shown_at, kind="stable")
    places = np.sort(order[start_frame:stop_frame])
    if not places.size or places[-1] - places[0] != len(places) - 1:
        return None
    begins_well = is_key[places[0]] and order[start_frame] == places[0]
    return range(int(places[0]), int(places[-1]) + 1) if begins_well else None


def _packets(film: av.container.InputContainer) -> Iterator[av.Packet]:
    """Yield the packets of a film; the empty one at the end, which flushes decoders, is none."""
    return (packet for packet in film.demux(film.streams.video[0]) if packet.size)


def _write(path: Path, wanted: range, target: Path, shift_ticks: int) -> list[int]:
    """Write packets into a film and return the times that its frames should carry, ascending."""
    expected = []
    with (
        av.open(str(path)) as source,
        av.open(str(target), "w", format="mp4", options=MUXER_OPTIONS) as film,
    ):
        copied = film.add_stream_from_template(source.streams.video[0], opaque=True)
        copied.time_base = _MICROSECONDS
        for packet in itertools.islice(_packets(source), wanted.start, wanted.stop):
            assert packet.pts is not None
            ticks_per_unit = packet.time_base * TICKS_PER_SECOND
            pts = round(packet.pts * ticks_per_unit) + shift_ticks
            dts = pts if packet.dts is None else round(packet.dts * ticks_per_unit) + shift_ticks
            packet.stream, packet.time_base = copied, _MICROSECONDS
            packet.pts, packet.dts = pts, min(pts, dts)
            expected.append(pts)
            film.mux(packet)
    return sorted(expected)


def _shown_ticks(path: Path) -> list[int]:
    """Return the times in microseconds that a film's frames carry; its first frame is decoded."""
    with av.open(str(path)) as film:
        stream = film.streams.video[0]
        next(film.decode(stream))
        film.seek(0)
        return sorted(
            round(packet.pts * packet.time_base * TICKS_PER_SECOND)
            for packet in film.demux(stream)
            if packet.pts is not None and packet.time_base is not None
        )
