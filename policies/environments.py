"""Envs for training and evaluation, and the seeds of their starts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np

import tcn_robot.envs
from tcn_robot.errors import UserError, unknown_name
from tcn_robot.plugins import import_module
from tcn_robot.policies.config import (
    FINAL_START_SEED,
    PERIODIC_START_SEED,
    TRAINING_START_SEED,
    ImitateConfig,
)

if TYPE_CHECKING:
    from stable_baselines3.common.vec_env import VecEnv

    from tcn_robot.policies.seeing import Filming, Sight
    from tcn_robot.policies.seeing_wrappers import TakeFilm


def full_task_id(task: str) -> str:
    """Return the registered id of a task.

    Args:
        task: An id with or without `tcn_robot/`, or "module:id", where importing the module
            registers the id.

    Raises:
        UserError: With the nearest name when there is no such task.
    """
    module, _, name = task.rpartition(":")
    if module:
        import_module("task", task, module)
    return tcn_robot.envs.task_id(name)


def make_env(
    config: ImitateConfig, reward: str = "sparse", embodiment: str | None = None
) -> gymnasium.Env:
    """Return one env of the run's task, with one of the task's own rewards.

    Args:
        config: The run's options.
        reward: "sparse" or "dense".
        embodiment: Another body than the task's own.

    Raises:
        UserError: For an unknown task or body, or a task whose actions are no continuous ones.
    """
    options: dict[str, Any] = {"reward": reward}
    if embodiment is not None:
        options["embodiment"] = embodiment
    if config.horizon is not None:
        options["horizon"] = config.horizon
    if config.randomise:
        options["randomise"] = config.randomise
    env = tcn_robot.envs.make_task(full_task_id(config.task), **options)
    space = env.action_space
    if not isinstance(space, gymnasium.spaces.Box) or not space.is_bounded():
        env.close()
        raise UserError(
            f"task {config.task} has actions {space}; {config.algo} learns continuous "
            "ones (Box) with finite bounds only"
        )
    return env


def check_views(env: gymnasium.Env, views: tuple[str, ...]) -> None:
    """Refuse views that the task does not have.

    Raises:
        UserError: With the nearest name; or it has no cameras at all.
    """
    if views:
        check_cameras(env)
    for view in views:
        if view not in env.unwrapped.view_names:  # type: ignore[attr-defined]
            raise unknown_name("view", view, env.unwrapped.view_names)  # type: ignore[attr-defined]


def check_cameras(env: gymnasium.Env) -> None:
    """Refuse a task without cameras, where a reward or a policy looks at frames.

    Raises:
        UserError: It has no `render_views`, or no `view_names`.
    """
    task: Any = env.unwrapped
    names: tuple[str, ...] = getattr(task, "view_names", ())
    if not (hasattr(task, "render_views") and names):
        raise UserError(
            f"{type(task).__name__} has no camera (no render_views with view_names), so a learned "
            "reward or an embedding sees nothing; give --reward dense or sparse, or a task with "
            "cameras"
        )


def make_training_env(
    config: ImitateConfig,
    filming: Filming | None,
    sight: Sight | None = None,
    take_film: TakeFilm | None = None,
) -> VecEnv:
    """Return the envs of one seed, in one process.

    With one of the task's own rewards and its own observations nothing is ever rendered. Otherwise
    each env renders every view once, for the reward, the policy's embeddings and films of training
    alike; one forward pass serves all envs.

    Args:
        config: The run's options.
        filming: The fitted learned reward with its views; None: the task's own.
        sight: Makes embeddings for the policy to see; None: it sees the task's own observation.
        take_film: Gets films of training episodes, see `VecFilms`; None: none are made.

    Raises:
        UserError: For a task without proprioception, where embeddings are seen.
    """
    from stable_baselines3.common.vec_env import DummyVecEnv

    own_reward = "sparse" if filming else config.reward
    if filming is None and sight is None:
        return DummyVecEnv([lambda: make_env(config, own_reward)] * config.num_envs)
    from tcn_robot.policies.seeing_wrappers import Proprioceptive, VecFilms, VecSight
    from tcn_robot.rewards import RenderViews, VecRewardWrapper

    cameras = {**(sight.cameras if sight else {}), **(filming.shown if filming else {})}
    size_px = filming.size_px if filming else sight.size_px  # type: ignore[union-attr]

    def make_filmed_env() -> gymnasium.Env:
        env = make_env(config, own_reward)
        return RenderViews(Proprioceptive(env) if sight else env, tuple(cameras), size_px, cameras)

    venv: VecEnv = DummyVecEnv([make_filmed_env] * config.num_envs)
    if take_film is not None:
        venv = VecFilms(venv, take_film)
    if sight is not None:
        venv = VecSight(venv, sight, keep_frames=filming is not None)
    return VecRewardWrapper(venv, filming.reward) if filming else venv


def training_start_seed(seed: int, step: int) -> int:
    """Return the seed of the envs from a control step on, in the range for training only."""
    drawn = np.random.SeedSequence((seed, step)).generate_state(1)[0]
    return TRAINING_START_SEED + int(drawn) % (1 << 29)


def final_start_seeds(count: int) -> list[int]:
    """Return the seeds of the held-out starts of final evaluations: the same for every run."""
    return [FINAL_START_SEED + index for index in range(count)]


def periodic_start_seeds(count: int) -> list[int]:
    """Return the seeds of the held-out starts of evaluations while training."""
    return [PERIODIC_START_SEED + index for index in range(count)]
