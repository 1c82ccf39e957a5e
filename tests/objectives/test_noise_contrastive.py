"""The NCE loss and its memory bank, against loops written from Wu et al. 2018."""

import math

import pytest
import torch
import torch.nn.functional as F

from tcn_robot.objectives.memory_bank import MemoryBank, blended_entries, random_directions
from tcn_robot.objectives.noise_contrastive import (
    estimate_log_normaliser,
    noise_contrastive_loss,
)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def randn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=generator(seed))


def loop_loss(positives, negatives, z, bank_size):
    """Wu et al. 2018, eq. 5 to 7, with the noise of a uniform distribution."""
    num_noise = negatives.shape[1]
    noise = 1 / bank_size
    total = 0.0
    for i, positive in enumerate(positives):
        p = math.exp(float(positive)) / z
        total -= math.log(p / (p + num_noise * noise))
        for negative in negatives[i]:
            q = math.exp(float(negative)) / z
            total -= math.log(1 - q / (q + num_noise * noise))
    return total / len(positives)


def test_loss_equals_a_loop_from_the_paper():
    positives, negatives = randn(5, seed=1), randn(5, 7, seed=2)
    loss = noise_contrastive_loss(positives, negatives, math.log(3.7), bank_size=11)
    assert float(loss) == pytest.approx(loop_loss(positives, negatives, 3.7, 11), rel=1e-12)


def test_indifferent_scores_cost_one_bit_each():
    indifferent = math.log(2.0) + math.log(6 / 9)
    positives = torch.full((4,), indifferent, dtype=torch.float64)
    negatives = torch.full((4, 6), indifferent, dtype=torch.float64)
    loss = noise_contrastive_loss(positives, negatives, math.log(2.0), bank_size=9)
    assert float(loss) == pytest.approx(7 * math.log(2))


def test_perfect_scores_cost_nothing_and_huge_ones_stay_finite():
    positives, negatives = torch.full((3,), 500.0), torch.full((3, 5), -500.0)
    assert float(noise_contrastive_loss(positives, negatives, 0.0, 6)) == 0
    wrong = noise_contrastive_loss(-positives, -negatives, 0.0, 6)
    assert float(wrong) == pytest.approx(6 * 500, rel=1e-2)  # exp(500) is no float


def test_gradients():
    positives = randn(3, seed=1).requires_grad_()
    negatives = randn(3, 4, seed=2).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda p, n: noise_contrastive_loss(p, n, 0.3, 8), (positives, negatives)
    )


@pytest.mark.parametrize(("anchors", "noise"), [(0, 3), (3, 0), (0, 0)])
def test_nothing_to_compare_costs_nothing_with_a_backward_pass(anchors, noise):
    positives = torch.zeros(anchors, requires_grad=True)
    negatives = torch.zeros(anchors, noise, requires_grad=True)
    loss = noise_contrastive_loss(positives, negatives, 0.0, 5)
    loss.backward()
    assert float(loss.detach()) == 0
    assert positives.grad is not None


def test_normaliser_is_the_mean_over_the_usable_entries_times_their_number():
    scores = randn(3, 6)
    usable = torch.rand(3, 6, generator=generator(1)) < 0.7
    values = [
        math.exp(float(scores[i, j])) for i in range(3) for j in range(6) if bool(usable[i, j])
    ]
    expected = math.log(6 * sum(values) / len(values))
    assert float(estimate_log_normaliser(scores, usable)) == pytest.approx(expected, rel=1e-12)


def test_normaliser_of_random_directions_does_not_know_the_positive():
    """The released code counts it: one cosine of 1 outweighs a hundred entries by thousands."""
    anchors, entries = (
        random_directions(16, 32, generator(0)),
        random_directions(119, 32, generator(1)),
    )
    scores = anchors @ entries.T / 0.07
    ours = float(estimate_log_normaliser(scores, torch.ones_like(scores, dtype=torch.bool)))
    with_positive = torch.cat([scores, torch.full((16, 1), 1 / 0.07)], dim=1)
    theirs = float(with_positive.logsumexp(dim=1).mean())
    assert theirs - ours > math.log(100)


# --- the bank -------------------------------------------------------------------------------


def test_random_directions_are_uniform_on_the_sphere():
    directions = random_directions(4000, 3, generator())
    assert torch.allclose(directions.norm(dim=1), torch.ones(4000))
    assert float(directions.mean(dim=0).norm()) < 0.05
    covariance = directions.T @ directions / 4000
    assert torch.allclose(covariance, torch.eye(3) / 3, atol=0.02)
    assert torch.equal(directions, random_directions(4000, 3, generator()))


def test_cosines_are_a_true_matrix_product_and_not_a_reshape():
    bank = MemoryBank(5, 3, generator())
    vectors = random_directions(4, 3, generator(1))
    cosines = bank.cosines(vectors)
    for i in range(4):
        for j in range(5):
            assert float(cosines[i, j]) == pytest.approx(
                float(vectors[i] @ bank.entries[j]), abs=1e-6
            )
    reshaped = vectors @ bank.entries.view(3, 5)  # what the released code does
    assert not torch.allclose(cosines, reshaped, atol=0.1)


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9, 1.0])
def test_momentum_is_used(momentum):
    entries = F.normalize(randn(6, 4, seed=1), dim=1)
    vectors = F.normalize(randn(3, 4, seed=2), dim=1)
    places = torch.tensor([4, 0, 2])
    untouched = entries.clone()
    changed, blended = blended_entries(entries, places, vectors, momentum)
    assert torch.equal(entries, untouched)
    assert changed.tolist() == [0, 2, 4]
    for place, entry in zip(changed.tolist(), blended, strict=True):
        vector = vectors[places.tolist().index(place)]
        expected = momentum * entries[place] + (1 - momentum) * vector
        assert torch.allclose(entry, expected / expected.norm())


def test_vectors_of_one_entry_are_averaged():
    entries = F.normalize(randn(3, 4), dim=1)
    vectors = F.normalize(randn(3, 4, seed=2), dim=1)
    changed, blended = blended_entries(entries, torch.tensor([1, 2, 1]), vectors, 0.5)
    assert changed.tolist() == [1, 2]
    mean = (vectors[0] + vectors[2]) / 2
    assert torch.allclose(blended[0], F.normalize(0.5 * entries[1] + 0.5 * mean, dim=0))


def test_an_entry_is_kept_when_the_blend_has_no_direction():
    entries = torch.tensor([[1.0, 0.0]])
    _, blended = blended_entries(entries, torch.tensor([0]), -entries, 0.5)
    assert torch.equal(blended, entries)


def test_an_update_between_forward_and_backward_does_no_harm():
    bank = MemoryBank(5, 3, generator())
    vectors = random_directions(2, 3, generator(1)).requires_grad_()
    before = bank.entries.clone()
    total = bank.cosines(vectors).sum()
    bank.update(torch.tensor([0, 3]), vectors, momentum=0.5)
    total.backward()
    assert torch.allclose(vectors.grad, before.sum(dim=0).expand(2, 3))
    assert not torch.equal(bank.entries, before)
    assert torch.equal(bank.entries[[1, 2, 4]], before[[1, 2, 4]])
    assert not bank.entries.requires_grad


def test_bank_is_in_the_state():
    bank = MemoryBank(5, 3, generator())
    assert set(bank.state_dict()) == {"entries", "log_normaliser", "is_measured"}
    assert not list(bank.parameters())
