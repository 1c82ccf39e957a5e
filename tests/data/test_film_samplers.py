"""Samplers of whole films, intervals and stretches: what they promise for films of every length."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcn_robot.data.film_table import film_table
from tcn_robot.data.sampling import Batch, BatchOptions
from tcn_robot.data.sampling.intervals import Intervals, IntervalSampler
from tcn_robot.data.sampling.moment_numbers import moment_numbers
from tcn_robot.data.sampling.paired_sequences import PairedSequenceSampler
from tcn_robot.data.sampling.sequences import SequenceSampler, ordered_frames
from tcn_robot.data.sampling.stretches import StretchSampler
from tcn_robot.errors import UserError
from tests.data.films import Film, blank_film

NAMES = ("a", "b", "c")
LENGTHS = st.lists(st.lists(st.integers(0, 30), min_size=1, max_size=3), min_size=1, max_size=6)
OPTIONS = st.builds(BatchOptions, st.sampled_from([8, 16, 64]), st.integers(1, 5))

Make = Callable[[list[Film], BatchOptions], object]
SAMPLERS: dict[str, Make] = {
    "films": lambda films, options: SequenceSampler(films, options, "films"),
    "views": lambda films, options: SequenceSampler(films, options, "views"),
    "both": lambda films, options: SequenceSampler(films, options, "both"),
    "paired in time": lambda films, options: PairedSequenceSampler(films, options, "times", 5),
    "paired views": lambda films, options: PairedSequenceSampler(films, options, "views", 5),
    "intervals": lambda films, options: IntervalSampler(films, options, Intervals()),
    "stretches": StretchSampler,
}


def films_of(lengths: list[list[int]], seed: int = 0) -> list[Film]:
    """Films at 10 fps whose cameras start a little apart."""
    rng = np.random.default_rng(seed)
    return [
        blank_film(
            {
                name: rng.uniform(0, 0.04) + np.arange(count) * 0.1
                for name, count in zip(NAMES, counts, strict=False)
            },
            size_px=1,
            id=id,
        )
        for id, counts in enumerate(lengths)
    ]


def drawn(make: Make, films: list[Film], options: BatchOptions, seed: int = 0) -> Batch | None:
    """A batch, or None when the sampler says in one line that there is none."""
    try:
        sampler = make(films, options)
    except UserError as error:
        return None if is_clear(error) else pytest.fail(str(error))
    return sampler.draw(np.random.default_rng(seed))


def is_clear(error: UserError) -> bool:
    return "\n" not in str(error) and ("expect" in str(error) or "--" in str(error))


def check_frames(batch: Batch, films: list[Film], options: BatchOptions) -> None:
    """Every index is in range, times are those of the frames, and moments are one episode's."""
    assert len(batch) == np.prod(batch.shape)
    assert 2 <= len(batch) <= options.batch_frames
    for e, v, f, t in zip(batch.episode, batch.view, batch.frame, batch.time_seconds, strict=True):
        times = films[e].timestamps(films[e].views[v])
        assert 0 <= f < len(times)
        assert t == times[f]
    for moment in np.unique(batch.moment):
        shown = batch.moment == moment
        assert len(np.unique(batch.episode[shown])) == 1
        assert np.ptp(batch.time_seconds[shown]) <= 0.05 + 1e-6
        by_view = {(v, f) for v, f in zip(batch.view[shown], batch.frame[shown], strict=True)}
        assert len({v for v, _ in by_view}) == len(by_view), "two frames of a view share a moment"


def parts(batch: Batch, column: str) -> np.ndarray:
    return getattr(batch, column).reshape(batch.shape)


# --- whole films ----------------------------------------------------------------------------


@given(LENGTHS, OPTIONS, st.integers(0, 99), st.sampled_from(["films", "views", "both"]))
def test_sequences_are_ordered_films(lengths, options, seed, across):
    films = films_of(lengths, seed)
    batch = drawn(SAMPLERS[across], films, options, seed)
    if batch is None:
        # Two films are needed: of two episodes, or of two views of one.
        long = [sum(n >= 2 for n in counts) for counts in lengths]
        enough = sum(n >= 1 for n in long) >= 2 if across == "films" else max(long) >= 2
        rows = options.episodes_per_batch * (1 if across == "films" else 2)
        assert not enough or rows < 2 or options.batch_frames // rows < 2
        return
    check_frames(batch, films, options)
    episode, view, frame = (parts(batch, name) for name in ("episode", "view", "frame"))
    assert (episode == episode[:, :1]).all()
    assert (view == view[:, :1]).all()
    assert (np.diff(frame, axis=1) >= 0).all()
    if across == "films":
        assert len(np.unique(episode[:, 0])) == len(episode)
    else:
        assert (episode[0::2] == episode[1::2]).all()
        assert (view[0::2, 0] != view[1::2, 0]).all()
    for row in range(len(frame)):
        length = len(films[episode[row, 0]].timestamps(NAMES[view[row, 0]]))
        often = np.bincount(frame[row], minlength=length)
        assert often.max() - often.min() <= 1, "a film too short gives each frame as often"


