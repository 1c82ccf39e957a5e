"""Films of many episodes in one: the frames are the same, and films are not kept in memory."""

from __future__ import annotations

import gc
from pathlib import Path

import av
import numpy as np
import pytest

from tcn_robot.recordings.formats import joining
from tcn_robot.recordings.formats.films import read_film, whole
from tcn_robot.recordings.formats.joining import FilmJoiner
from tests.support.films import moving_square
from tests.support.foreign_films import decoded, write_film


@pytest.mark.parametrize("options", [{"bf": "2"}, {"bf": "0"}])
def test_films_in_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, str]
) -> None:
    path = tmp_path / "a.mp4"
    write_film(path, moving_square(30, 48, 64), rate=10, options=options)
    film = read_film(path)
    at_once: list[int] = []
    packets = joining._packets

    def counted(*arguments):  # type: ignore[no-untyped-def]
        for packet in packets(*arguments):
            yield packet
            at_once.append(sum(isinstance(one, av.Packet) for one in gc.get_objects()))

    monkeypatch.setattr(joining, "_packets", counted)
    joiner = FilmJoiner(10, 10**9, lambda: tmp_path / "out.mp4")
    assert [joiner.append(film, whole(film)) for _ in range(3)] == [0, 30, 60]
    joiner.close()
    assert np.array_equal(decoded(tmp_path / "out.mp4"), np.concatenate([decoded(path)] * 3))
    assert len(at_once) == 3 * 2 * 30
    assert max(at_once) <= 2
