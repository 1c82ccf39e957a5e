"""Frames of clips: the right ones, square, and refused where they are not there."""

import numpy as np
import pytest

from tcn_robot.benchmarks.recognition.clips import Clip
from tcn_robot.benchmarks.recognition.decoding import centre_square, count_frames, read_frames
from tcn_robot.errors import UserError
from tests.support.action_sets import action_film, write_film, write_picture


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    path = tmp_path_factory.mktemp("films") / "v_RedLeft_g01_c01.avi"
    write_film(path, action_film("RedLeft", 1, 1))
    return path


def test_the_frames_asked_for_come_in_the_order_asked(film):
    whole = read_frames(film, np.arange(8), 24)
    assert np.abs(whole.astype(int) - action_film("RedLeft", 1, 1)).mean() < 6
    some = read_frames(film, np.array([5, 0, 5, 7]), 24)
    np.testing.assert_array_equal(some, whole[[5, 0, 5, 7]])
    clip = Clip("RedLeft/v_RedLeft_g01_c01.avi", "RedLeft", "g01", film)
    np.testing.assert_array_equal(clip.frames(np.array([2]), 12), read_frames(film, [2], 12))
    assert clip.num_frames == count_frames(film) == 8
    assert clip.num_frames == 8  # kept


def test_the_middle_is_cut_out_and_nothing_is_stretched():
    picture = np.zeros((10, 20, 3), np.uint8)
    picture[:, 5:15] = 200
    np.testing.assert_array_equal(centre_square(picture, 10), picture[:, 5:15])
    np.testing.assert_array_equal(centre_square(picture, 5), np.full((5, 5, 3), 200))
    tall = np.moveaxis(picture, 1, 0)
    np.testing.assert_array_equal(centre_square(tall, 20), np.full((20, 20, 3), 200))


def test_shrinking_averages_areas():
    picture = np.arange(4 * 4 * 3, dtype=np.uint8).reshape(4, 4, 3)
    expected = picture.reshape(2, 2, 2, 2, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(centre_square(picture, 2), expected, atol=0.5)


def test_what_is_not_there_is_refused(film, tmp_path):
    with pytest.raises(UserError, match="ends before its frame"):
        read_frames(film, np.array([3, 40]), 24)
    with pytest.raises(UserError, match="counted from 0"):
        read_frames(film, np.array([-1]), 24)
    with pytest.raises(UserError, match="missing"):
        read_frames(tmp_path / "none.avi", np.array([0]), 24)
    (tmp_path / "text.avi").write_text("no film")
    with pytest.raises(UserError, match="cannot be decoded"):
        count_frames(tmp_path / "text.avi")
    half = tmp_path / "half.avi"
    half.write_bytes(film.read_bytes()[: film.stat().st_size // 2])
    with pytest.raises(UserError, match="cut short"):
        count_frames(half)
    write_picture(tmp_path / "frames" / "1.png", np.zeros((8, 8, 3)))
    with pytest.raises(UserError, match="ends before its frame 9"):
        read_frames(tmp_path / "frames", np.array([0, 9]), 8)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no picture"):
        count_frames(tmp_path / "empty")


def test_a_head_that_counts_one_frame_too_many_is_forgiven(film):
    last = read_frames(film, np.array([7]), 24)
    np.testing.assert_array_equal(read_frames(film, np.array([8]), 24), last)
