"""Builds that are stopped, damaged or done twice at once: nothing half, nothing wrong, go on."""

import contextlib
import json
import os
import shutil
import signal
import subprocess

import numpy as np
import pytest

from tcn_robot.data import FrameStore
from tcn_robot.data.build import build_frame_store
from tcn_robot.data.places import building_lock
from tcn_robot.errors import UserError
from tcn_robot.recordings import open_recording
from tests.data.building import (
    assert_holds,
    names,
    said_in_one_line,
    start_build,
    stop_in_the_middle,
)
from tests.data.films import dot_films
from tests.data.test_frame_store import record

pytestmark = pytest.mark.usefixtures("no_cache_of_the_user")


@pytest.fixture(scope="module")
def many_films(tmp_path_factory):
    """Enough to be stopped in the middle."""
    films = dot_films(2, train=30, length=20, size_px=16)
    return record(tmp_path_factory.mktemp("many") / "films", films)


def test_a_damaged_film_stops_the_build_and_the_rest_is_kept(tmp_path, two_films):
    film = open_recording(two_films)[1].path / "side.mp4"
    whole = film.read_bytes()
    film.write_bytes(whole[:200])
    with pytest.raises(UserError) as caught:
        build_frame_store([two_films], size_px=16, workers=1)
    assert "side.mp4" in said_in_one_line(caught)
    (partial,) = names(tmp_path / ".frames-films")
    assert partial.startswith(".partial-16px-"), "nothing that could be taken for a store"
    film.write_bytes(whole)
    first = open_recording(two_films)[0].path / "front.mp4"
    first.rename(first.with_suffix(".away"))  # what was decoded is not decoded again
    store = build_frame_store([two_films], size_px=16)
    first.with_suffix(".away").rename(first)
    assert_holds(store, two_films)


def test_two_processes_at_once_decode_once(tmp_path, two_films):
    builds = [start_build(two_films) for _ in range(2)]
    said = [build.communicate()[1] for build in builds]
    assert [build.returncode for build in builds] == [0, 0], said
    assert "".join(said).count("decoding") - "".join(said).count("is decoding") == 1
    assert_holds(build_frame_store([two_films], size_px=16), two_films)
    assert len(names(tmp_path / ".frames-films")) == 1


def test_the_second_process_says_that_it_waits_and_for_whom(tmp_path, two_films):
    folder = tmp_path / ".frames-films"
    folder.mkdir()
    with building_lock(folder, 16, "films"):
        build = start_build(two_films)
        line = build.stderr.readline()
    assert line == f"process {os.getpid()} is decoding {two_films} at 16 px; waiting for it\n"
    build.communicate()
    assert build.returncode == 0
    assert_holds(build_frame_store([two_films], size_px=16), two_films)


def test_another_size_need_not_wait(tmp_path, two_films):
    folder = tmp_path / ".frames-films"
    folder.mkdir()
    with building_lock(folder, 32, "films"):
        assert_holds(build_frame_store([two_films], size_px=16), two_films)


def test_kill_9_while_building_and_going_on(tmp_path, many_films):
    dataset = shutil.copytree(many_films, tmp_path / "films")
    folder = tmp_path / ".frames-films"
    for num_lines in (1, 5, 10):
        stop_in_the_middle(dataset, folder, num_lines, signal.SIGKILL)
        assert not list(folder.glob("16px-*"))
    (done,) = folder.glob(".partial-*/done.jsonl")
    lines = filter(None, done.read_text().splitlines())
    hashes = {json.loads(line)["content_hash"] for line in lines}
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
def test_what_a_power_cut_leaves_is_not_trusted(tmp_path, two_films, damage):
    film = open_recording(two_films)[1].path / "side.mp4"
    whole = film.read_bytes()
    film.write_bytes(whole[:200])
    with pytest.raises(UserError):
        build_frame_store([two_films], size_px=16, workers=1)
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
    assert_holds(build_frame_store([two_films], size_px=16), two_films)


def test_a_partial_store_of_an_older_state_is_used_and_cleaned_up(tmp_path, two_films):
    film = open_recording(two_films)[1].path / "side.mp4"
    whole = film.read_bytes()
    film.write_bytes(whole[:200])
    with pytest.raises(UserError):
        build_frame_store([two_films], size_px=16, workers=1)
    film.write_bytes(whole)
    record(two_films, dot_films(3, train=1, length=5, size_px=16))
    first = open_recording(two_films)[0].path / "front.mp4"
    first.rename(first.with_suffix(".away"))
    store = build_frame_store([two_films], size_px=16)
    first.with_suffix(".away").rename(first)
    assert_holds(store, two_films)
    assert len(names(tmp_path / ".frames-films")) == 1


