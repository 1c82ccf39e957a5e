"""A film that is cut where it can begin keeps its bytes, frames and times."""

from __future__ import annotations

import itertools
import resource
from pathlib import Path

import av
import numpy as np
import pytest

from tcn_robot.recordings.film_cut import cut_film
from tcn_robot.recordings.video import GROUP_OF_PICTURES_FRAMES, VideoEncoder, iterate_video
from tests.support.films import moving_square

LENGTH = 3 * GROUP_OF_PICTURES_FRAMES


def write_film(path: Path, codec: str = "h264") -> np.ndarray:
    ticks = np.cumsum(np.random.default_rng(0).integers(20_000, 60_000, LENGTH))
    frames = moving_square(LENGTH)
    encoder = VideoEncoder(path, frames.shape[2], frames.shape[1], codec, 25.0)
    for frame, tick in zip(frames, ticks, strict=True):
        encoder.write(frame, int(tick))
    encoder.close()
    return ticks


def read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    ticks, frames = zip(*iterate_video(path), strict=True)
    return np.array(ticks), np.array(frames)


@pytest.mark.parametrize("codec", ["h264", "h264-fast", "lossless"])
@pytest.mark.parametrize(("start", "stop"), [(0, 7), (10, 30), (10, 11), (20, 25), (0, LENGTH)])
def test_a_cut_at_a_key_frame(tmp_path: Path, codec: str, start: int, stop: int) -> None:
    film, part = tmp_path / "film.mp4", tmp_path / "part.mp4"
    write_film(film, codec)
    ticks, frames = read(film)
    assert cut_film(film, part, start, stop)
    found_ticks, found_frames = read(part)
    assert np.array_equal(found_ticks, ticks[start:stop])
    assert np.array_equal(found_frames, frames[start:stop])


def test_times_can_be_shifted(tmp_path: Path) -> None:
    film, part = tmp_path / "film.mp4", tmp_path / "part.mp4"
    ticks = write_film(film)
    assert cut_film(film, part, 10, 20, shift_ticks=-int(ticks[10]))
    assert np.array_equal(read(part)[0], ticks[10:20] - ticks[10])


def test_a_cut_between_key_frames_is_left_to_encoding(tmp_path: Path) -> None:
    film, part = tmp_path / "film.mp4", tmp_path / "part.mp4"
    write_film(film)
    assert not cut_film(film, part, 5, 20)
    assert not part.exists()


def test_frames_that_lean_on_later_ones(tmp_path: Path) -> None:
    """With B-frames the file's order is not the order shown; what lies together can be cut."""
    film, part = tmp_path / "film.mp4", tmp_path / "part.mp4"
    frames = moving_square(40)
    with av.open(str(film), "w") as container:
        options = {"bf": "3", "g": "20", "b-adapt": "0", "sc_threshold": "0", "flags": "+cgop"}
        stream = container.add_stream("libx264", rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = frames.shape[2], frames.shape[1], "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
    ticks, pictures = read(film)
    done = 0
    for start, stop in [(0, 40), (20, 40), (0, 20), (20, 23), (0, 2)]:
        if cut_film(film, part, start, stop, shift_ticks=-int(ticks[start])):
            found_ticks, found = read(part)
            assert np.array_equal(found_ticks, ticks[start:stop] - ticks[start])
            assert np.array_equal(found, pictures[start:stop])
            done += 1
    assert done >= 2


def test_what_is_no_film_is_not_cut(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no film")
    assert not cut_film(tmp_path / "text.mp4", tmp_path / "part.mp4", 0, 3)
    assert not (tmp_path / "part.mp4").exists()


def test_a_long_film_is_not_held_in_memory(tmp_path: Path) -> None:
    film, part = tmp_path / "film.mp4", tmp_path / "part.mp4"
    noise = np.random.default_rng(0).integers(0, 256, (8, 240, 320, 3), dtype=np.uint8)
    encoder = VideoEncoder(film, 320, 240, "lossless", 25.0)
    for index in range(240):
        encoder.write(noise[index % 8], 40_000 * index)
    encoder.close()
    assert film.stat().st_size > 50e6
    before = resident_bytes()
    assert cut_film(film, part, 20, 30)
    assert resident_bytes() - before < 25e6
    assert np.array_equal(read(part)[1], read_some(film, 20, 30))


def resident_bytes() -> int:
    """Return the largest memory that this process ever had; only growth can be seen."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def read_some(path: Path, start: int, stop: int) -> np.ndarray:
    frames = itertools.islice(iterate_video(path), start, stop)
    return np.array([frame for _, frame in frames])
