"""Augmentation: reproducible, per frame, in range, and exact where it can be checked."""

import dataclasses

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tcn_robot.data.augmentation import (
    GREY_WEIGHTS,
    AugmentationOptions,
    apply,
    augment,
    blur,
    draw,
    recolour,
    shift,
)
from tcn_robot.errors import UserError

OFF = AugmentationOptions(shift_px=0, brightness=0, contrast=0, saturation=0, blur=0)
EVERYTHING = AugmentationOptions(
    shift_px=3,
    window_area_min=0.5,
    window_area_max=2.0,
    window_aspect=1.3,
    flip_probability=0.5,
    rotation_degrees=20,
    hue=0.2,
    grey_probability=0.3,
)
# One option alone, strong enough to be seen in every frame or nearly.
ALONE = {
    "shift_px": 3,
    "brightness": 0.4,
    "contrast": 0.4,
    "saturation": 0.4,
    "blur": 0.4,
    "window_area_min": 0.3,
    "window_area_max": 3.0,
    "window_aspect": 2.0,
    "rotation_degrees": 30.0,
    "hue": 0.3,
}


def frames(count: int = 6, size_px: int = 12) -> torch.Tensor:
    drawn = np.random.default_rng(0).integers(0, 256, (count, size_px, size_px, 3))
    return torch.from_numpy(drawn.astype(np.uint8))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def as_before_there_were_parameters(source, options, rng):
    """What `augment` was when published results were made: drawn and done step by step."""
    count, size_px = source.shape[:2]
    if options.shift_px:
        reach = options.shift_px
        shifts = torch.randint(-reach, reach + 1, (count, 2), generator=rng)
        rows = (torch.arange(size_px) + shifts[:, :1]).clamp(0, size_px - 1)
        columns = (torch.arange(size_px) + shifts[:, 1:]).clamp(0, size_px - 1)
        film = torch.arange(count)[:, None, None]
        source = source[film, rows[:, :, None], columns[:, None, :]]
    pixels = source.to(torch.float32, copy=True)
    spreads = (options.brightness, options.contrast, options.saturation)
    brightness, contrast, saturation = (
        (1 + spread * (2 * torch.rand(count, generator=rng) - 1)).view(count, 1, 1, 1)
        for spread in spreads
    )
    grey = (pixels @ torch.tensor(GREY_WEIGHTS))[..., None]
    mean = grey.mean(dim=(1, 2), keepdim=True)
    gain = brightness * contrast
    offset = grey.mul_(gain * (1 - saturation)).add_(mean * (brightness * (1 - contrast)))
    pixels = pixels.mul_(gain * saturation).add_(offset).clamp_(0, 255)
    if options.blur == 0:
        return pixels
    share = (options.blur * torch.rand(count, generator=rng)).view(count, 1, 1, 1)
    line = torch.tensor((0.25, 0.5, 0.25))
    kernel = (line[:, None] * line).expand(3, 1, 3, 3)
    blurred = F.conv2d(pixels.permute(0, 3, 1, 2), kernel, groups=3).permute(0, 2, 3, 1)
    pixels[:, 1:-1, 1:-1].lerp_(blurred, share)
    return pixels


@pytest.mark.parametrize("changes", [{}, {"shift_px": 0}, {"blur": 0.0}, {"shift_px": 5}])
def test_the_default_changes_are_what_they_were_bit_by_bit(changes):
    options = AugmentationOptions(**changes)
    source = frames(9, 24)
    before, now = generator(4), generator(4)
    expected = as_before_there_were_parameters(source, options, before)
    assert torch.equal(augment(source, options, now), expected)
    assert torch.equal(now.get_state(), before.get_state())


@pytest.mark.parametrize("options", [AugmentationOptions(), EVERYTHING], ids=["default", "all"])
def test_the_same_seed_gives_the_same_bits_and_another_one_does_not(options):
    one, two, other = (augment(frames(), options, generator(s)) for s in (1, 1, 2))
    assert torch.equal(one, two)
    assert not torch.equal(one, other)


def test_global_randomness_is_neither_used_nor_moved():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    augment(frames(), EVERYTHING, generator())
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("options", [AugmentationOptions(), EVERYTHING], ids=["default", "all"])
@pytest.mark.parametrize("shape", [(6, 12, 12, 3), (3, 2, 12, 12, 3), (0, 12, 12, 3)])
def test_shape_range_and_input_stay(options, shape):
    original = frames().reshape(-1)[: int(np.prod(shape))].reshape(shape)
    for given in (original, original.float()):
        kept = given.clone()
        changed = augment(given, options, generator())
        assert changed.shape == given.shape
        assert changed.dtype == torch.float32
        assert ((changed >= 0) & (changed <= 255)).all()
        assert torch.equal(given, kept)


def test_everything_off_changes_nothing():
    assert torch.equal(augment(frames(), OFF, generator()), frames().float())


@pytest.mark.parametrize("option", list(ALONE))
def test_each_frame_has_parameters_of_its_own(option):
    same = frames(1).expand(8, -1, -1, -1).contiguous()
    changed = augment(same, dataclasses.replace(OFF, **{option: ALONE[option]}), generator())
    assert len({frame.numpy().tobytes() for frame in changed}) > 4


