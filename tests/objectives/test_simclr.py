"""SimCLR's loss against a loop and pytorch-metric-learning, and the objective around it."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tcn_robot.data.sampling import BatchOptions
from tcn_robot.errors import UserError
from tcn_robot.objectives.simclr import Simclr, SimclrOptions, nt_xent
from tests.data.films import blank_film
from tests.objectives.steps import (
    GivenEncoder,
    GivenStep,
    losses_of,
    pair_moments,
    randn,
    setting_of,
)


def loop_nt_xent(z, temperature):
    """Chen et al. 2020, eq. 1 and algorithm 1."""
    count, half = len(z), len(z) // 2
    unit = [v / v.norm() for v in z]
    total = 0.0
    for i in range(count):
        partner = i + half if i < half else i - half
        scores = [math.exp(float(unit[i] @ unit[k]) / temperature) for k in range(count) if k != i]
        total -= math.log(math.exp(float(unit[i] @ unit[partner]) / temperature) / sum(scores))
    return total / count


@pytest.mark.parametrize("temperature", [0.1, 0.5, 2.0])
def test_nt_xent_equals_the_loop_and_the_library(temperature):
    from pytorch_metric_learning.losses import NTXentLoss

    z = 3 * randn(12, 5)
    loss, _ = nt_xent(z, temperature)
    assert float(loss) == pytest.approx(loop_nt_xent(z, temperature))
    library = NTXentLoss(temperature=temperature)(z, torch.arange(6).repeat(2))
    assert float(loss) == pytest.approx(float(library))


def test_closed_forms():
    same = torch.ones(8, 3, dtype=torch.float64)
    loss, found = nt_xent(same, 0.5)
    assert float(loss) == pytest.approx(math.log(7))
    assert float(found) == 0.0
    loss, found = nt_xent(torch.eye(4, dtype=torch.float64).repeat(2, 1), 0.01)
    assert float(loss) < 1e-9
    assert float(found) == 1.0
    pair = randn(2, 3).requires_grad_()
    loss, _ = nt_xent(pair, 0.5)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(0.0)
    assert torch.isfinite(pair.grad).all()


def test_gradients_and_bfloat16():
    z = randn(8, 4).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: nt_xent(x, 0.3)[0], (z,))
    z = z.detach()
    assert float(nt_xent(z.bfloat16(), 0.5)[0]) == pytest.approx(
        float(nt_xent(z, 0.5)[0]), rel=0.02
    )


def test_nothing_distinguishes_frames_but_their_embedding():
    """Moments play no part, and the batch is left alone."""
    e = F.normalize(randn(12, 4), dim=1).float()
    before = e.clone()
    one = losses_of("simclr", e, pair_moments([0] * 6))
    other = losses_of("simclr", e, pair_moments([0, 1, 2, 3, 4, 5]))
    assert torch.equal(one.terms["nt_xent"], other.terms["nt_xent"])
    assert torch.equal(e, before)
    assert set(one.figures) == {"found"}


def test_the_projector_learns_and_is_in_the_state():
    options = SimclrOptions(projector_hidden=8, projector_dimension=6)
    objective = Simclr(options, setting_of(GivenEncoder(4), 1))
    e = randn(12, 4).float().requires_grad_()
    objective(GivenStep(e, pair_moments([0] * 6))).terms["nt_xent"].backward()
    assert e.grad.abs().sum() > 0
    weights = [w for name, w in objective.named_parameters() if w.dim() == 2]
    assert [tuple(w.shape) for w in weights] == [(8, 4), (6, 8)]
    assert all(w.grad.abs().sum() > 0 for w in weights)
    same = Simclr(options, setting_of(GivenEncoder(4), 1))
    assert all(
        torch.equal(a, b) for a, b in zip(objective.parameters(), same.parameters(), strict=True)
    )


def test_its_sampler_gives_each_frame_twice():
    film = blank_film({"a": np.arange(9) * 0.1}, size_px=1)
    batch = Simclr.sampler(SimclrOptions(), [film], BatchOptions(8)).draw(np.random.default_rng(0))
    assert np.array_equal(batch.frame[:4], batch.frame[4:])


def test_a_temperature_that_cannot_be_is_named():
    with pytest.raises(UserError, match="--temperature must be above 0, found 0"):
        losses_of("simclr", randn(4, 3).float(), pair_moments([0, 0]), temperature=0.0)
