"""Kills a recorder with SIGKILL, again and again, and looks at what is left on the disk.

The recorder is a forked child: films are encoded and written by the real writer, only the pictures
are made up, so that a thousand kills take minutes. It says over a pipe which episode it is about to
begin and which are whole; the pipe is read to its end after the kill.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tcn_robot.recordings import DatasetWriter, find_faults, open_recording
from tcn_robot.recordings.format import list_episode_ids, list_partial_names

TASK = "crash"
VIEWS = ("front", "left", "wrist")
LONGEST_LIFE_SECONDS = 0.25


@dataclass
class Losses:
    """What a series of kills did to episodes that the recorder had called whole."""

    kills: int = 0
    whole: int = 0
    lost: list[int] = field(default_factory=list)
    altered: list[int] = field(default_factory=list)
    faulty: list[str] = field(default_factory=list)
    ids_used_twice: list[int] = field(default_factory=list)
    while_committing: int = 0
    """Kills that left an episode on the disk whose recorder could no longer say so."""

    @property
    def is_clean(self) -> bool:
        """Whether nothing was lost, altered, half or used twice."""
        return not (self.lost or self.altered or self.faulty or self.ids_used_twice)


def record_for_ever(path: Path, say: Callable[[str], None], num_frames: int = 4) -> None:
    """Write small episodes with a model, films of three views and steps, one after the other."""
    pictures = np.random.default_rng(0).integers(0, 256, (num_frames, 16, 16, 3), dtype=np.uint8)
    with DatasetWriter(path, TASK, "lossless") as writer:
        while True:
            id = writer.next_id()
            say(f"begin {id}")
            with writer.episode(frame_rate_hz=20.0, episode_id=id) as episode:
                name = episode.add_asset(f"<model id='{id // 8}'/>", ".xml")
                episode.metadata.update(clock={"name": "simulation"}, simulator={"model": name})
                for index, picture in enumerate(pictures):
                    seen = {view: picture + id % 7 + turn for turn, view in enumerate(VIEWS)}
                    episode.add_frames(index / 20, seen)
                    episode.add_step({"time_seconds": index / 20})
            say(f"whole {id} {open_recording(path).by_id(id).content_hash}")


def fork_recorder(body: Callable[[Callable[[str], None]], None]) -> tuple[int, int]:
    """Start a child that runs `body(say)`; return its process id and the pipe it talks into."""
    receiver, sender = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receiver)
        try:
            body(lambda line: _write(sender, line))
        finally:
            os._exit(1)
    os.close(sender)
    return child, receiver


def _write(pipe: int, line: str) -> None:
    os.write(pipe, f"{line}\n".encode())


def read_to_end(receiver: int) -> list[list[str]]:
    """Return what a child said until it died, line by line, split into words."""
    with os.fdopen(receiver, "rb") as pipe:
        text = pipe.read().decode()
    return [line.split() for line in text.splitlines()]


def kill_after(seconds: float, path: Path) -> list[list[str]]:
    """Let a recorder write into a dataset for some time, kill it, return what it had said."""
    child, receiver = fork_recorder(lambda say: record_for_ever(path, say))
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return read_to_end(receiver)


def kill_at_call(number: int, path: Path, episodes: int) -> tuple[list[list[str]], bool]:
    """Let a recorder kill itself at its n-th call that settles something on the disk.

    Calls are counted twice each, before and after they are done: fsync, rename, replace, mkdir.

    Returns:
        What it had said, and whether it got so far before it had written `episodes` episodes.
    """

    def body(say: Callable[[str], None]) -> None:
        left = [number]

        def count_down() -> None:
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)

        for name in ("fsync", "rename", "replace", "mkdir"):
            setattr(os, name, _counted(getattr(os, name), count_down))

        def say_and_stop(line: str) -> None:
            say(line)
            if line.startswith(f"begin {episodes}"):
                os._exit(0)

        record_for_ever(path, say_and_stop, num_frames=2)

    child, receiver = fork_recorder(body)
    _, status = os.waitpid(child, 0)
    return read_to_end(receiver), os.WIFSIGNALED(status)


def _counted(call: Callable[..., object], count_down: Callable[[], None]) -> Callable[..., object]:
    def counted(*arguments: object, **named: object) -> object:
        count_down()
        result = call(*arguments, **named)
        count_down()
        return result

    return counted


class Auditor:
    """Remembers what was whole, and compares the dataset with it after each kill."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.losses = Losses()
        self._hashes: dict[int, str] = {}
        self._checked: set[int] = set()

    def look(self, said: list[list[str]]) -> None:
        """Compare, after a recorder died that had said these words."""
        losses = self.losses
        losses.kills += 1
        for word, id_text, *content_hash in said:
            if word == "whole":
                if int(id_text) in self._hashes:
                    losses.ids_used_twice.append(int(id_text))
                self._hashes[int(id_text)] = content_hash[0]
        ids = list_episode_ids(self.path) if self.path.is_dir() else []
        losses.lost += sorted(set(self._hashes) - set(ids))
        if not ids:
            return
        recording = open_recording(self.path)
        for id in ids:
            found = recording.by_id(id).content_hash
            if id not in self._hashes:  # renamed, but killed before it could say so
                losses.while_committing += 1
                self._hashes[id] = found
            if found != self._hashes[id]:
                losses.altered.append(id)
        self._check_new(set(ids) - self._checked)
        losses.whole = len(self._hashes)

    def _check_new(self, ids: set[int]) -> None:
        recording = open_recording(self.path)
        recording.ids = tuple(sorted(ids))
        for _, faults in find_faults(recording):
            self.losses.faulty += [str(fault) for fault in faults if fault.is_fault]
        self._checked |= ids

    def finish(self) -> Losses:
        """Let a last recorder start and end, check every episode again, return the losses."""
        with DatasetWriter(self.path, TASK, "lossless") as writer:
            assert writer.next_id() == max(self._hashes, default=-1) + 1
        self.losses.faulty += list_partial_names(self.path)
        self._check_new(set(self._hashes))
        return self.losses


def kill_many(path: Path, kills: int, seed: int) -> Iterator[Losses]:
    """Kill recorders of one dataset at random moments and yield the losses after each kill."""
    generator = np.random.default_rng(seed)
    auditor = Auditor(path)
    for _ in range(kills):
        auditor.look(kill_after(generator.uniform(0.0, LONGEST_LIFE_SECONDS), path))
        yield auditor.losses
    yield auditor.finish()
