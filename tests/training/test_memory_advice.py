"""Out of memory ends in one line with the largest batch that fits."""

import pytest
import torch

from tcn_robot.errors import UserError
from tcn_robot.models import ConvolutionalConfig, ConvolutionalEncoder, seeded_generator
from tcn_robot.training import make_config
from tcn_robot.training import parts as parts_module
from tcn_robot.training.memory import advise, is_out_of_memory, largest_that_fits, training_pass


def room_for(limit, tried):
    def attempt(count):
        tried.append(count)
        if count > limit:
            raise torch.OutOfMemoryError("no")

    return attempt


@pytest.mark.parametrize("multiple", [1, 2, 16])
@pytest.mark.parametrize("limit", [0, 1, 15, 16, 17, 100, 255, 256])
def test_the_largest_batch_is_found_by_trying(limit, multiple):
    tried = []
    found = largest_that_fits(room_for(limit, tried), 257, multiple)
    assert found == limit // multiple * multiple
    assert len(tried) <= 9
    assert all(0 < count < 272 and count % multiple == 0 for count in tried)


def test_another_fault_is_not_taken_for_a_full_memory():
    def attempt(count):
        raise RuntimeError("shapes do not fit")

    with pytest.raises(RuntimeError, match="shapes"):
        largest_that_fits(attempt, 8, 1)


def test_what_counts_as_out_of_memory():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA"))
    assert is_out_of_memory(MemoryError())
    assert not is_out_of_memory(RuntimeError("size mismatch"))
    assert not is_out_of_memory(ValueError("not enough memory"))


def test_a_pass_of_the_real_encoder():
    config = ConvolutionalConfig(image_size_px=16, channels=(4, 4), strides=(2, 2))
    encoder = ConvolutionalEncoder(config, seeded_generator(0))
    attempt = training_pass(encoder, lambda: torch.autocast("cpu", torch.bfloat16))
    attempt(3)
    assert all(parameter.grad is not None for parameter in encoder.parameters())


def test_the_line():
    gpu, cpu = torch.device("cuda"), torch.device("cpu")
    assert "--batch-frames 96" in advise(gpu, 256, 96)
    assert "the GPU cannot hold a training step of 256 frames" in advise(gpu, 256, 96)
    assert "smaller --image-size-px" in advise(cpu, 256, 0)
    assert "\n" not in advise(cpu, 256, 0) + advise(gpu, 256, 96)


def test_an_encoder_that_no_memory_holds_is_one_line(monkeypatch):
    def build(*_):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate")

    monkeypatch.setattr(parts_module, "build_encoder", build)
    with pytest.raises(UserError, match=r"take a smaller --dimension \(found 32\)") as caught:
        parts_module._built(make_config("tcn"), 0)
    assert "\n" not in str(caught.value)
