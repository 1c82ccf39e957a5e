"""What `check` finds, gathered while somebody looks at the page; what is looked at comes first."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from tcn_robot.errors import UserError, describe_os_error
from tcn_robot.recordings import Episode, Fault, Recording, dataset_faults, find_faults
from tcn_robot.recordings.checking.structure import RepeatedEpisodes
from tcn_robot.viewer.listing import without_folders

Depth = Literal["none", "quick", "full"]
Finding = dict[str, Any]
Stamp = tuple[tuple[str, int, int], ...]  # name, time of change and size of every file


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

    What was found in an episode holds until one of its files changes.

    Args:
        depth: How thoroughly: "quick" decodes no film, "full" does, "none" checks nothing.
    """

    def __init__(self, depth: Depth) -> None:
        self.depth = depth
        self._guard = threading.Lock()
        self._found: dict[int, tuple[Stamp, list[Finding]]] = {}
        self._order: list[int] = []  # ids in the order in which they were done, some repeatedly
        self._repeated = RepeatedEpisodes()
        self._waiting: deque[Recording] = deque()
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()

    def start(self, recording: Recording) -> None:
        """See that all episodes are checked which were not yet, or have changed since.

        Returns at once: a check that is going on takes these as the next ones.
        """
        if self.depth == "none":
            return
        with self._guard:
            known = {id: stamp for id, (stamp, _) in self._found.items()}
        episodes = [_alone(recording, id) for id in recording.ids]
        checked = [one[0] for one in episodes if one[0].id in known]
        holding = {one.id for one in checked if known[one.id] == _stamp(one)}
        waiting = [one for one in episodes if one[0].id not in holding]
        with self._guard:
            self._found = {id: one for id, one in self._found.items() if id in holding}
            self._waiting = deque(waiting)
            if self._waiting and self._thread is None:
                self._stopped = threading.Event()
                arguments = (self._stopped,)
                self._thread = threading.Thread(target=self._work, args=arguments, daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Begin no further check; one that is going on is not waited for."""
        with self._guard:
            self._stopped.set()
            self._thread = None

    def of_episode(self, recording: Recording, episode_id: int) -> list[Finding]:
        """Return what was found in one episode; it is checked now if it must be."""
        return [] if self.depth == "none" else self._check(_alone(recording, episode_id))

    def since(self, start: int) -> tuple[list[tuple[int, int, int]], int]:
        """Return (id, faults, notes) of the episodes done after the first `start`, and how many.

        Args:
            start: How many the caller has heard of.
        """
        with self._guard:
            ids = [id for id in self._order[start:] if id in self._found]
            return [(id, *count(self._found[id][1])) for id in ids], len(self._order)

    def _work(self, stopped: threading.Event) -> None:
        while True:
            with self._guard:
                if stopped.is_set():
                    return
                if not self._waiting:
                    self._thread = None
                    return
                one = self._waiting.popleft()
            self._check(one)

    def _check(self, one: Recording) -> list[Finding]:
        episode = one[0]
        stamp = _stamp(episode)
        with self._guard:
            known = self._found.get(episode.id)
        if known is not None and known[0] == stamp:
            return known[1]
        try:
            _, faults = next(find_faults(one, decode=self.depth == "full"))
        except (OSError, UserError) as error:  # deleted while it was checked, or unreadable
            said = describe_os_error(error) if isinstance(error, OSError) else None
            faults = [Fault("damaged-metadata", said or str(error))]
        found = [finding(fault, episode.path, one.path) for fault in faults]
        damaged = any(fault.kind in ("damaged-metadata", "wrong-id") for fault in faults)
        with self._guard:
            known = self._found.get(episode.id)
            if known is not None and known[0] == stamp:  # checked by two at the same time
                return known[1]
            if not damaged:
                found += self._repeated_findings(episode)
            self._found[episode.id] = (stamp, found)
            self._order.append(episode.id)
            return found

    def _repeated_findings(self, episode: Episode) -> list[Finding]:
        return [finding(fault, episode.path.parent) for fault in self._repeated.faults(episode)]


def _alone(recording: Recording, episode_id: int) -> Recording:
    return Recording(recording.path, recording.metadata, (episode_id,))


def _stamp(episode: Episode) -> Stamp:
    """Return what is another when a file of an episode changes; () when its folder is gone."""
    try:
        with os.scandir(episode.path) as entries:
            files = [(entry.name, entry.stat()) for entry in entries if entry.is_file()]
    except OSError:
        return ()
    return tuple(sorted((name, facts.st_mtime_ns, facts.st_size) for name, facts in files))
