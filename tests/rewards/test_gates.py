"""Every gate against its formula, number by number, and what all of them promise."""

import math

import numpy as np
import pytest

from tcn_robot.rewards.gates import GATES

FORMULAS = {
    "smooth": lambda x: 1 / (1 + x * x),
    "student": lambda x: 1 / (1 + x * x / 3) ** 2,
    "root": lambda x: 1 / math.sqrt(1 + x * x),
    "logarithmic": lambda x: 1 / (1 + math.log(1 + x * x)),
    "gaussian": lambda x: math.exp(-x * x / 2),
    "heavy": lambda x: 1 if x <= 1 else 1 / x,
    "exponential": lambda x: 1 if x <= 1 else math.exp(1 - x),
}
# What is left at 100 times s, from the lightest tail to the heaviest.
BY_TAIL = ["gaussian", "exponential", "student", "smooth", "root", "heavy", "logarithmic"]


def test_each_gate_has_a_formula_here():
    assert set(FORMULAS) == set(GATES)


@pytest.mark.parametrize("name", GATES)
def test_equals_its_formula(name):
    x = np.concatenate([np.linspace(0, 5, 101), [1e-9, 20.0, 1e3]])
    np.testing.assert_allclose(GATES[name](x), [FORMULAS[name](v) for v in x], rtol=1e-12)


@pytest.mark.parametrize("name", GATES)
def test_is_1_at_none_and_never_rises(name):
    x = np.array([0.0, 1e-3, 0.5, 1.0, 2.0, 10.0, 1e3, 1e150])
    left = GATES[name](x)
    assert left[0] == 1.0
    assert (np.diff(left) <= 0).all()
    assert np.isfinite(left).all()
    assert (left >= 0).all()


def test_tails_from_light_to_heavy():
    left = [float(GATES[name](np.array([100.0]))[0]) for name in BY_TAIL]
    assert left == sorted(left)
