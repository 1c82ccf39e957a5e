"""A recorder that is killed, whenever it is killed, never costs a whole episode."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.crash_harness import Auditor, kill_at_call, kill_many

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork.*:DeprecationWarning")


def test_fifty_kills_at_random_moments_lose_nothing(tmp_path: Path) -> None:
    *_, losses = kill_many(tmp_path / "d", kills=50, seed=0)
    assert losses.is_clean, losses
    assert losses.kills == 50
    assert losses.whole > 10  # the recorders lived long enough to finish some


def test_a_kill_at_every_sync_and_rename_loses_nothing(tmp_path: Path) -> None:
    """Each dataset is started, killed at one point, and gone on with by a second recorder."""
    number, was_killed = 0, True
    while was_killed:
        path = tmp_path / f"d{number}"
        auditor = Auditor(path)
        said, was_killed = kill_at_call(number, path, episodes=2)
        auditor.look(said)
        said, _ = kill_at_call(10_000, path, episodes=2)
        auditor.look(said)
        losses = auditor.finish()
        assert losses.is_clean, (number, losses)
        assert losses.whole == 2
        number += 1
    assert number > 40
