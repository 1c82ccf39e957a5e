"""The arithmetic of PI² against slow loops that follow the papers' tables."""

import math

import numpy as np
import pytest

from tcn_robot.policies.few_trials.optimisers.path_integrals import (
    bounded_covariance,
    costs_to_go,
    mean_update,
    orthogonal_normals,
    probabilities,
    step_weights,
    weighted_covariance,
)

N, H, K, A = 5, 7, 3, 2


@pytest.fixture
def drawn():
    generator = np.random.default_rng(3)
    return generator.normal(size=(N, H)), generator.normal(size=(N, K * A))


def test_costs_to_go_are_sums_of_what_is_left(drawn):
    costs, _ = drawn
    found = costs_to_go(costs)
    for rollout in range(N):
        for step in range(H):
            assert found[rollout, step] == pytest.approx(sum(costs[rollout, step:]))


def test_probabilities_are_those_of_the_table(drawn):
    costs, _ = drawn
    found = probabilities(costs, 10.0)
    for step in range(H):
        column = costs[:, step]
        low, high = min(column), max(column)
        powers = [math.exp(-10.0 * (cost - low) / (high - low)) for cost in column]
        np.testing.assert_allclose(found[:, step], np.array(powers) / sum(powers))


def test_equal_costs_are_equally_probable():
    np.testing.assert_array_equal(probabilities(np.full((4, 3), -2.0), 10.0), 0.25)


def test_the_best_of_sharp_probabilities_takes_all():
    shares = probabilities(np.array([[1.0], [0.0], [3.0]]), 1e4)
    np.testing.assert_allclose(shares[:, 0], [0.0, 1.0, 0.0], atol=1e-12)


def test_step_weights_follow_time_and_activity():
    basis = np.random.default_rng(4).normal(size=(H, K))
    basis[:, 1] = 0.0
    found = step_weights(basis, A)
    assert found.shape == (H, K * A)
    for function in (0, 2):
        raw = [(H - step) * abs(basis[step, function]) for step in range(H)]
        for part in range(A):
            np.testing.assert_allclose(found[:, A * function + part], np.array(raw) / sum(raw))
    np.testing.assert_allclose(found[:, 2:4], 1.0 / H)  # a function that never acts


def test_the_mean_moves_as_the_table_says(drawn):
    costs, noise = drawn
    shares, weights = probabilities(costs, 10.0), step_weights(np.ones((H, K)), A)
    expected = np.zeros(K * A)
    for parameter in range(K * A):
        for step in range(H):
            here = sum(shares[k, step] * noise[k, parameter] for k in range(N))
            expected[parameter] += (H - step) * here / sum(H - i for i in range(H))
    np.testing.assert_allclose(mean_update(shares, noise, weights), expected)


def test_the_covariance_is_the_weighted_one(drawn):
    costs, noise = drawn
    shares = probabilities(costs, 10.0)
    expected = np.zeros((K * A, K * A))
    for step in range(H):
        of_step = sum(shares[k, step] * np.outer(noise[k], noise[k]) for k in range(N))
        expected += (H - step) * of_step / sum(H - i for i in range(H))
    found = weighted_covariance(shares, noise)
    np.testing.assert_allclose(found, expected)
    assert np.linalg.eigvalsh(found).min() > -1e-12


def test_equal_probabilities_give_the_plain_covariance(drawn):
    _, noise = drawn
    shares = np.full((N, H), 1 / N)
    np.testing.assert_allclose(weighted_covariance(shares, noise), noise.T @ noise / N)


def test_bounds_hold_along_the_axes_and_keep_what_lies_within():
    turn = np.linalg.qr(np.random.default_rng(5).normal(size=(3, 3)))[0]
    covariance = turn @ np.diag([1e-6, 4.0, 100.0]) @ turn.T
    expected = turn @ np.diag([0.01, 4.0, 25.0]) @ turn.T
    np.testing.assert_allclose(bounded_covariance(covariance, 0.1, 5.0), expected, atol=1e-9)


def test_proposals_are_gram_and_schmidts_of_what_was_drawn_at_their_lengths():
    size, count = 4, 10
    found = orthogonal_normals(np.random.default_rng(6), count, size)
    drawn = np.random.default_rng(6).standard_normal((count, size))
    for start in (0, 4, 8):
        earlier = []
        for row in range(start, min(start + size, count)):
            left = drawn[row].copy()
            for axis in earlier:
                left -= (left @ axis) * axis
            earlier.append(left / math.sqrt(left @ left))
            length = math.sqrt(drawn[row] @ drawn[row])
            np.testing.assert_allclose(found[row], length * earlier[-1], atol=1e-9)


def test_each_orthogonal_proposal_by_itself_is_standard_normal():
    """Mean 0, covariance 1 and the fourth moment 3 in every row, over many draws."""
    generator = np.random.default_rng(7)
    draws = np.stack([orthogonal_normals(generator, 5, 3) for _ in range(20_000)])
    for row in range(5):
        np.testing.assert_allclose(draws[:, row].mean(axis=0), 0.0, atol=0.04)
        np.testing.assert_allclose(np.cov(draws[:, row].T), np.eye(3), atol=0.05)
        np.testing.assert_allclose((draws[:, row] ** 4).mean(axis=0), 3.0, atol=0.25)
