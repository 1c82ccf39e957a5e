"""Windows, radii in frames and scopes of TCN's samplers; pairs of one frame and of close frames."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcn_robot.data.film_table import film_table
from tcn_robot.data.sampling import (
    Batch,
    BatchOptions,
    MultiViewSampler,
    ProximitySampler,
    Radii,
    Reach,
    SameFrameSampler,
    SingleViewSampler,
)
from tcn_robot.data.sampling.proximity import draw_columns
from tcn_robot.data.sampling.same_frame import view_and_frame
from tcn_robot.errors import UserError
from tests.data.films import Film, blank_film

NAMES = ("a", "b", "c")
LENGTHS = st.lists(st.lists(st.integers(0, 30), min_size=1, max_size=3), min_size=1, max_size=5)
REACHES = st.one_of(
    st.builds(Reach, st.sampled_from([0.05, 0.1, 0.25, 1.0, 9.0])),
    st.builds(Reach, st.just(0.0), st.sampled_from([1, 2, 5, 100])),
)


def films_of(lengths: list[list[int]], seed: int = 0) -> list[Film]:
    """Films at about 10 fps, with frames dropped here and there."""
    rng = np.random.default_rng(seed)
    films = []
    for id, counts in enumerate(lengths):
        times = {
            name: np.sort(rng.choice(2 * count + 1, size=count, replace=False)) * 0.05
            for name, count in zip(NAMES, counts, strict=False)
        }
        films.append(blank_film(times, size_px=1, id=id))
    return films


def even_films(*lengths: int) -> list[Film]:
    """Films of two views at 10 fps."""
    return [
        blank_film({"a": np.arange(n) * 0.1, "b": np.arange(n) * 0.1}, size_px=1, id=id)
        for id, n in enumerate(lengths)
    ]


def is_one_line_about_expectations(error: UserError) -> bool:
    return "expects" in str(error) and "\n" not in str(error)


def drawn(make, seed: int = 0) -> Batch | None:
    """A batch, or None when the sampler says in one line that there is none."""
    try:
        return make().draw(np.random.default_rng(seed))
    except UserError as error:
        return None if is_one_line_about_expectations(error) else pytest.fail(str(error))


def check_pairs(batch: Batch, films: list[Film], batch_frames: int) -> None:
    """Frames exist, have their own times, and pairs lie within one film."""
    half = len(batch) // 2
    assert batch.shape == (2, half)
    assert 2 <= len(batch) <= batch_frames
    table = film_table(films)
    positions = table.positions(batch.episode, batch.view, batch.frame)  # raises out of range
    assert np.array_equal(table.times_seconds[positions], batch.time_seconds)
    assert np.array_equal(batch.episode[:half], batch.episode[half:])
    assert np.array_equal(batch.moment[:half], batch.moment[half:])
    assert len(np.unique(batch.moment)) == half


# --- windows ---------------------------------------------------------------------------------


@pytest.mark.parametrize("window_frames", [2, 7, 30, 99])
def test_multi_view_pairs_of_a_film_lie_in_one_window(window_frames):
    films = even_films(60, 80)
    sampler = MultiViewSampler(films, BatchOptions(24, 2), window_frames)
    rng = np.random.default_rng(0)
    seen = set()
    for _ in range(800):
        batch = sampler.draw(rng)
        assert batch.shape == (2, len(batch) // 2)
        for film in (0, 1):
            frames = batch.frame[batch.episode == film]
            assert np.ptp(frames) < window_frames
            seen |= set(zip(itertools.repeat(film), frames, strict=False))
    assert len(seen) == 140, "every frame is reached"


@pytest.mark.parametrize("radii", [Radii(Reach(0.2), Reach(0.4)), Radii(Reach(0, 2), Reach(0, 4))])
@pytest.mark.parametrize("window_frames", [0, 6, 20, 99])
def test_single_view_pairs_of_a_film_lie_in_one_window(window_frames, radii):
    films = even_films(40, 30)
    sampler = SingleViewSampler(films, BatchOptions(16, 2), radii, window_frames)
    rng = np.random.default_rng(0)
    for _ in range(100):
        batch = sampler.draw(rng)
        half = len(batch) // 2
        check_pairs(batch, films, 16)
        gaps = np.abs(batch.frame[:half] - batch.frame[half:])
        assert gaps.min() >= 1, "a positive is never its anchor"
        assert gaps.max() <= 2
        for film in (0, 1):
            assert np.ptp(batch.frame[batch.episode == film]) < (window_frames or 99)


def test_a_window_without_a_negative_is_too_short():
    with pytest.raises(UserError, match="in a window of 5 frames; change the radii"):
        SingleViewSampler(even_films(40), BatchOptions(8), Radii(), window_frames=5)
    for sampler in (
        lambda: SingleViewSampler(even_films(40), BatchOptions(8), Radii(), window_frames=1),
        lambda: MultiViewSampler(even_films(40), BatchOptions(8), window_frames=-1),
    ):
        with pytest.raises(UserError, match="--window-frames must be at least 2, or 0"):
            sampler()


@given(LENGTHS, st.integers(0, 99), st.sampled_from([0, 2, 5, 12]), REACHES)
def test_single_view_windows_of_any_film_are_in_range(lengths, seed, window_frames, reach):
    films = films_of(lengths, seed)
    radii = Radii(reach, reach)
    batch = drawn(lambda: SingleViewSampler(films, BatchOptions(8, 2), radii, window_frames), seed)
    if batch is not None:
        check_pairs(batch, films, 8)
        half = len(batch) // 2
        clock = reach.clock(batch.time_seconds, batch.frame)
        assert (np.abs(clock[:half] - clock[half:]) <= reach.limit).all()
        assert (batch.frame[:half] != batch.frame[half:]).all()


# --- scopes ----------------------------------------------------------------------------------


def test_with_negatives_of_others_a_film_needs_none_of_its_own():
    short = even_films(3, 3)
    options = BatchOptions(8, 2)
    with pytest.raises(UserError, match="expects a film longer"):
        SingleViewSampler(short, options, Radii())
    batch = SingleViewSampler(short, options, Radii(), negatives="others").draw(
        np.random.default_rng(0)
    )
    assert len(np.unique(batch.episode)) == 2


@pytest.mark.parametrize("scope", ["episode", "all", "others"])
@pytest.mark.parametrize("one_view", [True, False])
def test_a_pair_is_never_alone_in_its_film_where_its_film_has_the_negatives(scope, one_view):
    """8 films of one pair each would be 8 anchors without a negative."""
    films = even_films(*[30] * 12)
    options = BatchOptions(16, 8)
    sampler = (
        SingleViewSampler(films, options, Radii(), negatives=scope)
        if one_view
        else MultiViewSampler(films, options, negatives=scope)
    )
    batch = sampler.draw(np.random.default_rng(0))
    pairs = np.unique(batch.episode[:8], return_counts=True)[1]
    assert pairs.tolist() == ([2] * 4 if scope == "episode" else [1] * 8)


def test_films_within_the_exclusion_are_not_used_and_said():
    films = even_films(10, 30, 40)
    sampler = MultiViewSampler(films, BatchOptions(16, 2), excluded=Reach(1.5))
    assert sampler.notes == ("1 of 3 episodes are not longer than the exclusion and are not used",)
    rng = np.random.default_rng(0)
    assert all(sampler.draw(rng).episode.min() > 0 for _ in range(20))
    with pytest.raises(UserError, match=r"than --exclusion-seconds 9, found at most 3\.9 in"):
        MultiViewSampler(films, BatchOptions(16, 2), excluded=Reach(9.0))
    everybody = MultiViewSampler(films, BatchOptions(16, 2), 0, "all", Reach(9.0))
    assert everybody.notes == ()
    assert len(np.unique(everybody.draw(rng).episode)) > 1


def test_films_without_common_moments_are_not_called_films_of_one_view():
    apart = blank_film({"a": [0.0, 0.1], "b": [9.0, 9.1]}, size_px=1)
    sampler = MultiViewSampler([*even_films(30), apart, blank_film({})], BatchOptions(8, 1))
    assert sampler.notes == (
        "2 of 3 episodes have no two moments that two views saw and are not used",
    )


def test_radii_of_two_units_are_refused():
    with pytest.raises(UserError, match="in one unit, found frames and seconds"):
        SingleViewSampler(even_films(40), BatchOptions(8), Radii(Reach(0, 2), Reach(0.4)))


# --- one frame twice ---------------------------------------------------------------------------


@given(LENGTHS, st.integers(0, 99), st.integers(1, 4))
def test_the_same_frame_stands_twice_and_in_no_other_pair(lengths, seed, per_batch):
    films = films_of(lengths, seed)
    batch = drawn(lambda: SameFrameSampler(films, BatchOptions(16, per_batch)), seed)
    if batch is None:
        assert sum(map(sum, lengths)) < 2
        return
    check_pairs(batch, films, 16)
    half = len(batch) // 2
    assert half == min(8, sum(map(sum, lengths)))
    places = np.stack([batch.episode, batch.view, batch.frame], axis=1)
    assert np.array_equal(places[:half], places[half:])
    assert len(np.unique(places[:half], axis=0)) == half


def test_frames_are_numbered_through_the_views():
    lengths = np.array([2, 0, 3, 0])
    expected = [[0, 0], [0, 1], [2, 0], [2, 1], [2, 2]]
    assert view_and_frame(np.arange(5), lengths).tolist() == expected


# --- close frames --------------------------------------------------------------------------------


@given(LENGTHS, st.integers(0, 99), REACHES, st.sampled_from(["uniform", "normal"]))
def test_proximity_pairs_never_cross_a_film_nor_meet_themselves(lengths, seed, reach, density):
    """Tempo's lists pictures of all videos in a row, and its pdf fails for a set of one frame."""
    films = films_of(lengths, seed)
    batch = drawn(lambda: ProximitySampler(films, BatchOptions(12, 3), reach, density), seed)
    if batch is None:
        assert density == "uniform" or max(max(counts) for counts in lengths) < 2
        return
    check_pairs(batch, films, 12)
    half = len(batch) // 2
    assert np.array_equal(batch.view[:half], batch.view[half:])
    assert (batch.frame[:half] != batch.frame[half:]).all()
    if density == "uniform":
        clock = reach.clock(batch.time_seconds, batch.frame)
        assert (np.abs(clock[:half] - clock[half:]) <= reach.limit).all()


