"""Figures of embeddings against slow loops, closed forms, and the two ways to go wrong."""

import math

import numpy as np
import pytest
import torch

from tcn_robot.errors import UserError
from tcn_robot.training.health import (
    Health,
    HealthOptions,
    describe_embeddings,
    effective_rank,
    pair_alignment,
    uniformity,
)


def drawn(count=20, size=6, seed=0):
    return torch.randn(count, size, generator=torch.Generator().manual_seed(seed))


def test_effective_rank_is_the_exponential_of_an_entropy():
    values = drawn()
    singular = np.linalg.svd(values.double().numpy(), compute_uv=False)
    entropy = 0.0
    for s in singular:
        p = s / singular.sum()
        entropy -= p * math.log(p)
    assert effective_rank(values).item() == pytest.approx(math.exp(entropy), rel=1e-12)


def test_effective_rank_of_what_is_known():
    assert effective_rank(torch.eye(5)).item() == pytest.approx(5)
    assert effective_rank(7 * torch.eye(8)[:3]).item() == pytest.approx(3)
    assert effective_rank(torch.ones(9, 4)).item() == pytest.approx(1)
    assert effective_rank(torch.zeros(9, 4)).item() == 1
    assert effective_rank(drawn(3, 64)).item() <= 3
    assert math.isnan(effective_rank(torch.full((3, 2), torch.inf)).item())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_any_precision_is_taken_and_nothing_is_changed(dtype):
    values = drawn().to(dtype).requires_grad_()
    before = values.detach().clone()
    figures = describe_embeddings(values, num_anchors=10)
    assert all(math.isfinite(value) for value in figures.values())
    assert torch.equal(values.detach(), before)
    assert values.grad is None


def test_uniformity_is_a_loop_over_pairs():
    values = drawn()
    unit = torch.nn.functional.normalize(values.double(), dim=1)
    terms = [
        math.exp(-2 * float((unit[i] - unit[j]).square().sum()))
        for i in range(len(unit))
        for j in range(i)
    ]
    assert uniformity(values).item() == pytest.approx(math.log(np.mean(terms)), rel=1e-12)


def test_uniformity_of_what_is_known():
    assert uniformity(torch.ones(5, 3)).item() == 0
    assert uniformity(torch.tensor([[1.0, 0], [-3, 0]])).item() == pytest.approx(-8)
    assert uniformity(torch.ones(1, 3)).item() == 0


def test_pair_alignment_is_the_mean_over_pairs_of_directions():
    anchors, positives = drawn(8), drawn(8, seed=1)
    wanted = []
    for a, p in zip(anchors.double(), positives.double(), strict=True):
        wanted.append(float((a / a.norm() - p / p.norm()).square().sum()))
    assert pair_alignment(anchors, positives).item() == pytest.approx(np.mean(wanted), rel=1e-12)
    assert pair_alignment(anchors, 3 * anchors).item() == pytest.approx(0, abs=1e-12)
    assert pair_alignment(anchors, -anchors).item() == pytest.approx(4)


def test_what_is_logged():
    values = torch.cat([drawn(), drawn()]) + 3
    figures = describe_embeddings(values, num_anchors=20)
    centred = values - values.mean(0)
    spread = centred.square().sum(1).mean().sqrt() / values.square().sum(1).mean().sqrt()
    assert figures["embedding/spread"] == pytest.approx(float(spread), rel=1e-5)
    assert figures["embedding/norm"] == pytest.approx(float(values.norm(dim=1).mean()), rel=1e-6)
    assert figures["embedding/pair_alignment"] == pytest.approx(0, abs=1e-12)
    assert "embedding/pair_alignment" not in describe_embeddings(values)
    assert describe_embeddings(torch.zeros(4, 3))["embedding/spread"] == 0


def test_a_large_batch_is_thinned_and_not_cut():
    values = torch.cat([torch.eye(4).repeat(300, 1), -torch.eye(4).repeat(300, 1)])
    figures = describe_embeddings(values)
    assert figures["embedding/effective_rank"] == pytest.approx(4, rel=0.01)


def test_only_several_collapsed_looks_in_a_row_stop_a_run():
    health = Health(HealthOptions(smallest_rank=1.5, collapsed_looks=3))
    for rank, expected in zip([1.1, 1.1, 2.0, 1.4, 1.2], [1, 2, 0, 1, 2], strict=True):
        assert health.look({"embedding/effective_rank": rank}) is None
        assert health.collapsed_in_a_row == expected
        assert health.is_well == (expected == 0)
    reason = health.look({"embedding/effective_rank": 1.1})
    assert "effective rank was below 1.5 3 times in a row, now 1.1" in reason


def test_no_rank_and_a_limit_of_0_never_stop():
    health = Health(HealthOptions(smallest_rank=0.0, collapsed_looks=1))
    assert health.look({"embedding/effective_rank": 1.0}) is None
    assert health.look({"loss": 3.0}) is None


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_named(value):
    health = Health(HealthOptions())
    reason = health.look({"loss": value, "gradient_norm": 1.0})
    assert reason.startswith("loss no longer finite")
    assert "lower --learning-rate" in reason
    assert health.look({"loss": 1.0, "gradient_norm": value}, tolerated=["gradient_norm"]) is None


@pytest.mark.parametrize("options", [{"smallest_rank": -1.0}, {"collapsed_looks": 0}])
def test_limits_that_cannot_work_are_said(options):
    with pytest.raises(UserError, match="must be at least"):
        HealthOptions(**options).check()
