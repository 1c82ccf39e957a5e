"""Films from elsewhere: what their frames are, and how to have them without encoding anew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from tcn_robot.errors import UserError
from tcn_robot.recordings.formats.containers import is_cut_short
from tcn_robot.recordings.video import MUXER_OPTIONS, TICKS_PER_SECOND

# Encodings that MP4 holds and browsers play; films in any other are encoded anew.
TAKEN_OVER = ("h264", "av1", "vp9")
LOSSLESS_PIXELS = ("gbrp",)  # how RGB is stored in H.264
FILM_SUFFIXES = (".mp4", ".mov", ".avi", ".mkv", ".m4v", ".webm", ".mpg", ".mpeg")
CLOSEST_TICKS = 2  # two frames of a view must be further apart than the films' clock can tell
_ONLY_FRAME_TICKS = 33_333
_MICROSECONDS = Fraction(1, TICKS_PER_SECOND)


@dataclass(frozen=True)
class Film:
    """What a film's frames are, as decoding all of it has shown.

    Attributes:
        path: The file.
        pts: int64 (T,), ascending: when frames are shown, in units of `time_base`.
        time_base: Seconds.
        width_px, height_px: Size of the upright pictures.
        quarters: Counterclockwise quarter turns by which they are stored lying.
        codec: FFmpeg's name, such as "h264".
        pixels: FFmpeg's name of how pictures are stored, such as "yuv420p".
        has_packet_times: Whether the file says of each packet when it is shown; AVI does not.
        reorders: Whether frames are shown in another order than their packets have.
        has_sound: Whether the file has sound beside the pictures.
        why_not_own_times: Why `pts` is not what the film says but index / rate; None if it is.
    """

    path: Path
    pts: np.ndarray
    time_base: Fraction
    width_px: int
    height_px: int
    quarters: int
    codec: str
    pixels: str
    has_packet_times: bool = True
    reorders: bool = False
    has_sound: bool = False
    why_not_own_times: str | None = None

    @property
    def times_seconds(self) -> np.ndarray:
        """float64 (T,): when frames are shown, on the film's own clock."""
        return self.pts * self.time_base.numerator / self.time_base.denominator

    @property
    def ticks(self) -> np.ndarray:
        """int64 (T,): the same in microseconds."""
        scale = self.time_base * TICKS_PER_SECOND
        return np.array([round(int(pts) * scale) for pts in self.pts], np.int64)


def open_film(path: Path) -> InputContainer:
    """Open a film to read it; what it says of itself in words may be in any encoding."""
    return av.open(str(path), metadata_errors="replace")


def read_film(path: Path) -> Film:
    """Decode a film to its end, which shows whether it is whole; pictures are not kept.

    Raises:
        UserError: If it is missing, no film, damaged, cut short, or has no frame.
    """
    if not path.is_file():
        raise UserError(f"the film {path} is missing; restore it or take it off the list")
    stat = path.stat()
    return _read_film(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=64)
def _read_film(path: Path, size_bytes: int, changed_ns: int) -> Film:
    if is_cut_short(path):
        raise UserError(f"{path} is cut short: it is not as long as it says; restore it")
    shown: list[int | None] = []
    sizes: set[tuple[int, int]] = set()
    quarters = 0
    try:
        with open_film(path) as container:
            stream = container.streams.video[0]
            # Typed as if it were always there; it is not where FFmpeg does not know the encoding.
            if getattr(stream, "codec_context", None) is None:
                raise UserError(f"{path} is in an encoding that is not known here; convert it")
            stream.thread_type = "AUTO"
            rate = stream.average_rate
            codec, base = stream.codec_context.codec.canonical_name, stream.time_base
            pixels = str(stream.pix_fmt)
            for packet in container.demux(stream):
                _refuse_corrupt(packet, path)
                for frame in packet.decode():
                    _refuse_corrupt(frame, path)
                    shown.append(frame.pts)
                    sizes.add((frame.width, frame.height))
                    quarters = round(frame.rotation / 90) % 4
            is_avi = container.format.name == "avi"
            reorders = bool(stream.codec_context.has_b_frames)
            has_sound = len(container.streams.audio) > 0
    except (av.FFmpegError, IndexError) as error:
        raise UserError(
            f"{path} cannot be decoded ({error}): it is damaged, cut short or no film; restore it"
        ) from error
    if not shown or base is None:
        raise UserError(f"the film {path} has no frame; remove it")
    if len(sizes) > 1:
        raise UserError(f"{path} changes its size ({_sizes(sizes)}); split it or scale it")
    width_px, height_px = next(iter(sizes))
    if quarters % 2:
        width_px, height_px = height_px, width_px
    pts, base, why_not = _own_times(shown, base, rate, path)
    if is_avi and why_not is None:  # it counts frames; where it begins to is the decoder's guess
        pts = pts - pts[0]
    return Film(
        path,
        pts,
        base,
        width_px,
        height_px,
        quarters,
        codec,
        pixels,
        has_packet_times=not is_avi,
        reorders=reorders,
        has_sound=has_sound,
        why_not_own_times=why_not,
    )


