"""Which source an address means, and the table of them; `name=address` gives the view its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tcn_robot.errors import UserError
from tcn_robot.recordings.capture.camera import CameraSource
from tcn_robot.recordings.capture.files import FilmFileSource, PictureFolderSource
from tcn_robot.recordings.capture.mjpeg import MjpegSource
from tcn_robot.recordings.capture.picture import Picture
from tcn_robot.recordings.format import VIEW_PATTERN
from tcn_robot.recordings.sources import FrameSource


@dataclass(frozen=True)
class SourceRequest:
    """One source as the user asked for it.

    Attributes:
        view: Name of the view.
        address: Camera number, device, address, film or folder.
        frame_rate_hz: Rate asked for; None leaves it to the source.
        picture: What is done to its pictures.
    """

    view: str
    address: str
    frame_rate_hz: float | None = None
    picture: Picture = field(default_factory=Picture)


def parse_source(text: str, number: int) -> tuple[str, str]:
    """Return (view, address) of "front=0" or "0"; without a name it is `view<number>`.

    Raises:
        UserError: If the name cannot be a view's.
    """
    name, mark, address = text.partition("=")
    # An address may have "=" in it: what stands before is a name only if it looks like one.
    if not mark or not VIEW_PATTERN.fullmatch(name):
        if mark and "/" not in name and ":" not in name:
            raise UserError(
                f"--sources {text!r}: {name!r} cannot name a view; use letters, digits, '_', '-'"
            )
        return f"view{number}", text
    return name, address


def _camera(request: SourceRequest) -> FrameSource:
    picture = request.picture
    # Turned or cropped pictures need the camera's full size.
    plain = picture.rotate_degrees == 0 and picture.crop_px is None
    size_px = picture.size_px if plain else None
    return CameraSource(request.address, request.frame_rate_hz, size_px)


def _mjpeg(request: SourceRequest) -> FrameSource:
    return MjpegSource(request.address, request.frame_rate_hz)


def _film(request: SourceRequest) -> FrameSource:
    return FilmFileSource(request.address, request.frame_rate_hz)


def _pictures(request: SourceRequest) -> FrameSource:
    return PictureFolderSource(request.address, request.frame_rate_hz)


def _is_camera(address: str) -> bool:
    return address.isdigit() or address.startswith(("/dev/", "rtsp://", "rtmp://", "udp://"))


# (what it is called, whether an address means it, how it is opened); the first that fits
SOURCES: list[tuple[str, Callable[[str], bool], Callable[[SourceRequest], FrameSource]]] = [
    ("camera or stream", _is_camera, _camera),
    ("MJPEG over HTTP", lambda address: address.startswith(("http://", "https://")), _mjpeg),
    ("folder of pictures", lambda address: Path(address).is_dir(), _pictures),
    ("film", lambda address: Path(address).is_file(), _film),
]


def open_source(request: SourceRequest) -> FrameSource:
    """Open a source.

    Raises:
        UserError: If the address means nothing, or does not open.
    """
    for _, means, open_it in SOURCES:
        if means(request.address):
            return open_it(request)
    raise UserError(
        f"--sources {request.address!r} is no camera number, no address (http, https, rtsp), no "
        "film and no folder of pictures"
    )
