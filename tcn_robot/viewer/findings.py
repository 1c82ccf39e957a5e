"""What `check` finds, gathered while somebody looks at the page; what is looked at comes first."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from tcn_robot.recordings import Episode, Fault, Recording, dataset_faults, find_faults
from tcn_robot.recordings.checking.structure import RepeatedEpisodes
from tcn_robot.viewer.listing import without_folders

Depth = Literal["none", "quick", "full"]
Finding = dict[str, Any]


def finding(fault: Fault, *folders: Path) -> Finding:
    """Return one fault as the page shows it, with paths as seen from the folders."""
    return {**fault.as_json(), "message": without_folders(str(fault), *folders)}


def count(findings: list[Finding]) -> tuple[int, int]:
    """Return how many faults and how many notes there are among findings."""
    faults = sum(bool(one["is_fault"]) for one in findings)
    return faults, len(findings) - faults


def findings_of_dataset(recording: Recording) -> list[Finding]:
    """Return what is wrong with the dataset's folder, whatever its episodes are."""
    return [finding(fault, recording.path) for fault in dataset_faults(recording.path)]


def findings_by_episode(
    recording: Recording, depth: Depth, workers: int = 1
) -> Iterator[tuple[int, list[Finding]]]:
    """Yield (id, what was found) for every episode; nothing is found at depth "none".

    Args:
        recording: The dataset.
        depth: How thoroughly, see `Findings`.
        workers: Episodes to check at a time, in threads.
    """
    if depth == "none":
        yield from ((id, []) for id in recording.ids)
        return
    for id, faults in find_faults(recording, decode=depth == "full", workers=workers):
        folders = (recording.by_id(id).path, recording.path)
        yield id, [finding(fault, *folders) for fault in faults]


class Findings:
    """Checks the episodes of a dataset one after the other in a thread.

    Args:
        depth: How thoroughly: "quick" decodes no film, "full" does, "none" checks nothing.
    """

    def __init__(self, depth: Depth) -> None:
        self.depth = depth
        self._guard = threading.Lock()
        self._found: dict[int, list[Finding]] = {}
        self._order: list[int] = []  # ids in the order in which they were done
        self._repeated = RepeatedEpisodes()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._started: tuple[int, ...] = ()

    def start(self, recording: Recording) -> None:
        """Check all episodes that were not checked yet, unless that is being done already."""
        if self.depth == "none" or recording.ids == self._started:
            return
        self.close()
        self._started = recording.ids
        self._stopped = threading.Event()
        arguments = (recording, self._stopped)
        self._thread = threading.Thread(target=self._work, args=arguments, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop after the episode at work."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def of_episode(self, recording: Recording, episode_id: int) -> list[Finding]:
        """Return what was found in one episode; it is checked now if it was not yet."""
        if self.depth == "none":
            return []
        with self._guard:
            if episode_id in self._found:
                return self._found[episode_id]
        return self._check(recording, episode_id)

    def since(self, start: int) -> tuple[list[tuple[int, int, int]], int]:
        """Return (id, faults, notes) of the episodes done after the first `start`, and how many.

        Args:
            start: How many the caller has heard of.
        """
        with self._guard:
            news = [(id, *count(self._found[id])) for id in self._order[start:]]
            return news, len(self._order)

    def _work(self, recording: Recording, stopped: threading.Event) -> None:
        for id in recording.ids:
            if stopped.is_set():
                return
            with self._guard:
                is_known = id in self._found
            if not is_known:
                self._check(recording, id)

    def _check(self, recording: Recording, episode_id: int) -> list[Finding]:
        one = Recording(recording.path, recording.metadata, (episode_id,))
        _, faults = next(find_faults(one, decode=self.depth == "full"))
        found = [finding(fault, one[0].path, recording.path) for fault in faults]
        damaged = any(fault.kind in ("damaged-metadata", "wrong-id") for fault in faults)
        with self._guard:
            if episode_id not in self._found:
                if not damaged:
                    found += self._repeated_findings(one[0])
                self._found[episode_id] = found
                self._order.append(episode_id)
            return self._found[episode_id]

    def _repeated_findings(self, episode: Episode) -> list[Finding]:
        return [finding(fault, episode.path.parent) for fault in self._repeated.faults(episode)]
