"""Episodes by position, id and split; every damaged dataset is one clear line."""

import gc
import json
import shutil
import weakref
from pathlib import Path

import numpy as np
import pytest

import tcn_robot
from tcn_robot.errors import UserError
from tcn_robot.recordings import FORMAT_VERSION, DatasetWriter, find_faults, open_recording


def one_line(caught: pytest.ExceptionInfo[UserError]) -> bool:
    return "\n" not in str(caught.value)


def test_length_iteration_position_and_id(film_dataset: Path) -> None:
    recording = tcn_robot.open_recording(film_dataset)
    assert len(recording) == 4
    assert recording.ids == (0, 1, 2, 3)
    assert [episode.id for episode in recording] == [0, 1, 2, 3]
    assert recording[-1].id == 3
    assert recording.by_id(2) is recording[2]
    assert recording.metadata["task"] == recording.task == "pouring"
    with pytest.raises(IndexError):
        recording[4]


def test_positions_move_and_ids_stay_when_an_episode_is_removed(film_dataset: Path) -> None:
    shutil.rmtree(film_dataset / "episode_000001")
    recording = open_recording(film_dataset)
    assert recording.ids == (0, 2, 3)
    assert recording[1].id == 2
    assert recording.by_id(2).length("left") == 8
    with pytest.raises(UserError, match=r"no episode 1 \(it has 0, 2-3\)"):
        recording.by_id(1)


def test_views_have_their_own_lengths_and_times(film_dataset: Path) -> None:
    episode = open_recording(film_dataset)[2]
    assert episode.views == ("left", "right")
    assert (episode.length("left"), episode.length("right")) == (8, 5)
    assert episode.frames("right").shape == (5, 32, 40, 3)
    np.testing.assert_allclose(episode.timestamps("right"), 5.01 + np.arange(5) / 10)
    assert episode.metadata["views"]["left"]["fps_measured"] == pytest.approx(10)


def test_select_by_split(film_dataset: Path) -> None:
    recording = open_recording(film_dataset)
    assert [episode.id for episode in recording.select(split="train")] == [0, 1, 2]
    assert [episode.id for episode in recording.select(split="test")] == [3]
    assert recording.select(split="valid") == []
    assert len(recording.select()) == 4
    with pytest.raises(UserError, match="did you mean 'train'"):
        recording.select(split="trian")


def test_content_hash_follows_the_content(film_dataset: Path) -> None:
    hashes = [episode.content_hash for episode in open_recording(film_dataset)]
    assert len(set(hashes)) == 4
    assert hashes == [episode.content_hash for episode in open_recording(film_dataset)]


def test_timestamps_are_the_callers_own(film_dataset: Path) -> None:
    episode = open_recording(film_dataset)[0]
    episode.timestamps("left")[:] = 0
    assert episode.timestamps("left")[0] == 5.0


def test_unknown_view_has_the_nearest_name(film_dataset: Path) -> None:
    episode = open_recording(film_dataset)[0]
    for ask in (episode.frames, episode.timestamps, episode.length):
        with pytest.raises(UserError, match=r"unknown view 'lefd'; did you mean 'left'"):
            ask("lefd")


def test_no_folder_no_dataset_empty_dataset(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist") as caught:
        open_recording(tmp_path / "nowhere")
    assert one_line(caught)
    with pytest.raises(UserError, match="is no dataset"):
        open_recording(tmp_path)
    with DatasetWriter(tmp_path / "d", "wave"):
        pass
    with pytest.raises(UserError, match="no whole episode; record some"):
        open_recording(tmp_path / "d")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format_version": FORMAT_VERSION + 1}, "install a newer tcn_robot"),
        ({"format_version": "one"}, "format_version"),
        ({"format": "lerobot"}, "found 'lerobot'"),
    ],
)
def test_other_formats_are_refused(
    film_dataset: Path, change: dict[str, object], message: str
) -> None:
    path = film_dataset / "dataset.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(UserError, match=message) as caught:
        open_recording(film_dataset)
    assert one_line(caught)