@given(st.integers(1, 30), st.integers(1, 40), st.integers(0, 99))
def test_ordered_frames_repeat_only_what_is_too_short(length, count, seed):
    frames = ordered_frames(np.random.default_rng(seed), length, count)
    assert len(frames) == count
    assert (np.diff(frames) >= (1 if count <= length else 0)).all()
    assert 0 <= frames.min() <= frames.max() < length


@given(LENGTHS, OPTIONS, st.integers(0, 99), st.integers(1, 40))
def test_partners_in_time_are_before_their_frame_and_never_the_frame(
    lengths, options, seed, window
):
    films = films_of(lengths, seed)
    make = lambda f, o: PairedSequenceSampler(f, o, "times", window)  # noqa: E731
    batch = drawn(make, films, options, seed)
    if batch is None:
        return
    check_frames(batch, films, options)
    for name in ("episode", "view"):
        anchors, partners = parts(batch, name)
        assert np.array_equal(anchors, partners)
    anchors, partners = parts(batch, "frame")
    gap = anchors - partners
    assert (np.abs(gap) <= window).all()
    assert (gap[anchors > 0] >= 1).all()
    assert (gap[anchors == 0] <= -1).all()


@given(LENGTHS, OPTIONS, st.integers(0, 99))
def test_partners_in_another_view_show_the_same_moment(lengths, options, seed):
    films = films_of(lengths, seed)
    batch = drawn(SAMPLERS["paired views"], films, options, seed)
    if batch is None:
        return
    check_frames(batch, films, options)
    assert np.array_equal(*parts(batch, "moment"))
    assert np.array_equal(*parts(batch, "episode"))
    one, other = parts(batch, "view")
    assert (one != other).all()


def test_views_of_other_clocks_have_no_partners():
    films = [blank_film({"a": np.arange(9) * 0.1, "b": 100 + np.arange(9) * 0.1})] * 3
    with pytest.raises(UserError, match="found 3 episodes of up to 2 views"):
        SAMPLERS["paired views"](films, BatchOptions())


# --- intervals ------------------------------------------------------------------------------


@given(LENGTHS, OPTIONS, st.integers(0, 99), st.booleans(), st.sampled_from(["inverse", "uniform"]))
def test_intervals_are_two_frames_of_one_film(lengths, options, seed, other_view, weighting):
    films = films_of(lengths, seed)
    intervals = Intervals(weighting=weighting, other_view=other_view)
    batch = drawn(lambda f, o: IntervalSampler(f, o, intervals), films, options, seed)
    if batch is None:
        assert max(max(counts) for counts in lengths) < 2
        return
    check_frames(batch, films, options)
    assert np.array_equal(*parts(batch, "episode"))
    view, frame = parts(batch, "view"), parts(batch, "frame")
    if not other_view:
        assert np.array_equal(*view)
        assert (frame[0] != frame[1]).all()


@given(LENGTHS, OPTIONS, st.integers(0, 99))
def test_rewound_and_mismatched_pairs_stay_in_range(lengths, options, seed):
    films = films_of(lengths, seed)
    intervals = Intervals(rewind_share=0.7, mismatch_share=0.4)
    batch = drawn(lambda f, o: IntervalSampler(f, o, intervals), films, options, seed)
    if batch is None:
        assert sum(max(counts) >= 2 for counts in lengths) < 2
        return
    check_frames(batch, films, options)


def test_short_intervals_are_drawn_in_inverse_proportion():
    films = films_of([[9]])
    sampler = IntervalSampler(films, BatchOptions(batch_frames=40000), Intervals())
    first, second = parts(sampler.draw(np.random.default_rng(0)), "frame")
    steps = np.abs(first - second)
    expected = 1 / np.arange(1, 9)
    shares = np.bincount(steps, minlength=9)[1:] / len(steps)
    assert shares == pytest.approx(expected / expected.sum(), abs=0.015)
    assert np.mean(first < second) == pytest.approx(0.5, abs=0.02)
    # Every place an interval fits is as likely: of the longest there is one, of the next two.
    ends = np.minimum(first, second)[steps == 7]
    assert np.mean(ends) == pytest.approx(0.5, abs=0.06)


def test_a_rewound_film_comes_back_the_way_it_went():
    """Among its pairs are the same frame twice, and more backward pairs than forward ones."""
    films = films_of([[12]])
    intervals = Intervals(rewind_share=1.0, weighting="uniform")
    sampler = IntervalSampler(films, BatchOptions(batch_frames=20000), intervals)
    first, second = parts(sampler.draw(np.random.default_rng(0)), "frame")
    assert 0.02 < np.mean(first == second) < 0.3
    assert set(first) == set(range(12))


def test_mismatched_pairs_are_of_two_episodes():
    films = films_of([[12]] * 5)
    sampler = IntervalSampler(
        films, BatchOptions(batch_frames=4000), Intervals(mismatch_share=0.25)
    )
    first, second = parts(sampler.draw(np.random.default_rng(0)), "episode")
    assert np.mean(first != second) == pytest.approx(0.25, abs=0.03)
    all_wrong = IntervalSampler(
        films, BatchOptions(batch_frames=400), Intervals(mismatch_share=1.0)
    )
    first, second = parts(all_wrong.draw(np.random.default_rng(0)), "episode")
    assert (first != second).all()


