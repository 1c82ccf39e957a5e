"""Two-hot temporal distances: against loops, antisymmetric for any weights, at the ends."""

import math

import pytest
import torch

from tcn_robot.objectives.temporal_distance import (
    DistanceHead,
    bin_centres,
    distance_loss,
    expected_distance,
    two_hot,
)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def randn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=generator(seed))


def head(hidden: int = 7, num_bins: int = 20, seed: int = 0) -> DistanceHead:
    return DistanceHead(4, num_bins, hidden, generator(seed)).double()


def loop_two_hot(distance: float, num_bins: int) -> list[float]:
    width = 2 / (num_bins - 1)
    shares = [0.0] * num_bins
    lower = min(int((distance + 1) / width), num_bins - 2)
    above = (distance - (-1 + lower * width)) / width
    shares[lower], shares[lower + 1] = 1 - above, above
    return shares


@pytest.mark.parametrize("num_bins", [2, 3, 20])
def test_two_hot_equals_the_loop_and_means_the_distance(num_bins):
    distances = torch.cat([torch.linspace(-1, 1, 41, dtype=torch.float64), randn(50).clamp(-1, 1)])
    shares = two_hot(distances, num_bins)
    for row, distance in zip(shares, distances, strict=True):
        assert row.tolist() == pytest.approx(loop_two_hot(float(distance), num_bins))
    assert ((shares > 1e-12).sum(dim=1) <= 2).all()
    torch.testing.assert_close(shares.sum(dim=1), torch.ones_like(distances))
    torch.testing.assert_close(shares @ bin_centres(num_bins), distances)


def test_what_is_beyond_the_ends_counts_as_the_end():
    shares = two_hot(torch.tensor([-1.2, 1.0, 3.0]), 20)
    assert shares[0, 0] == shares[1, -1] == shares[2, -1] == 1


def test_the_loss_equals_the_loop():
    logits, distances = randn(9, 20, seed=1), randn(9, seed=2).clamp(-1, 1)
    total = 0.0
    for row, distance in zip(logits.tolist(), distances.tolist(), strict=True):
        norm = math.log(sum(math.exp(x) for x in row))
        total -= sum(p * (x - norm) for p, x in zip(loop_two_hot(distance, 20), row, strict=True))
    assert float(distance_loss(logits, distances)) == pytest.approx(total / 9)
    assert float(distance_loss(torch.zeros(9, 20), distances)) == pytest.approx(math.log(20))


def test_a_perfect_prediction_gives_the_distance_back():
    distances = torch.linspace(-1, 1, 57, dtype=torch.float64)
    logits = two_hot(distances, 20).clamp(min=1e-300).log()
    torch.testing.assert_close(expected_distance(logits), distances)


@pytest.mark.parametrize("hidden", [0, 7])
@pytest.mark.parametrize("num_bins", [3, 20])
def test_turning_a_pair_round_mirrors_the_distribution(hidden, num_bins):
    a, b = randn(11, 4, seed=3), randn(11, 4, seed=4)
    net = head(hidden, num_bins)
    torch.testing.assert_close(net(a, b), net(b, a).flip(1))
    torch.testing.assert_close(expected_distance(net(a, b)), -expected_distance(net(b, a)))


@pytest.mark.parametrize("hidden", [0, 7])
def test_a_frame_is_at_no_distance_from_itself(hidden):
    a = randn(11, 4, seed=3)
    distances = expected_distance(head(hidden)(a, a))
    torch.testing.assert_close(distances, torch.zeros_like(distances))


def test_weights_come_from_the_generator_and_nowhere_else():
    torch.manual_seed(0)
    first = head(seed=5)
    torch.manual_seed(1)
    second, other = head(seed=5), head(seed=6)
    for name, weights in first.state_dict().items():
        assert torch.equal(weights, second.state_dict()[name])
    assert not torch.equal(first.scores[0].weight, other.scores[0].weight)


def test_gradients_are_those_of_finite_differences():
    net, distances = head(), randn(5, seed=7).clamp(-1, 1)
    pair = (randn(5, 4, seed=8).requires_grad_(), randn(5, 4, seed=9).requires_grad_())
    assert torch.autograd.gradcheck(lambda a, b: distance_loss(net(a, b), distances), pair)
