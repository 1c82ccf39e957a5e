"""Hue and grey against a loop over pixels, and who shares a draw."""

import colorsys
import dataclasses
import math

import numpy as np
import pytest
import torch

from tcn_robot.data.augmentation import (
    GREY_WEIGHTS,
    AugmentationOptions,
    augment,
    draw,
    sharing_groups,
    turn_hue,
)

# NTSC's I and Q, as in the FCC's rule.
AXES = ((0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112))
OFF = AugmentationOptions(shift_px=0, brightness=0, contrast=0, saturation=0, blur=0)


def frames(count: int, size_px: int) -> torch.Tensor:
    drawn = np.random.default_rng(2).integers(0, 256, (count, size_px, size_px, 3))
    return torch.from_numpy(drawn.astype(np.uint8))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("degrees", [0, 25, -100, 180])
def test_hues_are_turned_as_in_the_yiq_of_the_standard_library(degrees):
    source = frames(1, 6)
    turned = turn_hue(source[:, None], torch.tensor([math.radians(degrees)]))[0, 0]
    turn = complex(math.cos(math.radians(degrees)), math.sin(math.radians(degrees)))
    for before, after in zip(source.reshape(-1, 3), turned.reshape(-1, 3), strict=True):
        expected_y, i, q = colorsys.rgb_to_yiq(*(before.double() / 255).tolist())
        chroma = complex(i, q) * turn
        # Python has 0.30, 0.59, 0.11 where we have three digits: close, not equal.
        y, i, q = (np.array([(0.299, 0.587, 0.114), *AXES]) @ after.double().numpy()) / 255
        assert y == pytest.approx(expected_y, abs=0.006)
        assert (i, q) == pytest.approx((chroma.real, chroma.imag), abs=0.01)


def test_a_turn_of_hue_leaves_grey_and_brightness_and_turns_back():
    source, angle = frames(3, 6)[:, None], torch.tensor([0.4, -1.0, 2.0])
    turned = turn_hue(source, angle)
    weights = torch.tensor(GREY_WEIGHTS)
    torch.testing.assert_close(turned @ weights, source.float() @ weights, atol=1e-3, rtol=0)
    torch.testing.assert_close(turn_hue(turned, -angle), source.float(), atol=1e-3, rtol=0)
    grey = torch.full((3, 1, 2, 2, 3), 77.0)
    torch.testing.assert_close(turn_hue(grey, angle), grey)


def test_grey_happens_as_often_as_asked_and_leaves_no_colour():
    options = dataclasses.replace(OFF, grey_probability=0.2)
    drawn = draw(2000, options, generator()).saturation
    assert (drawn == 0).float().mean() == pytest.approx(0.2, abs=0.03)
    assert set(drawn.tolist()) == {0.0, 1.0}
    grey = augment(frames(4, 6), dataclasses.replace(OFF, grey_probability=1.0), generator())
    luma = frames(4, 6).float() @ torch.tensor(GREY_WEIGHTS)
    torch.testing.assert_close(grey, luma[..., None].expand_as(grey), atol=1e-3, rtol=0)


EPISODE = np.array([0, 0, 0, 1, 1, 0, 2])
VIEW = np.array([0, 1, 0, 0, 1, 0, 0])
FRAME = np.array([3, 3, 5, 3, 4, 3, 3])  # the sixth is the first once more


def test_groups_are_views_or_episodes_and_a_repeated_frame_is_its_own():
    assert sharing_groups("frame", EPISODE, VIEW, FRAME) is None
    for sharing, same in (("view", [{0, 2}]), ("episode", [{0, 1, 2}, {3, 4}])):
        groups = sharing_groups(sharing, EPISODE, VIEW, FRAME)
        assert groups.dtype == torch.int64
        found = [set(np.flatnonzero(groups == group).tolist()) for group in groups.unique()]
        assert sorted(map(sorted, [g for g in found if len(g) > 1])) == sorted(map(sorted, same))
        assert {5} in found


@pytest.mark.parametrize("sharing", ["view", "episode"])
def test_a_group_shares_every_parameter_and_other_groups_have_others(sharing):
    options = AugmentationOptions(
        hue=0.2, rotation_degrees=9, window_area_min=0.5, grey_probability=0.1, flip_probability=0.5
    )
    groups = sharing_groups(sharing, EPISODE, VIEW, FRAME)
    drawn = draw(len(EPISODE), options, generator(), groups)
    for field in dataclasses.fields(drawn):
        values = getattr(drawn, field.name)
        assert len(values) == len(EPISODE)
        for group in groups.unique():
            mine = values[groups == group]
            assert (mine == mine[0]).all()
    assert len(set(drawn.brightness.tolist())) == len(groups.unique())


def test_two_places_of_one_frame_are_augmented_apart():
    """SimCLR's positives: with one draw for both they would be equal, and nothing be learnt."""
    same = frames(1, 8).expand(2, -1, -1, -1)
    for sharing in ("frame", "view", "episode"):
        groups = sharing_groups(sharing, *(np.zeros((3, 2), np.int64)))
        drawn = draw(2, AugmentationOptions(), generator(), groups)
        assert drawn.brightness[0] != drawn.brightness[1]
    one, two = augment(same, AugmentationOptions(), generator())
    assert not torch.equal(one, two)


def test_empty_batches_have_no_groups_and_no_parameters():
    empty = np.zeros(0, np.int64)
    groups = sharing_groups("view", empty, empty, empty)
    assert len(draw(0, AugmentationOptions(), generator(), groups)) == 0
