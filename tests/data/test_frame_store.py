"""Frame stores: what goes in comes out, cached by content, damage is said in one line."""

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from tcn_robot.data import FrameStore
from tcn_robot.data import build as build_module
from tcn_robot.data.build import build_frame_store, resize_frames
from tcn_robot.errors import UserError
from tcn_robot.recordings import DatasetWriter, open_recording
from tests.data.films import Film, dot_films, store_of


def record(path: Path, films: list[Film]) -> Path:
    """Write films as a lossless dataset."""
    with DatasetWriter(path, task="films", codec="lossless", kind="film") as writer:
        for film in films:
            with writer.episode(frame_rate_hz=10.0) as episode:
                episode.metadata["split"] = film.split
                for view in film.views:
                    for time, frame in zip(film.times[view], film.clips[view], strict=True):
                        episode.add_frames(float(time), {view: frame})
    return path


def uneven_films() -> list[Film]:
    films = dot_films(seed=1, train=2, valid=1, length=7, size_px=16)
    # The second camera of the first film started late.
    films[0].clips["side"], films[0].times["side"] = (
        films[0].clips["side"][2:],
        films[0].times["side"][2:],
    )
    return films


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return record(tmp_path_factory.mktemp("store") / "films", uneven_films())


def test_frames_times_splits_and_views_survive(dataset):
    store = build_frame_store([dataset], size_px=16)
    assert store.size_px == 16
    assert [episode.split for episode in store.episodes] == ["train", "train", "valid"]
    assert [episode.id for episode in store.split("valid")] == [2]
    for stored, film in zip(store.episodes, uneven_films(), strict=True):
        assert stored.views == film.views
        assert stored.source == str(dataset)
        for view in film.views:
            assert stored.length(view) == len(film.times[view])
            assert np.array_equal(stored.frames(view), film.clips[view])
            np.testing.assert_allclose(stored.timestamps(view), film.times[view], atol=1e-9)


def test_frames_are_mapped_not_loaded_and_cannot_be_changed(dataset):
    episode = build_frame_store([dataset], size_px=16).episodes[0]
    frames = episode.frames("front")
    assert isinstance(frames, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        frames[0] = 0


def test_frames_are_resized_by_area(dataset):
    store = build_frame_store([dataset], size_px=8)
    whole = uneven_films()[1].clips["front"].astype(np.float64)
    means = whole.reshape(7, 8, 2, 8, 2, 3).mean(axis=(2, 4))
    assert np.abs(store.episodes[1].frames("front") - means).max() <= 0.51


def test_enlarging_and_oblong_frames_come_out_square():
    frames = np.random.default_rng(0).integers(0, 256, (2, 12, 20, 3)).astype(np.uint8)
    for size_px in (8, 16, 32):
        assert resize_frames(frames, size_px).shape == (2, size_px, size_px, 3)
    expected = cv2.resize(frames[1], (8, 8), interpolation=cv2.INTER_AREA)
    assert np.array_equal(resize_frames(frames, 8)[1], expected)


def test_an_unchanged_dataset_is_not_decoded_again(dataset, monkeypatch):
    first = build_frame_store([dataset], size_px=16)
    monkeypatch.setattr(build_module, "write_store", None)
    again = build_frame_store([dataset], size_px=16)
    assert again.content_key == first.content_key


def test_added_episodes_are_decoded_and_the_old_ones_copied(tmp_path, monkeypatch):
    dataset = record(tmp_path / "films", dot_films(2, train=2, length=5, size_px=16))
    old = build_frame_store([dataset], size_px=16)
    record(dataset, dot_films(3, train=1, length=5, size_px=16))
    # The old films are gone, so that only a copy can bring their frames.
    for id in (0, 1):
        (open_recording(dataset).by_id(id).path / "front.mp4").unlink()
    new = build_frame_store([dataset], size_px=16)
    assert len(new.episodes) == 3
    assert new.content_key != old.content_key
    assert np.array_equal(new.episodes[1].frames("front"), old.episodes[1].frames("front"))
    assert len(list((tmp_path / ".frames-films").iterdir())) == 1, "outdated stores are removed"


def test_a_failed_build_leaves_nothing_behind(tmp_path):
    dataset = record(tmp_path / "films", dot_films(2, train=2, length=5, size_px=16))
    film = open_recording(dataset)[1].path / "side.mp4"
    film.write_bytes(film.read_bytes()[:200])
    with pytest.raises(UserError) as caught:
        build_frame_store([dataset], size_px=16)
    assert "\n" not in str(caught.value)
    assert list((tmp_path / ".frames-films").iterdir()) == []


def test_several_datasets_are_one_store(tmp_path):
    datasets = [
        record(tmp_path / name, dot_films(seed, train=1, length=4, size_px=16))
        for seed, name in enumerate(("one", "two"))
    ]
    store = build_frame_store(datasets, size_px=16, cache_dir=tmp_path / "cache")
    assert [episode.source for episode in store.episodes] == [str(path) for path in datasets]
    assert not (tmp_path / ".frames-one").exists()
    assert store.content_key != build_frame_store(datasets[:1], size_px=16).content_key


def test_a_thousand_films_need_few_file_handles(tmp_path):
    store = store_of(dot_films(0, train=300, length=2, size_px=8), tmp_path / "s", size_px=8)
    kept = [episode.frames(view) for episode in store.episodes for view in episode.views]
    assert len(kept) == 600
    if sys.platform == "linux":
        assert len(os.listdir("/proc/self/fd")) < 200


def test_unknown_views_name_the_nearest(dataset):
    episode = build_frame_store([dataset], size_px=16).episodes[0]
    with pytest.raises(UserError, match="did you mean 'front'"):
        episode.frames("frnt")


@pytest.mark.parametrize("damage", ["version", "truncated", "missing", "empty"])
def test_a_damaged_store_is_said_in_one_line(tmp_path, damage):
    folder = tmp_path / "store"
    store_of(dot_films(0, train=1, length=3, size_px=8), folder, size_px=8)
    index, frames = folder / "store.json", folder / "frames.npy"
    if damage == "version":
        index.write_text(json.dumps(json.loads(index.read_text()) | {"store_version": 99}))
    elif damage == "truncated":
        frames.write_bytes(frames.read_bytes()[:-100])
    elif damage == "missing":
        frames.unlink()
    else:
        index.write_text("")
    with pytest.raises(UserError, match="delete it") as caught:
        FrameStore.open(folder)
    assert "\n" not in str(caught.value)


def test_bad_requests_are_refused(dataset):
    with pytest.raises(UserError, match="at least one dataset"):
        build_frame_store([], size_px=64)
    with pytest.raises(UserError, match="at least 8 px"):
        build_frame_store([dataset], size_px=2)


@pytest.mark.skipif(sys.platform != "linux", reason="needs /dev/full")
def test_a_full_disk_is_an_error_and_not_a_crash(tmp_path):
    """Frames are written, not mapped: a map on a full disk kills the process with SIGBUS."""
    (tmp_path / "frames.npy").symlink_to("/dev/full")
    code = (
        "from pathlib import Path; from tests.data.films import dot_films\n"
        "from tcn_robot.data.build import write_store\n"
        f"write_store(Path({str(tmp_path)!r}), dot_films(0, 1, length=3), 32, 'films', {{}})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=Path.cwd()
    )
    assert done.returncode == 1
    assert "No space left" in done.stderr
