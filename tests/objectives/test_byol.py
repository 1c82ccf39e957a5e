"""BYOL: the loss in closed form, and a target that follows, learns nothing and is remembered."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tcn_robot.errors import UserError
from tcn_robot.objectives import Encoded
from tcn_robot.objectives.byol import Byol, ByolOptions, byol_loss, follow, target_momentum
from tests.objectives.steps import pair_moments, randn, setting_of


class LinearEncoder(nn.Module):
    """An encoder of "images" (N, 3) that has something to learn."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.dimension = self.feature_width = 4
        self.layer = nn.Linear(3, 4)
        self.layer.weight.data = randn(4, 3, seed=seed).float()
        self.layer.bias.data.zero_()

    def features(self, images: torch.Tensor) -> torch.Tensor:
        return images

    def project(self, features: torch.Tensor) -> torch.Tensor:
        return F.normalize(self.layer(features), dim=1)


class LinearStep:
    """A step that embeds by the network it is asked for."""

    def __init__(self, encoder: LinearEncoder, progress: float = 0.0, first: bool = True) -> None:
        self.encoder, self.progress, self.first = encoder, progress, first
        self.images = randn(12, 3, seed=5).float()
        self.moments = pair_moments([0] * 6)
        self.generator = torch.Generator()

    def encode(self, change=None, network=None) -> Encoded:
        with torch.set_grad_enabled(network is None):
            features = (network or self.encoder).features(self.images)
            return Encoded(features, (network or self.encoder).project(features))


def byol_of(encoder: LinearEncoder, **options) -> Byol:
    options = ByolOptions(projector_hidden=8, projector_dimension=5, **options)
    return Byol(options, setting_of(encoder, 1))


def test_the_loss_is_that_of_a_loop():
    q, z = randn(8, 3, seed=1), randn(8, 3, seed=2)
    total = 0.0
    for i in range(4):
        for a, b in ((i, i + 4), (i + 4, i)):
            gap = q[a] / q[a].norm() - z[b] / z[b].norm()
            total += float(gap @ gap) / 4
    assert float(byol_loss(q, z)) == pytest.approx(total)


def test_closed_forms():
    same = torch.ones(6, 3, dtype=torch.float64)
    assert float(byol_loss(same, 7 * same)) == pytest.approx(0.0)
    assert float(byol_loss(same, -same)) == pytest.approx(8.0)
    assert float(byol_loss(same.bfloat16(), -same.bfloat16())) == pytest.approx(8.0)


def test_gradients_reach_the_prediction_only():
    q, z = randn(6, 3, seed=1).requires_grad_(), randn(6, 3, seed=2).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: byol_loss(x, z), (q,))
    byol_loss(q, z).backward()
    assert z.grad is None


def test_momentum_rises_to_1_along_half_a_cosine():
    assert target_momentum(0.9, 0.0) == pytest.approx(0.9)
    assert target_momentum(0.9, 0.5) == pytest.approx(0.95)
    assert target_momentum(0.9, 1.0) == pytest.approx(1.0)
    assert target_momentum(0.96, 0.25) == pytest.approx(1 - 0.04 * (math.sqrt(0.5) + 1) / 2)


def test_following_is_a_running_mean_of_parameters():
    target, online = nn.Linear(3, 2), nn.Linear(3, 2)
    expected = [
        0.75 * t + 0.25 * o for t, o in zip(target.parameters(), online.parameters(), strict=True)
    ]
    leader = copy.deepcopy(online)
    follow(target, online, 0.75)
    for found, wanted in zip(target.parameters(), expected, strict=True):
        torch.testing.assert_close(found.data, wanted.data)
    assert all(
        torch.equal(a, b) for a, b in zip(online.parameters(), leader.parameters(), strict=True)
    )


def test_the_target_begins_as_a_copy_and_has_no_gradients():
    encoder = LinearEncoder()
    objective = byol_of(encoder)
    assert torch.equal(objective.target_encoder.layer.weight, encoder.layer.weight)
    losses = objective(LinearStep(encoder))
    losses.terms["byol"].backward()
    assert encoder.layer.weight.grad.abs().sum() > 0
    for part in (objective.projector, objective.predictor):
        assert all(w.grad is not None for w in part.parameters())
    for part in (objective.target_encoder, objective.target_projector):
        assert all(not w.requires_grad and w.grad is None for w in part.parameters())
    assert float(losses.figures["target_momentum"]) == pytest.approx(0.99)


def test_the_encoder_is_no_part_of_the_objective_but_the_target_is():
    """Its weights must not be optimised twice, and a resume must find the target again."""
    encoder = LinearEncoder()
    objective = byol_of(encoder)
    assert not any(w is encoder.layer.weight for w in objective.parameters())
    names = set(objective.state_dict())
    assert {"target_encoder.layer.weight", "target_projector.0.weight"} <= names
    assert not any("online" in name for name in names)


def test_the_target_moves_once_per_optimisation_step():
    encoder = LinearEncoder()
    objective = byol_of(encoder, target_momentum=0.5)
    before = objective.target_encoder.layer.weight.clone()
    encoder.layer.weight.data += 1.0
    objective(LinearStep(encoder, first=False))
    assert torch.equal(objective.target_encoder.layer.weight, before)
    objective(LinearStep(encoder, first=True))
    torch.testing.assert_close(objective.target_encoder.layer.weight, before + 0.5)
    objective(LinearStep(encoder, progress=1.0, first=True))  # by then it stands still
    torch.testing.assert_close(objective.target_encoder.layer.weight, before + 0.5)


def test_a_state_that_is_loaded_goes_on_as_if_nothing_had_been():
    encoder = LinearEncoder()
    objective = byol_of(encoder, target_momentum=0.5)
    encoder.layer.weight.data += 1.0
    objective(LinearStep(encoder))
    again = byol_of(LinearEncoder(seed=9), target_momentum=0.5)
    again.load_state_dict(copy.deepcopy(objective.state_dict()))
    again._online_encoder[0].load_state_dict(encoder.state_dict())
    one = objective(LinearStep(encoder, 0.3)).terms["byol"]
    two = again(LinearStep(again._online_encoder[0], 0.3)).terms["byol"]
    assert torch.equal(one, two)


def test_a_momentum_that_cannot_be_is_named():
    with pytest.raises(UserError, match=r"--target-momentum must be from 0 to 1, found 1\.5"):
        byol_of(LinearEncoder(), target_momentum=1.5)
