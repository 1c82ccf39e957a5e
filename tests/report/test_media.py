"""Films and pictures: what goes in comes out, in the formats browsers play."""

from __future__ import annotations

import base64
import io
from dataclasses import replace

import av
import cv2
import numpy as np
import pytest

from tcn_robot.plots.painting import RIGHT_COLOUR, TRACK_COLOUR, WRONG_COLOUR
from tcn_robot.report.films import retrieval_film, strip_picture
from tcn_robot.report.media import data_uri, encode_film, encode_jpeg, enlarge, film_from_file
from tests.report.synthetic import full_evidence, moving_square


def decoded(mp4: bytes) -> tuple[list[np.ndarray], str, str]:
    with av.open(io.BytesIO(mp4), "r") as container:
        stream = container.streams.video[0]
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
        return frames, stream.codec_context.name, str(stream.pix_fmt)


@pytest.mark.parametrize("shape", [(7, 64, 64), (1, 33, 47)])
def test_a_film_is_h264_in_yuv420p_and_shows_its_frames(shape: tuple[int, int, int]) -> None:
    length, height, width = shape
    ramp = np.linspace(20, 230, length)[:, None, None, None]
    frames = np.broadcast_to(ramp, (*shape, 3)).astype(np.uint8)
    film = encode_film(frames, 10)
    shown, codec, pixel_format = decoded(film.mp4)
    assert (codec, pixel_format) == ("h264", "yuv420p")
    assert len(shown) == length
    assert (film.height_px, film.width_px) == (height + height % 2, width + width % 2)
    for before, after in zip(frames, shown, strict=True):
        assert abs(float(after.mean()) - float(before.mean())) < 4


def test_no_frame_is_no_film() -> None:
    with pytest.raises(ValueError, match="at least one frame"):
        encode_film(np.zeros((0, 8, 8, 3), np.uint8), 10)


def test_a_playable_film_is_taken_as_it_is_and_another_made_playable() -> None:
    mp4 = encode_film(moving_square(5), 10).mp4
    assert film_from_file(mp4).mp4 == mp4
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for frame in moving_square(5):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    frames, codec, _ = decoded(film_from_file(buffer.getvalue()).mp4)
    assert codec == "h264"
    assert len(frames) == 5


def test_jpeg_keeps_red_red() -> None:
    red = np.zeros((16, 16, 3), np.uint8)
    red[..., 0] = 200
    blue_green_red = cv2.imdecode(np.frombuffer(encode_jpeg(red), np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_allclose(blue_green_red.mean(axis=(0, 1)), [0, 0, 200], atol=4)


def test_data_uri_can_be_read_back() -> None:
    head, _, body = data_uri("image/png", b"\x00abc").partition(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(body) == b"\x00abc"


@pytest.mark.parametrize(("height", "expected"), [(64, 256), (300, 300), (85, 256)])
def test_enlarging_never_shrinks(height: int, expected: int) -> None:
    frames = np.zeros((2, height, height, 3), np.uint8)
    assert enlarge(frames, 256).shape == (2, expected, expected, 3)


def test_the_retrieval_film_shows_query_left_and_found_right() -> None:
    retrieval = full_evidence().retrieval
    assert retrieval is not None
    frames, _, _ = decoded(retrieval_film(retrieval).mp4)
    assert len(frames) == len(retrieval.query_frames)
    for index in (0, 20, 49):
        for column, picture in enumerate(
            [retrieval.query_frames[index], retrieval.library_frames[retrieval.found[index]]]
        ):
            left = column * 264
            panel = frames[index][:256, left : left + 256]
            difference = np.abs(panel[2::4, 2::4].astype(int) - picture.astype(int))
            assert np.median(difference) < 6
            assert (difference > 60).mean() < 0.02


def test_a_strip_holds_the_moments_in_order() -> None:
    strip = full_evidence().strip
    assert strip is not None
    picture = strip_picture(strip, "front", gap_px=2)
    count, height, width = strip.frames["front"].shape[:3]
    assert picture.shape == (height, count * width + (count - 1) * 2, 3)
    for index, frame in enumerate(strip.frames["front"]):
        left = index * (width + 2)
        np.testing.assert_array_equal(picture[:, left : left + width], frame)


def test_the_bar_below_what_was_found_is_green_within_a_twentieth_of_the_film() -> None:
    retrieval = full_evidence().retrieval
    assert retrieval is not None
    length = len(retrieval.query_frames)
    near = replace(retrieval, found=np.arange(length), found_untrained=np.zeros(length, int))
    frames, _, _ = decoded(retrieval_film(near).mp4)
    bars = frames[-1][-3].astype(int)  # at the last moment: right in the middle, wrong at the right
    for colour, columns in ((RIGHT_COLOUR, slice(270, 500)), (WRONG_COLOUR, slice(528, 529))):
        assert np.abs(bars[columns] - colour).max() < 90
    assert np.abs(bars[560:] - TRACK_COLOUR).max() < 40
