"""Foreign films: times as they are, packets taken over byte for byte, damage found."""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcn_robot.errors import UserError
from tcn_robot.recordings.formats.films import (
    FilmPart,
    film_rate,
    read_film,
    take_over,
    whole,
    why_not_taken_over,
)
from tests.support.films import moving_square
from tests.support.foreign_films import decoded, lay_on_its_side, write_film

FRAMES = moving_square(12)


def test_times_are_those_of_the_file(tmp_path: Path) -> None:
    ticks = [0, 40, 55, 130, 200, 230, 231, 300, 360, 400, 480, 500]
    film = read_film(write_film(tmp_path / "variable.mp4", FRAMES, ticks_ms=ticks))
    assert film.times_seconds == pytest.approx(np.array(ticks) / 1000, abs=1e-9)
    assert film.why_not_own_times is None


@pytest.mark.parametrize("rate", [Fraction(30000, 1001), 25, 10])
@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_a_film_with_b_frames_is_taken_over(tmp_path: Path, rate: Fraction, suffix: str) -> None:
    source = write_film(tmp_path / f"film{suffix}", FRAMES, rate=rate, options={"bf": "3"})
    film = read_film(source)
    assert why_not_taken_over(whole(film)) is None
    assert take_over(whole(film), film.ticks, tmp_path / "copy.mp4")
    copy = read_film(tmp_path / "copy.mp4")
    assert np.array_equal(copy.ticks, film.ticks)
    assert np.array_equal(decoded(copy.path), decoded(source))


@settings(max_examples=25)
@given(
    gaps=st.lists(st.integers(50, 3_000_000), min_size=11, max_size=11),
    start=st.integers(0, 10**7),
)
def test_a_copy_carries_any_ascending_times(
    tmp_path_factory: pytest.TempPathFactory, gaps: list[int], start: int
) -> None:
    folder = tmp_path_factory.mktemp("times")
    film = read_film(write_film(folder / "a.mp4", FRAMES, options={"bf": "2"}))
    ticks = start + np.concatenate([[0], np.cumsum(gaps)])
    assert take_over(whole(film), ticks, folder / "b.mp4")
    assert np.array_equal(read_film(folder / "b.mp4").ticks, ticks)
    assert np.array_equal(decoded(folder / "b.mp4"), decoded(film.path))


def test_a_part_that_begins_with_a_key_frame_is_taken_over(tmp_path: Path) -> None:
    source = write_film(tmp_path / "a.mp4", FRAMES, options={"g": "4", "bf": "0"})
    part = FilmPart(read_film(source), np.arange(4, 9))
    assert take_over(part, np.arange(5) * 1000, tmp_path / "b.mp4")
    assert np.array_equal(decoded(tmp_path / "b.mp4"), decoded(source)[4:9])
    assert np.array_equal(np.array(list(part.pictures())), decoded(source)[4:9])


@pytest.mark.skipif(sys.platform != "linux", reason="it is Linux that tells and resets the peak")
def test_a_film_is_not_held_in_memory_to_take_it_over(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (2, 480, 640, 3), np.uint8)
    frames = noise[np.arange(90) % 2]
    options = {"g": "1", "qmin": "1", "qmax": "1"}
    film = read_film(write_film(tmp_path / "a.mp4", frames, codec="mpeg4", options=options))
    size_bytes = film.path.stat().st_size
    assert size_bytes > 30_000_000
    before_bytes = _reset_peak_bytes()
    assert take_over(whole(film), film.ticks, tmp_path / "b.mp4")
    assert _memory_bytes("VmHWM") - before_bytes < size_bytes / 2


def _reset_peak_bytes() -> int:
    Path("/proc/self/clear_refs").write_text("5")
    return _memory_bytes("VmRSS")


