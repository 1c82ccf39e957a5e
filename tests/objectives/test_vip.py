"""VIP as an objective: its terms against a loop, and that other films' steps really count."""

import math

import pytest
import torch

from tcn_robot.errors import UserError
from tests.objectives.films import moments_of
from tests.objectives.steps import loss_of, losses_of

EPISODE = torch.tensor([0, 0, 1, 3, 3]).expand(4, 5)
FRAME = torch.tensor([[0, 3, 5, 2, 2], [4, 3, 9, 2, 8], [5, 4, 10, 3, 9], [5, 30, 12, 20, 11]])
STRETCHES = moments_of(EPISODE, FRAME, film_frames=40)


def randn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def loop_terms(e: list[list[list[float]]], episode: list[int], gamma: float) -> dict[str, float]:
    def value(o, g):
        return -math.dist(o, g)

    def error(k, i):  # of the step of stretch k, seen from the goal of stretch i
        return -1 + gamma * value(e[2][k], e[3][i]) - value(e[1][k], e[3][i])

    count = len(episode)
    own = [math.exp(-error(i, i)) for i in range(count)]
    wrong = [
        math.exp(-error(k, i))
        for i in range(count)
        for k in range(count)
        if episode[k] != episode[i]
    ]
    return {
        "attraction": (1 - gamma) * sum(-value(e[0][i], e[3][i]) for i in range(count)) / count,
        "steps": math.log(sum(own) / count),
        "negatives": math.log(sum(wrong) / len(wrong)),
        "length": 0.001 * sum(x * x for part in e for row in part for x in row) / (4 * count),
    }


def test_the_terms_equal_the_loop():
    e = randn(4, 5, 3)
    options = {"discount": 0.9, "negative_weight": 1.0, "steps_per_unit": 3.0}
    terms = losses_of("vip", e.flatten(0, 1), STRETCHES, **options).terms
    expected = loop_terms((3 * e).tolist(), EPISODE[0].tolist(), 0.9)
    expected["length"] /= 9  # of the embeddings as they are
    assert {name: float(value) for name, value in terms.items()} == pytest.approx(expected)


def test_steps_of_the_same_film_are_no_negatives():
    e = randn(4, 5, 3).flatten(0, 1)
    one_film = moments_of(torch.zeros_like(FRAME), FRAME, 40)
    assert float(losses_of("vip", e, one_film, negative_weight=1.0).terms["negatives"]) == 0
    assert "negatives" not in losses_of("vip", e, STRETCHES).terms


def test_figures_of_a_film_that_walks_to_its_goal():
    line = torch.arange(40, dtype=torch.float64)[:, None]
    figures = losses_of("vip", line[FRAME.flatten()] / 10, STRETCHES).figures
    assert float(figures["nearer_by_a_step"]) == 1
    assert float(figures["start_to_goal"]) == pytest.approx((5 + 27 + 7 + 18 + 9) / 5)
    backwards = -line
    moved = torch.cat([backwards[FRAME[:3].flatten()], torch.zeros(5, 1)])
    assert float(losses_of("vip", moved, STRETCHES).figures["nearer_by_a_step"]) == 0


def test_gradients_are_those_of_finite_differences():
    e = randn(20, 3).requires_grad_()
    options = {"negative_weight": 0.5, "steps_per_unit": 2.0}
    assert torch.autograd.gradcheck(lambda x: loss_of("vip", x, STRETCHES, **options), (e,))


def test_collapsed_embeddings_are_finite_with_a_working_backward_pass():
    e = torch.ones(20, 3, dtype=torch.float64, requires_grad=True)
    loss = loss_of("vip", e, STRETCHES, length_weight=0.0, negative_weight=1.0)
    loss.backward()
    assert loss.item() == pytest.approx(2.0)  # one step of the film, one of the others
    assert torch.isfinite(e.grad).all()


def test_bfloat16_is_near_float64_and_inputs_are_not_changed():
    e = randn(20, 8)
    before = e.clone()
    exact = float(loss_of("vip", e, STRETCHES))
    assert torch.equal(e, before)
    assert float(loss_of("vip", e.bfloat16(), STRETCHES)) == pytest.approx(exact, rel=0.05)


@pytest.mark.parametrize(
    "options", [{"discount": 1.0}, {"discount": float("nan")}, {"steps_per_unit": 0.0}]
)
def test_options_that_cannot_work_are_named(options):
    with pytest.raises(UserError, match=r"--(discount|steps-per-unit)"):
        loss_of("vip", randn(20, 3), STRETCHES, **options)
