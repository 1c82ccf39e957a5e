"""Finds what is wrong with a dataset on disk; nothing is changed.

`checking/kinds.py` has the table of what can be found; each family has its own file there.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from tcn_robot.errors import UserError
from tcn_robot.recordings import format as dataset_format
from tcn_robot.recordings.checking.files import file_faults, value_faults
from tcn_robot.recordings.checking.kinds import Fault
from tcn_robot.recordings.checking.pictures import Look, film_faults, look_at, view_faults
from tcn_robot.recordings.checking.steps import step_faults
from tcn_robot.recordings.checking.structure import RepeatedEpisodes, model_faults
from tcn_robot.recordings.checking.times import length_faults, time_faults
from tcn_robot.recordings.reader import Episode, Recording
from tcn_robot.recordings.tables import has_numbered_frames

_BROKEN_TIMES = ("times-not-finite", "times-go-back")


def find_faults(
    recording: Recording, decode: bool = True, workers: int = 1
) -> Iterator[tuple[int, list[Fault]]]:
    """Check every episode and yield (id, what was found) as they are done, in the order of ids.

    Args:
        recording: The dataset.
        decode: Also decode every film, which takes most of the time.
        workers: Episodes to check at a time, in threads.
    """
    repeated = RepeatedEpisodes()
    with ThreadPoolExecutor(workers) as pool:
        for start in range(0, len(recording), workers):
            batch = [recording[i] for i in range(start, min(start + workers, len(recording)))]
            found = pool.map(lambda one: list(_episode_faults(recording, one, decode)), batch)
            for episode, faults in zip(batch, found, strict=True):
                if not any(fault.kind in ("damaged-metadata", "wrong-id") for fault in faults):
                    faults += repeated.faults(episode)
                yield episode.id, faults


def _episode_faults(recording: Recording, episode: Episode, decode: bool) -> Iterator[Fault]:
    try:
        found_id = dataset_format.read_json(episode.path / dataset_format.EPISODE_FILE).get("id")
        if isinstance(found_id, int) and found_id != episode.id:
            message = f"{episode.path} says that it is episode {found_id}; folders keep their names"
            yield Fault("wrong-id", message)
            return
        assert episode.metadata
    except UserError as error:
        yield Fault("damaged-metadata", str(error))
        return
    yield from file_faults(episode)
    absurd = list(value_faults(episode))
    yield from absurd
    yield from model_faults(recording, episode)
    times_seconds = dict[str, np.ndarray]()
    yield from _read_times(episode, times_seconds)
    yield from length_faults(episode, {view: len(times) for view, times in times_seconds.items()})
    for view, times in list(times_seconds.items()):
        found = list(time_faults(episode, view, times))
        yield from found
        if any(fault.kind in _BROKEN_TIMES for fault in found):
            del times_seconds[view]  # nothing can be compared with them
    yield from step_faults(episode, next(iter(times_seconds.values()), None))
    if decode and not any(fault.kind == "absurd-value" for fault in absurd):
        yield from _picture_faults(episode, times_seconds)


def _read_times(episode: Episode, times_seconds: dict[str, np.ndarray]) -> Iterator[Fault]:
    """Fill in the times of each view that has some, and yield why others have none."""
    path = episode.path / dataset_format.FRAMES_FILE
    if not path.is_file():  # its own fault tells
        return
    for view in episode.views:
        try:
            times_seconds[view] = episode.timestamps(view)
        except UserError as error:
            yield Fault("damaged-times", str(error), view)
            return
    try:
        are_numbered = has_numbered_frames(path)
    except UserError as error:  # it went while it was looked at
        yield Fault("damaged-times", str(error))
        return
    if not are_numbered:
        yield Fault("frame-numbers", f"{path}: the frames of a view should be numbered from 0")


def _picture_faults(episode: Episode, times_seconds: dict[str, np.ndarray]) -> Iterator[Fault]:
    looks: dict[str, Look] = {}
    for view in episode.views:
        path = episode.path / dataset_format.video_name(view)
        if path.is_file():  # a missing one was told
            looks[view] = look_at(path)
            yield from film_faults(episode, view, looks[view], times_seconds.get(view))
    yield from view_faults(episode, looks, times_seconds)
