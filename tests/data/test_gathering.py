"""Batches by index arithmetic, against loops that go frame by frame."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcn_robot.data import FrameStore
from tcn_robot.data.film_table import FilmTable
from tcn_robot.data.sampling import (
    BatchOptions,
    MultiViewSampler,
    Radii,
    SingleViewSampler,
)
from tcn_robot.data.sampling.simultaneous import first_without_overlap
from tcn_robot.matching import match_frames, nearest_frames
from tests.data.films import Film, store_of

NAMES = ("a", "b", "c")
# Views of unequal length at irregular times, some empty; episodes with other numbers of views.
STEPS = st.lists(st.sampled_from([0.01, 0.1, 1 / 3, 2.5]), max_size=12)
FILMS = st.lists(st.lists(STEPS, min_size=1, max_size=3), min_size=1, max_size=4)


def noise_films(
    steps: list[list[list[float]]], seed: int = 0, starts: tuple[float, ...] = (0.0, -3.0, 7.25)
) -> list[Film]:
    rng = np.random.default_rng(seed)
    films = []
    for id, views in enumerate(steps):
        times = {
            name: rng.choice(starts) + np.cumsum(gaps)
            for name, gaps in zip(NAMES, views, strict=False)
        }
        clips = {
            name: rng.integers(0, 256, (len(at), 8, 8, 3)).astype(np.uint8)
            for name, at in times.items()
        }
        films.append(Film(clips, times, id))
    return films


def drawn_places(films: list[Film], count: int, seed: int) -> tuple[np.ndarray, ...]:
    """Random (episode, view, frame), each (N,), of the views that have frames."""
    rng = np.random.default_rng(seed)
    full = [(e, v) for e, f in enumerate(films) for v, n in enumerate(f.views) if len(f.times[n])]
    if not full:
        return (np.empty(0, np.int64),) * 3
    places = [full[choice] for choice in rng.integers(0, len(full), count)]
    frames = [rng.integers(0, len(films[e].times[films[e].views[v]])) for e, v in places]
    return tuple(np.array(column, np.int64) for column in (*zip(*places, strict=True), frames))


def slow_nearest(times: np.ndarray, time: float) -> int:
    """The earliest of the frames at the smallest distance, by looking at each."""
    gaps = [abs(float(at) - float(time)) for at in times]
    return gaps.index(min(gaps))


@given(FILMS, st.integers(0, 9))
def test_gathered_frames_and_indices_equal_a_loop(steps, seed):
    films = noise_films(steps, seed)
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as folder:
        parts = [films[: len(films) // 2], films[len(films) // 2 :]]
        stores = [store_of(p, Path(folder) / str(i), 8) for i, p in enumerate(parts) if p]
        for store in (FrameStore.join(stores), store_of(films, Path(folder) / "one", 8)):
            episode, view, frame = drawn_places(films, 20, seed)
            names = [films[e].views[v] for e, v in zip(episode, view, strict=True)]
            expected = [films[e].clips[n][f] for e, n, f in zip(episode, names, frame, strict=True)]
            found = store.gather(store.rows(episode, view, frame))
            assert found.dtype == np.uint8
            assert np.array_equal(found, np.array(expected, np.uint8).reshape(-1, 8, 8, 3))

            at = [films[e].times[n][f] for e, n, f in zip(episode, names, frame, strict=True)]
            at = np.array(at) + rng.choice([0.0, 0.005, -0.005, 0.05, 1e-7, 99.0, -99.0], len(at))
            slow = [
                films[e].clips[n][slow_nearest(films[e].times[n], t)]
                for e, n, t in zip(episode, names, at, strict=True)
            ]
            found = store.gather(store.index(episode, view, at))
            assert np.array_equal(found, np.array(slow, np.uint8).reshape(-1, 8, 8, 3))


@given(FILMS, st.integers(0, 9))
def test_nearest_frames_are_those_that_matching_finds(steps, seed):
    """Bit for bit, with ties between two frames, and frames of one time, which are a fault."""
    films = noise_films([[gaps + [0.0] * (seed % 3) for gaps in views] for views in steps], seed)
    table = FilmTable([[film.times[name] for name in film.views] for film in films])
    rng = np.random.default_rng(seed)
    for e, film in enumerate(films):
        for v, name in enumerate(film.views):
            times = film.times[name]
            if not len(times):
                continue
            between = (times[1:] + times[:-1]) / 2
            asked = np.concatenate([times, between, times + 1e-9, rng.uniform(-5, 20, 9)])
            place = np.full(len(asked), e), np.full(len(asked), v)
            found = table.nearest(*place, asked)
            assert np.array_equal(found, nearest_frames(asked, times))


def small_store(folder: Path) -> FrameStore:
    return store_of(noise_films([[[0.1] * 3, [0.1]], [[0.1] * 2], [[], [0.1]]]), folder, 8)


@pytest.mark.parametrize(
    ("episode", "view", "frame"),
    [(0, 0, 3), (0, 0, -1), (0, 1, 1), (1, 1, 0), (2, 0, 0), (3, 0, 0), (-1, 0, 0), (0, 2, 0)],
)
def test_frames_that_are_not_there_are_refused(tmp_path, episode, view, frame):
    store = small_store(tmp_path / "store")
    place = np.array([0, episode]), np.array([0, view])
    with pytest.raises(IndexError):
        store.rows(*place, np.array([0, frame]))
    if frame == 0:
        with pytest.raises(IndexError):
            store.index(*place, np.array([0.0, 0.0]))


@pytest.mark.parametrize("row", [-1, 7])
def test_rows_outside_the_store_are_refused(tmp_path, row):
    store = small_store(tmp_path / "store")
    assert len(store.films) == 7
    with pytest.raises(IndexError, match="outside the store's 7"):
        store.gather(np.array([0, row]))


def test_one_frame_and_no_frame(tmp_path):
    store = small_store(tmp_path / "store")
    rows = store.index(np.array([2]), np.array([1]), np.array([-5.0]))
    assert np.array_equal(store.gather(rows), store.episodes[2].frames("b"))
    assert store.gather(np.empty(0, np.int64)).shape == (0, 8, 8, 3)
    nothing = FrameStore(8, ())
    assert nothing.gather(np.empty(0, np.int64)).shape == (0, 8, 8, 3)
    with pytest.raises(IndexError):
        nothing.index(np.array([0]), np.array([0]), np.array([0.0]))


def test_fewer_views_of_some_episodes_are_the_same_frames(tmp_path):
    store = small_store(tmp_path / "store")
    part = FrameStore(8, (store.episodes[2], store.episodes[0].with_views(["b"])))
    rows = part.rows(np.array([1, 0]), np.array([0, 1]), np.array([0, 0]))
    found = part.gather(rows)
    assert np.array_equal(found[0], store.episodes[0].frames("b")[0])
    assert np.array_equal(found[1], store.episodes[2].frames("b")[0])


def test_frames_are_gathered_into_room_that_is_given(tmp_path):
    store = small_store(tmp_path / "store")
    out = np.zeros((2, 8, 8, 3), np.uint8)
    assert store.gather(np.array([1, 5]), out) is out
    assert np.array_equal(out[0], store.episodes[0].frames("a")[1])


@given(st.lists(st.lists(st.integers(0, 25), min_size=3, max_size=3, unique=True), max_size=60))
def test_what_does_not_overlap_is_chosen_as_going_row_by_row_would(rows):
    seen: set[int] = set()
    expected = []
    for number, row in enumerate(rows):
        if not seen & set(row):
            seen |= set(row)
            expected.append(number)
    marks = np.array(rows, np.int64).reshape(-1, 3)
    assert first_without_overlap(marks).tolist() == expected


def slow_multi_view(films, options, rng) -> list[tuple]:
    """The batches' pairs as the sampler drew them while it went pair by pair, in sets."""
    tables = []
    for film in films:
        times = [film.times[name] for name in film.views]
        longest, pairs = max(times, key=len), []
        for a, first in enumerate(times):
            for b, second in enumerate(times):
                for i, j in match_frames(first, second).tolist() if a != b else []:
                    moment = nearest_frames(first[i : i + 1], longest)[0]
                    pairs.append((a, i, b, j, int(moment)))
        tables.append(pairs)
    usable = np.array([n for n, t in enumerate(tables) if len({pair[4] for pair in t}) > 1])
    if not len(usable):
        return []
    missing = options.batch_frames // 2
    share = -(-missing // min(options.episodes_per_batch, len(usable)))
    drawn = []
    for film in rng.permutation(usable):
        table, count = tables[film], min(share, missing)
        for num_candidates in (min(4 * count, len(table)), len(table)):
            seen: set[tuple] = set()
            chosen: list[tuple] = []
            for row in rng.choice(len(table), size=num_candidates, replace=False):
                a, i, b, j, moment = table[row]
                marks = {(a, i), (b, j), (-1, moment)}
                if len(chosen) < count and not marks & seen:
                    seen |= marks
                    chosen.append((int(film), a, i, b, j))
            if len(chosen) == count:
                break
        drawn += chosen
        missing -= len(chosen)
        if missing == 0:
            break
    return drawn


@given(FILMS, st.integers(0, 9), st.sampled_from([4, 16, 64]), st.integers(1, 3))
def test_pairs_are_the_ones_that_a_loop_draws(steps, seed, batch_frames, per_batch):
    """The same draws from the same generator: trainings repeat what they did before."""
    films = noise_films(steps, seed, starts=(0.0, 0.005))
    options = BatchOptions(batch_frames=batch_frames, episodes_per_batch=per_batch)
    fast, slow = (np.random.default_rng(seed) for _ in range(2))
    if not slow_multi_view(films, options, np.random.default_rng(0)):
        return
    sampler = MultiViewSampler(films, options, negatives="all")
    for _ in range(3):
        expected = slow_multi_view(films, options, slow)
        if len(expected) < 2:
            return  # A pair alone has no negative, and the sampler draws again.
        batch = sampler.draw(fast)
        half = len(expected)
        anchors = (column[:half].tolist() for column in (batch.episode, batch.view, batch.frame))
        partners = (column[half:].tolist() for column in (batch.view, batch.frame))
        found = list(zip(*anchors, *partners, strict=True))
        assert found == expected
    assert fast.bit_generator.state == slow.bit_generator.state


def in_time(films, options):
    return SingleViewSampler(films, options, Radii())


@pytest.mark.parametrize("made", [MultiViewSampler, in_time])
def test_a_batch_names_the_measured_times(made):
    steps = [[[0.1] * 12, [0.09] * 11], [[0.1] * 9, [0.11] * 12]]
    films = noise_films(steps, starts=(0.0, 0.01))
    batch = made(films, BatchOptions(batch_frames=16)).draw(np.random.default_rng(1))
    for e, v, f, time in zip(
        batch.episode, batch.view, batch.frame, batch.time_seconds, strict=True
    ):
        assert time == films[e].times[films[e].views[v]][f]