@pytest.mark.parametrize("option", list(ALONE))
def test_the_frames_of_a_clip_are_changed_alike(option):
    still = frames(5)[:, None].expand(-1, 3, -1, -1, -1).contiguous()  # (5, 3, S, S, 3)
    options = dataclasses.replace(OFF, **{option: ALONE[option]})
    changed = augment(still, options, generator())
    for place in (1, 2):
        torch.testing.assert_close(changed[:, place], changed[:, 0], atol=1e-4, rtol=1e-6)
    alone = augment(still[:, 0], options, generator())
    torch.testing.assert_close(changed[:, 0], alone, atol=1e-3, rtol=1e-5)


def test_what_stands_still_in_a_clip_stands_still_when_something_else_moves():
    clip = frames(2)[None].clone()  # (1, 2, S, S, 3): two different frames …
    clip[0, 1, :4] = clip[0, 0, :4]  # … with the same upper part
    changed = augment(clip, AugmentationOptions(shift_px=0, contrast=0.9), generator())
    torch.testing.assert_close(changed[0, 0, :3], changed[0, 1, :3], atol=1e-4, rtol=0)


def test_parts_of_a_batch_are_changed_as_in_the_whole():
    source = frames(10)
    parameters = draw(10, EVERYTHING, generator())
    whole = apply(source, parameters)
    for rows in (torch.tensor([7, 0, 3]), torch.tensor([5])):
        assert torch.equal(apply(source[rows], parameters[rows]), whole[rows])
    assert torch.equal(apply(source[2:6], parameters[slice(2, 6)]), whole[2:6])
    with pytest.raises(ValueError, match="10 frames, but parameters of 3"):
        apply(source, parameters[slice(0, 3)])


def test_shift_moves_whole_pixels_and_repeats_the_border():
    source = frames(40, 10)
    drawn = draw(40, dataclasses.replace(OFF, shift_px=2), generator()).shift
    assert set(drawn.flatten().tolist()) == {-2, -1, 0, 1, 2}
    shifted = shift(source, drawn)
    planes = source.permute(0, 3, 1, 2).float()
    padded = F.pad(planes, (2, 2, 2, 2), mode="replicate").permute(0, 2, 3, 1)
    for before, after, (y, x) in zip(padded, shifted, (drawn + 2).tolist(), strict=True):
        assert torch.equal(before[y : y + 10, x : x + 10], after.float())


def recoloured(source: torch.Tensor, **factors: float) -> torch.Tensor:
    names = ("brightness", "contrast", "saturation")
    drawn = (torch.full((len(source),), factors.get(name, 1.0)) for name in names)
    return recolour(source[:, None], *drawn)[:, 0]


def test_saturation_keeps_the_grey_value_and_contrast_the_mean():
    middle = (frames() // 4 + 96).float()
    weights = torch.tensor(GREY_WEIGHTS)
    saturated = recoloured(middle, saturation=1.4)
    torch.testing.assert_close(saturated @ weights, middle @ weights, atol=1e-3, rtol=0)
    contrasted = recoloured(middle, contrast=0.6)
    means = [(image @ weights).mean(dim=(1, 2)) for image in (contrasted, middle)]
    torch.testing.assert_close(*means, atol=1e-2, rtol=0)


def test_brightness_scales():
    middle = (frames() // 4 + 96).float()
    torch.testing.assert_close(recoloured(middle, brightness=1.2), middle * 1.2)
    drawn = draw(500, dataclasses.replace(OFF, brightness=0.2), generator()).brightness
    assert 0.8 <= drawn.min() < 0.82
    assert 1.18 < drawn.max() <= 1.2


def test_blur_spreads_a_point_and_keeps_its_sum():
    point = torch.zeros(20, 7, 7, 3)
    point[:, 3, 3] = 160
    share = torch.linspace(0, 1, 20)
    blurred = blur(point, share)
    torch.testing.assert_close(blurred.sum(dim=(1, 2, 3)), torch.full((20,), 480.0))
    # An edge neighbour of the 3 x 3 kernel weighs 1/8, the centre 1/4.
    torch.testing.assert_close(blurred[:, 2, 3, 0], 20 * share)
    torch.testing.assert_close(blurred[:, 3, 3, 0], 160 * (1 - share) + 40 * share)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"brightness": -0.1}, "--brightness must be from 0 to 1, found -0.1"),
        ({"blur": float("nan")}, "--blur must be from 0 to 1, found nan"),
        ({"hue": 0.6}, "--hue must be from 0 to 0.5"),
        ({"window_area_min": 0.0}, "--window-area-min must be from 0.01 to 1"),
        ({"window_area_max": 0.4, "window_area_min": 0.5}, "--window-area-min <="),
        ({"augmentation_sharing": "film"}, "must be frame, view or episode, found 'film'"),
    ],
)
def test_options_out_of_range_are_said(options, said):
    with pytest.raises(UserError, match=said) as caught:
        AugmentationOptions(**options)
    assert "\n" not in str(caught.value)
