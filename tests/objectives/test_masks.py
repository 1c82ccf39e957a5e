"""Which pairs are positives and negatives, against a loop over all pairs."""

import torch

from tcn_robot.data.sampling import Reach
from tcn_robot.objectives.moments import (
    Moments,
    negative_mask,
    positive_mask,
    simultaneous_mask,
)


def random_moments(seed: int = 0, pairs: int = 12) -> Moments:
    generator = torch.Generator().manual_seed(seed)
    episode = torch.randint(0, 3, (pairs,), generator=generator)
    frame = torch.stack([torch.randperm(40, generator=generator)[0] for _ in range(pairs)])
    later = torch.randint(1, 3, (pairs,), generator=generator)
    view = torch.randint(0, 2, (2 * pairs,), generator=generator)
    times = torch.cat([frame, frame + later]).double() * 0.1
    moment = torch.arange(pairs).repeat(2)
    frames = torch.cat([frame, frame + later])
    lengths = torch.full((2 * pairs,), 43)
    spans = torch.full((2 * pairs,), 4.2).double()
    return Moments(episode.repeat(2), view, moment, times, frames, lengths, spans, (2, pairs))


def test_masks_equal_a_loop_over_all_pairs():
    moments = random_moments()
    positives = positive_mask(moments, Reach(0.2))
    near = negative_mask(moments, "episode", Reach(0.4))
    wide = negative_mask(moments, "all", Reach(0.4))
    others = negative_mask(moments, "others", Reach(0.4))
    near_frames = positive_mask(moments, Reach(9.9, frames=2))
    far_frames = negative_mask(moments, "episode", Reach(0.0, frames=4))
    together = simultaneous_mask(moments)
    for i in range(len(moments)):
        for j in range(len(moments)):
            gap = round(abs(float(moments.time_seconds[i] - moments.time_seconds[j])), 6)
            film = bool(moments.episode[i] == moments.episode[j])
            camera = bool(moments.view[i] == moments.view[j])
            moment = bool(moments.moment[i] == moments.moment[j])
            assert positives[i, j] == (film and camera and 0 < gap <= 0.2)
            assert near[i, j] == (film and not moment and gap > 0.4)
            assert wide[i, j] == ((film and not moment and gap > 0.4) or not film)
            assert others[i, j] == (not film)
            assert near_frames[i, j] == positives[i, j]  # 10 frames a second
            assert far_frames[i, j] == near[i, j]
            assert together[i, j] == (moment and i != j)


def test_a_frame_is_never_its_own_positive_or_negative():
    moments = random_moments(1)
    for mask in (
        positive_mask(moments, Reach(10.0)),
        negative_mask(moments, "all"),
        simultaneous_mask(moments),
    ):
        assert not mask.diagonal().any()
        assert torch.equal(mask, mask.T)


def test_times_that_are_not_exact_in_binary_are_exactly_at_the_radius():
    times = torch.tensor([0.8, 0.6, 0.1, 0.3], dtype=torch.float64)
    zeros = torch.zeros(4, dtype=torch.int64)
    frame, spans = torch.arange(4), torch.ones(4).double()
    moments = Moments(zeros, zeros, frame, times, frame, zeros + 9, spans, (2, 2))
    mask = positive_mask(moments, Reach(0.2))
    assert mask[0, 1]
    assert mask[2, 3]
