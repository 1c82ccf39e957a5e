"""Each loss against a slow loop from its paper, in closed form, and where it degenerates."""

import dataclasses
import math

import pytest
import torch
import torch.nn.functional as F

from tcn_robot.errors import UserError
from tcn_robot.objectives import (
    OBJECTIVES,
    Moments,
    find_objective,
    info_nce,
    n_pairs,
    negative_squared_distances,
    semi_hard_triplet,
)
from tests.objectives.steps import loss_of, pair_moments


def randn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def random_mask(rows: int, columns: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(rows, columns, generator=torch.Generator().manual_seed(seed)) < 0.6


# Every way of training tcn: options by a short name.
TCN = {
    "distance": {},
    "cosine": {"similarity": "cosine"},
    "npairs": {"loss": "npairs"},
    "triplet": {"loss": "triplet"},
    "single-view triplet": {"pairing": "times", "loss": "triplet"},
    "single-view infonce": {"pairing": "times", "similarity": "cosine"},
}
MULTI_VIEW = ["distance", "cosine", "npairs", "triplet"]


def tcn(variant: str, e: torch.Tensor, moments: Moments, **options) -> torch.Tensor:
    return loss_of("tcn", e, moments, **TCN[variant], **options)


# --- oracles -------------------------------------------------------------------------------


def cosine(u, v):
    return float(u @ v) / 0.1


def minus_squared_distance(u, v):
    return -sum((float(x) - float(y)) ** 2 for x, y in zip(u, v, strict=True))


def loop_info_nce(a, p, negatives, similarity):
    total = 0.0
    for rows, columns, mask in ((a, p, negatives), (p, a, negatives.T)):
        for i in range(len(rows)):
            own = math.exp(similarity(rows[i], columns[i]))
            others = sum(
                math.exp(similarity(rows[i], columns[j]))
                for j in range(len(columns))
                if j != i and mask[i, j]
            )
            total += -math.log(own / (own + others)) / len(rows) / 2
    return total


def loop_n_pairs(a, p, negatives, regularisation):
    total = 0.0
    for i in range(len(a)):
        excess = sum(
            math.exp(float(a[i] @ p[j] - a[i] @ p[i]))
            for j in range(len(p))
            if j != i and negatives[i, j]
        )
        total += math.log(1 + excess)  # Sohn 2016, eq. 7
    lengths = sum(float(v @ v) for v in (*a, *p))
    return total / len(a) + 0.25 * regularisation * lengths / len(a)


def loop_semi_hard(embeddings, positives, negatives, margin):
    def distance(i, j):
        return float(((embeddings[i] - embeddings[j]) ** 2).sum())

    losses = []
    count = len(embeddings)
    for a in range(count):
        candidates = [distance(a, n) for n in range(count) if negatives[a, n]]
        for p in range(count):
            if not positives[a, p] or not candidates:
                continue
            further = [d for d in candidates if d > distance(a, p)]
            chosen = min(further) if further else max(candidates)
            losses.append(max(0.0, margin + distance(a, p) - chosen))
    return sum(losses) / len(losses)


@pytest.mark.parametrize("seed", range(5))
def test_info_nce_equals_the_loop(seed):
    a, p = (F.normalize(randn(9, 4, seed=10 * seed + k), dim=1) for k in (1, 2))
    mask = random_mask(9, 9, seed)
    assert float(info_nce(a @ p.T / 0.1, mask)) == pytest.approx(loop_info_nce(a, p, mask, cosine))
    a, p = 2 * randn(9, 4, seed=10 * seed + 1), 2 * randn(9, 4, seed=10 * seed + 2)
    loss = info_nce(negative_squared_distances(a, p), mask)
    assert float(loss) == pytest.approx(loop_info_nce(a, p, mask, minus_squared_distance))


@pytest.mark.parametrize("seed", range(5))
def test_n_pairs_equals_the_loop(seed):
    a, p = randn(9, 4, seed=10 * seed + 1), randn(9, 4, seed=10 * seed + 2)
    mask = random_mask(9, 9, seed)
    assert float(n_pairs(a, p, mask, 0.02)) == pytest.approx(loop_n_pairs(a, p, mask, 0.02))


@pytest.mark.parametrize("seed", range(5))
def test_semi_hard_triplet_equals_the_loop(seed):
    e = F.normalize(randn(12, 3, seed=seed), dim=1)
    positives = random_mask(12, 12, seed) & ~torch.eye(12, dtype=torch.bool)
    negatives = ~positives & ~torch.eye(12, dtype=torch.bool)
    expected = loop_semi_hard(e, positives, negatives, 0.2)
    assert float(semi_hard_triplet(e, positives, negatives, 0.2)) == pytest.approx(expected)


# --- closed forms --------------------------------------------------------------------------


def test_equal_embeddings_give_the_log_of_the_number_of_candidates():
    same = F.normalize(torch.ones(6, 3, dtype=torch.float64), dim=1)
    everyone = torch.ones(6, 6, dtype=torch.bool)
    assert float(info_nce(same @ same.T / 0.1, everyone)) == pytest.approx(math.log(6))
    distances = negative_squared_distances(same, same)
    assert float(info_nce(distances, everyone)) == pytest.approx(math.log(6))
    assert float(n_pairs(same, same, everyone, 0.0)) == pytest.approx(math.log(6))
    two_films = pair_moments([0, 0, 0, 1, 1, 1])
    for variant in ("distance", "cosine"):
        loss = tcn(variant, torch.cat([same, same]), two_films)
        assert float(loss) == pytest.approx(math.log(3))
        loss = tcn(variant, torch.cat([same, same]), two_films, negatives="all")
        assert float(loss) == pytest.approx(math.log(6))


def test_perfect_embeddings_give_almost_no_loss():
    unit = torch.eye(6, dtype=torch.float64)
    everyone = torch.ones(6, 6, dtype=torch.bool)
    assert float(info_nce(unit @ unit.T / 0.05, everyone)) < 1e-7
    assert float(info_nce(negative_squared_distances(5 * unit, 5 * unit), everyone)) < 1e-7
    assert float(n_pairs(30 * unit, 30 * unit, everyone, 0.0)) < 1e-7
    twice = torch.cat([unit, unit])
    moments = pair_moments([0] * 6)
    assert float(tcn("triplet", twice, moments)) == 0.0


def test_both_similarities_are_one_on_the_sphere():
    """|a - p|^2 = 2 - 2 a . p for unit vectors: with T = 1/2 nothing but a constant differs."""
    e = F.normalize(randn(12, 4), dim=1)
    moments = pair_moments([0] * 6)
    cosines = tcn("cosine", e, moments, temperature=0.5)
    assert float(tcn("distance", e, moments)) == pytest.approx(float(cosines))


def test_squared_distances_keep_their_digits_where_anchor_and_positive_meet():
    """In float32 the expanded square of two points 1e-3 apart at length 100 is all rounding."""
    a = torch.full((1, 4), 50.0)
    expected = -4 * (torch.tensor(50.0) - torch.tensor(50.001)).square()
    found = negative_squared_distances(a, a + 0.001)
    torch.testing.assert_close(found, expected.reshape(1, 1), rtol=1e-6, atol=0)


def test_collapsed_embeddings_cost_the_whole_margin():
    same = torch.ones(12, 3, dtype=torch.float64)
    loss = tcn("triplet", same, pair_moments([0] * 6), margin=0.2)
    assert float(loss) == pytest.approx(0.2)


def test_triplet_takes_the_nearest_negative_that_is_further_than_the_positive():
    line = torch.tensor([[0.0], [1.0], [0.5], [1.1], [3.0]], dtype=torch.float64)
    positives, negatives = torch.zeros(2, 5, 5, dtype=torch.bool)
    positives[0, 1] = True
    negatives[0, 2:] = True
    loss = semi_hard_triplet(line, positives, negatives, margin=0.5)
    assert float(loss) == pytest.approx(0.5 + 1.0 - 1.21)
    # None further than the positive: the furthest of all.
    negatives[0, 3:] = False
    loss = semi_hard_triplet(line, positives, negatives, margin=0.5)
    assert float(loss) == pytest.approx(0.5 + 1.0 - 0.25)


# --- films do not mix ----------------------------------------------------------------------


@pytest.mark.parametrize("variant", MULTI_VIEW)
def test_two_films_in_one_batch_are_two_batches(variant):
    """The official code repeats labels over sequences and so makes false positives."""
    e = F.normalize(randn(2, 6, 4), dim=2)  # (anchors and positives, films of 3, D)
    free = {"regularisation": 0.0}
    both = tcn(variant, e.flatten(0, 1), pair_moments([0, 0, 0, 1, 1, 1]), **free)
    first = tcn(variant, e[:, :3].flatten(0, 1), pair_moments([0, 0, 0]), **free)
    second = tcn(variant, e[:, 3:].flatten(0, 1), pair_moments([0, 0, 0]), **free)
    assert float(both) == pytest.approx(float(first + second) / 2)


@pytest.mark.parametrize("variant", TCN)
def test_order_of_the_pairs_does_not_matter(variant):
    moments = pair_moments([0] * 8)
    e = F.normalize(randn(16, 4), dim=1)
    order = torch.randperm(8, generator=torch.Generator().manual_seed(3))
    both = torch.cat([order, order + 8])
    columns = {
        field.name: getattr(moments, field.name)
        for field in dataclasses.fields(Moments)
        if field.name != "shape"
    }
    shuffled = Moments(**{name: column[both] for name, column in columns.items()}, shape=(2, 8))
    assert float(tcn(variant, e, moments)) == pytest.approx(float(tcn(variant, e[both], shuffled)))


# --- gradients, degenerate batches, precision --------------------------------------------------


@pytest.mark.parametrize("variant", TCN)
def test_gradients_are_those_of_finite_differences(variant):
    moments = pair_moments([0, 0, 0, 0, 0, 0, 1, 1])
    e = F.normalize(randn(16, 3), dim=1).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: tcn(variant, x, moments), (e,))


