"""Films for browsers: which need one, and that it shows the same frames at the same times."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import numpy as np
import pytest

from tcn_robot.errors import UserError
from tcn_robot.recordings.video import iterate_video
from tcn_robot.viewer.films import (
    PreviewCache,
    default_folder,
    is_playable,
    read_header,
    write_preview,
)
from tcn_robot.viewer.posters import HEIGHT_PX, poster_jpeg


def film_of(dataset: Path) -> Path:
    return dataset / "episode_000000" / "left.mp4"


def test_which_films_need_a_preview(cameras: Path, lossless: Path) -> None:
    assert read_header(film_of(cameras)).is_playable
    assert not read_header(film_of(lossless)).is_playable


def test_a_preview_has_the_same_frames_at_the_same_times(lossless: Path, tmp_path: Path) -> None:
    write_preview(film_of(lossless), tmp_path / "below" / "preview.mp4")
    header = read_header(tmp_path / "below" / "preview.mp4")
    assert header.is_playable
    original = list(iterate_video(film_of(lossless)))
    preview = list(iterate_video(tmp_path / "below" / "preview.mp4"))
    assert [ticks for ticks, _ in preview] == [ticks for ticks, _ in original]
    for (_, shown), (_, frame) in zip(preview, original, strict=True):
        assert shown.shape == (72, 98, 3)
        assert np.abs(shown[:71, :97].astype(int) - frame).mean() < 4
    with av.open(str(tmp_path / "below" / "preview.mp4")) as container:
        assert container.streams.video[0].codec_context.pix_fmt == "yuv420p"


def test_a_preview_is_made_once_and_again_when_the_film_changes(
    lossless: Path, tmp_path: Path
) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(film_of(lossless).read_bytes())
    cache = PreviewCache(tmp_path / "cache")
    first = cache.preview(film)
    before = first.stat().st_mtime_ns
    assert PreviewCache(tmp_path / "cache").preview(film) == first
    assert first.stat().st_mtime_ns == before
    film.write_bytes(film.read_bytes() + b"\0" * 8)
    assert cache.preview(film) != first


def test_few_previews_are_made_at_a_time_and_none_for_nobody(
    lossless: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_work, most, guard = [0], [0], threading.Lock()

    def counted(source: Path, target: Path) -> None:
        with guard:
            at_work[0] += 1
            most[0] = max(most[0], at_work[0])
        write_preview(source, target)
        with guard:
            at_work[0] -= 1

    monkeypatch.setattr("tcn_robot.viewer.films.write_preview", counted)
    monkeypatch.setattr("tcn_robot.viewer.films.os.cpu_count", lambda: 2)
    cache = PreviewCache(tmp_path / "cache")
    films = [tmp_path / f"{number}.mp4" for number in range(6)]
    for film in films:
        film.write_bytes(film_of(lossless).read_bytes())
    with ThreadPoolExecutor(6) as threads:
        made = list(threads.map(cache.preview, films))
    assert len(set(made)) == 6
    assert most[0] == 2
    films[0].write_bytes(films[0].read_bytes() + b"\0" * 8)
    with pytest.raises(ConnectionAbortedError):
        cache.preview(films[0], lambda: False)
    assert cache.preview(films[1], lambda: False) == made[1]  # it is there already


def test_where_the_cache_cannot_be_written_previews_are_kept_elsewhere(
    lossless: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")
    cache = PreviewCache(tmp_path / "file" / "previews")
    preview = cache.preview(film_of(lossless))
    assert read_header(preview).is_playable
    assert cache.preview(film_of(lossless)) == preview


def test_a_film_is_looked_into_once_until_it_changes(
    cameras: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(film_of(cameras).read_bytes())
    assert is_playable(film)
    opened = []
    monkeypatch.setattr("tcn_robot.viewer.films.av.open", lambda path: opened.append(path) or 1 / 0)
    assert is_playable(film)
    assert not opened
    film.write_bytes(film.read_bytes() + b"\0" * 8)
    with pytest.raises(ZeroDivisionError):
        is_playable(film)
    with pytest.raises(UserError, match="missing"):
        is_playable(tmp_path / "nothing.mp4")


def test_what_cannot_be_decoded_leaves_nothing_behind(lossless: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(film_of(lossless).read_bytes()[:500])
    with pytest.raises(UserError):
        read_header(broken)
    with pytest.raises(UserError):
        write_preview(broken, tmp_path / "cache" / "preview.mp4")
    assert not any((tmp_path / "cache").iterdir())
    with pytest.raises(UserError):
        poster_jpeg(broken)


def test_a_still_is_small(cameras: Path) -> None:
    jpeg = poster_jpeg(film_of(cameras))
    assert jpeg.startswith(b"\xff\xd8")
    assert len(jpeg) < 8000
    assert HEIGHT_PX == 72


def test_the_cache_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "tcn_robot" / "previews"