def _refuse_corrupt(piece: av.Packet | VideoFrame, path: Path) -> None:
    if piece.is_corrupt:
        raise UserError(f"{path} has a damaged frame: it is cut short or broken; restore it")


def _sizes(sizes: set[tuple[int, int]]) -> str:
    return ", ".join(f"{width}x{height}" for width, height in sorted(sizes))


def _own_times(
    shown: list[int | None], base: Fraction, rate: Fraction | None, path: Path
) -> tuple[np.ndarray, Fraction, str | None]:
    """Return the frames' times and their unit; index / rate where the film has none to use."""
    why_not = None
    if any(pts is None for pts in shown):
        why_not = "the film gives no times of its own"
    else:
        gaps = np.diff(np.array(shown, np.int64)) * float(base * TICKS_PER_SECOND)
        if (gaps < CLOSEST_TICKS).any():
            why_not = "the film's own times do not run forward"
    if why_not is None:
        return np.array(shown, np.int64), base, None
    if not rate:
        raise UserError(f"{path}: {why_not}, and it does not say a rate; convert it to MP4 first")
    return np.arange(len(shown), dtype=np.int64), 1 / Fraction(rate), why_not


@dataclass(frozen=True)
class FilmPart:
    """Some frames of a film, in order.

    Attributes:
        film: The film.
        frames: int64 (T,), ascending indices into it; a frame may be shown more than once.
    """

    film: Film
    frames: np.ndarray

    @property
    def is_run(self) -> bool:
        """Whether the frames follow each other, none left out or repeated."""
        return bool((np.diff(self.frames) == 1).all())

    def pictures(self) -> Iterator[np.ndarray]:
        """Yield the frames upright, uint8 (H, W, 3), RGB.

        Raises:
            UserError: If the film cannot be decoded as before.
        """
        position = 0
        first = int(self.frames[0])
        for index, picture in _decode_from(self.film, first):
            while position < len(self.frames) and self.frames[position] == index:
                yield picture
                position += 1
            if position == len(self.frames):
                return
        raise UserError(f"{self.film.path} ends before frame {self.frames[position]}; restore it")


def whole(film: Film) -> FilmPart:
    """Return all frames of a film."""
    return FilmPart(film, np.arange(len(film.pts)))