@pytest.mark.parametrize("variant", TCN)
@pytest.mark.parametrize("episodes", [[0], [0, 1, 2]])
def test_nothing_to_compare_is_zero_with_a_working_backward_pass(variant, episodes):
    """One moment per film: no negatives anywhere, and in single view no positives either."""
    e = F.normalize(randn(2 * len(episodes), 3), dim=1).requires_grad_()
    loss = tcn(variant, e, pair_moments(episodes), regularisation=0.0)
    loss.backward()
    assert loss.item() == 0.0
    assert torch.equal(e.grad, torch.zeros_like(e))


@pytest.mark.parametrize("variant", TCN)
def test_bfloat16_is_near_float64(variant):
    moments = pair_moments([0] * 16)
    e = F.normalize(randn(32, 8), dim=1)
    assert float(tcn(variant, e.bfloat16(), moments)) == pytest.approx(
        float(tcn(variant, e, moments)), rel=0.05, abs=0.02
    )


@pytest.mark.parametrize("variant", TCN)
def test_inputs_are_not_changed(variant):
    moments = pair_moments([0] * 6)
    e = F.normalize(randn(12, 4), dim=1)
    before = e.clone()
    tcn(variant, e, moments)
    assert torch.equal(e, before)


# --- the table -----------------------------------------------------------------------------


def test_unknown_objective_names_the_nearest():
    with pytest.raises(UserError, match="did you mean 'tcn'"):
        find_objective("tnc")


def test_an_objective_of_somebody_else_is_found_by_its_address():
    address = "tcn_robot.objectives.tcn:Tcn"
    assert find_objective(address) is OBJECTIVES["tcn"]
    with pytest.raises(UserError, match="no_such_module"):
        find_objective("no_such_module:Thing")
    with pytest.raises(UserError, match="'json:JSONDecoder' is no objective: it lacks Options"):
        find_objective("json:JSONDecoder")
