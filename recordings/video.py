"""Films: frames with their times in, the same frames with the same times out (PyAV, libx264).

Times travel as presentation time stamps in microseconds, so a late frame is late in every player.
No B-frames and a short group of pictures: decoding any part is cheap. One thread per encoder, so
that the same frames give the same bytes; for the same reason x264's macroblock tree is off: with
it, one film in about a hundred came out a few bytes different (x264 core 165, AVX-512).
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from av.video.stream import VideoStream

from tcn_robot.errors import UserError

TICKS_PER_SECOND = 1_000_000
GROUP_OF_PICTURES_FRAMES = 10
H264_CRF = 18

_MOST_TICKS = 2**62
_TIME_BASE = Fraction(1, TICKS_PER_SECOND)
# The time of the first frame stands in an edit list, whose own clock is by default in milliseconds.
MUXER_OPTIONS = {"fflags": "+bitexact", "movie_timescale": str(TICKS_PER_SECOND)}
_SMPTE170M = 6  # the H.264 code of BT.601 primaries, transfer and matrix (ITU-T H.264, annex E)


def _encoder_options(codec: str) -> tuple[str, str, dict[str, str]]:
    """Return encoder name, preset and rate options of a codec of the format."""
    if codec == "lossless":
        return "libx264rgb", "ultrafast", {"qp": "0"}
    if codec == "h264-fast":
        return "libx264", "ultrafast", {"crf": str(H264_CRF), "mbtree": "0", "rc-lookahead": "0"}
    return "libx264", "veryfast", {"crf": str(H264_CRF), "mbtree": "0", "rc-lookahead": "0"}


class _FilmFile:
    """The file under an encoder; keeps the first error of a write instead of raising it.

    An error inside PyAV's callback may be lost or printed, so the encoder asks for it afterwards.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self.error: OSError | None = None
        self.seek = self._file.seek
        self.tell = self._file.tell

    def write(self, content: bytes) -> int:
        try:
            if self.error is None:
                self._file.write(content)
        except OSError as error:
            self.error = error
        return len(content)

    def close(self) -> None:
        """Close the file and raise what went wrong."""
        try:
            self._file.close()
        except OSError as error:
            self.error = self.error or error
        self.raise_error()

    def raise_error(self) -> None:
        """Raise the first error of a write."""
        if self.error is not None:
            raise self.error


class VideoEncoder:
    """Writes one film.

    Args:
        path: File to write; it must not be shown to readers before `close`.
        width_px: Width of the frames.
        height_px: Height of the frames.
        codec: "h264" (crf 18; 4:2:0, or 4:4:4 where a side is odd), "h264-fast" (the same with
            less work and larger files, for cameras) or "lossless" (bit-exact RGB).
        frame_rate_hz: Rate asked of the source, a hint for players; times come with the frames.
    """

    def __init__(
        self, path: Path, width_px: int, height_px: int, codec: str, frame_rate_hz: float
    ) -> None:
        encoder, preset, rate = _encoder_options(codec)
        self.shape = (height_px, width_px, 3)
        self._file = _FilmFile(path)
        self._container = av.open(self._file, "w", format="mp4", options=MUXER_OPTIONS)
        options = {
            "preset": preset,
            "threads": "1",
            "g": str(GROUP_OF_PICTURES_FRAMES),
            "bf": "0",
            **rate,
        }
        stream = self._container.add_stream(
            encoder, rate=Fraction(frame_rate_hz).limit_denominator(1000), options=options
        )
        assert isinstance(stream, VideoStream)
        context = stream.codec_context
        stream.width, stream.height = width_px, height_px
        even = width_px % 2 == 0 and height_px % 2 == 0
        stream.pix_fmt = "rgb24" if codec == "lossless" else "yuv420p" if even else "yuv444p"
        context.time_base = stream.time_base = _TIME_BASE
        context.thread_count = 1
        if codec != "lossless":
            context.color_primaries = context.color_trc = context.colorspace = _SMPTE170M
            context.color_range = ColorRange.MPEG
        self._stream = stream
        # One for all frames: making the conversion's tables anew costs more than converting.
        self._reformatter = VideoReformatter()

    def write(self, frame: np.ndarray, time_ticks: int) -> None:
        """Encode one frame.

        Args:
            frame: uint8 (H, W, 3), RGB.
            time_ticks: Time in microseconds from the film's origin, larger than the last one.

        Raises:
            UserError: If a film cannot hold this time.
        """
        if abs(time_ticks) > _MOST_TICKS:
            raise UserError(
                f"a frame at {time_ticks} microseconds is beyond what a film can hold; give "
                "times in seconds"
            )
        picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
        if self._stream.pix_fmt != "rgb24":
            picture = self._reformatter.reformat(
                picture,
                format=self._stream.pix_fmt,
                dst_colorspace=Colorspace.ITU601,
                dst_color_range=ColorRange.MPEG,
            )
        picture.pts = time_ticks
        picture.time_base = _TIME_BASE
        self._container.mux(self._stream.encode(picture))
        self._file.raise_error()

    def close(self) -> None:
        """Finish the film; an error while writing is raised here at the latest."""
        self._container.mux(self._stream.encode(None))
        self._container.close()
        self._file.close()

    def abort(self) -> None:
        """Release encoder and file without finishing the film.

        What stopped the film was raised before; errors of the release itself would only hide it.
        """
        self._file.error = self._file.error or InterruptedError("aborted")  # writes nothing more
        with contextlib.suppress(av.FFmpegError):
            self._container.close()
        with contextlib.suppress(OSError):
            self._file.close()


