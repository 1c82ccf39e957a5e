"""Shares of a success's return, and the area under the ROC curve."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tcn_robot.audit.scoring import (
    LARGEST_SHARE,
    FilmScorer,
    Yardstick,
    area_interval,
    area_under_curve,
    last_reward,
    returned,
    scored,
)
from tcn_robot.errors import UserError
from tests.audit.test_rollouts import rollout_of


@pytest.mark.parametrize("seed", range(4))
def test_the_area_is_that_of_scikit_learn(seed: int) -> None:
    generator = np.random.default_rng(seed)
    good, bad = generator.integers(0, 6, 9), generator.integers(0, 5, 7)  # with ties
    labels = [1] * len(good) + [0] * len(bad)
    expected = roc_auc_score(labels, [*good, *bad])
    assert area_under_curve(good, bad) == pytest.approx(expected, abs=1e-12)
    low, high = area_interval(good, bad, np.random.default_rng(0))
    assert 0.0 <= low <= expected <= high <= 1.0
    assert (low, high) == area_interval(good, bad, np.random.default_rng(0))


def test_the_interval_is_that_of_drawing_episodes() -> None:
    good, bad = np.array([3.0, 1.0, 2.0]), np.array([0.0, 2.5])
    draws = np.random.default_rng(1)
    areas = [area_under_curve(draws.choice(good, 3), draws.choice(bad, 2)) for _ in range(20_000)]
    low, high = area_interval(good, bad, np.random.default_rng(0), 20_000)
    assert (low, high) == pytest.approx(tuple(np.quantile(areas, [0.025, 0.975])), abs=0.04)


def test_areas_at_the_ends() -> None:
    assert area_under_curve([2.0, 3.0], [0.0, 1.0]) == 1.0
    assert area_under_curve([0.0], [1.0]) == 0.0
    assert area_under_curve([1.0, 1.0], [1.0]) == 0.5
    with pytest.raises(ValueError, match="both kinds"):
        area_under_curve([], [1.0])


def test_the_first_frame_earns_nothing() -> None:
    assert returned(np.array([100.0, 1.0, 2.0])) == 3.0
    assert last_reward(np.array([9.0, 1.0, 2.0, 3.0, 4.0, 5.0])) == 3.0


@pytest.mark.parametrize(("factor", "added"), [(1.0, 0.0), (0.01, -40.0), (300.0, 7.0)])
def test_shares_do_not_depend_on_scale_and_constant(factor: float, added: float) -> None:
    def value(plain: float) -> float:
        return factor * plain + added

    stick = Yardstick.of({1: value(9.0), 2: value(11.0)}, {1: value(1.0), 2: value(3.0)})
    assert stick.tells_apart
    assert stick.share(value(3.0), 2) == pytest.approx(0.0)
    assert stick.share(value(11.0), 2) == pytest.approx(1.0)
    assert stick.share(value(5.0), 1) == pytest.approx(0.5)
    assert stick.share(value(1e6), 1) == LARGEST_SHARE


@pytest.mark.parametrize("success", [2.0, 1.0, 2.0 + 1e-6])
def test_a_reward_that_pays_a_success_nothing_tells_nothing_apart(success: float) -> None:
    stick = Yardstick.of({1: success}, {1: 2.0})
    assert not stick.tells_apart
    assert stick.share(0.0, 1) == 1.0


def test_rewards_are_checked_at_the_border() -> None:
    rollout = rollout_of([0.0, 0.5, 1.0])
    with pytest.raises(UserError, match="3 finite rewards"):
        scored(lambda shown: np.zeros(2), rollout)
    with pytest.raises(UserError, match="NaN"):
        scored(lambda shown: np.array([0.0, np.nan, 1.0]), rollout)


def test_a_learned_reward_sees_the_film_as_it_is_shown() -> None:
    class Brightness:
        def score_episode(self, frames: dict[str, np.ndarray]) -> np.ndarray:
            return frames["front"].mean(axis=(1, 2, 3)).astype(np.float32)

    backwards = rollout_of([0.0, 0.5, 1.0]).shown("reverse", np.array([2, 1, 0]))
    assert scored(FilmScorer(Brightness()), backwards).tolist() == [2.0, 1.0, 0.0]


def test_a_perfect_area_of_two_episodes_has_no_interval() -> None:
    generator = np.random.default_rng(0)
    assert area_interval([1.0, 2.0], [0.0, 0.5], generator) is None
    assert area_interval([0.0, 0.5], [1.0, 2.0], generator) is None
    found = area_interval([1.0, 2.0, 3.0], [0.0, 1.5, 2.5], generator)
    assert found is not None
    assert 0.0 <= found[0] < area_under_curve([1.0, 2.0, 3.0], [0.0, 1.5, 2.5]) < found[1] <= 1.0
