"""Clips: the frame and those before it, for films of any length."""

import numpy as np
import pytest

from tcn_robot.clips import expand_clip
from tcn_robot.errors import UserError
from tcn_robot.training import make_config


@pytest.mark.parametrize("length", range(1, 12))
def test_no_frame_is_outside_a_film_of_any_length(length):
    for num_frames in (1, 2, 5):
        for stride_frames in (1, 3):
            clips = expand_clip(np.arange(length), num_frames, stride_frames)
            assert clips.shape == (length, num_frames)
            for frame, clip in enumerate(clips.tolist()):
                slowly = [frame - k * stride_frames for k in reversed(range(num_frames))]
                assert clip == [max(place, 0) for place in slowly]
                assert all(0 <= place < length for place in clip)


def test_a_clip_of_one_is_the_frame_and_the_input_stays():
    frame = np.array([4, 0, 2])
    assert expand_clip(frame, 1, 7).tolist() == [[4], [0], [2]]
    assert frame.tolist() == [4, 0, 2]
    assert expand_clip(np.zeros(0, np.int64), 3, 1).shape == (0, 3)


@pytest.mark.parametrize("layout", [(0, 1), (2, 0)])
def test_clips_of_nothing_are_refused(layout):
    config = make_config(num_frames=layout[0], stride_frames=layout[1])
    with pytest.raises(UserError, match="must be at least 1, found 0"):
        config.check()
