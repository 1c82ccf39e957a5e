"""Maps of an encoder's stages: laid out, of the newest frame, with the means that stages have."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tcn_robot.errors import UserError
from tcn_robot.models import (
    ConvolutionalConfig,
    Encoder,
    ResNetConfig,
    build_encoder,
    embed_layers,
    seeded_generator,
    stage_maps,
)
from tcn_robot.models.stages import _laid_out


def encoder(kind: str = "convolutional") -> Encoder:
    if kind == "resnet":
        shape = ResNetConfig(image_size_px=32, stages=2, dimension=4)
        return build_encoder("resnet", shape, seeded_generator(0))
    small = ConvolutionalConfig(image_size_px=16, channels=(4, 6), strides=(2, 1), num_frames=3)
    return build_encoder("convolutional", small, seeded_generator(0))


def windows(count: int, num_frames: int, size_px: int) -> np.ndarray:
    shape = (count, num_frames, size_px, size_px, 3)
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def test_maps_have_the_means_that_stages_have() -> None:
    network = encoder("resnet")
    names = [stage.name for stage in network.stages()]
    shown = windows(5, 1, 32)
    maps = stage_maps(network, shown, names, batch_windows=2)
    means = embed_layers(network, shown, names)
    for name in names:
        assert maps[name].ndim == 4
        np.testing.assert_allclose(maps[name].mean(axis=(2, 3)), means[name], atol=1e-5)
    assert maps[names[-1]].shape[2] < maps[names[0]].shape[2]


def test_a_map_is_of_the_newest_frame() -> None:
    network = encoder()
    first, last = (stage.name for stage in network.stages())
    shown = windows(2, 3, 16)
    changed = shown.copy()
    changed[:, 0] = 0
    before, after = (stage_maps(network, some, (first, last)) for some in (shown, changed))
    assert before[first].shape == (2, 4, 8, 8)
    np.testing.assert_array_equal(before[first], after[first])  # sees each frame by itself
    assert not np.array_equal(before[last], after[last])  # behind the joining
    changed = shown.copy()
    changed[:, -1] = 0
    assert not np.array_equal(before[first], stage_maps(network, changed, (first,))[first])


def test_tokens_are_laid_out_row_by_row() -> None:
    maps = torch.randn(2, 3, 4, 4)
    tokens = maps.flatten(2).transpose(1, 2)  # (N, L, C)
    with_class = torch.cat([torch.full((2, 1, 3), 9.0), tokens], dim=1)
    for given in (tokens, with_class, maps):
        torch.testing.assert_close(_laid_out(given), maps)


def test_unknown_stages_are_refused() -> None:
    with pytest.raises(UserError, match="unknown stage"):
        stage_maps(encoder(), windows(1, 3, 16), ("stage9",))