def _decode_from(film: Film, first: int) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (index, picture) from some frame at or before `first` on."""
    try:
        with open_film(film.path) as container:
            stream = container.streams.video[0]
            stream.thread_count = 1
            index_of = {int(pts): index for index, pts in enumerate(film.pts)}
            can_seek = film.has_packet_times and film.why_not_own_times is None and first > 0
            if can_seek:
                container.seek(int(film.pts[first]), stream=stream)
            reformatter = VideoReformatter()
            for count, frame in enumerate(container.decode(stream)):
                index = index_of.get(int(frame.pts or 0), -1) if can_seek else count
                if index < first:
                    continue
                picture = reformatter.reformat(frame, format="rgb24").to_ndarray()
                yield index, np.ascontiguousarray(np.rot90(picture, film.quarters))
    except av.FFmpegError as error:
        raise UserError(f"{film.path} cannot be decoded ({error}); restore it") from error


def why_not_taken_over(part: FilmPart) -> str | None:
    """Return why some frames cannot be had without encoding anew; None if they may be."""
    film = part.film
    if film.codec not in TAKEN_OVER:
        return f"its encoding is {film.codec}"
    if film.quarters:
        return "its pictures lie on their side"
    if film.why_not_own_times is not None:
        return film.why_not_own_times
    if not part.is_run:
        return "frames are left out or repeated"
    if not film.has_packet_times and (film.reorders or len(part.frames) < len(film.pts)):
        return "its packets have no times"
    return None


def take_over(part: FilmPart, ticks: np.ndarray, target: Path) -> bool:
    """Write frames into a film of their own as they are encoded, with other times.

    Args:
        part: Frames that follow each other.
        ticks: int64 (T,), microseconds from the new film's zero, ascending.
        target: The new film, MP4; removed again if this does not work.

    Returns:
        Whether it was done: the first frame must be one that a film can begin with, and the frames
        must lie together in the file.
    """
    try:
        shown = _shown_packets(part)
        if shown is not None and _write(part, shown, ticks, target):
            return True
    except (av.FFmpegError, ValueError):  # what cannot be taken over is encoded anew
        pass
    target.unlink(missing_ok=True)
    return False


def film_packets(part: FilmPart) -> list[av.Packet]:
    """Return the packets of frames that follow each other; none if that cannot be."""
    packets = list(_packets(part))
    is_key = bool(packets) and packets[0].is_keyframe
    return packets if _is_part([packet.pts for packet in packets], is_key, part) else []


def _shown_packets(part: FilmPart) -> list[int] | None:
    """Return `pts` of the packets of frames that follow each other; None if that cannot be.

    The packets are let go: those of a long film would fill the memory.
    """
    shown: list[int | None] = []
    is_key = False
    for packet in _packets(part):
        is_key = is_key if shown else packet.is_keyframe
        shown.append(packet.pts)
    return [pts or 0 for pts in shown] if _is_part(shown, is_key, part) else None


def _is_part(shown: list[int | None], is_key: bool, part: FilmPart) -> bool:
    """Whether packets are those of the frames, and their first frame is one to begin with."""
    wanted = [int(pts) for pts in part.film.pts[part.frames]]
    is_whole = len(shown) == len(wanted) and set(shown) == set(wanted)
    return is_whole and is_key and shown[0] == wanted[0]


def _packets(part: FilmPart) -> Iterator[av.Packet]:
    """Yield the packets of frames for as long as they lie together in the file."""
    film, frames = part.film, part.frames
    wanted = {int(film.pts[index]) for index in frames}
    count = 0
    with open_film(film.path) as source:
        stream = source.streams.video[0]
        if frames[0] > 0 and film.has_packet_times:
            source.seek(int(film.pts[frames[0]]), stream=stream)
        for packet in source.demux(stream):
            if not film.has_packet_times:
                if packet.size == 0:
                    continue
                packet.pts = int(film.pts[count]) if count < len(film.pts) else None
            elif packet.pts is None or not (count or packet.pts in wanted):
                continue
            elif packet.pts not in wanted:
                return
            yield packet
            count += 1
            if film.has_packet_times and count == len(frames):
                return


def shown_order(packets: list[av.Packet]) -> np.ndarray:
    """Return for each packet the place at which its frame is shown, int64 (T,)."""
    return _order([packet.pts or 0 for packet in packets])


def _order(shown: list[int]) -> np.ndarray:
    return np.argsort(np.argsort(shown, kind="stable"))


def decoding_ticks(shown: np.ndarray) -> np.ndarray:
    """Return when packets are decoded, int64 (T,): never after any that is shown later on.

    Just before is enough; what begins below zero, some programs show at a wrong time.

    Args:
        shown: int64 (T,), when their frames are shown, in the order of the packets.
    """
    latest = np.minimum.accumulate(shown[::-1])[::-1]
    _, first, counts = np.unique(latest, return_index=True, return_counts=True)
    later = np.repeat(first + counts, counts) - np.arange(len(shown)) - 1
    return latest - later


def _write(part: FilmPart, shown_packets: list[int], ticks: np.ndarray, target: Path) -> bool:
    order = _order(shown_packets)
    shown, decoding = ticks[order], decoding_ticks(ticks[order])
    gaps = np.diff(ticks) if len(ticks) > 1 else np.array([_ONLY_FRAME_TICKS])
    lasting = np.append(gaps, gaps[-1])[order]  # some demuxers drop a last frame that lasts no time
    with (
        open_film(part.film.path) as source,
        av.open(str(target), "w", format="mp4", options=MUXER_OPTIONS) as film,
    ):
        copied = film.add_stream_from_template(source.streams.video[0], opaque=True)
        copied.time_base = _MICROSECONDS
        packets = zip(_packets(part), shown, decoding, lasting, strict=True)
        for packet, pts, dts, ticks_long in packets:
            packet.stream = copied
            packet.time_base = _MICROSECONDS
            packet.pts, packet.dts, packet.duration = int(pts), int(dts), int(ticks_long)
            film.mux(packet)
    try:
        written = read_film(target)
    except UserError:
        return False
    return bool(np.array_equal(written.ticks, ticks)) and not written.quarters


def film_rate(times_seconds: np.ndarray, default_hz: float = 30.0) -> float:
    """Return the rate at which frames usually come; a default for a single frame."""
    if len(times_seconds) < 2:
        return default_hz
    gaps_seconds = np.diff(times_seconds)
    usual_seconds = float(np.median(gaps_seconds))
    if gaps_seconds.max() < 1.5 * usual_seconds:  # nothing is missing: rounded gaps even out
        usual_seconds = float(gaps_seconds.mean())
    return float(np.clip(1.0 / usual_seconds, 1e-3, 1e3))


def is_film(path: Path) -> bool:
    """Whether a file is called like a film."""
    return path.suffix.lower() in FILM_SUFFIXES and not path.name.startswith(".")
