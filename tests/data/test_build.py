"""Building frame stores: once, by one process, gone on with after a kill, nothing half or wrong."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tcn_robot.data import FrameStore
from tcn_robot.data import build as build_module
from tcn_robot.data.build import build_frame_store
from tcn_robot.data.places import building_lock
from tcn_robot.errors import UserError
from tcn_robot.recordings import open_recording
from tests.data.films import dot_films
from tests.data.test_frame_store import record

BUILD = """
import sys
from tcn_robot.data.build import build_frame_store
build_frame_store([sys.argv[1]], 16)
"""


@pytest.fixture(autouse=True)
def no_cache_of_the_user(tmp_path, monkeypatch):
    monkeypatch.delenv("TCN_ROBOT_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))


@pytest.fixture
def dataset(tmp_path):
    return record(tmp_path / "films", dot_films(2, train=2, length=5, size_px=16))


def start_build(dataset: Path) -> subprocess.Popen:
    command = [sys.executable, "-c", BUILD, str(dataset)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def names(folder: Path) -> list[str]:
    """What lies in a store's folder, without the file that is locked."""
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".lock")


def assert_holds(store: FrameStore, dataset: Path) -> None:
    recording = open_recording(dataset)
    assert [episode.id for episode in store.episodes] == list(recording.ids)
    for stored, episode in zip(store.episodes, recording, strict=True):
        assert stored.views == episode.views
        for view in episode.views:
            assert np.array_equal(stored.frames(view), episode.frames(view))
            assert np.array_equal(stored.timestamps(view), episode.timestamps(view))


def said_in_one_line(caught: pytest.ExceptionInfo[UserError]) -> str:
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("workers", [1, 3])
def test_any_number_of_workers_makes_the_same_files(dataset, tmp_path, workers):
    store = build_frame_store([dataset], 16, tmp_path / "cache", workers)
    assert_holds(store, dataset)
    (folder,) = (tmp_path / "cache").glob(".frames-*/16px-*")
    made = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert made.keys() == {"frames.npy", "timestamps.npy", "store.json"}
    build_frame_store([dataset], 16, tmp_path / "other", workers=2)
    (other,) = (tmp_path / "other").glob(".frames-*/16px-*")
    assert made == {path.name: path.read_bytes() for path in other.iterdir()}


def test_an_unchanged_dataset_is_not_decoded_again(dataset, monkeypatch):
    first = build_frame_store([dataset], size_px=16)
    monkeypatch.setattr(build_module, "write_store", None)
    again = build_frame_store([dataset], size_px=16)
    assert again.content_key == first.content_key


def test_added_episodes_are_decoded_and_the_old_ones_copied(tmp_path, dataset):
    old = build_frame_store([dataset], size_px=16)
    record(dataset, dot_films(3, train=1, length=5, size_px=16))
    kept = [episode.frames("front").copy() for episode in old.episodes]
    # The old films are gone, so that only a copy can bring their frames.
    for id in (0, 1):
        (open_recording(dataset).by_id(id).path / "front.mp4").unlink()
    new = build_frame_store([dataset], size_px=16)
    assert len(new.episodes) == 3
    assert new.content_key != old.content_key
    assert np.array_equal(new.episodes[1].frames("front"), kept[1])


def test_an_outdated_store_goes_when_nobody_holds_it(tmp_path, dataset):
    held = build_frame_store([dataset], size_px=16).episodes[0]
    for seed, count in ((3, 2), (4, 2)):
        record(dataset, dot_films(seed, train=1, length=5, size_px=16))
        build_frame_store([dataset], size_px=16)
        assert len(names(tmp_path / ".frames-films")) == count, "held, and the new one"
    assert np.array_equal(held.frames("side"), open_recording(dataset)[0].frames("side"))
    del held
    record(dataset, dot_films(5, train=1, length=5, size_px=16))
    build_frame_store([dataset], size_px=16)
    assert len(names(tmp_path / ".frames-films")) == 1