@pytest.mark.parametrize("density", ["uniform", "normal"])
@pytest.mark.parametrize("reach", [Reach(0.3), Reach(0.0, 3)])
def test_partners_follow_the_density(reach, density):
    """Counts of many draws against the weights of a loop, at the border and in the middle."""
    films = even_films(15)
    sampler = ProximitySampler(films, BatchOptions(2 * 30, 1), reach, density)
    rng = np.random.default_rng(0)
    counts = np.zeros((15, 15))
    for _ in range(600):
        batch = sampler.draw(rng)
        half = len(batch) // 2
        np.add.at(counts, (batch.frame[:half], batch.frame[half:]), 1)
    for i in range(15):
        weights = np.zeros(15)
        for j in range(15):
            if i == j:
                continue
            near = abs(i - j) <= 3
            weights[j] = near if density == "uniform" else np.exp(-((i - j) ** 2) / (2 * 3**2))
        expected = counts[i].sum() * weights / weights.sum()
        assert (counts[i][weights == 0] == 0).all()
        seen = weights > 0
        # Five standard deviations of a count, and a frame or two where hardly any is expected.
        assert (np.abs(counts[i] - expected)[seen] <= 5 * np.sqrt(expected[seen]) + 2).all()


def test_a_density_much_narrower_than_a_frame_still_finds_the_neighbours():
    for reach in (Reach(1e-4), Reach(1e-9)):
        batch = ProximitySampler(even_films(9), BatchOptions(16, 1), reach, "normal").draw(
            np.random.default_rng(0)
        )
        half = len(batch) // 2
        assert (np.abs(batch.frame[:half] - batch.frame[half:]) == 1).all()


