"""The encoder: shapes, determinism, any image size, and files that are whole or refused."""

import cv2
import numpy as np
import pytest
import torch

from tcn_robot.errors import UserError
from tcn_robot.models import (
    ConvolutionalConfig,
    ConvolutionalEncoder,
    Encoder,
    build_encoder,
    seeded_generator,
    untrained_encoder,
)
from tcn_robot.models.resize import area_weights, resize_frames

CONFIG = ConvolutionalConfig(image_size_px=32, dimension=8)


def frames(count: int = 5, height: int = 32, width: int = 32, seed: int = 0) -> np.ndarray:
    drawn = np.random.default_rng(seed).integers(0, 256, (count, height, width, 3))
    return drawn.astype(np.uint8)


@pytest.fixture
def encoder() -> Encoder:
    return ConvolutionalEncoder(CONFIG, seeded_generator(0)).eval()


def test_embeddings_are_float32_of_length_one(encoder):
    embedded = encoder.embed(frames())
    assert embedded.shape == (5, 8)
    assert embedded.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(embedded, axis=1), 1, atol=1e-6)
    assert (encoder.image_size_px, encoder.dimension) == (32, 8)


def test_length_is_free_when_the_objective_wants_it():
    free = ConvolutionalEncoder(
        ConvolutionalConfig(image_size_px=32, dimension=8, unit_length=False), seeded_generator(0)
    )
    lengths = np.linalg.norm(free.embed(frames()), axis=1)
    assert not np.allclose(lengths, 1, atol=1e-3)


def test_uint8_and_the_same_values_as_float_are_one(encoder):
    batch = torch.from_numpy(frames())
    assert torch.equal(encoder(batch), encoder(batch.float()))


def test_the_same_frames_give_the_same_bits_in_batches_of_any_size(encoder):
    many = frames(11)
    assert np.array_equal(encoder.embed(many), encoder.embed(many))
    np.testing.assert_allclose(
        encoder.embed(many, batch_frames=3), encoder.embed(many), atol=1e-5, rtol=0
    )
    singles = np.concatenate([encoder.embed(many[i : i + 1]) for i in range(11)])
    np.testing.assert_allclose(singles, encoder.embed(many), atol=1e-5, rtol=0)


def test_no_frames_give_no_embeddings(encoder):
    assert encoder.embed(frames(0)).shape == (0, 8)


def test_weights_come_from_the_seed_alone():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    one = ConvolutionalEncoder(CONFIG, seeded_generator(3))
    assert torch.equal(torch.get_rng_state(), before)
    two, other = (
        ConvolutionalEncoder(CONFIG, seeded_generator(3)),
        ConvolutionalEncoder(CONFIG, seeded_generator(4)),
    )
    for name, weight in one.state_dict().items():
        assert torch.equal(weight, two.state_dict()[name])
    assert not torch.equal(one.head.weight, other.head.weight)


def test_the_untrained_encoder_has_the_shape_but_not_the_weights(encoder):
    baseline = untrained_encoder(encoder, seed=9)
    assert baseline.config == encoder.config
    assert not np.array_equal(baseline.embed(frames()), encoder.embed(frames()))


def test_frames_of_another_size_are_resized_as_the_frame_store_does(encoder):
    large = frames(3, 84, 96)
    by_opencv = np.stack([cv2.resize(f, (32, 32), interpolation=cv2.INTER_AREA) for f in large])
    resized = resize_frames(torch.from_numpy(large), 32).numpy()
    assert np.abs(resized.astype(int) - by_opencv).max() <= 1
    np.testing.assert_allclose(encoder.embed(large), encoder.embed(by_opencv), atol=0.02)
    small = frames(2, 16, 24)
    enlarged = np.stack([cv2.resize(f, (32, 32), interpolation=cv2.INTER_LINEAR) for f in small])
    resized = resize_frames(torch.from_numpy(small), 32).numpy()
    assert np.abs(resized.astype(int) - enlarged).max() <= 1


@pytest.mark.parametrize(("source", "target"), [(84, 64), (64, 64), (7, 3), (100, 33)])
def test_area_weights_share_out_every_pixel_evenly(source, target):
    weights = area_weights(source, target)
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(target))
    torch.testing.assert_close(weights.sum(dim=0), torch.full((source,), target / source))


@pytest.mark.parametrize(
    "bad",
    [
        np.zeros((2, 32, 32, 3), np.float32),
        np.zeros((32, 32, 3), np.uint8),
        np.zeros((2, 32, 32, 4), np.uint8),
    ],
)
def test_what_is_no_batch_of_frames_is_refused(encoder, bad):
    with pytest.raises(UserError, match="expects uint8 frames"):
        encoder.embed(bad)


def test_weights_and_numbers_are_those_of_the_first_version(encoder):
    """Drawn and computed before there were other kinds; old runs are trained again the same."""
    drawn = [0.1468970626592636, 0.009356304071843624, -0.08331212401390076]
    assert encoder.head.weight[0, :3].tolist() == drawn
    embedded = [-0.17847379, -0.32092556, -0.13358022, -0.30306223]
    np.testing.assert_allclose(encoder.embed(frames())[0, :4], embedded, atol=1e-6)


def test_forward_is_the_length_of_the_projected_features(encoder):
    images = torch.from_numpy(frames())
    features = encoder.features(images)
    assert features.shape == (5, encoder.feature_width) == (5, 128)
    projected = encoder.project(features)
    assert torch.equal(torch.nn.functional.normalize(projected, dim=1), encoder(images))


def test_an_unknown_kind_is_named():
    with pytest.raises(UserError, match="did you mean 'convolutional'"):
        build_encoder("convolutionel", CONFIG, seeded_generator(0))