def _memory_bytes(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def test_a_part_that_does_not_is_decoded(tmp_path: Path) -> None:
    source = write_film(tmp_path / "a.mp4", FRAMES, options={"g": "12"})
    part = FilmPart(read_film(source), np.array([5, 6, 6, 9]))
    assert not take_over(part, np.arange(4) * 1000, tmp_path / "b.mp4")
    assert not (tmp_path / "b.mp4").exists()
    assert np.array_equal(np.array(list(part.pictures())), decoded(source)[[5, 6, 6, 9]])
    assert why_not_taken_over(part) == "frames are left out or repeated"


def test_pictures_are_upright(tmp_path: Path) -> None:
    source = write_film(tmp_path / "phone.mp4", FRAMES)
    lying = decoded(source)
    lay_on_its_side(source)
    film = read_film(source)
    assert (film.width_px, film.height_px) == (32, 40)
    assert why_not_taken_over(whole(film)) == "its pictures lie on their side"
    upright = np.array(list(whole(film).pictures()))
    assert np.array_equal(upright, np.rot90(lying, -1, axes=(1, 2)))  # a clockwise quarter turn


def test_avi_without_times_of_its_own(tmp_path: Path) -> None:
    film = read_film(write_film(tmp_path / "a.avi", FRAMES, codec="mpeg4", rate=25))
    assert film.times_seconds == pytest.approx(np.arange(12) / 25, abs=1e-9)
    assert why_not_taken_over(whole(film)) is not None


def test_one_frame_and_odd_sizes(tmp_path: Path) -> None:
    frames = moving_square(1, 31, 41)
    film = read_film(write_film(tmp_path / "a.mp4", frames, pixels="yuv444p"))
    assert (len(film.pts), film.width_px, film.height_px) == (1, 41, 31)
    assert film_rate(film.times_seconds) == 30.0
    assert take_over(whole(film), film.ticks, tmp_path / "b.mp4")


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.99])
@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".mkv", ".webm"])
def test_a_truncated_film_is_refused(tmp_path: Path, share: float, suffix: str) -> None:
    codec = {".avi": "mpeg4", ".webm": "libvpx-vp9"}.get(suffix, "libx264")
    options = {"movflags": "faststart"}
    noise = np.random.default_rng(0).integers(0, 256, (12, 64, 64, 3), np.uint8)
    path = write_film(tmp_path / f"a{suffix}", noise, codec=codec)
    if suffix == ".mp4":  # the index before the frames, so that what is there would decode
        path = _index_first(path, tmp_path / "first.mp4", options)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(UserError, match=r"cut short|damaged"):
        read_film(path)


def test_matroska_that_does_not_tell_its_length_is_read(tmp_path: Path) -> None:
    """As whoever writes into a pipe leaves it."""
    path = write_film(tmp_path / "a.mkv", FRAMES)
    content = path.read_bytes()
    at = content.index(b"\x18\x53\x80\x67") + 4
    assert content[at] == 1  # a length of eight bytes
    path.write_bytes(content[:at] + b"\x01" + b"\xff" * 7 + content[at + 8 :])
    assert len(read_film(path).pts) == len(FRAMES)
    path.write_bytes(content + b"something behind the film")
    assert len(read_film(path).pts) == len(FRAMES)


@pytest.mark.parametrize("kept", [9, 5])
def test_a_film_that_was_trimmed_by_an_edit_list(tmp_path: Path, kept: int) -> None:
    """As phones trim: the frames before are in the file and are not shown."""
    import av

    source = write_film(tmp_path / "a.mp4", FRAMES, options={"g": "4", "bf": "0"})
    with av.open(str(source)) as film, av.open(str(tmp_path / "b.mov"), "w") as trimmed:
        stream = trimmed.add_stream_from_template(film.streams.video[0])
        for packet in film.demux(video=0):
            if packet.dts is not None:
                packet.pts -= 512 * (12 - kept)
                packet.dts -= 512 * (12 - kept)
                packet.stream = stream
                trimmed.mux(packet)
    shown = decoded(tmp_path / "b.mov")
    film = read_film(tmp_path / "b.mov")
    assert len(film.pts) == len(shown) < 12
    assert np.array_equal(np.array(list(whole(film).pictures())), shown)
    if take_over(whole(film), film.ticks, tmp_path / "c.mp4"):
        assert np.array_equal(decoded(tmp_path / "c.mp4"), shown)


def _index_first(path: Path, target: Path, options: dict[str, str]) -> Path:
    import av

    with av.open(str(path)) as source, av.open(str(target), "w", options=options) as film:
        stream = film.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                film.mux(packet)
    return target


@pytest.mark.parametrize("content", [b"", b"not a film", b"\x00" * 4096])
def test_what_is_no_film_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.mp4").write_bytes(content)
    with pytest.raises(UserError, match="cannot be decoded"):
        read_film(tmp_path / "a.mp4")
