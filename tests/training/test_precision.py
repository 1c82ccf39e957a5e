"""Autocast and the scale of float16 gradients. torch scales on a CPU too, so it is tested here."""

import json

import pytest
import torch

from tcn_robot.training.precision import Precision, all_finite

CPU = torch.device("cpu")


def network():
    generator = torch.Generator().manual_seed(0)
    layer = torch.nn.Linear(4, 3)
    for parameter in layer.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator)
    return layer, torch.optim.SGD(layer.parameters(), lr=0.1)


def take_step(precision, layer, optimizer, factor=1.0):
    optimizer.zero_grad()
    inputs = torch.arange(8.0).view(2, 4) / 8
    precision.backward(factor * layer(inputs).square().mean())
    precision.unscale(optimizer)
    gradient = layer.weight.grad.clone()
    precision.step(optimizer)
    return gradient


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_the_forward_pass_has_the_type_and_weights_stay_float32(dtype):
    layer, _ = network()
    with Precision(dtype, CPU).autocast():
        assert layer(torch.zeros(2, 4)).dtype == dtype
    assert layer.weight.dtype == torch.float32


def test_scaled_gradients_are_those_without_a_scale():
    (plain, optimizer), (scaled, other) = network(), network()
    without, with_scale = Precision(torch.float32, CPU), Precision(torch.float16, CPU)
    for _ in range(3):
        wanted = take_step(without, plain, optimizer)
        torch.testing.assert_close(take_step(with_scale, scaled, other), wanted)
    torch.testing.assert_close(scaled.weight, plain.weight)
    assert with_scale.skips_steps
    assert not without.skips_steps


def test_a_step_out_of_range_is_left_out_and_the_scale_lowered():
    layer, optimizer = network()
    precision = Precision(torch.float16, CPU)
    take_step(precision, layer, optimizer)
    before, scale = layer.weight.detach().clone(), precision.state()["scale"]
    take_step(precision, layer, optimizer, factor=torch.inf)
    assert torch.equal(layer.weight, before)
    assert precision.state()["scale"] == scale / 2


def test_the_scale_goes_on_from_a_checkpoint():
    layer, optimizer = network()
    precision = Precision(torch.float16, CPU)
    take_step(precision, layer, optimizer)
    take_step(precision, layer, optimizer, factor=torch.inf)
    take_step(precision, layer, optimizer)
    again = Precision(torch.float16, CPU)
    again.load_state(json.loads(json.dumps(precision.state())))
    assert again.state() == precision.state()
    take_step(again, layer, optimizer)
    assert Precision(torch.float32, CPU).state() == {}
    Precision(torch.float32, CPU).load_state({})


def test_finite_or_not():
    good, bad = torch.ones(3), torch.tensor([1.0, torch.nan])
    assert bool(all_finite([good, good]))
    assert not bool(all_finite([good, bad]))
    assert bool(all_finite([]))
