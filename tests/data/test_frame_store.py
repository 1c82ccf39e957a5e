"""Frame stores: what goes in comes out, any frame by index or time, damage said in one line."""

import json
import os
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from tcn_robot.data import FrameStore
from tcn_robot.data.build import build_frame_store
from tcn_robot.data.writing import resize_frame
from tcn_robot.errors import UserError
from tcn_robot.recordings import DatasetWriter
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
    frame = np.random.default_rng(0).integers(0, 256, (12, 20, 3)).astype(np.uint8)
    for size_px, method in ((8, cv2.INTER_AREA), (16, cv2.INTER_LINEAR), (32, cv2.INTER_LINEAR)):
        out = np.zeros((size_px, size_px, 3), np.uint8)
        resize_frame(frame, out)
        assert np.array_equal(out, cv2.resize(frame, (size_px, size_px), interpolation=method))


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


@pytest.mark.parametrize(
    "damage",
    ["version", "truncated", "missing", "empty", "list", "fields", "rows", "times", "type"],
)
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
    elif damage == "rows":
        index.write_text(index.read_text().replace("6", "7"))
    elif damage == "times":
        np.save(folder / "timestamps.npy", np.zeros(5))
    elif damage == "type":
        np.save(frames, np.zeros((6, 8, 8, 3), np.float32))
    else:
        index.write_text({"empty": "", "list": "[]", "fields": '{"store_version": 1}'}[damage])
    with pytest.raises(UserError, match="delete it") as caught:
        FrameStore.open(folder)
    assert "\n" not in str(caught.value)


def test_bad_requests_are_refused(dataset):
    with pytest.raises(UserError, match="at least one dataset"):
        build_frame_store([], size_px=64)
    with pytest.raises(UserError, match="at least 8 px"):
        build_frame_store([dataset], size_px=2)
