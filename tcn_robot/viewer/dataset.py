"""A dataset as it is while somebody looks at it: more episodes may come, others may go."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from tcn_robot.recordings import Episode, Recording, open_recording
from tcn_robot.recordings.format import EPISODE_FILE
from tcn_robot.viewer.listing import Row, episode_row


class WatchedDataset:
    """Opens a dataset and keeps its rows until their episodes change.

    Args:
        path: The dataset's folder.
        episodes: Ids that may be looked at; all when empty.

    Raises:
        UserError: If it is no dataset, or has no such episode.
    """

    def __init__(self, path: Path, episodes: Sequence[int] = ()) -> None:
        self._path = path
        self._chosen = tuple(sorted(set(episodes)))
        self._guard = threading.Lock()
        self._rows: dict[int, tuple[int, Row]] = {}
        self.recording = open_recording(path)
        for id in self._chosen:
            self.recording.by_id(id)
        self.refresh()

    def refresh(self) -> None:
        """Look at the folder again.

        Raises:
            UserError: If it is no dataset any more.
        """
        opened = open_recording(self._path)
        ids = tuple(id for id in opened.ids if not self._chosen or id in self._chosen)
        with self._guard:
            if opened.metadata != self.recording.metadata:  # labels may be others now
                self._rows.clear()
            self.recording = Recording(self._path, opened.metadata, ids)

    def rows(self) -> Iterator[Row]:
        """Yield the row of every episode; the first time each is read from the disk."""
        for id in self.recording.ids:
            episode = self.episode(id)
            stamp = _stamp(episode)
            with self._guard:
                known = self._rows.get(episode.id)
            if known is None or known[0] != stamp:
                known = (stamp, episode_row(episode))
                with self._guard:
                    self._rows[episode.id] = known
            yield known[1]

    def episode(self, episode_id: int) -> Episode:
        """Return an episode as it is on the disk now; what is read of it is not kept.

        Raises:
            UserError: If it is none of those that may be looked at.
        """
        recording = self.recording
        recording.by_id(episode_id)  # raises where there is none
        return Recording(recording.path, recording.metadata, (episode_id,)).by_id(episode_id)


def _stamp(episode: Episode) -> int:
    path = episode.path / EPISODE_FILE
    return path.stat().st_mtime_ns if path.is_file() else 0
