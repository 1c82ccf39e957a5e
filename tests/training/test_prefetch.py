"""Batches drawn ahead: the same ones, and a generator that never runs ahead of the training."""

import json
import threading

import numpy as np
import pytest
import torch

from tcn_robot.data import BatchOptions, FrameStore, MultiViewSampler
from tcn_robot.training.device_frames import DeviceFrames
from tcn_robot.training.prefetch import Prefetch
from tests.data.films import dot_films, store_of

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    films = dot_films(seed=0, train=4, length=12, size_px=8)
    return store_of(films, tmp_path_factory.mktemp("films") / "store", size_px=8)


@pytest.fixture
def sampler(store):
    return MultiViewSampler(store.episodes, BatchOptions(batch_frames=12))


def gathering(store):
    return DeviceFrames(FrameStore(8, store.episodes), CPU).gather


def same(one, other):
    names = ("episode", "view", "frame", "moment", "time_seconds", "shape")
    return all(np.array_equal(getattr(one, n), getattr(other, n)) for n in names)


def test_batches_frames_and_the_generator_are_those_of_a_loop_without_a_thread(store, sampler):
    gather = gathering(store)
    plain, ahead = np.random.default_rng(3), np.random.default_rng(3)
    with Prefetch(sampler, gather, CPU) as prefetch:
        for _ in range(15):
            batch, frames = prefetch.next(ahead)
            expected = sampler.draw(plain)
            assert same(batch, expected)
            assert torch.equal(frames, gather(expected))
            assert ahead.bit_generator.state == plain.bit_generator.state


@pytest.mark.parametrize("kind", [np.random.PCG64, np.random.MT19937, np.random.Philox])
def test_a_checkpoint_after_any_step_goes_on_with_the_batch_used_next(store, sampler, kind):
    gather = gathering(store)
    whole = np.random.Generator(kind(5))
    batches = [sampler.draw(whole) for _ in range(6)]
    for stop in range(1, 6):
        rng = np.random.Generator(kind(5))
        with Prefetch(sampler, gather, CPU) as prefetch:
            for _ in range(stop):
                prefetch.next(rng)
            saved = rng.bit_generator.state
            if kind is np.random.PCG64:  # that of a training: by way of a file
                saved = json.loads(json.dumps(saved))
        resumed = np.random.Generator(kind(0))
        resumed.bit_generator.state = saved
        with Prefetch(sampler, gather, CPU) as prefetch:
            for expected in batches[stop:]:
                assert same(prefetch.next(resumed)[0], expected)


def test_a_generator_that_was_set_anew_makes_the_waiting_batch_useless(store, sampler):
    rng = np.random.default_rng(1)
    start = rng.bit_generator.state
    with Prefetch(sampler, gathering(store), CPU) as prefetch:
        first = prefetch.next(rng)[0]
        prefetch.next(rng)
        rng.bit_generator.state = start
        assert same(prefetch.next(rng)[0], first)
        assert same(prefetch.next(np.random.default_rng(1))[0], first)


def test_the_next_batch_is_gathered_while_the_step_runs(store, sampler):
    gather, second = gathering(store), threading.Event()
    threads = []

    def noted(batch):
        threads.append(threading.current_thread())
        if len(threads) == 2:
            second.set()
        return gather(batch)

    rng = np.random.default_rng(0)
    with Prefetch(sampler, noted, CPU) as prefetch:
        prefetch.next(rng)
        assert second.wait(timeout=60)  # nobody has asked for it yet
    assert threading.main_thread() not in threads
    assert not threads[0].is_alive()


def test_what_fails_in_the_thread_is_raised_where_the_batch_is_used(store, sampler):
    calls = []

    def failing(batch):
        calls.append(batch)
        if len(calls) == 2:
            raise OSError("the disk is gone")
        return gathering(store)(batch)

    rng = np.random.default_rng(0)
    with Prefetch(sampler, failing, CPU) as prefetch:
        prefetch.next(rng)
        with pytest.raises(OSError, match="the disk is gone"):
            prefetch.next(rng)


def test_leaving_by_ctrl_c_lets_go_of_the_thread(store, sampler):
    def interrupted():
        with Prefetch(sampler, gathering(store), CPU) as prefetch:
            prefetch.next(np.random.default_rng(0))
            raise KeyboardInterrupt

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert threading.active_count() == before
