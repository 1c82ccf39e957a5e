"""Films at one rate for all frames, in AVI: what players and readers of the time had."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.bitstream import BitStreamFilterContext
from av.video.stream import VideoStream

from tcn_robot.recordings.formats.exporting import film_of
from tcn_robot.recordings.formats.films import Film, film_rate, open_film, whole
from tcn_robot.recordings.formats.foreign import WriteOptions
from tcn_robot.recordings.reader import Episode

_LARGEST_DENOMINATOR = 1001  # of 30000/1001, the rate of NTSC


@dataclass(frozen=True)
class Steady:
    """What became of a view: its rate, how far off frames are now, why it was encoded anew."""

    rate_hz: float
    error_seconds: float
    anew: str | None


def write_steady_film(episode: Episode, view: str, target: Path, options: WriteOptions) -> Steady:
    """Write a view as AVI at one rate; H.264 is copied, anything else encoded anew."""
    film = film_of(episode, view)
    times = episode.timestamps(view)
    rate = Fraction(options.rate_hz or film_rate(times)).limit_denominator(_LARGEST_DENOMINATOR)
    anew = _why_anew(film, options)
    if anew is None:
        _copy(film, target, rate)
    else:
        _encode(film, target, rate, options.encode == "lossless")
    error_seconds = np.abs(times - times[0] - np.arange(len(times)) / float(rate)).max()
    return Steady(float(rate), float(error_seconds), anew)


def _why_anew(film: Film, options: WriteOptions) -> str | None:
    if options.encode != "as-needed":
        return "asked for"
    if film.codec != "h264":
        return f"its encoding is {film.codec}"
    return "its frames are reordered" if film.reorders else None


def _copy(film: Film, target: Path, rate: Fraction) -> None:
    with open_film(film.path) as source, _open(target) as container:
        stream = source.streams.video[0]
        copied = container.add_stream_from_template(stream)
        copied.codec_context.time_base = copied.time_base = 1 / rate
        # AVI has the form of H.264 in which each packet stands for itself.
        filter = BitStreamFilterContext("h264_mp4toannexb", stream, copied)
        count = 0
        for packet in source.demux(stream):
            for out in filter.filter(packet if packet.size else None):
                out.stream = copied
                out.time_base = 1 / rate
                out.pts = out.dts = count
                out.duration = 1
                container.mux(out)
                count += 1


def _encode(film: Film, target: Path, rate: Fraction, is_lossless: bool) -> None:
    with _open(target) as container:
        encoder = "libx264rgb" if is_lossless else "libx264"
        quality = {"qp": "0"} if is_lossless else {"crf": "18"}
        options = {"bf": "0", "g": "10", "threads": "1", **quality}
        stream = container.add_stream(encoder, rate=rate, options=options)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = film.width_px, film.height_px
        is_even = film.width_px % 2 == 0 and film.height_px % 2 == 0
        stream.pix_fmt = "rgb24" if is_lossless else "yuv420p" if is_even else "yuv444p"
        for picture in whole(film).pictures():
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _open(target: Path) -> av.container.OutputContainer:
    return av.open(str(target), "w", format="avi", options={"fflags": "+bitexact"})
