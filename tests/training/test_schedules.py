"""Learning rates over a training, against their closed forms and torch's own schedulers."""

import math

import numpy as np
import pytest
import torch

from tcn_robot.errors import UserError
from tcn_robot.training.optimisers import OptimisationOptions
from tcn_robot.training.schedules import SCHEDULES, rate_factor


def rates(steps=100, **options):
    chosen = OptimisationOptions(**({"learning_rate": 0.5, "warmup_steps": 0} | options))
    return np.array([chosen.rate(step, steps) for step in range(steps)])


def torch_rates(make, steps=100):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
    scheduler = make(optimizer)
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return np.array(found)


def test_schedules_are_those_of_torch():
    of_torch = torch.optim.lr_scheduler
    np.testing.assert_allclose(rates(), torch_rates(lambda o: of_torch.CosineAnnealingLR(o, 100)))
    np.testing.assert_allclose(
        rates(rate_schedule="step", rate_decay_steps=30, rate_decay_factor=0.1),
        torch_rates(lambda o: of_torch.StepLR(o, 30, 0.1)),
    )
    np.testing.assert_allclose(
        rates(rate_schedule="exponential", rate_decay_steps=30, rate_decay_factor=0.1),
        torch_rates(lambda o: of_torch.ExponentialLR(o, 0.1 ** (1 / 30))),
    )
    assert set(rates(rate_schedule="constant")) == {0.5}


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_warm_up_rises_in_a_line_and_is_multiplied(schedule):
    plain, warmed = rates(rate_schedule=schedule), rates(rate_schedule=schedule, warmup_steps=10)
    np.testing.assert_allclose(warmed[:10], plain[:10] * np.arange(1, 11) / 10)
    np.testing.assert_array_equal(warmed[9:], plain[9:])


def test_the_default_is_what_it_was():
    """Linear warm-up of 50 steps, times half a cosine: the numbers of every run so far."""
    options = OptimisationOptions()
    for step in (0, 7, 49, 50, 700, 1499):
        wanted = 2e-3 * min(1, (step + 1) / 50) * 0.5 * (1 + math.cos(math.pi * step / 1500))
        assert options.rate(step, 1500) == pytest.approx(wanted, rel=1e-15)


@pytest.mark.parametrize("steps", [1, 2, 50])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_rate_lies_between_nothing_and_the_peak(schedule, steps):
    factors = [rate_factor(schedule, step, steps, 5, 7, 0.5) for step in range(steps)]
    assert all(0 <= factor <= 1 for factor in factors)
    assert factors[0] > 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"learning_rate": 0.0}, "--learning-rate must be above 0, found 0"),
        ({"learning_rate": math.nan}, "--learning-rate must be above 0 and finite, found nan"),
        ({"rate_decay_steps": 0}, "--rate-decay-steps must be at least 1"),
        ({"accumulate_batches": 0}, "--accumulate-batches must be at least 1"),
        ({"clip_norm": -1.0}, "--clip-norm must be at least 0"),
        ({"weight_decay": math.inf}, "--weight-decay must be at least 0 and finite, found inf"),
        ({"average_decay": 1.0}, "--average-decay must be below 1"),
        ({"nesterov": True}, "--nesterov needs --optimiser sgd"),
    ],
)
def test_numbers_that_cannot_work_are_said(options, said):
    with pytest.raises(UserError, match=said) as caught:
        OptimisationOptions(**options).check()
    assert "\n" not in str(caught.value)
