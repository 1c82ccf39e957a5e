"""Layers of encoders: the means of what each stage gives, whatever the kind of encoder."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tcn_robot.errors import UserError
from tcn_robot.models import (
    ConvolutionalConfig,
    InceptionConfig,
    PixelsConfig,
    ResNetConfig,
    build_encoder,
    embed_layers,
    layer_names,
    seeded_generator,
)
from tcn_robot.models.planes import scaled_planes

SHAPES = {
    "convolutional": ConvolutionalConfig(image_size_px=32, dimension=8),
    "film": ConvolutionalConfig(image_size_px=32, dimension=8, num_frames=3, stride_frames=2),
    "resnet": ResNetConfig(image_size_px=32, dimension=8, norm="group", stages=2),
    "inception": InceptionConfig(image_size_px=75, dimension=8),
    "pixels": PixelsConfig(image_size_px=32),
}


def made(name):
    kind = "convolutional" if name == "film" else name
    return build_encoder(kind, SHAPES[name], seeded_generator(0))


def windows(encoder, count=5):
    shape = (count, encoder.num_frames, 40, 40, 3)
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


@pytest.mark.parametrize("name", SHAPES)
def test_the_embedding_is_the_encoders_and_batches_do_not_matter(name):
    encoder = made(name)
    given = windows(encoder)
    names = layer_names(encoder)
    assert names[-2:] == ("features", "embedding")
    found = embed_layers(encoder, given, names, batch_windows=2)
    assert list(found) == list(names)
    np.testing.assert_allclose(found["embedding"], encoder.embed_windows(given), atol=1e-5)
    assert found["features"].shape == (5, encoder.feature_width)
    whole = embed_layers(encoder, given, names)
    for layer in names:
        np.testing.assert_allclose(found[layer], whole[layer], atol=1e-4)
    assert encoder.training  # as before
    assert not any(module._forward_hooks for module in encoder.modules())


def test_a_stage_is_the_mean_of_its_maps_as_the_next_one_sees_them():
    encoder = made("convolutional").eval()
    given = np.random.default_rng(0).integers(0, 256, (3, 1, 32, 32, 3), np.uint8)
    found = embed_layers(encoder, given, layer_names(encoder))
    planes = scaled_planes(torch.from_numpy(given[:, 0]))
    with torch.inference_mode():
        for index, convolution in enumerate(encoder.convolutions):
            planes = convolution(planes)
            planes = F.relu(planes) if index < 3 else planes
            expected = planes.mean(dim=(2, 3)).numpy()
            np.testing.assert_allclose(found[f"convolution{index + 1}"], expected, atol=1e-5)


def test_stages_that_see_frames_one_by_one_are_averaged_over_them():
    encoder = made("film")
    given = windows(encoder)
    found = embed_layers(encoder, given, ["convolution1"])["convolution1"]
    back = embed_layers(encoder, given[:, ::-1], ["convolution1"])["convolution1"]
    assert found.shape == (5, 16)
    np.testing.assert_allclose(found, back, atol=1e-5)


def test_a_resnet_has_its_stem_and_stages():
    assert layer_names(made("resnet"))[:-2] == ("stage0", "stage1", "stage2")


def test_unknown_layers_and_other_windows_are_refused():
    encoder = made("convolutional")
    with pytest.raises(UserError, match=r"did you mean 'convolution\d'"):
        embed_layers(encoder, windows(encoder), ["convolution"])
    with pytest.raises(UserError, match=r"expects uint8 \(N, 1, H, W, 3\)"):
        embed_layers(encoder, windows(made("film")))
