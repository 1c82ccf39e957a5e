"""What tells whether an episode is still the same, whatever was added to its dataset since."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import av
import numpy as np

from tcn_robot.errors import UserError
from tcn_robot.recordings.formats.films import open_film
from tcn_robot.recordings.formats.lerobot.reading import FilmPlace
from tcn_robot.recordings.formats.lerobot.table_files import rows_of_episode

# Where a row stands in the whole dataset; removing others changes it.
_NOT_OF_THE_EPISODE = ("index",)


@dataclass(frozen=True)
class EpisodeMark:
    """The content of an episode whose files hold others too, and grow when more are recorded.

    Attributes:
        index: Number of the episode.
        fps: Frames per second.
        tasks: What it shows.
        data: Its table.
        films: By feature: where it is in which film.
        ours: What our own file says of it.
    """

    index: int
    fps: float
    tasks: Sequence[str]
    data: Path
    films: Mapping[str, FilmPlace]
    ours: Mapping[str, Any] | None

    def sha256(self) -> str:
        """Return the SHA-256 over its rows, its packets, and what is said of it.

        Raises:
            UserError: If a file is missing or damaged.
        """
        rows = rows_of_episode(self.data, self.index)
        said = [self.index, self.fps, list(self.tasks), self.ours]
        digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode("utf-8"))
        for name in sorted({*rows.column_names} - {*_NOT_OF_THE_EPISODE}):
            digest.update(repr(name).encode("utf-8"))
            for value in rows[name]:
                _feed(digest, value.as_py())
        for key in sorted(self.films):
            digest.update(repr(key).encode("utf-8"))
            for packet in _packets(self.films[key], len(rows), self.fps):
                digest.update(packet)
        return digest.hexdigest()


def _feed(digest: Any, value: Any) -> None:
    if isinstance(value, dict):
        for name in sorted(value):
            _feed(digest, name)
            _feed(digest, value[name])
        return
    content = value if isinstance(value, bytes) else repr(value).encode("utf-8")
    digest.update(len(content).to_bytes(8, "little"))
    digest.update(content)


def _packets(place: FilmPlace, num_rows: int, fps: float) -> list[bytes]:
    """Return the SHA-256 of each packet of an episode's frames, in the order they are shown."""
    if not place.path.is_file():
        raise UserError(f"the film {place.path} is missing; restore it")
    stat = place.path.stat()
    seconds, hashes = _film_packets(place.path, stat.st_size, stat.st_mtime_ns)
    if place.start_frame is not None and place.num_frames == len(hashes):
        return hashes[place.start_frame : place.start_frame + num_rows]
    start = place.start_seconds - 0.5 / fps
    first, stop = np.searchsorted(seconds, [start, start + num_rows / fps])
    return hashes[int(first) : int(stop)]


@lru_cache(maxsize=32)  # one for each camera, at least
def _film_packets(path: Path, size_bytes: int, changed_ns: int) -> tuple[np.ndarray, list[bytes]]:
    """Return when packets are shown, float64 (T,) ascending, and the SHA-256 of each."""
    found: list[tuple[float, bytes]] = []
    try:
        with open_film(path) as film:
            for packet in film.demux(video=0):
                if packet.size:
                    at = packet.dts if packet.pts is None else packet.pts
                    seconds = float((at or 0) * (packet.time_base or 0))
                    found.append((seconds, hashlib.sha256(bytes(packet)).digest()))
    except (av.FFmpegError, IndexError) as error:
        raise UserError(f"{path} cannot be read ({error}); restore it") from error
    found.sort(key=lambda one: one[0])
    return np.array([seconds for seconds, _ in found]), [one for _, one in found]
