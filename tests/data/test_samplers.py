"""What a sampler promises, for films of every length."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcn_robot.data.sampling import (
    Batch,
    BatchOptions,
    MultiViewSampler,
    Radii,
    Reach,
    SingleViewSampler,
)
from tcn_robot.errors import UserError
from tcn_robot.matching import frame_period_seconds
from tests.data.films import Film, blank_film, store_of

# What makes one sampler of each kind.
SAMPLERS = {
    "views": MultiViewSampler,
    "times": lambda films, options: SingleViewSampler(films, options, Radii()),
}
LENGTHS = st.lists(st.lists(st.integers(0, 40), min_size=1, max_size=4), min_size=1, max_size=6)
NAMES = ("a", "b", "c", "d")


def films_of(lengths: list[list[int]], seed: int = 0) -> list[Film]:
    """Films at 10 fps whose cameras start a little apart and shake a little."""
    rng = np.random.default_rng(seed)
    films = []
    for id, counts in enumerate(lengths):
        times = {
            name: np.sort(rng.uniform(0, 0.05) + np.arange(count) * 0.1 + rng.uniform(0, 0.01))
            for name, count in zip(NAMES, counts, strict=False)
        }
        films.append(blank_film(times, size_px=1, id=id))
    return films


def is_one_line_about_expectations(error: UserError) -> bool:
    return "expects" in str(error) and "\n" not in str(error)


def drawn(sampler_class, films, options, seed=0) -> Batch | None:
    """A batch, or None when the sampler says in one line that there is none."""
    try:
        return sampler_class(films, options).draw(np.random.default_rng(seed))
    except UserError as error:
        return None if is_one_line_about_expectations(error) else pytest.fail(str(error))


def check_indices(batch: Batch, films: list[Film], options: BatchOptions) -> None:
    half = len(batch) // 2
    assert len(batch) % 2 == 0
    assert 2 <= len(batch) <= options.batch_frames
    for e, v, f, t in zip(batch.episode, batch.view, batch.frame, batch.time_seconds, strict=True):
        times = films[e].timestamps(films[e].views[v])
        assert 0 <= f < len(times)
        assert t == times[f]
    assert np.array_equal(batch.episode[:half], batch.episode[half:])
    assert np.array_equal(batch.moment[:half], batch.moment[half:])
    assert len(np.unique(batch.moment)) == half


@given(LENGTHS, st.integers(0, 99), st.integers(1, 5), st.sampled_from([4, 16, 64]))
def test_multi_view_pairs_are_simultaneous_frames_of_two_views(lengths, seed, per_batch, size):
    films = films_of(lengths, seed)
    options = BatchOptions(batch_frames=size, episodes_per_batch=per_batch)
    batch = drawn(MultiViewSampler, films, options, seed)
    if batch is None:
        # Two moments seen by two views need two views of two frames.
        assert not any(sum(count > 1 for count in counts) >= 2 for counts in lengths)
        return
    check_indices(batch, films, options)
    half = len(batch) // 2
    assert (batch.view[:half] != batch.view[half:]).all()
    frames = set(zip(batch.episode, batch.view, batch.frame, strict=True))
    assert len(frames) == len(batch), "a frame occurs in two pairs"
    for row in range(half):
        film = films[batch.episode[row]]
        anchor, partner = (film.timestamps(film.views[batch.view[r]]) for r in (row, row + half))
        gap = abs(batch.time_seconds[row] - batch.time_seconds[row + half])
        assert gap == np.abs(partner - batch.time_seconds[row]).min()
        assert gap <= frame_period_seconds(anchor, partner) / 2 + 1e-6


@given(LENGTHS, st.integers(0, 99), st.integers(1, 5), st.sampled_from([4, 16, 64]))
def test_single_view_pairs_are_near_but_never_the_same_frame(lengths, seed, per_batch, size):
    films = films_of(lengths, seed)
    options = BatchOptions(batch_frames=size, episodes_per_batch=per_batch)
    batch = drawn(SAMPLERS["times"], films, options, seed)
    if batch is None:
        # Six frames at 10 fps last 0.5 s: the first has neighbours and something beyond 0.4 s.
        assert max(max(counts) for counts in lengths) < 6
        return
    check_indices(batch, films, options)
    half = len(batch) // 2
    assert np.array_equal(batch.view[:half], batch.view[half:])
    gaps = np.abs(batch.time_seconds[:half] - batch.time_seconds[half:])
    assert (gaps > 0).all()
    assert (gaps <= 0.2 + 1e-6).all()
    anchors = list(zip(batch.episode[:half], batch.view[:half], batch.frame[:half], strict=True))
    assert len(set(anchors)) == half
    for row in range(half):
        film = films[batch.episode[row]]
        times = film.timestamps(film.views[batch.view[row]])
        assert np.abs(times - batch.time_seconds[row]).max() > 0.4


@pytest.mark.parametrize("pairing", SAMPLERS)
def test_batches_are_full_when_the_films_have_enough(pairing):
    films = films_of([[40, 40, 40]] * 6)
    sampler = SAMPLERS[pairing](films, BatchOptions(batch_frames=128, episodes_per_batch=4))
    rng = np.random.default_rng(0)
    for _ in range(20):
        batch = sampler.draw(rng)
        assert len(batch) == 128
        assert np.array_equal(np.unique(batch.episode, return_counts=True)[1], [32] * 4)


@pytest.mark.parametrize("pairing", SAMPLERS)
def test_short_films_are_filled_up_from_others(pairing):
    films = films_of([[8, 8]] * 9)
    sampler = SAMPLERS[pairing](films, BatchOptions(batch_frames=64, episodes_per_batch=2))
    batch = sampler.draw(np.random.default_rng(0))
    assert len(batch) == 64
    assert len(np.unique(batch.episode)) > 2


@pytest.mark.parametrize("pairing", SAMPLERS)
def test_every_film_view_and_frame_is_reached(pairing):
    films = films_of([[12, 12, 12], [12, 12, 12]])
    sampler = SAMPLERS[pairing](films, BatchOptions(batch_frames=8, episodes_per_batch=2))
    rng = np.random.default_rng(0)
    seen = set()
    for _ in range(300):
        batch = sampler.draw(rng)
        seen |= set(zip(batch.episode, batch.view, batch.frame, strict=True))
    assert len(seen) == 2 * 3 * 12


@pytest.mark.parametrize("pairing", SAMPLERS)
def test_the_same_seed_draws_the_same_batches(pairing):
    sampler = SAMPLERS[pairing](films_of([[30, 25]] * 5), BatchOptions(batch_frames=32))
    first, second = (np.random.default_rng(7) for _ in range(2))
    for _ in range(3):
        one, two = sampler.draw(first), sampler.draw(second)
        assert np.array_equal(one.frame, two.frame)
        assert np.array_equal(one.episode, two.episode)


def test_unequal_frame_rates_pair_by_time():
    film = blank_film({"fast": np.arange(60) / 60, "slow": np.arange(20) / 20})
    batch = MultiViewSampler([film], BatchOptions(batch_frames=16)).draw(np.random.default_rng(0))
    gaps = np.abs(batch.time_seconds[:8] - batch.time_seconds[8:])
    assert (gaps <= 1 / 40 + 1e-6).all()


@pytest.mark.parametrize(
    ("films", "pairing", "said"),
    [
        ([], "views", "found none in 0 episodes"),
        ([blank_film({})], "views", "with views none; record more views"),
        ([blank_film({})], "times", "films of up to 0 frames"),
        ([blank_film({"front": np.arange(9) * 0.1})], "views", "front; record more views"),
        ([blank_film({"a": [0.0, 0.1], "b": [9.0, 9.1]})], "views", "--pairing times"),
        ([blank_film({"a": [0.0, 0.1]})], "times", "films of up to 2 frames, 0.1 s"),
        ([blank_film({"a": np.arange(9) * 1.0})], "times", "1 s between frames"),
    ],
)
def test_what_cannot_be_drawn_is_said_in_one_line(films, pairing, said):
    with pytest.raises(UserError, match="expects") as caught:
        SAMPLERS[pairing](films, BatchOptions())
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (BatchOptions(batch_frames=7), "--batch-frames"),
        (BatchOptions(batch_frames=2), "--batch-frames"),
        (BatchOptions(episodes_per_batch=0), "--episodes-per-batch"),
    ],
)
@pytest.mark.parametrize("pairing", SAMPLERS)
def test_options_that_cannot_work_are_named(options, named, pairing):
    with pytest.raises(UserError, match=named):
        SAMPLERS[pairing](films_of([[30, 30]]), options)


@pytest.mark.parametrize("radii", [Radii(Reach(0.0)), Radii(excluded=Reach(0.1))])
def test_radii_that_cannot_work_are_named(radii):
    with pytest.raises(UserError, match="--positive-radius-seconds <= --exclusion-seconds"):
        SingleViewSampler(films_of([[30, 30]]), BatchOptions(), radii)


def test_gathered_frames_are_those_of_the_batch(tmp_path):
    rng = np.random.default_rng(0)
    films = films_of([[9, 11], [10, 8]])
    for film in films:
        for view, clip in film.clips.items():
            film.clips[view] = rng.integers(0, 256, clip.shape).astype(np.uint8)
    batch = MultiViewSampler(films, BatchOptions(batch_frames=12)).draw(rng)
    store = store_of(films, tmp_path / "store", size_px=1)
    frames = store.gather(store.rows(batch.episode, batch.view, batch.frame))
    assert frames.dtype == np.uint8
    for row, (e, v, f) in enumerate(zip(batch.episode, batch.view, batch.frame, strict=True)):
        assert np.array_equal(frames[row], films[e].clips[films[e].views[v]][f])
