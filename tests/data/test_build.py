"""Building frame stores: decoded once, placed where there is room, old ones deleted with care."""

import errno
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tcn_robot.cli import main
from tcn_robot.data import build as build_module
from tcn_robot.data import writing as writing_module
from tcn_robot.data.build import build_frame_store
from tcn_robot.data.writing import resize_frame
from tcn_robot.errors import UserError
from tcn_robot.recordings import DatasetWriter, open_recording
from tcn_robot.recordings.editing.history import relabel_episodes
from tests.data.building import assert_holds, names, said_in_one_line
from tests.data.films import dot_films
from tests.data.test_frame_store import record

pytestmark = pytest.mark.usefixtures("no_cache_of_the_user")


@pytest.mark.parametrize("workers", [1, 3])
def test_any_number_of_workers_makes_the_same_files(two_films, tmp_path, workers):
    store = build_frame_store([two_films], 16, tmp_path / "cache", workers)
    assert_holds(store, two_films)
    (folder,) = (tmp_path / "cache").glob(".frames-*/16px-*")
    made = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert made.keys() == {"frames.npy", "timestamps.npy", "store.json"}
    build_frame_store([two_films], 16, tmp_path / "other", workers=2)
    (other,) = (tmp_path / "other").glob(".frames-*/16px-*")
    assert made == {path.name: path.read_bytes() for path in other.iterdir()}


def record_unlike_films(path: Path) -> Path:
    """Odd sizes, irregular times, views of unequal length, one frame, other views per episode."""
    rng = np.random.default_rng(5)
    shapes = [
        {"front": (30, 17, 23), "side": (11, 40, 18)},
        {"side": (25, 40, 18)},
        {"front": (1, 17, 23), "top": (1, 9, 9)},
        {"top": (28, 20, 12), "front": (26, 33, 33), "side": (7, 8, 8)},
    ]
    with DatasetWriter(path, task="films", codec="h264", kind="film") as writer:
        for views in shapes:
            with writer.episode(frame_rate_hz=10.0) as episode:
                for view, (length, height, width) in views.items():
                    for time in 100 + np.cumsum(rng.choice([0.02, 0.1, 0.11, 0.4], length)):
                        frame = rng.integers(0, 256, (height, width, 3)).astype(np.uint8)
                        episode.add_frames(float(time), {view: frame})
    return path


def test_films_of_every_kind_are_decoded_in_blocks_as_they_are_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(writing_module, "BLOCK_BYTES", 5 * 16 * 16 * 3)
    dataset = record_unlike_films(tmp_path / "films")
    store = build_frame_store([dataset], size_px=16)
    for stored, episode in zip(store.episodes, open_recording(dataset), strict=True):
        assert stored.views == episode.views
        for view in episode.views:
            expected = np.empty((episode.length(view), 16, 16, 3), np.uint8)
            for frame, out in zip(episode.frames(view), expected, strict=True):
                resize_frame(frame, out)
            assert np.array_equal(stored.frames(view), expected)
            assert np.array_equal(stored.timestamps(view), episode.timestamps(view))


def test_such_films_are_trained_on(tmp_path):
    """Frames of two views belong together by time; no length and no view is taken for granted."""
    dataset = record_unlike_films(tmp_path / "films")
    for pairing in ("views", "times"):
        out = tmp_path / pairing
        options = ["--image-size-px", "16", "--batch-frames", "16", "--steps", "2"]
        command = ["train", str(dataset), "--out", str(out), "--pairing", pairing, *options]
        assert main(command) == 0
        assert (out / "encoder" / "model.safetensors").is_file()


def test_an_unchanged_dataset_is_not_decoded_again(two_films, monkeypatch):
    first = build_frame_store([two_films], size_px=16)
    monkeypatch.setattr(build_module, "write_store", None)
    again = build_frame_store([two_films], size_px=16)
    assert again.content_key == first.content_key


def test_added_episodes_are_decoded_and_the_old_ones_copied(tmp_path, two_films):
    old = build_frame_store([two_films], size_px=16)
    record(two_films, dot_films(3, train=1, length=5, size_px=16))
    kept = [episode.frames("front").copy() for episode in old.episodes]
    # The old films are gone, so that only a copy can bring their frames.
    for id in (0, 1):
        (open_recording(two_films).by_id(id).path / "front.mp4").unlink()
    new = build_frame_store([two_films], size_px=16)
    assert len(new.episodes) == 3
    assert new.content_key != old.content_key
    assert np.array_equal(new.episodes[1].frames("front"), kept[1])


