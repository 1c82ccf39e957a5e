"""Films: pixels and times come back as they went in."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from tcn_robot.errors import UserError
from tcn_robot.recordings.video import VideoEncoder, decode_video

Film = Callable[..., np.ndarray]


def encode(path: Path, frames: np.ndarray, ticks: list[int], codec: str) -> None:
    encoder = VideoEncoder(path, frames.shape[2], frames.shape[1], codec, 20.0)
    for frame, tick in zip(frames, ticks, strict=True):
        encoder.write(frame, tick)
    encoder.close()


@pytest.mark.parametrize("shape", [(1, 16, 16), (7, 33, 47), (25, 84, 84), (3, 64, 18)])
def test_lossless_round_trip_is_bit_exact(tmp_path: Path, shape: tuple[int, int, int]) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    ticks = [50_000 * index for index in range(shape[0])]
    encode(tmp_path / "a.mp4", frames, ticks, "lossless")
    decoded, times = decode_video(tmp_path / "a.mp4", shape[0])
    assert decoded.dtype == np.uint8
    np.testing.assert_array_equal(decoded, frames)
    np.testing.assert_array_equal(times, ticks)


@pytest.mark.parametrize("codec", ["h264", "lossless"])
def test_measured_times_come_back_to_the_microsecond(
    tmp_path: Path, film: Film, codec: str
) -> None:
    gaps = np.random.default_rng(1).integers(900, 700_000, 39)
    ticks = [0, *np.cumsum(gaps).tolist()]
    encode(tmp_path / "a.mp4", film(40), ticks, codec)
    np.testing.assert_array_equal(decode_video(tmp_path / "a.mp4", 40)[1], ticks)


@pytest.mark.parametrize("size_px", [48, 49])
def test_h264_keeps_colours(tmp_path: Path, size_px: int) -> None:
    """A wrong colour matrix or range would be off by ten levels and more."""
    colours = [(0, 0, 0), (255, 255, 255), (255, 0, 0), (0, 255, 0), (0, 0, 255), (90, 160, 200)]
    frames = np.zeros((len(colours), size_px, size_px, 3), np.uint8)
    frames[:] = np.array(colours, np.uint8)[:, None, None]
    encode(tmp_path / "a.mp4", frames, [100_000 * i for i in range(len(colours))], "h264")
    decoded, _ = decode_video(tmp_path / "a.mp4", len(colours))
    assert np.abs(decoded.astype(int) - frames).max() <= 4


def test_h264_stays_near_the_picture(tmp_path: Path, film: Film) -> None:
    frames = film(30, 84, 84)
    encode(tmp_path / "a.mp4", frames, [50_000 * i for i in range(30)], "h264")
    decoded, _ = decode_video(tmp_path / "a.mp4", 30)
    assert np.abs(decoded.astype(int) - frames).mean() < 3


def test_another_reader_sees_the_same_film(tmp_path: Path, film: Film) -> None:
    """OpenCV is the independent reader: number, order and times of the frames."""
    frames = film(12, 48, 64)
    ticks = [0, 50_000, 100_000, 400_000, *[450_000 + 50_000 * i for i in range(8)]]
    encode(tmp_path / "a.mp4", frames, ticks, "h264")
    capture = cv2.VideoCapture(str(tmp_path / "a.mp4"))
    seen = []
    while (read := capture.read())[0]:
        seen.append(capture.get(cv2.CAP_PROP_POS_MSEC))
        ours = decode_video(tmp_path / "a.mp4", 12)[0][len(seen) - 1]
        assert np.abs(read[1][..., ::-1].astype(int) - ours).mean() < 3
    np.testing.assert_allclose(seen, np.array(ticks) / 1000, atol=0.01)


@pytest.mark.parametrize("codec", ["h264", "lossless"])
def test_same_frames_give_the_same_bytes(tmp_path: Path, film: Film, codec: str) -> None:
    """Several encoders at once, as a recorder has them; see the note on x264 in `video.py`."""
    frames = film(25, 84, 84)
    contents = set()
    for round_number in range(12):
        paths = [tmp_path / f"{round_number}-{view}.mp4" for view in range(3)]
        encoders = [VideoEncoder(path, 84, 84, codec, 20.0) for path in paths]
        for index, frame in enumerate(frames):
            for encoder in encoders:
                encoder.write(frame.copy(), 50_000 * index)
        for encoder in encoders:
            encoder.close()
        contents |= {path.read_bytes() for path in paths}
    assert len(contents) == 1


def test_h264_options_leave_out_what_is_not_repeatable(tmp_path: Path, film: Film) -> None:
    """x264 writes its options into the film; the macroblock tree must stay off, threads at 1."""
    encode(tmp_path / "a.mp4", film(3), [0, 50_000, 100_000], "h264")
    content = (tmp_path / "a.mp4").read_bytes()
    assert b"mbtree=0" in content
    assert b" threads=1 " in content
    assert b"bframes=0" in content
    assert b"keyint=10 " in content


@pytest.mark.parametrize("kept", [0, 10, 0.5, 0.95])
def test_truncated_film_is_one_clear_error(tmp_path: Path, film: Film, kept: float) -> None:
    path = tmp_path / "a.mp4"
    encode(path, film(20), [50_000 * i for i in range(20)], "h264")
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content)) if kept < 1 else int(kept)])
    with pytest.raises(UserError, match=r"a\.mp4.*damaged") as caught:
        decode_video(path, 20)
    assert "\n" not in str(caught.value)


def test_missing_film_and_wrong_length(tmp_path: Path, film: Film) -> None:
    with pytest.raises(UserError, match="missing"):
        decode_video(tmp_path / "none.mp4", 3)
    encode(tmp_path / "a.mp4", film(5), [50_000 * i for i in range(5)], "h264")
    for expected in (4, 6, 0):
        with pytest.raises(UserError, match=f"holds 5 frames, expected {expected}"):
            decode_video(tmp_path / "a.mp4", expected)


def test_a_time_that_no_film_can_hold_is_refused(tmp_path: Path) -> None:
    encoder = VideoEncoder(tmp_path / "a.mp4", 32, 32, "h264", 10.0)
    encoder.write(np.zeros((32, 32, 3), np.uint8), 0)
    with pytest.raises(UserError, match="beyond what a film can hold"):
        encoder.write(np.zeros((32, 32, 3), np.uint8), 10**30)
    encoder.abort()
