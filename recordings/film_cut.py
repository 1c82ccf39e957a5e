"""Cuts films without encoding them again, where the cut falls on a frame they can begin with."""

from __future__ import annotations

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
        with av.open(str(path)) as source:
            stream = source.streams.video[0]
            packets = [packet for packet in source.demux(stream) if packet.pts is not None]
            if not packets or any(packet.time_base is None for packet in packets):
                return False
            wanted = _packets_of(packets, start_frame, stop_frame)
            if not wanted:
                return False
            expected = _write(stream, wanted, target, shift_ticks)
        if _shown_ticks(target) == expected:
            return True
    except (av.FFmpegError, IndexError, ValueError):  # what cannot be cut is encoded anew
        pass
    target.unlink(missing_ok=True)
    return False


def _packets_of(packets: list[av.Packet], start_frame: int, stop_frame: int) -> list[av.Packet]:
    """Return the packets of some frames if they lie together and begin with a key frame."""
    shown = np.argsort([packet.pts or 0 for packet in packets], kind="stable")
    indices = np.sort(shown[start_frame:stop_frame])
    if not indices.size or indices[-1] - indices[0] != len(indices) - 1:
        return []
    wanted = packets[indices[0] : indices[-1] + 1]
    first = packets[shown[start_frame]]
    return wanted if wanted[0].is_keyframe and first is wanted[0] else []


def _write(
    stream: av.VideoStream, packets: list[av.Packet], target: Path, shift_ticks: int
) -> list[int]:
    """Write packets into a film and return the times that its frames should carry, ascending."""
    with av.open(str(target), "w", format="mp4", options=MUXER_OPTIONS) as film:
        copied = film.add_stream_from_template(stream, opaque=True)  # also where no encoder is
        copied.time_base = _MICROSECONDS
        expected = []
        for packet in packets:
            base = packet.time_base
            assert base is not None
            assert packet.pts is not None
            pts = round(packet.pts * base * TICKS_PER_SECOND) + shift_ticks
            dts = pts if packet.dts is None else round(packet.dts * base * TICKS_PER_SECOND)
            packet.stream = copied
            packet.time_base = _MICROSECONDS
            packet.pts = pts
            packet.dts = min(pts, dts if packet.dts is None else dts + shift_ticks)
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
