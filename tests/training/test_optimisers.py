"""Groups of weights, clipping, and the average of the weights."""

import copy

import pytest
import torch
from torch import nn

from tcn_robot.training.averaging import WeightAverage, decay_at
from tcn_robot.training.optimisers import (
    OptimisationOptions,
    build_optimiser,
    clip_gradients,
    set_rate,
    trained_parameters,
    weight_groups,
)


def network():
    generator = torch.Generator().manual_seed(0)
    made = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 2))
    for parameter in made.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator)
    return made


def give_gradients(module, seed=1):
    generator = torch.Generator().manual_seed(seed)
    for parameter in module.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=generator)


def test_biases_and_norms_are_left_alone_on_request():
    made = network()
    (everything,) = weight_groups([made], 0.3, decay_all=True)
    assert len(everything["params"]) == 6
    decayed, left_alone = weight_groups([made], 0.3, decay_all=False)
    assert {p.ndim for p in decayed["params"]} == {4, 2}
    assert {p.ndim for p in left_alone["params"]} == {1}
    assert (decayed["weight_decay"], left_alone["weight_decay"]) == (0.3, 0.0)


def test_frozen_weights_are_not_trained_and_shared_ones_once():
    made = network()
    made[0].requires_grad_(False)
    (group,) = weight_groups([made, made[3]], 0.1, decay_all=True)
    assert len(group["params"]) == 4
    optimizer = build_optimiser(OptimisationOptions(), [made.requires_grad_(False)])
    assert trained_parameters(optimizer) == []


@pytest.mark.parametrize(
    ("options", "reference"),
    [
        ({}, lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.3)),
        ({"optimiser": "adam"}, lambda p: torch.optim.Adam(p, lr=0.01, weight_decay=0.3)),
        (
            {"optimiser": "sgd", "sgd_momentum": 0.8, "nesterov": True},
            lambda p: torch.optim.SGD(p, 0.01, momentum=0.8, nesterov=True, weight_decay=0.3),
        ),
    ],
)
def test_each_name_is_the_optimiser_of_torch(options, reference):
    made, other = network(), network()
    ours = build_optimiser(OptimisationOptions(**options), [made])
    theirs = reference(other.parameters())
    set_rate(ours, 0.01)
    for seed in range(3):
        give_gradients(made, seed)
        give_gradients(other, seed)
        ours.step()
        theirs.step()
    for one, two in zip(made.parameters(), other.parameters(), strict=True):
        assert torch.equal(one, two)
    assert len(trained_parameters(ours)) == 6


def test_gradients_are_clipped_together_and_not_at_all_with_0():
    made = network()
    give_gradients(made)
    before = torch.cat([p.grad.flatten() for p in made.parameters()])
    assert clip_gradients(made.parameters(), 0.0) == pytest.approx(float(before.norm()))
    after = torch.cat([p.grad.flatten() for p in made.parameters()])
    assert torch.equal(before, after)
    clip_gradients(made.parameters(), 0.5)
    after = torch.cat([p.grad.flatten() for p in made.parameters()])
    torch.testing.assert_close(after, before * 0.5 / before.norm())


def test_the_average_is_a_slow_loop_over_the_steps():
    made = network()
    average = WeightAverage(made, 0.9)
    wanted = copy.deepcopy(made[0].weight.detach()).double()
    generator = torch.Generator().manual_seed(2)
    for step in range(200):
        with torch.no_grad():
            made[0].weight += torch.randn(made[0].weight.shape, generator=generator)
            made[1].running_mean += 1
        average.update(made)
        decay = min(0.9, (1 + step) / (10 + step))
        wanted = decay * wanted + (1 - decay) * made[0].weight.detach().double()
    torch.testing.assert_close(average.network[0].weight.double(), wanted, rtol=1e-4, atol=1e-4)
    assert torch.equal(average.network[1].running_mean, made[1].running_mean)
    assert average.updates == 200


def test_the_average_is_apart_from_what_is_trained():
    made = network().train()
    average = WeightAverage(made, 0.99)
    assert not average.network.training
    assert made.training
    assert not any(p.requires_grad for p in average.network.parameters())
    assert all(p.requires_grad for p in made.parameters())
    before = [p.clone() for p in made.parameters()]
    average.update(made)
    assert all(torch.equal(a, b) for a, b in zip(before, made.parameters(), strict=True))


def test_weights_that_stand_still_are_their_own_average():
    made = network()
    average = WeightAverage(made, 0.5)
    for _ in range(3):
        average.update(made)
    for one, two in zip(made.parameters(), average.network.parameters(), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-6, atol=0)
    assert decay_at(0, 0.99) == 0.1
    assert decay_at(10**6, 0.99) == 0.99
