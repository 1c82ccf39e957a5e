"""Batches on a device: the same bits whether all frames lie there or each batch is copied.

There is no GPU where these tests run; the code is the same for device="cpu", and there the room
is given by hand.
"""

import numpy as np
import pytest
import torch

from tcn_robot.data import BatchOptions, FrameStore, MultiViewSampler
from tcn_robot.training import RunDescription, create_run, make_config, train
from tcn_robot.training import device_frames as device_frames_module
from tcn_robot.training.device_frames import DeviceFrames
from tests.data.films import dot_films, store_of

CPU = torch.device("cpu")
CONFIG = make_config(steps=4, image_size_px=16, batch_frames=16, precision="fp32", device="cpu")


def uneven_store(folder):
    films = dot_films(seed=3, train=4, valid=1, length=14, size_px=16)
    films[1].clips["side"], films[1].times["side"] = (
        films[1].clips["side"][5:],
        films[1].times["side"][5:],
    )
    del films[2].clips["front"], films[2].times["front"]
    return store_of(films, folder, size_px=16)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return uneven_store(tmp_path_factory.mktemp("films") / "store")


def num_bytes(store):
    return sum(e.frames(view).nbytes for e in store.episodes for view in e.views)


def test_both_ways_give_the_frames_of_the_batch(store, monkeypatch):
    monkeypatch.setattr(device_frames_module, "COPIED_FRAMES", 5)  # several blocks per film
    training = FrameStore(16, store.split("train"))
    resident = DeviceFrames(training, CPU, free_bytes=2 * num_bytes(training))
    streamed = DeviceFrames(training, CPU)
    assert resident.are_resident
    assert not streamed.are_resident
    sampler = MultiViewSampler(training.episodes, BatchOptions(batch_frames=24))
    rng = np.random.default_rng(0)
    for _ in range(20):
        batch = sampler.draw(rng)
        frames = resident.gather(batch)
        assert frames.dtype == torch.uint8
        assert frames.shape == (len(batch), 16, 16, 3)
        assert torch.equal(frames, streamed.gather(batch))
        for row, (e, v, f) in enumerate(zip(batch.episode, batch.view, batch.frame, strict=True)):
            film = training.episodes[e]
            assert np.array_equal(frames[row].numpy(), film.frames(film.views[v])[f])


def test_frames_lie_on_the_device_when_there_is_room_for_1_3_times_their_size(store):
    size = num_bytes(store)
    for free_bytes, fits in ((int(1.3 * size) + 1, True), (int(1.3 * size) - 1, False), (0, False)):
        assert DeviceFrames(store, CPU, free_bytes).are_resident == fits


def test_only_what_is_trained_on_takes_room(store):
    part = FrameStore(16, tuple(e.with_views(["side"]) for e in store.split("train")))
    assert num_bytes(part) < num_bytes(store) / 2
    frames = DeviceFrames(part, CPU, free_bytes=int(1.3 * num_bytes(part)) + 1)
    assert frames.are_resident


def test_memory_that_is_free_but_not_to_be_had_is_no_fault(store, monkeypatch):
    def refuse(*shape, **options):
        if options.get("device") is not None:
            raise torch.OutOfMemoryError("in pieces")
        return real(*shape, **options)

    real = torch.empty
    monkeypatch.setattr(torch, "empty", refuse)
    frames = DeviceFrames(store, CPU, free_bytes=10 * num_bytes(store))
    assert not frames.are_resident
    sampler = MultiViewSampler(store.episodes, BatchOptions(batch_frames=8))
    assert len(frames.gather(sampler.draw(np.random.default_rng(0)))) == 8


def test_a_training_is_the_same_bit_for_bit_with_frames_on_the_device(store, tmp_path, monkeypatch):
    weights = []
    for name, free_bytes in (("streamed", 0), ("resident", 10 * num_bytes(store))):
        monkeypatch.setattr(DeviceFrames, "_free", lambda self, room=free_bytes: room)
        create_run(tmp_path / name, RunDescription(CONFIG, (), ""))
        train(CONFIG, store, tmp_path / name)
        weights.append((tmp_path / name / "encoder" / "model.safetensors").read_bytes())
    assert weights[0] == weights[1]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("free_bytes", [0, None])
def test_a_gpu_gets_the_same_frames(store, free_bytes):
    frames = DeviceFrames(store, torch.device("cuda"), free_bytes)
    assert frames.are_resident == (free_bytes is None)
    sampler = MultiViewSampler(store.episodes, BatchOptions(batch_frames=16))
    batches = [sampler.draw(np.random.default_rng(seed)) for seed in range(50)]
    gathered = [frames.gather(batch) for batch in batches]  # none waits for the one before
    plain = DeviceFrames(store, CPU)
    for batch, found in zip(batches, gathered, strict=True):
        assert found.is_cuda
        assert torch.equal(found.cpu(), plain.gather(batch))


def test_views_of_unequal_length_and_missing_views_are_trained_on(tmp_path):
    store = uneven_store(tmp_path / "store")
    for pairing in ("views", "times"):
        config = CONFIG.changed(pairing=pairing, validate_every_steps=2)
        create_run(tmp_path / pairing, RunDescription(config, (), ""))
        train(config, store, tmp_path / pairing)
        assert (tmp_path / pairing / "encoder" / "model.safetensors").is_file()


def test_clips_are_the_frame_and_those_before_it(store):
    training = FrameStore(16, store.split("train"))
    sampler = MultiViewSampler(training.episodes, BatchOptions(batch_frames=24))
    batch = sampler.draw(np.random.default_rng(0))
    for free_bytes in (0, 2 * num_bytes(training)):
        frames = DeviceFrames(training, CPU, free_bytes, num_frames=3, stride_frames=2)
        clips = frames.gather(batch)
        assert clips.shape == (len(batch), 3, 16, 16, 3)
        for row, (e, v, f) in enumerate(zip(batch.episode, batch.view, batch.frame, strict=True)):
            film = training.episodes[e].frames(training.episodes[e].views[v])
            for clip, place in zip(clips[row].numpy(), (f - 4, f - 2, f), strict=True):
                assert np.array_equal(clip, film[max(place, 0)])