@pytest.mark.parametrize("density", ["uniform", "normal"])
@pytest.mark.parametrize("length", range(2, 9))
def test_every_frame_of_a_short_film_is_reached(length, density):
    sampler = ProximitySampler(even_films(length), BatchOptions(8, 1), Reach(0, 2), density)
    rng = np.random.default_rng(0)
    batches = [sampler.draw(rng) for _ in range(80)]
    assert {int(f) for batch in batches for f in batch.frame} == set(range(length))


def test_films_of_one_frame_are_said():
    for films, found in (([], "0 frames"), (even_films(1, 1), "up to 1 frames")):
        with pytest.raises(UserError, match="two frames at most --proximity-frames 30 apart") as c:
            ProximitySampler(films, BatchOptions(8), Reach(0, 30), "normal")
        assert found in str(c.value)
    with pytest.raises(UserError, match=r"--proximity-seconds 0.05 apart, .* 0.1 s between them"):
        ProximitySampler(even_films(9), BatchOptions(8), Reach(0.05), "uniform")
    sampler = ProximitySampler(even_films(1, 9), BatchOptions(8), Reach(0, 30), "uniform")
    assert sampler.notes == ("1 of 2 episodes have no two frames close in time and are not used",)


def test_columns_are_drawn_by_weight_and_never_where_it_is_0():
    class Largest:
        def random(self, count):
            return np.full(count, np.nextafter(1.0, 0.0))

    weights = np.array([[0.0, 1.0, 0.0, 1e-300, 0.0], [0.3, 0.3, 0.3, 0.0, 0.0]])
    assert (np.take_along_axis(weights, draw_columns(weights, Largest())[:, None], 1) > 0).all()
    many = np.tile([0.0, 1.0, 3.0], (4000, 1))
    counts = np.bincount(draw_columns(many, np.random.default_rng(0)), minlength=3)
    assert counts[0] == 0
    assert counts[2] == pytest.approx(3000, abs=150)


@pytest.mark.parametrize(
    "make",
    [
        lambda films, options: SameFrameSampler(films, options),
        lambda films, options: ProximitySampler(films, options, Reach(0, 3), "normal"),
        lambda films, options: MultiViewSampler(films, options, 12),
        lambda films, options: SingleViewSampler(films, options, Radii(), 12),
    ],
)
def test_batches_are_full_and_the_same_seed_draws_the_same(make):
    films = even_films(40, 40, 40, 40)
    options = BatchOptions(32, 2)
    one, two = make(films, options), make(films, options)
    first, second = (np.random.default_rng(7) for _ in range(2))
    for _ in range(3):
        batch, again = one.draw(first), two.draw(second)
        assert len(batch) == 32
        assert np.array_equal(batch.frame, again.frame)
        assert np.array_equal(batch.episode, again.episode)
    with pytest.raises(UserError, match="--batch-frames"):
        make(films, BatchOptions(7))