@pytest.mark.parametrize("damage", ["frames.npy", "timestamps.npy", "store.json"])
@pytest.mark.parametrize("gone", [True, False])
def test_a_damaged_store_is_made_again(tmp_path, two_films, capsys, damage, gone):
    build_frame_store([two_films], size_px=16)
    (folder,) = (tmp_path / ".frames-films").glob("16px-*")
    if gone:
        (folder / damage).unlink()
    else:
        os.truncate(folder / damage, 50)
    capsys.readouterr()
    assert_holds(build_frame_store([two_films], size_px=16), two_films)
    assert capsys.readouterr().err.splitlines()[0].endswith("is damaged; it is made again")
    assert names(tmp_path / ".frames-films") == [folder.name]


def test_rotten_frames_are_not_copied_into_the_next_store(tmp_path, two_films):
    build_frame_store([two_films], size_px=16)
    (frames,) = (tmp_path / ".frames-films").glob("16px-*/frames.npy")
    content = bytearray(frames.read_bytes())
    content[-500:] = bytes(500)
    frames.write_bytes(content)
    record(two_films, dot_films(3, train=1, length=5, size_px=16))
    assert_holds(build_frame_store([two_films], size_px=16), two_films)


def test_a_store_from_before_there_were_checksums_is_used(tmp_path, two_films):
    build_frame_store([two_films], size_px=16)
    (index,) = (tmp_path / ".frames-films").glob("16px-*/store.json")
    said = json.loads(index.read_text())
    for entry in said["episodes"]:
        del entry["crc32"]
    index.write_text(json.dumps(said))
    record(two_films, dot_films(3, train=1, length=5, size_px=16))
    first = open_recording(two_films)[0].path / "front.mp4"
    first.rename(first.with_suffix(".away"))
    store = build_frame_store([two_films], size_px=16)
    first.with_suffix(".away").rename(first)
    assert_holds(store, two_films)


@pytest.mark.parametrize("change", ["replaced", "gone"])
def test_a_dataset_that_changes_while_it_is_read_is_said(tmp_path, two_films, monkeypatch, change):
    other = record(tmp_path / "other", dot_films(9, train=2, length=5, size_px=16))
    episode = open_recording(two_films)[1]
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
            build_frame_store([two_films], size_px=16, workers=1)
    assert_holds(build_frame_store([two_films], size_px=16), two_films)


def test_a_kill_while_a_store_is_deleted_leaves_no_half_store(tmp_path, two_films):
    build_frame_store([two_films], size_px=16)
    folder = tmp_path / ".frames-films"
    (store,) = folder.glob("16px-*")
    doomed = folder / ".removed-16px-abc"
    doomed.mkdir()
    shutil.copytree(store, doomed / store.name)
    (doomed / store.name / "store.json").unlink()
    record(two_films, dot_films(3, train=1, length=5, size_px=16))
    build_frame_store([two_films], size_px=16)
    assert len(names(folder)) == 1


def test_ctrl_c_says_that_the_decoded_is_kept(tmp_path, many_films):
    dataset = shutil.copytree(many_films, tmp_path / "films")
    folder = tmp_path / ".frames-films"
    said = stop_in_the_middle(dataset, folder, 1, signal.SIGINT)
    assert "stopped; what is decoded is kept, the same command goes on from there" in said
    assert [name[:9] for name in names(folder)] == [".partial-"]
    assert_holds(build_frame_store([dataset], size_px=16), dataset)


def test_ctrl_c_ends_the_waiting_for_another_process(tmp_path, two_films):
    folder = tmp_path / ".frames-films"
    folder.mkdir()
    with building_lock(folder, 16, "films"):
        build = start_build(two_films)
        assert "waiting for it" in build.stderr.readline()
        build.send_signal(signal.SIGINT)
        build.communicate()
    assert build.returncode == -signal.SIGINT
    assert names(folder) == []


@pytest.mark.slow
def test_kills_at_random_moments_never_leave_what_is_half_or_wrong(tmp_path):
    """From the first import to the last rename; most builds find what earlier ones have left."""
    dataset = record(tmp_path / "films", dot_films(2, train=12, length=10, size_px=16))
    folder = tmp_path / ".frames-films"
    rng, whole = np.random.default_rng(0), 0
    for _ in range(60):
        build = start_build(dataset)
        with contextlib.suppress(subprocess.TimeoutExpired):
            build.wait(rng.uniform(0.1, 1.0))
        build.kill()
        build.communicate()
        for store in folder.glob("16px-*"):
            assert_holds(FrameStore.open(store), dataset)
            shutil.rmtree(store)
            whole += 1
    assert 0 < whole < 60
    assert_holds(build_frame_store([dataset], size_px=16), dataset)
    assert len(names(folder)) == 1
