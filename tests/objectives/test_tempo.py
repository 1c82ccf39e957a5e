"""Tempo: Barlow Twins against a loop, and what correlates with what."""

import math

import numpy as np
import pytest
import torch

from tcn_robot.data.sampling import BatchOptions, ProximitySampler
from tcn_robot.errors import UserError
from tcn_robot.objectives.tempo import Tempo, TempoOptions, barlow_twins, cross_correlation
from tests.data.films import blank_film
from tests.objectives.steps import (
    GivenEncoder,
    GivenStep,
    losses_of,
    pair_moments,
    randn,
    setting_of,
)


def loop_correlation(first, second):
    """Zbontar et al. 2021, eq. 2, with centred dimensions."""
    dimension = first.shape[1]
    found = torch.zeros(dimension, dimension, dtype=torch.float64)
    for i in range(dimension):
        for j in range(dimension):
            a = [float(v) - float(first[:, i].mean()) for v in first[:, i]]
            b = [float(v) - float(second[:, j].mean()) for v in second[:, j]]
            together = sum(x * y for x, y in zip(a, b, strict=True))
            lengths = math.sqrt(sum(x * x for x in a)) * math.sqrt(sum(y * y for y in b))
            found[i, j] = together / lengths
    return found


def loop_barlow_twins(c):
    """Zbontar et al. 2021, eq. 1, both sums."""
    own = sum((1 - float(c[i, i])) ** 2 for i in range(len(c)))
    others = sum(float(c[i, j]) ** 2 for i in range(len(c)) for j in range(len(c)) if i != j)
    return own, others


def test_correlation_and_loss_equal_the_loops():
    first, second = 3 * randn(20, 5, seed=1) + 2, 3 * randn(20, 5, seed=2) - 1
    expected = loop_correlation(first, second)
    assert np.allclose(expected, np.corrcoef(first.T, second.T)[:5, 5:])
    found = cross_correlation(first, second)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)  # epsilon in the variance
    for ours, loop in zip(barlow_twins(expected), loop_barlow_twins(expected), strict=True):
        assert float(ours) == pytest.approx(loop)


def test_closed_forms():
    z = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]], dtype=torch.float64)
    own, others = barlow_twins(cross_correlation(z, 5 * z + 1))
    assert float(own) == pytest.approx(0.0, abs=1e-9)
    assert float(others) == pytest.approx(0.0, abs=1e-9)
    own, others = barlow_twins(cross_correlation(z, -z))
    assert float(own) == pytest.approx(8.0, rel=1e-4)
    twice = z[:, :1].repeat(1, 3)  # three dimensions that say the same
    own, others = barlow_twins(cross_correlation(twice, twice))
    assert float(own) == pytest.approx(0.0, abs=1e-9)
    assert float(others) == pytest.approx(6.0, rel=1e-4)


@pytest.mark.parametrize("z", [torch.ones(6, 4), torch.randn(1, 4, generator=torch.Generator())])
def test_a_dimension_that_does_not_vary_correlates_with_nothing(z):
    z = z.double().requires_grad_()
    own, others = barlow_twins(cross_correlation(z, z))
    assert float(own.detach()) == 4.0
    assert float(others.detach()) == 0.0
    (own + others).backward()
    assert torch.isfinite(z.grad).all()


def test_gradients_and_bfloat16():
    first, second = (randn(8, 3, seed=s).requires_grad_() for s in (1, 2))
    assert torch.autograd.gradcheck(
        lambda a, b: sum(barlow_twins(cross_correlation(a, b))), (first, second)
    )
    low = cross_correlation(first.detach().bfloat16(), second.detach().bfloat16())
    torch.testing.assert_close(
        low.double(), cross_correlation(first.detach(), second.detach()), atol=0.02, rtol=0.02
    )


def test_both_sums_are_terms_and_lambda_is_in_one_of_them():
    e, moments = randn(32, 6).float(), pair_moments([0] * 16)
    sizes = {"projector_hidden": 8, "projector_dimension": 8}
    usual = losses_of("tempo", e, moments, **sizes)
    tenfold = losses_of("tempo", e, moments, redundancy=0.01, **sizes)
    assert set(usual.terms) == {"invariance", "redundancy"}
    assert torch.equal(usual.terms["invariance"], tenfold.terms["invariance"])
    torch.testing.assert_close(10 * usual.terms["redundancy"], tenfold.terms["redundancy"])
    assert set(usual.figures) == {"agreement", "correlation"}
    assert -1 <= float(usual.figures["agreement"]) <= 1
    assert 0 <= float(usual.figures["correlation"]) <= 1
    agreeing = losses_of("tempo", e[:16].repeat(2, 1), moments, **sizes)
    assert float(agreeing.figures["agreement"]) > 0.99


def test_the_projector_has_three_layers_and_learns():
    options = TempoOptions(projector_hidden=8, projector_dimension=6)
    objective = Tempo(options, setting_of(GivenEncoder(4), 1))
    shapes = [tuple(w.shape) for w in objective.parameters() if w.dim() == 2]
    assert shapes == [(8, 4), (8, 8), (6, 8)]
    e = randn(12, 4).float().requires_grad_()
    before = e.detach().clone()
    losses = objective(GivenStep(e, pair_moments([0] * 6)))
    sum(losses.terms.values()).backward()
    assert torch.equal(e, before)
    assert e.grad.abs().sum() > 0
    assert all(w.grad.abs().sum() > 0 for w in objective.parameters() if w.dim() == 2)


def test_its_sampler_takes_frames_or_seconds():
    film = blank_film({"a": np.arange(30) * 0.1}, size_px=1)
    for options in ({"proximity_seconds": 0.3}, {"proximity_frames": 3}):
        sampler = Tempo.sampler(TempoOptions(**options), [film], BatchOptions(32))
        assert isinstance(sampler, ProximitySampler)
        batch = sampler.draw(np.random.default_rng(0))
        gaps = np.abs(batch.frame[:16] - batch.frame[16:])
        assert gaps.min() >= 1
        assert gaps.max() <= 3


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"proximity_seconds": 0.0}, "--proximity-seconds must be above 0, found 0.0"),
        ({"proximity_frames": 0}, "--proximity-frames must be above 0, found 0"),
        ({"proximity_seconds": 1.0, "proximity_frames": 30}, "found both; leave one out"),
        ({"redundancy": -1.0}, "--redundancy must be at least 0, found -1.0"),
    ],
)
def test_options_that_cannot_work_are_named(options, said):
    film = blank_film({"a": np.arange(30) * 0.1}, size_px=1)
    with pytest.raises(UserError, match=said):
        Tempo.sampler(TempoOptions(**options), [film], BatchOptions())