def test_a_store_that_another_process_reads_is_not_deleted(tmp_path, dataset):
    build_frame_store([dataset], size_px=16)
    (folder,) = (tmp_path / ".frames-films").glob("16px-*")
    code = (
        "import sys; from tcn_robot.data import FrameStore\n"
        "store = FrameStore.open(sys.argv[1]); print('holds it', flush=True); sys.stdin.read()"
    )
    reader = subprocess.Popen(
        [sys.executable, "-c", code, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert reader.stdout.readline() == b"holds it\n"
    record(dataset, dot_films(3, train=1, length=5, size_px=16))
    build_frame_store([dataset], size_px=16)
    assert folder.is_dir()
    reader.kill()
    reader.communicate()
    record(dataset, dot_films(4, train=1, length=5, size_px=16))
    build_frame_store([dataset], size_px=16)
    assert not folder.exists()


def test_a_damaged_film_stops_the_build_and_the_rest_is_kept(tmp_path, dataset):
    film = open_recording(dataset)[1].path / "side.mp4"
    whole = film.read_bytes()
    film.write_bytes(whole[:200])
    with pytest.raises(UserError) as caught:
        build_frame_store([dataset], size_px=16, workers=1)
    assert "side.mp4" in said_in_one_line(caught)
    (partial,) = names(tmp_path / ".frames-films")
    assert partial.startswith(".partial-16px-"), "nothing that could be taken for a store"
    film.write_bytes(whole)
    first = open_recording(dataset)[0].path / "front.mp4"
    first.rename(first.with_suffix(".away"))  # what was decoded is not decoded again
    store = build_frame_store([dataset], size_px=16)
    first.with_suffix(".away").rename(first)
    assert_holds(store, dataset)


@pytest.mark.parametrize("extra", [-1, 1])
def test_a_film_of_another_length_is_refused(dataset, monkeypatch, extra):
    episode = open_recording(dataset)[0]
    times = episode.timestamps("front")
    wrong = np.arange(len(times) - extra) * 0.1
    monkeypatch.setattr(
        type(episode), "timestamps", lambda self, view: wrong if view == "front" else times
    )
    with pytest.raises(UserError, match=r"expected . frames, found 5; .*tcn-robot check"):
        build_frame_store([dataset], size_px=16)


def test_two_processes_at_once_decode_once(tmp_path, dataset):
    builds = [start_build(dataset) for _ in range(2)]
    said = [build.communicate()[1] for build in builds]
    assert [build.returncode for build in builds] == [0, 0], said
    assert "".join(said).count("decoding") - "".join(said).count("is decoding") == 1
    assert_holds(build_frame_store([dataset], size_px=16), dataset)
    assert len(names(tmp_path / ".frames-films")) == 1


def test_the_second_process_says_that_it_waits_and_for_whom(tmp_path, dataset):
    folder = tmp_path / ".frames-films"
    folder.mkdir()
    with building_lock(folder, 16, "films"):
        build = start_build(dataset)
        line = build.stderr.readline()
    assert line == f"process {os.getpid()} is decoding {dataset} at 16 px; waiting for it\n"
    build.communicate()
    assert build.returncode == 0
    assert_holds(build_frame_store([dataset], size_px=16), dataset)


def test_another_size_need_not_wait(tmp_path, dataset):
    folder = tmp_path / ".frames-films"
    folder.mkdir()
    with building_lock(folder, 32, "films"):
        assert_holds(build_frame_store([dataset], size_px=16), dataset)


def kill_in_the_middle(dataset: Path, folder: Path, num_lines: int) -> bool:
    """Kill a build when some episodes are done; return whether it was in the middle."""
    build = start_build(dataset)
    while build.poll() is None:
        lists = [path.read_bytes() for path in folder.glob(".partial-*/done.jsonl")]
        if lists and lists[0].count(b"\n") >= num_lines:
            break
    build.send_signal(signal.SIGKILL)
    build.communicate()
    return build.returncode == -signal.SIGKILL


def test_kill_9_while_building_and_going_on(tmp_path):
    dataset = record(tmp_path / "films", dot_films(2, train=40, length=30, size_px=16))
    folder = tmp_path / ".frames-films"
    for num_lines in (1, 5, 10):
        assert kill_in_the_middle(dataset, folder, num_lines)
        assert not list(folder.glob("16px-*"))
    (done,) = folder.glob(".partial-*/done.jsonl")
    hashes = {json.loads(line)["content_hash"] for line in done.read_text().splitlines()}
    assert len(hashes) >= 10
    decoded = [episode for episode in open_recording(dataset) if episode.content_hash in hashes]
    for episode in decoded:  # so that they cannot be decoded again
        (episode.path / "front.mp4").rename(episode.path / "away")
    store = build_frame_store([dataset], size_px=16)
    for episode in decoded:
        (episode.path / "away").rename(episode.path / "front.mp4")
    assert_holds(store, dataset)
    assert len(names(folder)) == 1


@pytest.mark.parametrize("damage", ["frames", "line", "list", "header", "empty"])
def test_what_a_power_cut_leaves_is_not_trusted(tmp_path, dataset, damage):
    film = open_recording(dataset)[1].path / "side.mp4"
    whole = film.read_bytes()
    film.write_bytes(whole[:200])
    with pytest.raises(UserError):
        build_frame_store([dataset], size_px=16, workers=1)
    film.write_bytes(whole)
    (partial,) = (tmp_path / ".frames-films").glob(".partial-*")
    frames, done = partial / "frames.npy", partial / "done.jsonl"
    content = bytearray(frames.read_bytes())
    if damage == "frames":
        content[1000:3000] = bytes(2000)
    elif damage == "line":
        done.write_text(done.read_text()[:-5])
    elif damage == "list":
        done.write_text('[]\n{"content_hash": 1}\nnot JSON\n' + done.read_text())
    elif damage == "header":
        content[:10] = bytes(10)
    else:
        content = bytearray()
    frames.write_bytes(content)
    assert_holds(build_frame_store([dataset], size_px=16), dataset)


def test_a_partial_store_of_an_older_state_is_used_and_cleaned_up(tmp_path, dataset):
    film = open_recording(dataset)[1].path / "side.mp4"
    whole = film.read_bytes()
    film.write_bytes(whole[:200])
    with pytest.raises(UserError):
        build_frame_store([dataset], size_px=16, workers=1)
    film.write_bytes(whole)
    record(dataset, dot_films(3, train=1, length=5, size_px=16))
    first = open_recording(dataset)[0].path / "front.mp4"
    first.rename(first.with_suffix(".away"))
    store = build_frame_store([dataset], size_px=16)
    first.with_suffix(".away").rename(first)
    assert_holds(store, dataset)
    assert len(names(tmp_path / ".frames-films")) == 1


@pytest.mark.parametrize("damage", ["frames.npy", "timestamps.npy", "store.json"])
@pytest.mark.parametrize("gone", [True, False])
def test_a_damaged_store_is_made_again(tmp_path, dataset, capsys, damage, gone):
    build_frame_store([dataset], size_px=16)
    (folder,) = (tmp_path / ".frames-films").glob("16px-*")
    if gone:
        (folder / damage).unlink()
    else:
        os.truncate(folder / damage, 50)
    capsys.readouterr()
    assert_holds(build_frame_store([dataset], size_px=16), dataset)
    assert capsys.readouterr().err.splitlines()[0].endswith("is damaged; it is made again")
    assert names(tmp_path / ".frames-films") == [folder.name]


def test_rotten_frames_are_not_copied_into_the_next_store(tmp_path, dataset):
    build_frame_store([dataset], size_px=16)
    (frames,) = (tmp_path / ".frames-films").glob("16px-*/frames.npy")
    content = bytearray(frames.read_bytes())
    content[-500:] = bytes(500)
    frames.write_bytes(content)
    record(dataset, dot_films(3, train=1, length=5, size_px=16))
    assert_holds(build_frame_store([dataset], size_px=16), dataset)


def test_a_store_from_before_there_were_checksums_is_used(tmp_path, dataset):
    build_frame_store([dataset], size_px=16)
    (index,) = (tmp_path / ".frames-films").glob("16px-*/store.json")
    said = json.loads(index.read_text())
    for entry in said["episodes"]:
        del entry["crc32"]
    index.write_text(json.dumps(said))
    record(dataset, dot_films(3, train=1, length=5, size_px=16))
    first = open_recording(dataset)[0].path / "front.mp4"
    first.rename(first.with_suffix(".away"))
    store = build_frame_store([dataset], size_px=16)
    first.with_suffix(".away").rename(first)
    assert_holds(store, dataset)


@pytest.mark.parametrize("change", ["replaced", "gone"])
def test_a_dataset_that_changes_while_it_is_read_is_said(tmp_path, dataset, monkeypatch, change):
    other = record(tmp_path / "other", dot_films(9, train=2, length=5, size_px=16))
    episode = open_recording(dataset)[1]
    read = type(episode).iterate_frames

    def change_then_read(self, view):
        if self.id == 1 and view == "side":
            shutil.rmtree(episode.path)
            if change == "replaced":
                shutil.copytree(open_recording(other)[1].path, episode.path)
        yield from read(self, view)

    with monkeypatch.context() as patch:
        patch.setattr(type(episode), "iterate_frames", change_then_read)
        with pytest.raises(UserError, match="episode 1 changed while its frames were read"):
            build_frame_store([dataset], size_px=16, workers=1)
    assert_holds(build_frame_store([dataset], size_px=16), dataset)


def test_ctrl_c_keeps_what_is_decoded(tmp_path, dataset, monkeypatch, capsys):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("tcn_robot.data.writing.as_completed", interrupt)
        with pytest.raises(KeyboardInterrupt):
            build_frame_store([dataset], size_px=16)
    assert "what is decoded is kept" in capsys.readouterr().err
    assert names(tmp_path / ".frames-films")[0].startswith(".partial-")
    assert_holds(build_frame_store([dataset], size_px=16), dataset)


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path, dataset, monkeypatch):
    """The largest size of a file stands for the disk: no test may fill a real one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(UserError, match=r"the disk is full: the frames of .* need .* GB"):
            build_frame_store([dataset], size_px=16)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert names(tmp_path / ".frames-films") == []
    assert_holds(build_frame_store([dataset], size_px=16), dataset)


def test_where_the_datasets_folder_cannot_be_written_the_users_cache_is_used(
    tmp_path, dataset, capsys
):
    (tmp_path / ".frames-films").write_text("in the way")
    assert_holds(build_frame_store([dataset], size_px=16), dataset)
    said = capsys.readouterr().err.splitlines()[0]
    assert said.startswith(f"{tmp_path / '.frames-films'} cannot be written")
    assert len(list((tmp_path / "xdg" / "tcn_robot").glob(".frames-films-*/16px-*"))) == 1
    build_frame_store([dataset], size_px=16)
    assert capsys.readouterr().err == "", "a store that is there is used without a word"


def test_a_cache_that_is_named_and_cannot_be_written_is_said(tmp_path, dataset):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(UserError, match="give a folder that can be written with --cache-dir"):
        build_frame_store([dataset], 16, tmp_path / "file")
    assert not (tmp_path / ".frames-films").exists()


def test_the_environment_names_a_cache(tmp_path, dataset, monkeypatch):
    monkeypatch.setenv("TCN_ROBOT_CACHE", str(tmp_path / "my cache ü"))
    assert_holds(build_frame_store([dataset], size_px=16), dataset)
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


def test_a_kill_while_a_store_is_deleted_leaves_no_half_store(tmp_path, dataset):
    build_frame_store([dataset], size_px=16)
    folder = tmp_path / ".frames-films"
    (store,) = folder.glob("16px-*")
    doomed = folder / ".removed-abc"
    doomed.mkdir()
    shutil.copytree(store, doomed / store.name)
    (doomed / store.name / "store.json").unlink()
    record(dataset, dot_films(3, train=1, length=5, size_px=16))
    build_frame_store([dataset], size_px=16)
    assert len(names(folder)) == 1
