import numpy as np
import pytest
from scipy.stats import binomtest

from tcn_robot.policies.environments import (
    final_start_seeds,
    make_training_env,
    periodic_start_seeds,
    training_start_seed,
)
from tcn_robot.policies.evaluation import (
    EpisodeResult,
    Filming,
    evaluate,
    summarise,
    watch,
    wilson_interval,
)
from tests.policies.point_task import PointReach


def go_to_target(observations):
    return np.clip(5 * (observations[..., 2:] - observations[..., :2]), -1, 1)


def pass_by(observations):
    """Reaches the target, then runs on: done at some step, not at the last."""
    return np.ones_like(observations[..., :2])


@pytest.mark.parametrize(("successes", "trials"), [(0, 20), (1, 7), (10, 20), (150, 150)])
def test_wilson_interval_equals_scipys(successes, trials):
    expected = binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    assert wilson_interval(successes, trials) == pytest.approx((expected.low, expected.high))


def test_wilson_interval_never_leaves_zero_to_one():
    assert wilson_interval(0, 50)[0] == 0.0
    assert wilson_interval(50, 50)[1] == 1.0


def test_an_episode_is_what_stepping_one_env_gives():
    results = evaluate(go_to_target, PointReach, [11, 12, 13])
    for result in results:
        env = PointReach()
        observation, info = env.reset(seed=result.start_seed)
        sparse = dense = 0.0
        over = False
        while not over:
            observation, _, _, over, info = env.step(go_to_target(observation))
            sparse += info["reward_sparse"]
            dense += info["reward_dense"]
        assert result.success == info["success"]
        assert result.return_sparse == pytest.approx(sparse)
        assert result.return_dense == pytest.approx(dense)


def test_more_starts_than_envs():
    seeds = list(range(23))
    results = evaluate(go_to_target, PointReach, seeds)
    assert [result.start_seed for result in results] == seeds
    assert summarise(results)["success"] == 1.0


def test_envs_of_unequal_length_end_on_their_own():
    horizons = iter([3, 9])
    results = evaluate(go_to_target, lambda: PointReach(next(horizons), "sparse"), [1, 2])
    longer = evaluate(go_to_target, lambda: PointReach(9, "sparse"), [2])
    assert results[1] == longer[0]


def test_success_is_judged_at_the_last_step():
    figures = summarise(evaluate(pass_by, PointReach, range(40)))
    assert figures["success"] < figures["success_any"]
    assert figures["success_interval"][0] <= figures["success"] <= figures["success_interval"][1]


def test_without_a_learned_reward_nothing_is_rendered():
    made = []

    def make():
        made.append(PointReach())
        return made[-1]

    evaluate(go_to_target, make, [0, 1])
    assert sum(env.frames_rendered for env in made) == 0
    assert "return_learned" not in summarise([EpisodeResult(0)])


class RedCounter:
    """Scores a frame by its mean; remembers what it was asked."""

    views = ("front", "top")
    image_size_px = 8

    def score_episode(self, frames):
        self.lengths = {view: len(film) for view, film in frames.items()}
        return frames["front"].mean(axis=(1, 2, 3)).astype(np.float32)


def test_the_learned_return_leaves_out_the_first_frame():
    reward = RedCounter()
    [result] = evaluate(go_to_target, PointReach, [5], Filming(reward, reward.views, 8))
    assert reward.lengths == {"front": 17, "top": 17}
    env = PointReach()
    frames = list(watch(go_to_target, env, 5, ("front",), (8, 8)))
    scores = reward.score_episode({"front": np.stack([frame["front"] for frame in frames])})
    assert result.return_learned == pytest.approx(scores[1:].sum())


def test_the_return_of_a_mixture_has_its_share_of_the_tasks_own_reward():
    plain, mixed = RedCounter(), RedCounter()
    mixed.sparse_weight = 0.5
    [alone] = evaluate(go_to_target, PointReach, [5], Filming(plain, plain.views, 8))
    [both] = evaluate(go_to_target, PointReach, [5], Filming(mixed, mixed.views, 8))
    assert alone.return_sparse > 0
    assert both.return_learned == pytest.approx(alone.return_learned + 0.5 * alone.return_sparse)


def test_starts_for_training_and_for_evaluation_never_meet():
    held_out = {*final_start_seeds(1000), *periodic_start_seeds(1000)}
    assert len(held_out) == 2000
    training = {
        training_start_seed(seed, step) + env
        for seed in range(20)
        for step in range(0, 100_000, 5000)
        for env in range(8)
    }
    assert len(training) == 20 * 20 * 8
    assert not training & held_out
    assert max(training) < 2**31


def test_training_on_the_tasks_own_reward_never_renders(tiny):
    envs = make_training_env(tiny(), None)
    envs.reset()
    for _ in range(20):
        _, _, _, infos = envs.step(np.zeros((2, 2)))
    assert [env.unwrapped.frames_rendered for env in envs.envs] == [0, 0]
    assert all("views" not in info for info in infos)
