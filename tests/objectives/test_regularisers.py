"""SIGReg against the closed form of its integral, VICReg's terms against a library."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tcn_robot.objectives import RegulariserOptions, regulariser_terms
from tcn_robot.objectives.regularisers import (
    covariance_penalty,
    random_directions,
    sigreg,
    variance_hinge,
)
from tests.objectives.steps import randn


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def exact_epps_pulley(x: np.ndarray) -> float:
    """The integral over all t, by Gaussian integrals; no quadrature, no characteristic function."""
    count = len(x)
    pairs = np.exp(-((x[:, None] - x[None]) ** 2) / 2).sum() * math.sqrt(2 * math.pi) / count**2
    singles = 2 * np.exp(-(x**2) / 4).sum() * math.sqrt(math.pi) / count
    return count * (pairs - singles + math.sqrt(2 * math.pi / 3))


@pytest.mark.parametrize("scale", [0.0, 0.3, 1.0, 1.5])
def test_sigreg_is_the_epps_pulley_statistic_along_each_direction(scale):
    e = scale * randn(20, 4) + 0.2
    directions = random_directions(4, 6, generator()).double()
    expected = np.mean([exact_epps_pulley((e @ d).numpy()) for d in directions.T])
    assert float(sigreg(e, directions)) == pytest.approx(expected, rel=1e-3)


def test_sigreg_of_a_normal_is_1_and_of_a_collapse_grows_with_the_batch():
    directions = random_directions(8, 64, generator()).double()
    normal = np.mean([float(sigreg(randn(128, 8, seed=s), directions)) for s in range(20)])
    assert normal == pytest.approx(math.sqrt(2 * math.pi) - math.sqrt(2 * math.pi / 3), rel=0.1)
    collapsed = float(sigreg(torch.zeros(128, 8, dtype=torch.float64), directions))
    share = math.sqrt(2 * math.pi) + math.sqrt(2 * math.pi / 3) - 2 * math.sqrt(math.pi)
    assert collapsed == pytest.approx(128 * share, rel=1e-4)
    line = randn(128, 8)
    line[:, 1:] = 0
    assert float(sigreg(line, directions)) > 3 * normal


def test_directions_are_unit_and_from_the_generator_alone():
    torch.manual_seed(0)
    one = random_directions(5, 7, generator(3))
    torch.manual_seed(1)
    assert torch.equal(one, random_directions(5, 7, generator(3)))
    torch.testing.assert_close(one.norm(dim=0), torch.ones(7))


def test_vicreg_terms_are_the_librarys():
    from pytorch_metric_learning.losses import VICRegLoss

    a, b = 0.5 * randn(20, 6, seed=1), 0.5 * randn(20, 6, seed=2)
    theirs = VICRegLoss(invariance_lambda=0, variance_mu=1, covariance_v=0, eps=1e-4)
    ours = (variance_hinge(a) + variance_hinge(b)) / 2
    assert float(ours) == pytest.approx(float(theirs(a, ref_emb=b)))
    theirs = VICRegLoss(invariance_lambda=0, variance_mu=0, covariance_v=1, eps=1e-4)
    ours = covariance_penalty(a) + covariance_penalty(b)
    assert float(ours) == pytest.approx(float(theirs(a, ref_emb=b)))


def test_vicreg_terms_equal_numpy():
    e = 0.5 * randn(15, 4)
    covariance = np.cov(e.numpy().T)
    hinge = np.maximum(0, 1 - np.sqrt(np.diag(covariance) + 1e-4)).mean()
    assert float(variance_hinge(e)) == pytest.approx(hinge)
    off = covariance - np.diag(np.diag(covariance))
    assert float(covariance_penalty(e)) == pytest.approx((off**2).sum() / 4)


@pytest.mark.parametrize(
    "term",
    [
        lambda e: sigreg(e, random_directions(3, 4, generator()).to(e)),
        variance_hinge,
        covariance_penalty,
    ],
)
@pytest.mark.parametrize("count", [0, 1, 2])
def test_small_batches_have_a_working_backward_pass(term, count):
    e = randn(count, 3).requires_grad_()
    term(e).backward()
    assert torch.isfinite(e.grad).all()
    assert torch.isfinite(term(e))


def test_gradients_are_those_of_finite_differences():
    directions = random_directions(3, 4, generator()).double()
    e = (0.4 * randn(7, 3)).requires_grad_()
    for term in (lambda x: sigreg(x, directions), variance_hinge, covariance_penalty):
        assert torch.autograd.gradcheck(term, (e,))


ALL = RegulariserOptions(sigreg_weight=0.1, variance_weight=2.0, covariance_weight=3.0)


def test_nothing_is_switched_on_and_nothing_drawn_by_default():
    source = generator()
    before = source.get_state()
    assert regulariser_terms(randn(8, 4), RegulariserOptions(), source) == {}
    assert regulariser_terms(randn(8, 4), RegulariserOptions(variance_weight=1.0), source)
    assert torch.equal(source.get_state(), before)


def test_weights_are_in_the_terms():
    e = 0.5 * randn(16, 4)
    before = e.clone()
    terms = regulariser_terms(e, ALL, generator())
    directions = random_directions(4, ALL.sigreg_directions, generator()).double()
    assert set(terms) == {"sigreg", "variance", "covariance"}
    assert float(terms["sigreg"]) == pytest.approx(0.1 * float(sigreg(e, directions)))
    assert float(terms["variance"]) == pytest.approx(2 * float(variance_hinge(e)))
    assert float(terms["covariance"]) == pytest.approx(3 * float(covariance_penalty(e)))
    assert torch.equal(e, before)


def test_points_all_over_the_sphere_are_as_good_as_a_normal():
    """Length 1 leaves each of D dimensions a variance of 1 / D at most."""
    unit = F.normalize(randn(512, 16), dim=1)
    free = regulariser_terms(unit, ALL, generator())
    scaled = regulariser_terms(unit, ALL, generator(), unit_length=True)
    assert float(free["variance"]) > 1.0
    assert float(scaled["variance"]) < 0.1
    assert float(scaled["sigreg"]) < 0.2
    assert float(free["sigreg"]) > 1.0


def test_bfloat16_is_near_float64():
    e = randn(64, 8)
    low, high = (regulariser_terms(x, ALL, generator()) for x in (e.bfloat16(), e))
    for name in high:
        assert float(low[name]) == pytest.approx(float(high[name]), rel=0.05, abs=0.02)


def test_collapse_is_undone():
    """Gradient descent on each term alone spreads a small cloud."""
    sketched = RegulariserOptions(sigreg_weight=1.0, sigreg_directions=16)
    for options in (sketched, RegulariserOptions(variance_weight=9.0)):
        e = (0.05 * randn(32, 4)).requires_grad_()
        optimizer = torch.optim.Adam([e], lr=0.1)
        for step in range(40):
            optimizer.zero_grad()
            sum(regulariser_terms(e, options, generator(step)).values()).backward()
            optimizer.step()
        assert float(e.detach().std(dim=0).min()) > 0.7
