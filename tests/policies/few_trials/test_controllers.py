"""Bases of controllers against closed forms and NumPy's own interpolation."""

import numpy as np
import pytest

from tcn_robot.errors import UserError
from tcn_robot.policies.few_trials.controllers import (
    CONTROLLERS,
    PATH_SHARE,
    actions_of,
    controller_basis,
)

SIZES = [(2, 1), (50, 1), (50, 3), (80, 7), (5, 5)]


@pytest.mark.parametrize(("steps", "count"), SIZES)
def test_a_path_leads_to_its_first_weight_and_bends_come_back(steps, count):
    basis = controller_basis("path", steps, count)
    assert basis.shape == (steps, count)
    np.testing.assert_allclose(basis.sum(axis=0), [1.0, *[0.0] * (count - 1)], atol=1e-12)


def test_a_path_is_even_and_ends_before_the_episode_does():
    basis = controller_basis("path", 80, 4)
    moving = int(PATH_SHARE * 80)
    np.testing.assert_allclose(basis[:moving, 0], 1.0 / moving)
    np.testing.assert_array_equal(basis[moving:], 0.0)
    ways = basis.cumsum(axis=0)
    # Three bends, at a quarter, half and three quarters of the way, of half its length.
    np.testing.assert_array_equal(ways[:, 1:].argmax(axis=0) + 1, [15, 30, 45])
    np.testing.assert_allclose(ways[:, 1:].max(axis=0), 0.5)


@pytest.mark.parametrize(("steps", "count"), SIZES)
def test_knots_are_interpolated(steps, count):
    weights = np.random.default_rng(0).normal(size=count)
    found = controller_basis("knots", steps, count) @ weights
    knots = np.linspace(0, steps - 1, count) if count > 1 else [0]
    expected = np.interp(np.arange(steps), knots, weights) * count / steps
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("name", ["knots", "radial"])
def test_equal_weights_are_a_constant_action_that_sums_to_about_them(name):
    constant = controller_basis(name, 40, 5) @ np.ones(5)
    np.testing.assert_allclose(constant, 5 / 40)


def test_a_gaussian_falls_to_its_neighbours_as_it_should():
    basis = controller_basis("radial", 9, 9)  # a function at every step
    ratio = basis[4, 3] / basis[4, 4]
    assert ratio == pytest.approx(np.exp(-0.5))


@pytest.mark.parametrize("name", CONTROLLERS)
def test_actions_are_those_of_a_slow_loop(name):
    generator = np.random.default_rng(1)
    basis = controller_basis(name, 12, 3)
    parameters = generator.normal(scale=20.0, size=(4, 3 * 2))
    found = actions_of(basis, parameters)
    assert found.shape == (4, 12, 2)
    for rollout in range(4):
        for step in range(12):
            for part in range(2):
                value = sum(basis[step, k] * parameters[rollout, 2 * k + part] for k in range(3))
                assert found[rollout, step, part] == pytest.approx(min(max(value, -1), 1))
    np.testing.assert_array_equal(actions_of(basis, parameters[0]), found[0])


def test_what_cannot_be_is_refused():
    with pytest.raises(UserError, match="unknown controller 'paht'; did you mean 'path'"):
        controller_basis("paht", 10, 2)
    with pytest.raises(UserError, match=r"expected 1 to 10 basis functions .* found 11"):
        controller_basis("knots", 10, 11)
