"""VIP's dual value objective against a loop from the paper's formula, and in closed form."""

import math

import pytest
import torch

from tcn_robot.objectives.value_implicit import attraction, log_mean_exp, step_excess


def randn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def value(o, g):
    return -math.sqrt(sum((a - b) ** 2 for a, b in zip(o, g, strict=True)))


def test_the_terms_equal_the_loop():
    start, before, after, goal = (randn(7, 3, seed=s) for s in range(4))
    gamma, rows = 0.9, range(7)
    attracted = (1 - gamma) * sum(-value(start[i].tolist(), goal[i].tolist()) for i in rows) / 7
    assert float(attraction(start, goal, gamma)) == pytest.approx(attracted)
    # The paper: mean of exp of -(r + gamma V(o_{k+1}; g) - V(o_k; g)) with r = -1 off the goal.
    powers = [
        math.exp(
            -(
                -1
                + gamma * value(after[i].tolist(), goal[i].tolist())
                - value(before[i].tolist(), goal[i].tolist())
            )
        )
        for i in rows
    ]
    excess = step_excess(before, after, goal, gamma)
    assert float(log_mean_exp(excess)) == pytest.approx(math.log(sum(powers) / 7))
    marked = torch.tensor([True, False, True, True, False, False, True])
    chosen = [p for p, m in zip(powers, marked.tolist(), strict=True) if m]
    assert float(log_mean_exp(excess, marked)) == pytest.approx(math.log(sum(chosen) / 4))


def test_a_line_of_discounted_steps_is_what_the_objective_asks_for():
    """Distances 1 + gamma d to the goal: no temporal-difference error anywhere."""
    gamma, distances = 0.8, [0.0]
    for _ in range(9):
        distances.append(1 + gamma * distances[-1])
    line = torch.tensor(distances[::-1], dtype=torch.float64)[:, None]  # (10, 1), goal last
    goal = line[-1:].expand(9, 1)
    excess = step_excess(line[:-1], line[1:], goal, gamma)
    torch.testing.assert_close(excess, torch.zeros(9, dtype=torch.float64), atol=1e-12, rtol=0)
    assert float(log_mean_exp(excess)) == pytest.approx(0, abs=1e-12)


def test_a_collapsed_embedding_costs_one_step():
    same = torch.ones(5, 3, dtype=torch.float64, requires_grad=True)
    excess = step_excess(same, same, same, 0.98)
    loss = attraction(same, same, 0.98) + log_mean_exp(excess)
    loss.backward()
    assert loss.item() == pytest.approx(1.0)
    assert torch.isfinite(same.grad).all()


def test_nothing_counted_is_zero_with_a_working_backward_pass():
    values = randn(4).requires_grad_()
    loss = log_mean_exp(values, torch.zeros(4, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(values.grad, torch.zeros_like(values))


def test_large_errors_do_not_overflow():
    assert float(log_mean_exp(torch.tensor([1e4, 1e4]))) == pytest.approx(1e4)


def test_gradients_are_those_of_finite_differences():
    frames = tuple(randn(5, 3, seed=s).requires_grad_() for s in range(4))

    def total(start, before, after, goal):
        every = step_excess(before[None], after[None], goal[:, None], 0.9)  # (5, 5)
        return (
            attraction(start, goal, 0.9)
            + log_mean_exp(step_excess(before, after, goal, 0.9))
            + log_mean_exp(every, ~torch.eye(5, dtype=torch.bool))
        )

    assert torch.autograd.gradcheck(total, frames)
