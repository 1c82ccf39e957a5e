"""LeRobot 3.0, read and written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from tcn_robot.recordings.formats.foreign import ForeignDataset, ReadOptions, WriteOptions
from tcn_robot.recordings.formats.lerobot.read_v3 import read_v3
from tcn_robot.recordings.formats.lerobot.writing import write_dataset
from tcn_robot.recordings.formats.losses import Losses
from tcn_robot.recordings.reader import Recording


class LeRobotV3:
    """Reads and writes such datasets."""

    LOSSES: Mapping[str, str] = {
        "times": "timestamp is frame / fps there: measured times were up to {} s off it; they "
        "stand in tcn_robot.time_seconds",
        "frames": "views were brought onto one grid: {}",
        "pictures": "films were encoded anew: {}",
        "players": "films are lossless RGB, which LeRobot reads and browsers do not play ({}); "
        "--encode h264 makes films for them",
        "last action": "the last frame has no action and LeRobot wants one: the one before is "
        "repeated ({})",
        "robot": "the robot's messages have times of their own: each frame has the last one before "
        "it ({})",
        "steps": "what the robot did and felt is repeated and skipped with the frames (a "
        "simulation comes back as a film): {}",
        "states": "a simulator's states and model have no place ({})",
        "numbers": "what is absent became NaN ({})",
        "texts": "text that is absent became empty ({})",
        "names": "columns would have one name: the later one has a number ({})",
        "columns": "a column is of no type that LeRobot has: left out ({})",
        "ids": "episodes are numbered from 0, those of one split together ({})",
    }

    def describe_losses(self) -> Mapping[str, str]:
        """Return what these datasets hold and lose."""
        return {
            "pictures": "frame-exact: films are copied and joined, both ways, where they can be",
            "times": "`timestamp` is frame / fps; measured times in a column of their own",
            "views": "by name, one row for all: else `--resample`",
            "splits": "as ranges of episodes",
            "task": "yes",
            "robot": "actions, observations, labels; a simulator's states are lost",
            "the rest": "in `meta/tcn_robot.json`, which LeRobot passes over",
        }

    def read(self, path: Path, options: ReadOptions) -> ForeignDataset:
        """List the episodes; see `read_v3`."""
        return read_v3(path, options)

    def write(
        self, recording: Recording, path: Path, options: WriteOptions, losses: Losses
    ) -> Iterator[int]:
        """Write a dataset; see `write_dataset`."""
        return write_dataset(recording, path, options, losses)
