"""Recordings: films of one task from several cameras, and what a simulator knew, on disk.

`recordings/README.md` is the format. Names are imported when they are first used, so that
`import tcn_robot.recordings` does not load codecs.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if __name__ != "tcn_robot.recordings":
    raise ImportError(
        "import tcn_robot.recordings, not recordings: the folder is part of the package tcn_robot"
    )

if TYPE_CHECKING:
    from tcn_robot.recordings.check import find_faults
    from tcn_robot.recordings.checking.kinds import KINDS, Fault
    from tcn_robot.recordings.checking.structure import dataset_faults
    from tcn_robot.recordings.episode_writer import EpisodeWriter
    from tcn_robot.recordings.format import CODECS, FORMAT_VERSION, SPLITS
    from tcn_robot.recordings.reader import Episode, Recording, open_recording
    from tcn_robot.recordings.recorder import episode_seeds, record_episode
    from tcn_robot.recordings.rerendering import rerender
    from tcn_robot.recordings.sources import FrameSource, Policy, SimulatedSource
    from tcn_robot.recordings.writer import DatasetWriter

__all__ = [
    "CODECS",
    "FORMAT_VERSION",
    "KINDS",
    "SPLITS",
    "DatasetWriter",
    "Episode",
    "EpisodeWriter",
    "Fault",
    "FrameSource",
    "Policy",
    "Recording",
    "SimulatedSource",
    "dataset_faults",
    "episode_seeds",
    "find_faults",
    "open_recording",
    "record_episode",
    "rerender",
]

_MODULES = {
    "CODECS": "format",
    "FORMAT_VERSION": "format",
    "KINDS": "checking.kinds",
    "SPLITS": "format",
    "DatasetWriter": "writer",
    "Episode": "reader",
    "EpisodeWriter": "episode_writer",
    "Fault": "checking.kinds",
    "FrameSource": "sources",
    "Policy": "sources",
    "Recording": "reader",
    "SimulatedSource": "sources",
    "dataset_faults": "checking.structure",
    "episode_seeds": "recorder",
    "find_faults": "check",
    "open_recording": "reader",
    "record_episode": "recorder",
    "rerender": "rerendering",
}


def __getattr__(name: str) -> Any:
    """Import a public name from its module when it is first asked for."""
    if name not in _MODULES:
        raise AttributeError(f"module 'tcn_robot.recordings' has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
