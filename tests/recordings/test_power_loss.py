"""A power cut at any moment: whole episodes stay as they were, halves are never read as whole."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tcn_robot.atomic import atomic_folder
from tcn_robot.recordings import DatasetWriter, find_faults, open_recording
from tcn_robot.recordings.format import list_episode_ids
from tests.support.power_loss import Disk, lay_out

Film = Callable[..., np.ndarray]


class States:
    """Looks at every state a power cut may leave at each sync and rename of a recorder."""

    def __init__(self, disk: Disk, scratch: Path) -> None:
        self.done: dict[int, str] = {}  # what the recorder was told to be whole
        self.seen: set[tuple[tuple[str, bytes | None], ...]] = set()
        self.disk = disk
        self._scratch = scratch
        self._is_looking = False

    def look(self) -> None:
        if self._is_looking:  # what the look itself writes does not count
            return
        self._is_looking = True
        self._look()
        self._is_looking = False

    def _look(self) -> None:
        for state in self.disk.states():
            known = {name: content for name, content in state.items() if ".lock" not in name}
            key = (*sorted(known.items(), key=lambda item: item[0]), ("done", bytes(self.done)))
            if key in self.seen:
                continue
            self.seen.add(key)
            folder = self._scratch / "state"
            lay_out(known, folder)
            self._check(folder / "d")
            shutil.rmtree(folder)

    def _check(self, path: Path) -> None:
        ids = list_episode_ids(path) if path.is_dir() else []
        assert set(ids) >= set(self.done), f"lost: {set(self.done) - set(ids)}"
        if not ids:
            return
        recording = open_recording(path)
        faults = [f for _, found in find_faults(recording) for f in found if f.is_fault]
        assert not faults, faults
        for id, content_hash in self.done.items():
            assert recording.by_id(id).content_hash == content_hash
        with DatasetWriter(path, "wave") as writer:  # the next start clears what is partial
            assert writer.episode_ids() == ids
        assert not list(path.rglob(".partial-*"))


@pytest.fixture
def states(tmp_path: Path) -> States:
    (tmp_path / "disk").mkdir()
    return States(Disk(tmp_path / "disk"), tmp_path)


def record(writer: DatasetWriter, film: np.ndarray, model: str) -> int:
    with writer.episode(frame_rate_hz=20.0) as episode:
        episode.metadata["simulator"] = {"model": episode.add_asset(model, ".xml")}
        for index, frame in enumerate(film):
            episode.add_frames(index / 20, {"front": frame})
            episode.add_step({"time_seconds": index / 20})
    return episode.id


def test_every_power_cut_leaves_whole_episodes(tmp_path: Path, film: Film, states: States) -> None:
    path = tmp_path / "disk" / "d"
    with (
        states.disk.watch(states.look),
        DatasetWriter(path, "wave", "lossless") as writer,
    ):
        for model in ("<a/>", "<b/>"):
            id = record(writer, film(3), model)
            states.done[id] = open_recording(path).by_id(id).content_hash
            states.look()
    assert len(states.seen) > 30
    assert len(states.done) == 2


def test_files_are_synced_before_the_rename_and_the_parent_after(
    tmp_path: Path, film: Film, states: States
) -> None:
    disk = states.disk
    with (
        disk.watch(lambda: None),
        DatasetWriter(tmp_path / "disk" / "d", "wave", "lossless") as writer,
    ):
        record(writer, film(3), "<a/>")
    renamed = disk.operations.index(("rename", "d/episode_000000"))
    before = [name for kind, name in disk.operations[:renamed] if kind == "sync"]
    partial = [Path(name).name for name in before if "d/.partial-" in name]
    files = ["episode.json", "frames.parquet", "front.mp4", "steps.parquet"]
    assert sorted(partial[-5:-1]) == files
    assert partial[-1].startswith(".partial-")  # the folder itself, after all that is in it
    assert disk.operations[renamed + 1] == ("sync", "d")
    assert ("sync", "d/assets") in disk.operations[:renamed]
    assert ("sync", ".") in disk.operations[:renamed]  # the dataset's own name


def test_a_folder_that_is_replaced_is_the_old_or_the_new_one(
    tmp_path: Path, states: States
) -> None:
    target = tmp_path / "disk" / "run"
    disk = states.disk
    found: set[bytes | None] = set()

    def look() -> None:
        for state in disk.states():
            found.add(state.get("run/weights"))

    with disk.watch(lambda: None), atomic_folder(target) as partial:
        (partial / "weights").write_bytes(b"old!")
    with disk.watch(look), atomic_folder(target) as partial:
        (partial / "weights").write_bytes(b"new!")
    look()
    assert found == {b"old!", b"new!"}
