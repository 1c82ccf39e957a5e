"""Pairs of neighbouring frames: never the anchor itself, never across films, any length."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcn_robot.data.sampling import AdjacentFrameSampler, BatchOptions
from tcn_robot.errors import UserError
from tests.data.test_samplers import films_of

LENGTHS = st.lists(st.lists(st.integers(0, 12), min_size=1, max_size=3), min_size=1, max_size=6)


@given(lengths=LENGTHS, padding=st.integers(1, 4), pairs=st.integers(2, 20), seed=st.integers(0, 9))
def test_every_pair_is_two_frames_of_one_view_a_padding_apart(lengths, padding, pairs, seed):
    films = films_of(lengths)
    usable = [number for number, views in enumerate(lengths) if max(views) > padding]
    if len(usable) < 2:
        with pytest.raises(UserError, match="expects at least 2 films") as caught:
            AdjacentFrameSampler(films, BatchOptions(2 * pairs), padding)
        assert "\n" not in str(caught.value)
        return
    sampler = AdjacentFrameSampler(films, BatchOptions(2 * pairs), padding)
    batch = sampler.draw(np.random.default_rng(seed))
    assert batch.shape == (2, pairs)
    assert len(batch) == 2 * pairs
    (e, e2), (v, v2), (f, f2) = (
        column.reshape(batch.shape) for column in (batch.episode, batch.view, batch.frame)
    )
    assert np.array_equal(e, e2)
    assert np.array_equal(v, v2)
    assert (abs(f - f2) == padding).all()
    for film, view, frame, time in zip(
        batch.episode, batch.view, batch.frame, batch.time_seconds, strict=True
    ):
        times = films[film].timestamps(films[film].views[view])
        assert 0 <= frame < len(times)
        assert time == times[frame]
    counts = np.bincount(e, minlength=len(films))[usable]
    assert counts.max() - counts.min() <= 1  # every film once before any film twice


def test_no_padding_is_refused():
    with pytest.raises(UserError, match="the positive would be the anchor itself"):
        AdjacentFrameSampler(films_of([[9], [9]]), BatchOptions(8), padding=0)


def test_positives_lie_before_and_after_and_every_frame_is_an_anchor():
    sampler = AdjacentFrameSampler(films_of([[6, 5], [6, 0]]), BatchOptions(400), padding=2)
    batch = sampler.draw(np.random.default_rng(0))
    frames = batch.frame.reshape(2, -1)
    assert set((frames[1] - frames[0]).tolist()) == {-2, 2}
    assert set(frames[0].tolist()) == set(range(6))
    assert set(zip(batch.episode.tolist(), batch.view.tolist(), strict=True)) == {
        (0, 0),
        (0, 1),
        (1, 0),
    }


def test_the_same_seed_draws_the_same_batch():
    sampler = AdjacentFrameSampler(films_of([[6], [7], [8]]), BatchOptions(8), padding=1)
    first, second = (sampler.draw(np.random.default_rng(4)) for _ in range(2))
    assert np.array_equal(first.frame, second.frame)
    assert np.array_equal(first.episode, second.episode)
