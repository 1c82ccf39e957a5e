"""Windows, rotations and flips against a slow loop over pixels."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from tcn_robot.data.augmentation import (
    AugmentationOptions,
    augment,
    cut_window,
    draw,
    flip,
    geometry,
    shift,
)

OFF = AugmentationOptions(shift_px=0, brightness=0, contrast=0, saturation=0, blur=0)
WHOLE = (0.0, 0.0, 1.0, 1.0)


def frames(count: int, size_px: int) -> torch.Tensor:
    drawn = np.random.default_rng(1).integers(0, 256, (count, size_px, size_px, 3))
    return torch.from_numpy(drawn.astype(np.uint8))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def looked_up(frame: np.ndarray, x: float, y: float) -> np.ndarray:
    """Interpolate between the centres of pixels, in pixels; the border goes on outside."""
    last = len(frame) - 1
    x, y = min(max(x, 0), last), min(max(y, 0), last)
    left, top = min(int(x), last - 1), min(int(y), last - 1)
    right_share, bottom_share = x - left, y - top
    upper = frame[top, left] * (1 - right_share) + frame[top, left + 1] * right_share
    lower = frame[top + 1, left] * (1 - right_share) + frame[top + 1, left + 1] * right_share
    return upper * (1 - bottom_share) + lower * bottom_share


def cut_slowly(frame: np.ndarray, window: tuple[float, ...], angle: float) -> np.ndarray:
    """Pixel by pixel, in lengths of the frame: out of the window, about its centre."""
    size_px = len(frame)
    centre_x, centre_y, width, height = window
    cut = np.empty(frame.shape)
    for row in range(size_px):
        for column in range(size_px):
            across = ((column + 0.5) / size_px - 0.5) * width
            up = -((row + 0.5) / size_px - 0.5) * height
            # The picture turns counter-clockwise by `angle`: the place it came from lies back.
            from_x = across * math.cos(-angle) - up * math.sin(-angle)
            from_up = across * math.sin(-angle) + up * math.cos(-angle)
            x = (0.5 + centre_x / 2 + from_x) * size_px - 0.5
            y = (0.5 + centre_y / 2 - from_up) * size_px - 0.5
            cut[row, column] = looked_up(frame, x, y)
    return cut


@pytest.mark.parametrize(
    ("window", "degrees"),
    [
        (WHOLE, 0),
        (WHOLE, 30),
        ((0.2, -0.3, 0.5, 0.7), 0),
        ((0.3, 0.1, 1.6, 1.4), 0),
        ((-0.1, 0.2, 0.7, 0.5), -20),
    ],
)
def test_windows_are_those_of_a_loop_over_pixels(window, degrees):
    source = frames(2, 9)
    windows = torch.tensor([window, window])
    angles = torch.full((2,), math.radians(degrees))
    found = cut_window(source, windows, angles).double().numpy()
    for frame, cut in zip(source.double().numpy(), found, strict=True):
        np.testing.assert_allclose(cut, cut_slowly(frame, window, angles[0].item()), atol=0.02)


def test_the_whole_frame_unturned_is_the_frame():
    source = frames(3, 8)
    found = cut_window(source, torch.tensor([WHOLE] * 3), None)
    torch.testing.assert_close(found, source.float(), atol=1e-3, rtol=0)


def test_a_quarter_turn_is_that_of_numpy():
    source = frames(1, 8)
    turned = cut_window(source, None, torch.tensor([math.pi / 2]))
    expected = np.rot90(source.numpy(), axes=(1, 2)).astype(np.float32)  # counter-clockwise
    np.testing.assert_allclose(turned.numpy(), expected, atol=1e-2)


def test_a_window_of_a_quarter_is_that_quarter():
    source = torch.zeros(1, 16, 16, 3, dtype=torch.uint8)
    source[:, :8, 8:] = 200  # top right
    cut = cut_window(source, torch.tensor([[0.5, -0.5, 0.5, 0.5]]), None)
    assert (cut[:, 1:-1, 1:-1] == 200).all()


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
@pytest.mark.parametrize(("count", "reach"), [(0, 1), (5, 0), (9, 2), (4, 20)])
def test_shifts_on_a_cpu_are_those_of_other_devices(count, reach, dtype):
    source = frames(count, 7).to(dtype).transpose(1, 2)  # not contiguous
    kept = source.clone()
    shifts = torch.randint(-reach, reach + 1, (count, 2), generator=generator())
    shifted = shift(source, shifts)
    assert shifted.dtype == dtype
    assert torch.equal(shifted, geometry._shift_by_index(source, shifts))
    assert torch.equal(source, kept)


def test_flip_exchanges_left_and_right_of_those_asked():
    source = frames(3, 5)
    flipped = flip(source, torch.tensor([True, False, True]))
    assert flipped.dtype == torch.uint8
    assert torch.equal(flipped[1], source[1])
    assert torch.equal(flipped[::2], source[::2].flip(2))


def test_flips_are_off_by_default_and_happen_as_often_as_asked():
    assert draw(10, AugmentationOptions(), generator()).flip is None
    drawn = draw(2000, dataclasses.replace(OFF, flip_probability=0.25), generator()).flip
    assert drawn.float().mean() == pytest.approx(0.25, abs=0.03)
    always = augment(frames(4, 6), dataclasses.replace(OFF, flip_probability=1.0), generator())
    assert torch.equal(always, frames(4, 6).float().flip(2))


def windows(**options: float) -> torch.Tensor:
    drawn = draw(4000, dataclasses.replace(OFF, **options), generator()).window
    assert drawn is not None
    return drawn


def test_windows_smaller_than_the_frame_lie_in_it():
    drawn = windows(window_area_min=0.2, window_area_max=0.9, window_aspect=4 / 3)
    area = drawn[:, 2] * drawn[:, 3]
    assert area.min() >= 0.19
    assert area.max() <= 0.9001
    assert area.mean() == pytest.approx(0.55, abs=0.02)  # uniform in the area
    assert (drawn[:, :2].abs() + drawn[:, 2:] <= 1 + 1e-6).all()
    ratio = drawn[:, 2] / drawn[:, 3]
    assert ratio.min() == pytest.approx(3 / 4, abs=0.02)
    assert ratio.max() == pytest.approx(4 / 3, abs=0.02)
    assert drawn[:, :2].std(dim=0).min() > 0.05  # everywhere in it


def test_windows_larger_than_the_frame_hold_it():
    drawn = windows(window_area_min=1.0, window_area_max=3.0)
    sides, centres = drawn[:, 2:], drawn[:, :2]
    assert (sides >= 1).all()
    assert (centres.abs() + 1 <= sides + 1e-6).all()


def test_windows_to_both_sides_are_half_and_half():
    """TCN's scale augmentation: with probability 0.5 a part of the frame, else the frame padded."""
    drawn = windows(window_area_min=0.8, window_area_max=3.0)
    area = drawn[:, 2] * drawn[:, 3]
    assert (area < 1).float().mean() == pytest.approx(0.5, abs=0.03)
    assert area[area < 1].mean() == pytest.approx(0.9, abs=0.01)
    assert area[area > 1].mean() == pytest.approx(2.0, abs=0.05)