def test_an_outdated_store_goes_when_nobody_holds_it(tmp_path, two_films):
    held = build_frame_store([two_films], size_px=16).episodes[0]
    for seed, count in ((3, 2), (4, 2)):
        record(two_films, dot_films(seed, train=1, length=5, size_px=16))
        build_frame_store([two_films], size_px=16)
        assert len(names(tmp_path / ".frames-films")) == count, "held, and the new one"
    assert np.array_equal(held.frames("side"), open_recording(two_films)[0].frames("side"))
    del held
    record(two_films, dot_films(5, train=1, length=5, size_px=16))
    build_frame_store([two_films], size_px=16)
    assert len(names(tmp_path / ".frames-films")) == 1


def test_a_store_that_another_process_reads_is_not_deleted(tmp_path, two_films):
    build_frame_store([two_films], size_px=16)
    (folder,) = (tmp_path / ".frames-films").glob("16px-*")
    code = (
        "import sys; from tcn_robot.data import FrameStore\n"
        "store = FrameStore.open(sys.argv[1]); print('holds it', flush=True); sys.stdin.read()"
    )
    reader = subprocess.Popen(
        [sys.executable, "-c", code, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert reader.stdout.readline() == b"holds it\n"
    record(two_films, dot_films(3, train=1, length=5, size_px=16))
    build_frame_store([two_films], size_px=16)
    assert folder.is_dir()
    reader.kill()
    reader.communicate()
    record(two_films, dot_films(4, train=1, length=5, size_px=16))
    build_frame_store([two_films], size_px=16)
    assert not folder.exists()


@pytest.mark.parametrize("extra", [-1, 1])
def test_a_film_of_another_length_is_refused(two_films, monkeypatch, extra):
    episode = open_recording(two_films)[0]
    times = episode.timestamps("front")
    wrong = np.arange(len(times) - extra) * 0.1
    monkeypatch.setattr(
        type(episode), "timestamps", lambda self, view: wrong if view == "front" else times
    )
    with pytest.raises(UserError, match=r"expected . frames, found 5; .*tcn-robot check"):
        build_frame_store([two_films], size_px=16)


def test_a_limit_on_the_size_of_files_is_one_line_and_leaves_nothing(tmp_path, two_films):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(UserError, match=r"need a file of 1.54e-05 GB.*`ulimit -f`") as caught:
            build_frame_store([two_films], size_px=16)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "the disk is full" not in said_in_one_line(caught)
    assert names(tmp_path / ".frames-films") == []
    assert_holds(build_frame_store([two_films], size_px=16), two_films)


def test_where_the_datasets_folder_cannot_be_written_the_users_cache_is_used(
    tmp_path, two_films, capsys
):
    (tmp_path / ".frames-films").write_text("in the way")
    assert_holds(build_frame_store([two_films], size_px=16), two_films)
    (folder,) = (tmp_path / "xdg" / "tcn_robot").glob(".frames-films-*")
    said = capsys.readouterr().err.splitlines()[0]
    assert said.startswith(f"{tmp_path / '.frames-films'} cannot be written (")
    assert said.endswith(f"); taking {folder}")
    assert len(list(folder.glob("16px-*"))) == 1
    build_frame_store([two_films], size_px=16)
    assert capsys.readouterr().err == "", "a store that is there is used without a word"


def test_a_file_system_without_locks_is_read_but_not_written(
    tmp_path, two_films, monkeypatch, capsys
):
    def refuse(file, how):
        raise OSError(errno.ENOLCK, "no locks available")

    build_frame_store([two_films], size_px=16)
    monkeypatch.setattr("fcntl.flock", refuse)
    assert_holds(build_frame_store([two_films], size_px=16), two_films)
    with pytest.raises(UserError, match=r"no locks available.*--cache-dir"):
        build_frame_store([two_films], size_px=8)
    assert f"taking {tmp_path / 'xdg'}" in capsys.readouterr().err


def test_a_cache_that_is_named_and_cannot_be_written_is_said(tmp_path, two_films):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(UserError, match="give a folder that can be written with --cache-dir"):
        build_frame_store([two_films], 16, tmp_path / "file")
    assert not (tmp_path / ".frames-films").exists()


def test_the_environment_names_a_cache(tmp_path, two_films, monkeypatch):
    monkeypatch.setenv("TCN_ROBOT_CACHE", str(tmp_path / "my cache ü"))
    assert_holds(build_frame_store([two_films], size_px=16), two_films)
    assert len(list((tmp_path / "my cache ü").glob(".frames-films-*/16px-*"))) == 1
    assert not (tmp_path / ".frames-films").exists()


def test_datasets_of_one_name_do_not_push_each_other_out(tmp_path):
    for seed, folder in enumerate(("one", "two")):
        (tmp_path / folder).mkdir()
        record(tmp_path / folder / "films", dot_films(seed, train=1, length=4, size_px=16))
    datasets = [tmp_path / folder / "films" for folder in ("one", "two")]
    for dataset in datasets:
        build_frame_store([dataset], 16, tmp_path / "cache")
    assert len(list((tmp_path / "cache").glob("*/16px-*"))) == 2


def test_a_disk_that_fills_up_while_decoding_is_one_line_and_leaves_nothing(
    small_disk, two_films, monkeypatch
):
    """As where a file system cannot reserve room: a map instead of writes would be a SIGBUS."""

    def refuse(file, offset, length):
        raise OSError(errno.EOPNOTSUPP, "cannot reserve")

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    with pytest.raises(UserError) as caught:  # 20 frames of 196 kB, and room for two
        build_frame_store([two_films], 256, small_disk / "cache")
    assert "the disk is full" in said_in_one_line(caught)
    assert "need 0.00393 GB" in str(caught.value)
    (folder,) = (small_disk / "cache").iterdir()
    assert names(folder) == []


def test_every_level_of_fullness_is_one_line(small_disk, two_films):
    """The disk runs full at another place each time: the lock, the frames, a table, the index.

    What is decoded by then is kept, and only where something is decoded anything is left.
    """
    filler, cache = small_disk / "filler", small_disk / "cache"
    places = set()
    for free_pages in range(12):
        free_bytes = shutil.disk_usage(small_disk).free
        filler.write_bytes(b"x" * (free_bytes - free_pages * 4096))
        said = "whole"
        try:
            assert_holds(build_frame_store([two_films], 16, cache), two_films)
        except UserError as error:
            said = str(error)
        left = [name for folder in cache.iterdir() for name in names(folder)]
        kept = [name for name in left if name.startswith(".partial-16px-")]
        assert said == "whole" or (said.startswith("the disk is full: ") and left == kept)
        assert bool(kept) == said.endswith("; what is decoded is kept")
        places.add("whole" if said == "whole" else "kept" if kept else "nothing left")
        filler.unlink()
        assert_holds(build_frame_store([two_films], 16, cache), two_films)
        assert [len(names(folder)) for folder in cache.iterdir()] == [1]
        shutil.rmtree(cache)
    assert places == {"whole", "kept", "nothing left"}


def test_a_read_only_disk_with_a_store_is_read(small_disk, capsys):
    dataset = record(small_disk / "films", dot_films(2, train=1, length=3, size_px=16))
    build_frame_store([dataset], size_px=16)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    capsys.readouterr()
    assert_holds(build_frame_store([dataset], size_px=16), dataset)
    assert capsys.readouterr().err == ""
    build_frame_store([dataset], size_px=8)
    assert "cannot be written (Read-only file system)" in capsys.readouterr().err


def relabel(dataset: Path, labels: dict[int, dict[str, str]]) -> None:
    with DatasetWriter(dataset, task="films", codec="lossless", kind="film") as writer:
        relabel_episodes(writer, labels)


def test_a_relabelled_episode_changes_its_split_and_nothing_is_decoded(two_films, monkeypatch):
    before = build_frame_store([two_films], size_px=16)
    relabel(two_films, {1: {"split": "valid"}})
    monkeypatch.setattr(build_module, "write_store", None)
    after = build_frame_store([two_films], size_px=16)
    assert [episode.id for episode in after.split("valid")] == [1]
    assert after.content_key != before.content_key, "no training goes on with other splits"
    assert_holds(after, two_films)


def test_the_content_key_tells_other_splits_from_those_that_were_recorded(tmp_path, two_films):
    """Whenever the store was made: a training goes on with the splits it began with only."""

    def key(cache: str = "cache") -> str:
        return build_frame_store([two_films], 16, tmp_path / cache).content_key

    recorded = key()
    relabel(two_films, {0: {"split": "train"}, 1: {"split": "train", "policy": "expert"}})
    assert key() == recorded, "all are labelled with what they had"
    relabel(two_films, {1: {"split": "valid"}})
    assert key() == key("made after the relabelling") != recorded
    relabel(two_films, {1: {"split": "train"}})
    assert key() == key("made after the relabelling") == recorded