def iterate_video(
    path: Path, upright: bool = False
) -> Generator[tuple[int, np.ndarray], None, None]:
    """Yield (microseconds from the film's origin, uint8 (H, W, 3) RGB) for each frame.

    Args:
        path: The film.
        upright: Turn the pictures as the film's rotation flag asks; phones set it.

    Raises:
        UserError: If the film is missing or cannot be decoded.
    """
    if not path.is_file():
        raise UserError(f"the film {path} is missing; restore it or remove its episode's folder")
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            stream.thread_count = 1
            reformatter = VideoReformatter()
            for frame in container.decode(stream):
                if frame.pts is None or frame.time_base is None:
                    raise UserError(f"{path} has a frame without a time; record it again")
                ticks = round(frame.pts * frame.time_base * TICKS_PER_SECOND)
                quarters = round(frame.rotation / 90) if upright else 0  # counterclockwise
                yield (
                    ticks,
                    np.rot90(reformatter.reformat(frame, format="rgb24").to_ndarray(), quarters),
                )
    except (av.FFmpegError, IndexError) as error:
        raise UserError(
            f"{path} cannot be decoded ({error}): the film is damaged or cut short; "
            "restore it or remove its episode's folder"
        ) from error


def decode_video(path: Path, expected_frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Decode a whole film.

    Args:
        path: The film.
        expected_frames: How many frames it should hold.

    Returns:
        frames uint8 (T, H, W, 3), RGB; times int64 (T,) in microseconds from the film's origin.

    Raises:
        UserError: If the film is missing, damaged or holds another number of frames.
    """
    frames: np.ndarray | None = None
    times = np.zeros(expected_frames, np.int64)
    count = 0
    for ticks, frame in iterate_video(path):
        if frames is None:
            frames = np.empty((expected_frames, *frame.shape), np.uint8)
        if count < expected_frames:
            frames[count] = frame
            times[count] = ticks
        count += 1
    if frames is None or count != expected_frames:
        raise UserError(
            f"{path} holds {count} frames, expected {expected_frames}: the film is damaged or cut "
            "short; restore it or remove its episode's folder"
        )
    return frames, times


@dataclass(frozen=True)
class FilmFacts:
    """What a film's header says: the size of its pictures, and the rate it claims, if any."""

    width_px: int
    height_px: int
    rate_hz: float | None


def describe_film(path: Path) -> FilmFacts:
    """Return what a film says of itself; its frames are not looked at.

    Raises:
        UserError: If it is missing or no film.
    """
    if not path.is_file():
        raise UserError(f"the film {path} does not exist; check the path")
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            rate = stream.average_rate
            return FilmFacts(stream.width, stream.height, float(rate) if rate else None)
    except (av.FFmpegError, IndexError) as error:
        raise UserError(f"{path} is no film that can be read ({error}); give another") from error