@pytest.mark.parametrize("text", ["", "{", "[1]", "\xff"])
def test_damaged_json_is_one_clear_line(film_dataset: Path, text: str) -> None:
    for name in ("episode_000000/episode.json", "dataset.json"):
        (film_dataset / name).write_bytes(text.encode("latin-1"))
        with pytest.raises(UserError, match=Path(name).name) as caught:
            _ = open_recording(film_dataset)[0].views
        assert one_line(caught)


@pytest.mark.parametrize("name", ["episode.json", "frames.parquet", "left.mp4"])
@pytest.mark.parametrize("fault", ["missing", "truncated"])
def test_missing_and_truncated_files(film_dataset: Path, name: str, fault: str) -> None:
    path = film_dataset / "episode_000001" / name
    if fault == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    recording = open_recording(film_dataset)
    with pytest.raises(UserError, match=f"episode_000001.*{name}") as caught:
        recording[1].frames("left")
    assert one_line(caught)
    assert recording[0].frames("left").shape == (6, 32, 40, 3)  # the others are not held up


def test_a_film_that_lost_frames_is_noticed(film_dataset: Path) -> None:
    shutil.copy(
        film_dataset / "episode_000000" / "left.mp4", film_dataset / "episode_000001" / "left.mp4"
    )
    with pytest.raises(UserError, match="holds 6 frames, expected 7"):
        open_recording(film_dataset)[1].frames("left")


def test_a_renamed_episode_is_noticed(film_dataset: Path) -> None:
    (film_dataset / "episode_000003").rename(film_dataset / "episode_000007")
    with pytest.raises(UserError, match="folders must not be renamed"):
        _ = open_recording(film_dataset).by_id(7).views


def test_a_view_without_its_size_is_noticed(film_dataset: Path) -> None:
    path = open_recording(film_dataset)[0].path / "episode.json"
    content = json.loads(path.read_text())
    view = next(iter(content["views"]))
    del content["views"][view]["width_px"]
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match=f"width_px.*of view '{view}'"):
        assert open_recording(film_dataset)[0].views


def test_leftovers_are_not_episodes(film_dataset: Path) -> None:
    shutil.copytree(film_dataset / "episode_000000", film_dataset / ".partial-x")
    shutil.copytree(film_dataset / "episode_000000", film_dataset / "episode_000009.bak")
    (film_dataset / "episode_000008").write_text("a file")
    assert open_recording(film_dataset).ids == (0, 1, 2, 3)


def change_episode(path: Path, **changes: object) -> None:
    file = path / "episode_000000" / "episode.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


@pytest.mark.parametrize(
    "changes",
    [
        {"views": {"../../left": {"frames": 6, "width_px": 24, "height_px": 24}}},
        {"views": {"/left": {"frames": 6, "width_px": 24, "height_px": 24}}},
        {"views": {"left": {"frames": 6, "width_px": "24", "height_px": 24}}},
        {"clock": "monotonic"},
        {"simulator": "mujoco"},
        {"files": []},
        {"files": {"left.mp4": 3}},
        {"cameras": []},
        {"randomisation": 3},
        {"fps_asked": "10"},
        {"fps_asked": True},
        {"video_origin_seconds": "0"},
        {"seed": -5},
        {"seed": "5"},
        {"split": 3},
    ],
)
def test_what_nothing_could_be_made_of_is_one_line(
    film_dataset: Path, changes: dict[str, object]
) -> None:
    change_episode(film_dataset, **changes)
    with pytest.raises(UserError, match=r"episode\.json"):
        _ = open_recording(film_dataset)[0].metadata
    _, faults = next(find_faults(open_recording(film_dataset)))
    assert [fault.kind for fault in faults] == ["damaged-metadata"]


def test_a_split_that_leads_elsewhere_is_refused(film_dataset: Path) -> None:
    change_episode(film_dataset, split="../../elsewhere")
    with pytest.raises(UserError, match="none of train, valid, test"):
        _ = open_recording(film_dataset)[0].split


def test_what_an_episode_has_read_goes_with_it(film_dataset: Path) -> None:
    recording = open_recording(film_dataset)
    episode = recording[0]
    assert recording[0] is episode  # as long as somebody holds it
    reference = weakref.ref(episode)
    del episode
    gc.collect()
    assert reference() is None
