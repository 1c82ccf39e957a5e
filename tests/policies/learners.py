"""Small learners of every algorithm on the point task."""

from stable_baselines3.common.logger import Logger
from stable_baselines3.common.vec_env import DummyVecEnv

from tcn_robot.policies.algorithms import ALGORITHMS, make_algorithm
from tests.policies.point_task import HORIZON, PointReach

OFF_POLICY = [name for name in ALGORITHMS if name != "ppo"]
SMALL = {
    "ppo": {"rollout_steps": 64, "epochs": 2},
    "crossq": {"critic_hidden_units": (24, 24)},
}


def point_envs(count=2):
    return DummyVecEnv([PointReach] * count)


def small_algorithm(name="sac", **further):
    shared = {
        "learning_rate": 1e-3,
        "batch_size": 32,
        "hidden_units": (24, 24),
        "learning_starts_steps": None if name == "ppo" else 64,
    }
    return make_algorithm(name, shared, SMALL.get(name, {}) | further)


def small_learner(name="sac", count=2, seed=3, **further):
    """A small algorithm and a fresh learner of it."""
    algorithm = small_algorithm(name, **further)
    learner = algorithm.make(point_envs(count), seed=seed, transitions=1000, device="cpu")
    learner.set_logger(Logger(folder=None, output_formats=[]))
    return algorithm, learner


def advance(algorithm, learner, steps):
    """Train on without anybody watching."""
    algorithm.advance(learner, steps, HORIZON, None)
    return learner
