"""What the tests of building share: a small recording, and a cache that is not the user's."""

import pytest

from tests.data.films import dot_films
from tests.data.test_frame_store import record
from tests.recordings.test_hostile_disks import small_disk

__all__ = ["small_disk"]


@pytest.fixture
def no_cache_of_the_user(tmp_path, monkeypatch):
    monkeypatch.delenv("TCN_ROBOT_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))


@pytest.fixture
def two_films(tmp_path):
    return record(tmp_path / "films", dot_films(2, train=2, length=5, size_px=16))
