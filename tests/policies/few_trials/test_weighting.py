"""Weights of the steps."""

import numpy as np
import pytest

from tcn_robot.policies.few_trials.weighting import WEIGHTINGS


@pytest.mark.parametrize("name", WEIGHTINGS)
@pytest.mark.parametrize("steps", [1, 2, 3, 50, 80])
def test_weights_sum_to_one_and_never_fall(name, steps):
    weights = WEIGHTINGS[name](steps)
    assert weights.shape == (steps,)
    assert weights.sum() == pytest.approx(1.0)
    assert (np.diff(weights) >= 0).all()
    assert weights[0] >= 0


def test_what_each_pays():
    np.testing.assert_allclose(WEIGHTINGS["even"](4), 0.25)
    np.testing.assert_allclose(WEIGHTINGS["last-third"](6), [0, 0, 0, 0, 0.5, 0.5])
    late = WEIGHTINGS["late"](6)
    np.testing.assert_allclose(late, [0.0625] * 4 + [0.375] * 2)
