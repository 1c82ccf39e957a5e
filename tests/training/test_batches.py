"""From sampler to images: as if drawn, gathered and augmented in turn; and shared out."""

import dataclasses

import numpy as np
import pytest
import torch

from tcn_robot.data import BatchOptions, FrameStore, MultiViewSampler
from tcn_robot.data.augmentation import AugmentationOptions, augment
from tcn_robot.training.batches import Batches
from tcn_robot.training.device_frames import DeviceFrames
from tcn_robot.training.processes import SingleProcess, rows_of
from tests.data.films import dot_films, store_of

CPU = torch.device("cpu")


class OneOf(SingleProcess):
    """One of several processes, as far as batches are concerned."""

    def __init__(self, rank: int, world_size: int) -> None:
        super().__init__(CPU)
        self._rank, self._world_size = rank, world_size

    @property
    def world_size(self) -> int:
        return self._world_size

    def rows(self, count: int) -> torch.Tensor:
        return rows_of(self._rank, self._world_size, count)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    films = dot_films(seed=0, train=4, length=12, size_px=8)
    opened = store_of(films, tmp_path_factory.mktemp("films") / "store", size_px=8)
    return FrameStore(8, opened.episodes)


def opened(store, processes=None, options=None, num_frames=1, batch_frames=14):
    sampler = MultiViewSampler(store.episodes, BatchOptions(batch_frames=batch_frames))
    frames = DeviceFrames(store, CPU, num_frames=num_frames)
    return Batches(
        sampler, frames, options or AugmentationOptions(), processes or SingleProcess(CPU)
    )


def generators():
    return np.random.default_rng(3), torch.Generator().manual_seed(4)


def test_images_are_those_of_drawing_gathering_and_augmenting_in_turn(store):
    rng, generator = generators()
    plain_rng, plain_generator = generators()
    sampler = MultiViewSampler(store.episodes, BatchOptions(batch_frames=14))
    gather = DeviceFrames(store, CPU).gather
    with opened(store) as batches:
        for _ in range(5):
            batch, images = batches.next(rng, generator)
            expected = sampler.draw(plain_rng)
            assert np.array_equal(batch.frame, expected.frame)
            wanted = augment(gather(expected), AugmentationOptions(), plain_generator)
            assert torch.equal(images, wanted)
            assert rng.bit_generator.state == plain_rng.bit_generator.state
            assert torch.equal(generator.get_state(), plain_generator.get_state())


@pytest.mark.parametrize("world_size", [2, 3, 4])
def test_processes_hold_the_rows_of_one_batch_changed_as_in_one_process(store, world_size):
    options = AugmentationOptions(window_area_min=0.5, hue=0.1, augmentation_sharing="view")
    with opened(store, options=options) as batches:
        whole_batch, whole = batches.next(*generators())
    for rank in range(world_size):
        processes = OneOf(rank, world_size)
        with opened(store, processes, options) as batches:
            batch, images = batches.next(*generators())
        assert np.array_equal(batch.frame, whole_batch.frame)  # everybody knows the whole batch
        torch.testing.assert_close(images, whole[processes.rows(len(batch))], atol=1e-3, rtol=0)


def test_frames_of_a_view_share_their_changes_when_asked(store):
    options = AugmentationOptions(
        shift_px=0, contrast=0, saturation=0, blur=0, brightness=0.5, augmentation_sharing="view"
    )
    with opened(store, options=options) as batches:
        batch, images = batches.next(*generators())
    frames = DeviceFrames(store, CPU).gather(batch).float()
    # The median is of the ground, which is dark enough never to be clamped.
    factor = images.flatten(1).median(dim=1)[0] / frames.flatten(1).median(dim=1)[0]
    films = batch.episode * 2 + batch.view
    for film in np.unique(films):
        mine = factor[torch.from_numpy(films == film)]
        torch.testing.assert_close(mine, mine[:1].expand_as(mine), atol=1e-4, rtol=0)
    assert len(set(np.round(factor.numpy(), 3))) > 3


def test_clips_are_changed_as_one(store):
    off = AugmentationOptions(shift_px=0, brightness=0, contrast=0, saturation=0, blur=0)
    with opened(store, options=off, num_frames=3) as batches:
        batch, images = batches.next(*generators())
    assert images.shape == (14, 3, 8, 8, 3)
    frames = DeviceFrames(store, CPU)
    assert torch.equal(images[:, 2], frames.gather(batch).float())
    before = dataclasses.replace(batch, frame=np.maximum(batch.frame - 1, 0))
    assert torch.equal(images[:, 1], frames.gather(before).float())
