"""Value-order correlation against SciPy, closed forms and the controls."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from tcn_robot.errors import UserError
from tcn_robot.metrics import goal_values, value_order_correlation


@given(st.lists(st.integers(-4, 4), min_size=2, max_size=25).filter(lambda x: len(set(x)) > 1))
def test_equals_scipy(values):
    expected = spearmanr(np.arange(len(values)), values).statistic
    assert value_order_correlation(values) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("values", [[3.0] * 7, [1.0]])
def test_a_value_that_knows_nothing_is_zero_and_not_left_out(values):
    assert value_order_correlation(values) == 0


def test_only_the_order_counts():
    assert value_order_correlation([0.0, 0.97, 0.98, 0.99]) == pytest.approx(1)
    assert value_order_correlation([4, 3, 2, 1]) == pytest.approx(-1)
    # Closed form, 1 - 6 sum d^2 / (n (n^2 - 1)): two neighbours are exchanged.
    assert value_order_correlation([1, 2, 4, 3, 5]) == pytest.approx(1 - 6 * 2 / (5 * 24))


def test_shuffled_values_are_zero_on_average():
    generator = np.random.default_rng(0)
    found = [value_order_correlation(generator.permutation(50)) for _ in range(400)]
    assert abs(np.mean(found)) < 3 / np.sqrt(400 * 49)


def test_the_goal_is_the_last_frame():
    line = np.linspace([0, 0], [3, 4], 6)
    values = goal_values(line)
    np.testing.assert_allclose(values, [-5, -4, -3, -2, -1, 0], atol=1e-12)
    assert value_order_correlation(values) == pytest.approx(1)
    assert value_order_correlation(goal_values(np.ones((6, 3), np.float32))) == 0
    # A film that comes back to where it began: as near as at the end, at its first frame.
    there_and_back = np.concatenate([line, line[::-1]])
    assert abs(value_order_correlation(goal_values(there_and_back))) < 1e-12


@pytest.mark.parametrize(
    "values", [[], [[1.0, 2.0]], [1.0, np.nan], ["a", "b"], [[1], [2, 3]], [1j]]
)
def test_bad_input_is_one_line(values):
    with pytest.raises(UserError, match="expected one finite value per frame") as caught:
        value_order_correlation(values)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("embedding", [[1.0, 2.0], np.zeros((0, 3)), [[np.nan, 1.0]]])
def test_what_is_no_embedding_has_no_goal(embedding):
    with pytest.raises(UserError, match="embedding: expected"):
        goal_values(embedding)
