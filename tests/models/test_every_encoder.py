"""What holds for encoders of every kind."""

import copy
import dataclasses

import numpy as np
import pytest
import torch

from tcn_robot.errors import UserError
from tcn_robot.models import ENCODERS, build_encoder, load_encoder, seeded_generator
from tests.models.tiny import CASES, frames, tiny

LEARNT = [case for case in CASES if not case.startswith("pixels")]


def images_for(encoder, count=4, seed=0):
    size = encoder.image_size_px
    window = (encoder.num_frames,) if encoder.num_frames > 1 else ()
    generator = torch.Generator().manual_seed(seed)
    return torch.rand((count, *window, size, size, 3), generator=generator) * 255


@pytest.fixture(params=CASES)
def encoder(request):
    return tiny(request.param)


def test_features_projected_and_normalised_are_the_embeddings(encoder):
    encoder.eval()
    images = images_for(encoder)
    before = images.clone()
    features = encoder.features(images)
    assert features.shape == (4, encoder.feature_width)
    assert features.dtype == torch.float32
    projected = encoder.project(features)
    assert projected.shape == (4, encoder.dimension) == (4, encoder.config.dimension)
    torch.testing.assert_close(torch.nn.functional.normalize(projected, dim=1), encoder(images))
    assert torch.equal(images, before)


def test_length_one_or_free(encoder):
    # Without motion there are no differences: the first frame is embedded as 0.
    embedded = encoder.embed(frames(3))[int(encoder.config.differences) :]
    np.testing.assert_allclose(np.linalg.norm(embedded, axis=1), 1, atol=1e-5)
    config = dataclasses.replace(encoder.config, unit_length=False)
    free = build_encoder(encoder.kind, config, seeded_generator(0))
    assert not np.allclose(np.linalg.norm(free.embed(frames(3)), axis=1), 1, atol=1e-3)


def test_the_same_answer_for_any_batch_size_and_as_a_stream(encoder):
    film = frames(9, 24, 40)
    whole = encoder.embed(film)
    for batch_frames in (1, 3, 64):
        by_batches = encoder.embed(film, batch_frames=batch_frames)
        np.testing.assert_allclose(by_batches, whole, atol=1e-5, rtol=0)
    streamed = np.stack(list(encoder.embed_stream(iter(film))))
    np.testing.assert_allclose(streamed, whole, atol=1e-5, rtol=0)
    assert encoder.embed(film[:0]).shape == (0, encoder.dimension)


def test_embedding_does_not_depend_on_the_mode_and_leaves_it(encoder):
    encoder.train()
    modes = [module.training for module in encoder.modules()]
    state = {name: value.clone() for name, value in encoder.state_dict().items()}
    embedded = encoder.embed(frames())
    assert [module.training for module in encoder.modules()] == modes
    for name, value in encoder.state_dict().items():
        assert torch.equal(value, state[name]), name
    assert np.array_equal(encoder.eval().embed(frames()), embedded)


def test_saved_and_loaded_is_the_same(encoder, tmp_path):
    encoder.eval().save(tmp_path / "encoder")
    loaded = load_encoder(tmp_path / "encoder")
    assert (loaded.kind, loaded.config) == (encoder.kind, encoder.config)
    assert np.array_equal(loaded.embed(frames()), encoder.embed(frames()))


@pytest.mark.parametrize("case", LEARNT)
def test_weights_come_from_the_seed_alone(case):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    one, two, other = tiny(case), tiny(case), tiny(case, seed=1)
    assert torch.equal(torch.get_rng_state(), before)
    for name, value in one.state_dict().items():
        assert torch.isfinite(value).all(), name
        assert torch.equal(value, two.state_dict()[name]), name
    assert not np.array_equal(one.embed(frames()), other.embed(frames()))


@pytest.mark.parametrize("case", LEARNT)
def test_every_trained_weight_gets_a_gradient(case):
    encoder = tiny(case)
    (encoder(images_for(encoder)) * torch.arange(encoder.dimension)).sum().backward()
    for name, parameter in encoder.named_parameters():
        if parameter.requires_grad:
            assert torch.isfinite(parameter.grad).all(), name
        else:
            assert parameter.grad is None, name
    if case != "resnet none":  # its branches start at 0, and so does what stands in them
        flat = [n for n, p in encoder.named_parameters() if p.requires_grad and not p.grad.any()]
        assert not [name for name in flat if name.endswith("weight")]


@pytest.mark.parametrize("case", LEARNT)
def test_bfloat16_is_close_and_gives_float32(case):
    encoder = tiny(case, unit_length=True).eval()
    images = images_for(encoder)
    with torch.autocast("cpu", torch.bfloat16):
        rough = encoder(images)
    assert rough.dtype == torch.float32
    assert (rough * encoder(images)).sum(dim=1).min() > 0.98


def test_a_copy_stands_by_itself():
    encoder = tiny("resnet frozen")
    other = copy.deepcopy(encoder)
    other.train()
    frozen = {id(module) for module in other.frozen_modules()}
    assert frozen <= {id(module) for module in other.modules()}
    assert not frozen & {id(module) for module in encoder.modules()}


@pytest.mark.parametrize(
    ("kind", "options", "said"),
    [
        ("convolutional", {"image_size_px": 0}, "--image-size-px must be at least 1"),
        ("convolutional", {"dimension": 0}, "--dimension must be at least 1"),
        ("convolutional", {"num_frames": 0}, "--num-frames must be at least 1"),
        ("convolutional", {"stride_frames": 0}, "--stride-frames must be at least 1"),
        ("convolutional", {"differences": True}, "--differences needs 2 frames or more"),
        ("convolutional", {"channels": (4,)}, "as many --strides as --channels"),
        ("convolutional", {"channels": (), "strides": ()}, "as many --strides as --channels"),
        ("convolutional", {"bodies": ("hand",)}, "add --norm batch"),
        ("resnet", {"trainable": "some"}, "expects all, head, or last-K"),
        ("resnet", {"head_hidden": 0}, "must be at least 1"),
        ("inception", {"image_size_px": 10}, "inception needs images of"),
        ("pixels", {"grid_px": 100}, "--grid-px must be from 1"),
        ("transformers", {}, "expects either --pretrained FOLDER or --model-type"),
        ("transformers", {"model_type": "vit", "model_options": "{"}, "--model-options expects"),
        ("transformers", {"model_type": "vit", "model_options": "[]"}, "expects a JSON object"),
    ],
)
def test_a_shape_that_cannot_be_is_refused_in_one_line(kind, options, said):
    with pytest.raises(UserError, match=said) as caught:
        build_encoder(kind, ENCODERS[kind].Config(**options), seeded_generator(0))
    assert "\n" not in str(caught.value)
