"""Augmentation: reproducible, per frame, in range, and exact where it can be checked."""

import numpy as np
import pytest
import torch

from tcn_robot.data.augmentation import (
    GREY_WEIGHTS,
    AugmentationOptions,
    augment,
    random_blur,
    random_colour,
    random_shift,
)

OFF = AugmentationOptions(shift_px=0, brightness=0, contrast=0, saturation=0, blur=0)


def frames(count: int = 6, size_px: int = 12) -> torch.Tensor:
    drawn = np.random.default_rng(0).integers(0, 256, (count, size_px, size_px, 3))
    return torch.from_numpy(drawn.astype(np.uint8))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_same_seed_gives_the_same_bits_and_another_one_does_not():
    one, two, other = (augment(frames(), AugmentationOptions(), generator(s)) for s in (1, 1, 2))
    assert torch.equal(one, two)
    assert not torch.equal(one, other)


def test_global_randomness_is_neither_used_nor_moved():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    augment(frames(), AugmentationOptions(), generator())
    assert torch.equal(torch.get_rng_state(), before)


def test_shape_range_and_input_stay():
    original = frames()
    kept = original.clone()
    changed = augment(original, AugmentationOptions(), generator())
    assert changed.shape == original.shape
    assert changed.dtype == torch.float32
    assert changed.min() >= 0
    assert changed.max() <= 255
    assert torch.equal(original, kept)


def test_everything_off_changes_nothing():
    assert torch.equal(augment(frames(), OFF, generator()), frames().float())


@pytest.mark.parametrize("option", ["shift_px", "brightness", "contrast", "saturation", "blur"])
def test_each_frame_has_parameters_of_its_own(option):
    same = frames(1).expand(8, -1, -1, -1).contiguous()
    only = AugmentationOptions(**{**OFF.__dict__, option: 3 if option == "shift_px" else 0.4})
    changed = augment(same, only, generator())
    assert len({frame.numpy().tobytes() for frame in changed}) > 4


def test_shift_moves_whole_pixels_and_repeats_the_border():
    source = frames(40, 10)
    shifted = random_shift(source, 2, generator())
    padded = torch.nn.functional.pad(
        source.permute(0, 3, 1, 2).float(), (2, 2, 2, 2), mode="replicate"
    ).permute(0, 2, 3, 1)
    found = set()
    for before, after in zip(padded, shifted, strict=True):
        offsets = [
            (y, x)
            for y in range(5)
            for x in range(5)
            if torch.equal(before[y : y + 10, x : x + 10], after.float())
        ]
        assert len(offsets) == 1
        found.add(offsets[0])
    assert {y for y, _ in found} == {x for _, x in found} == set(range(5))


def test_saturation_keeps_the_grey_value_and_contrast_the_mean():
    middle = (frames() // 4 + 96).float()
    weights = torch.tensor(GREY_WEIGHTS)
    options = AugmentationOptions(**{**OFF.__dict__, "saturation": 0.5})
    saturated = random_colour(middle, options, generator())
    torch.testing.assert_close(saturated @ weights, middle @ weights, atol=1e-3, rtol=0)
    options = AugmentationOptions(**{**OFF.__dict__, "contrast": 0.5})
    contrasted = random_colour(middle, options, generator())
    means = [(image @ weights).mean(dim=(1, 2)) for image in (contrasted, middle)]
    torch.testing.assert_close(*means, atol=1e-2, rtol=0)


def test_brightness_scales():
    options = AugmentationOptions(**{**OFF.__dict__, "brightness": 0.2})
    middle = (frames() // 4 + 96).float()
    factors = (random_colour(middle, options, generator()) / middle).flatten(1)
    torch.testing.assert_close(factors, factors[:, :1].expand_as(factors))
    assert ((factors - 1).abs() <= 0.2 + 1e-5).all()


def test_blur_spreads_a_point_and_keeps_its_sum():
    point = torch.zeros(20, 7, 7, 3)
    point[:, 3, 3] = 160
    blurred = random_blur(point, 1.0, generator())
    torch.testing.assert_close(blurred.sum(dim=(1, 2, 3)), torch.full((20,), 480.0))
    share = blurred[:, 2, 3, 0] / 20  # An edge neighbour of the 3 x 3 kernel weighs 1/8.
    torch.testing.assert_close(blurred[:, 3, 3, 0], 160 * (1 - share) + 40 * share)
    assert share.max() - share.min() > 0.3
