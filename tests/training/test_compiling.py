"""Compiled encoders: the same numbers, and a line where there is no compiler."""

import copy

import pytest
import torch

from tcn_robot.models import ConvolutionalConfig, build_encoder, seeded_generator
from tcn_robot.training import RunDescription, create_run, make_config, train
from tcn_robot.training.compiling import CompiledEncoder, choose_compiling, missing_compiler
from tcn_robot.training.parts import prepare
from tests.data.films import dot_films, store_of

CPU = torch.device("cpu")
SMALL = {"image_size_px": 16, "batch_frames": 16, "precision": "fp32", "device": "cpu"}


@pytest.fixture
def no_compiler(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)


def encoder():
    shape = ConvolutionalConfig(image_size_px=16, unit_length=True)
    return build_encoder("convolutional", shape, seeded_generator(0))


def test_nothing_is_compiled_or_said_unless_asked(no_compiler):
    assert choose_compiling(False, CPU) == (False, ())


def test_a_missing_compiler_is_one_line_and_no_end(no_compiler, tmp_path):
    assert missing_compiler(CPU) == "a C++ compiler"
    store = store_of(dot_films(seed=0, train=2, length=12, size_px=16), tmp_path / "s", size_px=16)
    config = make_config(steps=1, compile=True, **SMALL)
    parts = prepare(config, store)
    assert not parts.compiling
    assert parts.notes[-1].startswith("--compile needs a C++ compiler, found none")
    create_run(tmp_path / "run", RunDescription(config, (), ""))
    train(config, store, tmp_path / "run", parts=parts)
    assert (tmp_path / "run" / "encoder" / "model.safetensors").is_file()


def test_the_compiler_that_is_named_counts(monkeypatch, tmp_path):
    monkeypatch.setenv("CXX", str(tmp_path / "none"))
    assert missing_compiler(CPU) == "a C++ compiler"


@pytest.mark.slow
@pytest.mark.skipif(missing_compiler(CPU) is not None, reason="needs a C++ compiler")
def test_compiled_numbers_and_gradients_are_those_of_the_encoder():
    plain, other = encoder(), encoder()
    compiled = CompiledEncoder(other)
    assert (compiled.dimension, compiled.feature_width) == (plain.dimension, plain.feature_width)
    images = torch.rand(6, 16, 16, 3, generator=seeded_generator(1)) * 255
    found = compiled.normalise(compiled.project(compiled.features(images)))
    torch.testing.assert_close(found, plain(images), atol=1e-5, rtol=1e-4)
    for embeddings in (found, plain(images)):
        embeddings[:, 0].sum().backward()
    for mine, wanted in zip(other.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, wanted.grad, atol=1e-4, rtol=1e-3)
    # A copy, such as a target network, is not tied to what was compiled.
    target = copy.deepcopy(other)
    torch.nn.init.zeros_(target.head.bias)
    assert target.features.__self__ is target
