"""`dataset.json` never changes: edits add to the history, and ids are never used again."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tcn_robot import cli
from tcn_robot.errors import UserError
from tcn_robot.recordings import DatasetWriter, open_recording
from tcn_robot.recordings.editing.history import (
    delete_episodes,
    read_history,
    relabel_episodes,
    rename_task,
)
from tcn_robot.recordings.format import file_hash
from tests.support.films import moving_square


def files_of(path: Path) -> dict[str, str]:
    return {
        str(file.relative_to(path)): file_hash(file)
        for file in sorted(path.rglob("*"))
        if file.is_file() and file.name != ".lock"
    }


@pytest.fixture
def writer(film_dataset: Path) -> DatasetWriter:
    return DatasetWriter(film_dataset, "pouring", "lossless", kind="film")


def add_episode(writer: DatasetWriter, id: int | None = None) -> int:
    with writer.episode(10.0, id) as episode:
        for frame, picture in enumerate(moving_square(3)):
            episode.add_frames(frame / 10, {"left": picture})
    return episode.id


def test_a_deleted_id_is_never_used_again(writer: DatasetWriter) -> None:
    with writer:
        delete_episodes(writer, [3, 1])
        assert writer.episode_ids() == [0, 2]
        assert writer.next_id() == 4
        with pytest.raises(UserError, match="is gone"):
            add_episode(writer, 1)
        assert add_episode(writer) == 4
    recording = open_recording(writer.path)
    assert recording.ids == (0, 2, 4)
    assert not (writer.path / "episode_000001").exists()
    with pytest.raises(UserError, match="no episode 1"):
        recording.by_id(1)


def test_an_edit_changes_no_file_that_was_there(writer: DatasetWriter) -> None:
    before = files_of(writer.path)
    with writer:
        relabel_episodes(writer, {0: {"split": "test"}, 2: {"success": True}})
        rename_task(writer, "pouring water")
    after = files_of(writer.path)
    assert {name: after[name] for name in before} == before
    assert after.keys() - before.keys() == {"dataset.000001.json", "dataset.000002.json"}
    recording = open_recording(writer.path)
    assert recording.task == "pouring water"
    assert [episode.metadata["task"] for episode in recording] == ["pouring water"] * 4
    assert [episode.split for episode in recording] == ["test", "train", "train", "test"]
    assert recording.by_id(2).success is True
    assert recording.by_id(0).success is None


def test_the_latest_label_counts_and_goes_with_its_episode(writer: DatasetWriter) -> None:
    with writer:
        relabel_episodes(writer, {0: {"split": "test", "policy": "me"}})
        relabel_episodes(writer, {0: {"split": "valid"}})
        delete_episodes(writer, [3])
        relabel_episodes(writer, {1: {"policy": "you"}})
        with pytest.raises(UserError, match="no episode 3"):
            relabel_episodes(writer, {3: {"split": "test"}})
    first = open_recording(writer.path)[0]
    assert (first.split, first.metadata["policy"]) == ("valid", "me")
    assert open_recording(writer.path).metadata["deleted_ids"] == [3]
    actions = [edit["action"] for edit in read_history(writer.path)]
    assert actions == ["relabel", "relabel", "delete", "relabel"]


def test_all_episodes_cannot_be_deleted(writer: DatasetWriter) -> None:
    with writer, pytest.raises(UserError, match="without an episode"):
        delete_episodes(writer, [0, 1, 2, 3])
    assert len(open_recording(writer.path)) == 4


@pytest.mark.parametrize("lost", ["dataset.000001.json", "dataset.000002.json"])
def test_a_history_with_a_hole_is_refused_and_not_read_as_older(
    writer: DatasetWriter, lost: str
) -> None:
    with writer:
        for id in (0, 1, 2):
            delete_episodes(writer, [id])
    (writer.path / lost).unlink()
    with pytest.raises(UserError, match="missing or was changed"):
        open_recording(writer.path)


def test_a_changed_description_is_refused(writer: DatasetWriter) -> None:
    with writer:
        relabel_episodes(writer, {0: {"split": "test"}})
    (writer.path / "dataset.json").write_text(
        json.dumps({**json.loads((writer.path / "dataset.json").read_text()), "note": "mine"})
    )
    with pytest.raises(UserError, match="missing or was changed"):
        open_recording(writer.path)


def test_a_crash_before_the_folder_goes_leaves_it_deleted(
    writer: DatasetWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", die)
        with pytest.raises(KeyboardInterrupt), writer:
            delete_episodes(writer, [2])
    assert (writer.path / "episode_000002").is_dir()
    assert open_recording(writer.path).ids == (0, 1, 3)
    with writer:  # the next one clears up
        pass
    assert not (writer.path / "episode_000002").exists()


def test_a_crash_before_the_description_is_there_deletes_nothing(
    writer: DatasetWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = files_of(writer.path)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", die)
        with pytest.raises(KeyboardInterrupt), writer:
            delete_episodes(writer, [2])
    assert files_of(writer.path) == before


def test_a_copy_of_the_folder_is_a_dataset_too(
    writer: DatasetWriter, tmp_path: Path, film: Callable[..., object]
) -> None:
    with writer:
        delete_episodes(writer, [0])
    shutil.copytree(writer.path, tmp_path / "elsewhere")
    assert open_recording(tmp_path / "elsewhere").ids == (1, 2, 3)


def test_labels_never_pass_to_another_episode(writer: DatasetWriter) -> None:
    with writer:
        relabel_episodes(writer, {3: {"split": "valid"}})
    shutil.rmtree(writer.path / "episode_000003")  # as a person may
    with writer:
        assert writer.next_id() == 4
        with pytest.raises(UserError, match="is gone"):
            add_episode(writer, 3)


def test_an_episode_folder_that_is_a_link_can_be_deleted(
    writer: DatasetWriter, tmp_path: Path
) -> None:
    (writer.path / "episode_000001").rename(tmp_path / "elsewhere")
    (writer.path / "episode_000001").symlink_to(tmp_path / "elsewhere")
    with writer:
        delete_episodes(writer, [1])
    assert open_recording(writer.path).ids == (0, 2, 3)
    assert (tmp_path / "elsewhere" / "left.mp4").is_file()


@pytest.mark.parametrize(
    "changes",
    [
        {"labels": []},
        {"labels": None},
        {"labels": {"0": "x"}},
        {"labels": {"abc": {"split": "test"}}},
        {"labels": {"0": {"views": {"../../e": {}}}}},
        {"labels": {"0": {"id": 7}}},
        {"deleted_ids": 3},
        {"deleted_ids": None},
        {"deleted_ids": ["1"]},
        {"deleted_ids": [True]},
        {"edit": [1]},
        {"edit": {"action": 3}},
    ],
)
def test_a_malformed_successor_is_one_line(
    writer: DatasetWriter, changes: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    with writer:
        relabel_episodes(writer, {0: {"split": "test"}})
    path = writer.path / "dataset.000001.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    for arguments in (["info"], ["edit"], ["check"]):
        action = ["delete", "--ids", "1"] if arguments == ["edit"] else []
        if arguments == ["check"]:
            with pytest.raises(SystemExit):
                cli.main(["check", str(writer.path)])
            assert "[broken-history]" in capsys.readouterr().out
        else:
            assert cli.main([*arguments, str(writer.path), *action]) == 2
            assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_reader_from_before_is_told_that_the_episode_is_gone(writer: DatasetWriter) -> None:
    recording = open_recording(writer.path)
    with writer:
        delete_episodes(writer, [1])
    with pytest.raises(UserError, match="open it again"):
        recording.by_id(1).frames("left")
