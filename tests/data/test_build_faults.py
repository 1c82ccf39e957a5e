"""Builds on a machine that has run out of something: what is good or decoded is never lost."""

import errno
import os

import numpy as np
import pytest

from tcn_robot.data import FrameStore
from tcn_robot.data import build as build_module
from tcn_robot.data import store_files as store_files_module
from tcn_robot.data import writing as writing_module
from tcn_robot.data.build import build_frame_store
from tcn_robot.errors import UserError
from tests.data.building import assert_holds, names, said_in_one_line

pytestmark = pytest.mark.usefixtures("no_cache_of_the_user")


def refuse_to_map(monkeypatch, number: int) -> None:
    """From now on the frames of a store cannot be opened, as if this process had run out."""
    load = np.load

    def refuse(path, **options):
        if options.get("mmap_mode"):
            raise OSError(number, os.strerror(number), str(path))
        return load(path, **options)

    monkeypatch.setattr(store_files_module.np, "load", refuse)


@pytest.mark.parametrize("number", [errno.ENOMEM, errno.EMFILE, errno.EIO])
def test_a_store_that_cannot_be_opened_now_is_left_as_it_is(
    tmp_path, two_films, monkeypatch, number
):
    build_frame_store([two_films], size_px=16)
    (folder,) = (tmp_path / ".frames-films").glob("16px-*")
    before = {path.name: path.stat().st_ino for path in folder.iterdir()}
    with monkeypatch.context() as patch:
        refuse_to_map(patch, number)
        with pytest.raises(UserError) as caught:
            build_frame_store([two_films], size_px=16)
        assert f"cannot open the frame store {folder} (" in said_in_one_line(caught)
        assert os.strerror(number) in str(caught.value)
        with pytest.raises(OSError, match=os.strerror(number)):
            FrameStore.open(folder)
    assert {path.name: path.stat().st_ino for path in folder.iterdir()} == before
    monkeypatch.setattr(build_module, "write_store", None)
    assert_holds(build_frame_store([two_films], size_px=16), two_films)


def test_a_store_that_belongs_to_somebody_else_is_left_as_it_is(
    tmp_path, two_films, monkeypatch, capsys
):
    build_frame_store([two_films], size_px=16)
    (folder,) = (tmp_path / ".frames-films").glob("16px-*")
    theirs, load = folder / "frames.npy", np.load

    def refuse(path, **options):
        if path == theirs:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return load(path, **options)

    capsys.readouterr()
    with monkeypatch.context() as patch:
        patch.setattr(store_files_module.np, "load", refuse)
        assert_holds(build_frame_store([two_films], size_px=16), two_films)
    assert f"taking {tmp_path / 'xdg'}" in capsys.readouterr().err
    assert_holds(FrameStore.open(folder), two_films)


def test_a_damaged_store_that_is_held_goes_when_it_is_let_go(tmp_path, two_films, capsys):
    held = build_frame_store([two_films], size_px=16)
    folder = tmp_path / ".frames-films"
    (store,) = folder.glob("16px-*")
    expected = held.episodes[0].frames("side").copy()
    os.truncate(store / "timestamps.npy", 50)
    assert_holds(build_frame_store([two_films], size_px=16), two_films)
    assert capsys.readouterr().err.count("is damaged; it is made again") == 1
    (aside,) = folder.glob(".removed-*/*/frames.npy")
    assert np.array_equal(held.episodes[0].frames("side"), expected)
    del held
    os.truncate(store / "timestamps.npy", 50)
    assert_holds(build_frame_store([two_films], size_px=16), two_films)
    assert not aside.exists()
    assert names(folder) == [store.name]


def test_stopped_while_all_is_written_to_the_disk_nothing_is_decoded_again(
    tmp_path, two_films, monkeypatch, capsys
):
    def stop(partial, target, replace):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(build_module, "commit_folder", stop)
        with pytest.raises(KeyboardInterrupt):
            build_frame_store([two_films], size_px=16)
    assert "what is decoded is kept" in capsys.readouterr().err
    monkeypatch.setattr(writing_module, "resize_frame", None)
    store = build_frame_store([two_films], size_px=16)
    assert_holds(store, two_films)
    (folder,) = (tmp_path / ".frames-films").glob("16px-*")
    assert names(folder) == ["frames.npy", "store.json", "timestamps.npy"]


def test_two_sizes_made_at_once_leave_each_other_alone(tmp_path, two_films, monkeypatch):
    """The second size is made in the moment in which the first deletes a damaged store."""
    build_frame_store([two_films], size_px=16)
    (store,) = (tmp_path / ".frames-films").glob("16px-*")
    os.truncate(store / "timestamps.npy", 50)
    rename = os.rename

    def build_then_rename(source, target):
        monkeypatch.setattr(store_files_module.os, "rename", rename)
        build_frame_store([two_films], size_px=8)
        rename(source, target)

    monkeypatch.setattr(store_files_module.os, "rename", build_then_rename)
    assert_holds(build_frame_store([two_films], size_px=16), two_films)
    assert [name.split("-")[0] for name in names(tmp_path / ".frames-films")] == ["16px", "8px"]


def test_a_disk_that_is_full_at_the_very_end_loses_nothing_that_is_decoded(
    tmp_path, two_films, monkeypatch
):
    def refuse(partial, target, replace):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(partial))

    with monkeypatch.context() as patch:
        patch.setattr(build_module, "commit_folder", refuse)
        with pytest.raises(UserError, match="the disk is full") as caught:
            build_frame_store([two_films], size_px=16)
    assert said_in_one_line(caught).endswith("; what is decoded is kept")
    monkeypatch.setattr(writing_module, "resize_frame", None)
    assert_holds(build_frame_store([two_films], size_px=16), two_films)