# --- stretches ------------------------------------------------------------------------------


@given(LENGTHS, OPTIONS, st.integers(0, 99), st.integers(1, 9))
def test_stretches_run_forward_and_stay_in_range(lengths, options, seed, step):
    films = films_of(lengths, seed)
    batch = drawn(lambda f, o: StretchSampler(f, o, step), films, options, seed)
    if batch is None:
        assert max(max(counts) for counts in lengths) < step + 1
        return
    check_frames(batch, films, options)
    for name in ("episode", "view"):
        assert (parts(batch, name) == parts(batch, name)[0]).all()
    start, before, after, goal = parts(batch, "frame")
    assert (start <= before).all()
    assert (after == before + step).all()
    assert (after <= goal).all()


# --- all of them ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", SAMPLERS)
def test_the_same_seed_draws_the_same_batches(name):
    sampler = SAMPLERS[name](films_of([[30, 25]] * 5), BatchOptions(32, 4))
    first, second = (np.random.default_rng(7) for _ in range(2))
    for _ in range(3):
        one, two = sampler.draw(first), sampler.draw(second)
        for column in ("episode", "view", "frame", "moment"):
            assert np.array_equal(getattr(one, column), getattr(two, column))


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_film_view_and_frame_is_reached(name):
    sampler = SAMPLERS[name](films_of([[7, 7, 7]] * 3), BatchOptions(24, 2))
    rng = np.random.default_rng(0)
    seen = set()
    for _ in range(200):
        batch = sampler.draw(rng)
        seen |= set(zip(batch.episode, batch.view, batch.frame, strict=True))
        assert len(batch) == 24
    assert len(seen) == 3 * 3 * 7


@pytest.mark.parametrize("name", SAMPLERS)
def test_what_is_not_used_is_said(name):
    sampler = SAMPLERS[name](films_of([[9, 9], [9, 9], [1, 1]]), BatchOptions(16, 2))
    assert len(sampler.notes) == 1
    assert sampler.notes[0].startswith("1 of 3 episodes")
    assert SAMPLERS[name](films_of([[9, 9]] * 3), BatchOptions(16, 2)).notes == ()


@pytest.mark.parametrize(
    ("name", "lengths", "options", "said"),
    [
        ("films", [], BatchOptions(), "found 0 episodes without films"),
        ("films", [[9, 9]], BatchOptions(), "expects at least 2 episodes"),
        ("films", [[1], [1]], BatchOptions(), "with 1 to 1 frames"),
        ("films", [[9]] * 3, BatchOptions(episodes_per_batch=1), "--episodes-per-batch"),
        ("films", [[9]] * 8, BatchOptions(batch_frames=8), "--batch-frames 8 cannot hold"),
        ("views", [[9]] * 3, BatchOptions(), "filmed in two views"),
        ("paired views", [[9]] * 3, BatchOptions(), "up to 1 views"),
        ("paired in time", [[9]] * 8, BatchOptions(16), "--batch-frames 16 cannot hold 2 moments"),
        ("paired in time", [[9]] * 8, BatchOptions(16), "take 32 or more"),
        ("intervals", [[1]], BatchOptions(), "record longer ones"),
        ("intervals", [[9]], BatchOptions(batch_frames=5), "--batch-frames"),
        ("stretches", [[1, 0]], BatchOptions(), "with 0 to 1 frames"),
        ("stretches", [[9]], BatchOptions(batch_frames=10), "a multiple of 4"),
    ],
)
def test_what_cannot_be_drawn_is_said_in_one_line(name, lengths, options, said):
    with pytest.raises(UserError) as caught:
        SAMPLERS[name](films_of(lengths), options)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "make",
    [
        lambda films: PairedSequenceSampler(films, BatchOptions(), "times", 0),
        lambda films: IntervalSampler(films, BatchOptions(), Intervals(rewind_share=1.5)),
        lambda films: IntervalSampler(films, BatchOptions(), Intervals(mismatch_share=-0.1)),
        lambda films: StretchSampler(films, BatchOptions(), 0),
    ],
)
def test_options_that_cannot_work_are_named(make):
    with pytest.raises(UserError, match=r"--(window|step)-frames|--(rewind|mismatch)-share"):
        make(films_of([[9, 9]] * 3))


def test_a_single_film_cannot_be_mismatched():
    with pytest.raises(UserError, match="expect at least 2 episodes"):
        IntervalSampler(films_of([[9]]), BatchOptions(), Intervals(mismatch_share=0.1))


def test_moments_are_numbered_by_measured_time():
    films = [
        blank_film({"a": np.arange(5) * 0.1, "b": [0.01, 0.21, 0.29], "c": [5.0]}),
        blank_film({"a": [0.0, 0.1]}),
    ]
    numbers = moment_numbers(film_table(films)).tolist()
    assert numbers[:5] == [0, 1, 2, 3, 4]
    assert numbers[5:8] == [0, 2, 3]
    assert numbers[8] == 8
    assert numbers[9:] == [9, 10]
