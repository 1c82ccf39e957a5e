"""What a browser must know of a film, and a film that it can play where it cannot play ours."""

from __future__ import annotations

import functools
import hashlib
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream

from tcn_robot.atomic import PARTIAL_PREFIX, make_folders
from tcn_robot.errors import UserError
from tcn_robot.recordings.video import VideoEncoder, iterate_video

# What every browser plays: H.264 with 4:2:0 colours. The lossless films are RGB, odd sizes 4:4:4.
PLAYABLE_FORMATS = ("yuv420p", "yuvj420p")
PREVIEW_RATE_HZ = 30.0  # a hint for players; frames keep their own times
MOST_ENCODERS = 4  # at a time, fewer where there are fewer cores
_VERSION = "1"


@dataclass(frozen=True)
class FilmHeader:
    """What a film says without being decoded.

    Attributes:
        times_seconds: float64 (T,), presentation times of its frames, ascending.
        is_playable: Whether every browser plays it.
    """

    times_seconds: np.ndarray
    is_playable: bool


def read_header(path: Path) -> FilmHeader:
    """Read the times of a film's frames and how it is encoded; the whole file is read.

    Raises:
        UserError: If it is missing or no film that can be read.
    """
    with _opened(path) as (container, stream):
        times = [
            float(packet.pts * packet.time_base)
            for packet in container.demux(stream)
            if packet.pts is not None and packet.time_base is not None
        ]
        playable = _plays(stream)
    if not times:
        raise UserError(f"the film {path.name} has no frames")
    return FilmHeader(np.sort(np.asarray(times, np.float64)), playable)


def is_playable(path: Path) -> bool:
    """Return whether every browser plays a film; only its beginning is read, and that once.

    Raises:
        UserError: If it is missing or no film that can be read.
    """
    if not path.is_file():
        raise UserError(f"the film {path.name} is missing")
    facts = path.stat()
    return _is_playable(path, facts.st_size, facts.st_mtime_ns)


@functools.lru_cache(maxsize=4096)  # a browser asks for a film in many parts
def _is_playable(path: Path, size_bytes: int, changed_ns: int) -> bool:
    with _opened(path) as (_, stream):
        return _plays(stream)


def _plays(stream: VideoStream) -> bool:
    context = stream.codec_context
    return context.name == "h264" and context.pix_fmt in PLAYABLE_FORMATS


@contextmanager
def _opened(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    if not path.is_file():
        raise UserError(f"the film {path.name} is missing")
    try:
        with av.open(str(path)) as container:
            yield container, container.streams.video[0]
    except (av.FFmpegError, IndexError) as error:
        reason = getattr(error, "strerror", None) or "no film in it"
        raise UserError(f"the film {path.name} cannot be read ({reason})") from error


def write_preview(source: Path, target: Path) -> None:
    """Encode a film so that every browser plays it: the same frames at the same times, 4:2:0.

    An odd side gets one more line, a copy of the last. Of a film that breaks off, what came before
    is kept. The target is whole or absent.

    Raises:
        UserError: If not one frame can be decoded.
    """
    make_folders(target.parent)
    descriptor, name = tempfile.mkstemp(prefix=PARTIAL_PREFIX, dir=target.parent)
    os.close(descriptor)
    partial = Path(name)
    try:
        _encode(source, partial)
        partial.chmod(0o644)
        os.replace(partial, target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _encode(source: Path, target: Path) -> None:
    encoder: VideoEncoder | None = None
    last_ticks = -1
    try:
        with closing(iterate_video(source)) as frames:
            for ticks, frame in frames:
                height_px, width_px = frame.shape[:2]
                even = np.pad(frame, ((0, height_px % 2), (0, width_px % 2), (0, 0)), "edge")
                if encoder is None:
                    size = (even.shape[1], even.shape[0])
                    encoder = VideoEncoder(target, *size, "h264-fast", PREVIEW_RATE_HZ)
                if ticks > last_ticks and even.shape == encoder.shape:
                    encoder.write(even, ticks)
                    last_ticks = ticks
    except UserError:
        if encoder is None:
            raise
    except BaseException:
        if encoder is not None:
            encoder.abort()
        raise
    if encoder is None:
        raise UserError(f"the film {source.name} has no frames")
    encoder.close()


def _always() -> bool:
    return True


class PreviewCache:
    """Films made for browsers, kept between runs in a folder of the user's cache.

    Args:
        folder: Where they are kept; `default_folder()` when None. Where it cannot be written,
            they are kept in a temporary one that is removed in the end.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or default_folder()
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._locks: dict[str, threading.Lock] = {}
        self._guard = threading.Lock()
        self._encoders = threading.BoundedSemaphore(min(os.cpu_count() or 1, MOST_ENCODERS))

    def preview(self, source: Path, is_wanted: Callable[[], bool] = _always) -> Path:
        """Return a film that every browser plays, made now if there is none yet.

        Args:
            source: The film.
            is_wanted: Whether somebody still waits for it; asked before it is made.

        Raises:
            UserError: If the film cannot be decoded.
            ConnectionAbortedError: If it would have to be made and nobody waits for it.
        """
        facts = source.stat()
        key = f"{_VERSION}\0{source.resolve()}\0{facts.st_size}\0{facts.st_mtime_ns}"
        name = hashlib.sha256(os.fsencode(key)).hexdigest()[:32] + ".mp4"
        with self._guard:
            lock = self._locks.setdefault(name, threading.Lock())
        with lock:  # the browser asks for the parts of a film at the same time
            if (self._folder / name).is_file():
                return self._folder / name
            with self._encoders:
                if not is_wanted():
                    raise ConnectionAbortedError(f"nobody waits for a preview of {source.name}")
                target = self._writable_folder() / name
                if not target.is_file():
                    write_preview(source, target)
            return target

    def _writable_folder(self) -> Path:
        with self._guard:
            try:
                make_folders(self._folder)
                with tempfile.TemporaryFile(prefix=PARTIAL_PREFIX, dir=self._folder):
                    pass
            except OSError:
                self._temporary = tempfile.TemporaryDirectory(prefix="tcn-robot-previews-")
                self._folder = Path(self._temporary.name)
            return self._folder


def default_folder() -> Path:
    """Return where previews are kept: below XDG_CACHE_HOME, or else ~/.cache."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "tcn_robot" / "previews"
