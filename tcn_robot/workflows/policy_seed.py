"""One seed of a policy run, as a job for a process of its own; imitate and study share it."""

from __future__ import annotations

import dataclasses
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tcn_robot.atomic import atomic_folder
from tcn_robot.errors import UserError, unknown_name

if TYPE_CHECKING:
    from tcn_robot.policies.config import ImitateConfig
    from tcn_robot.rewards import Reward


def prepare_run(run: Path, config: ImitateConfig, resume: bool) -> ImitateConfig:
    """Check everything that can be wrong, fit the learned reward, and write the run's options.

    Args:
        run: The run's folder.
        config: The options as the user gave them.
        resume: Whether to go on with a run that exists.

    Returns:
        The options with the views of the learned reward, or of the embedding, filled in.

    Raises:
        UserError: On any bad input; nothing has been written then.
    """
    from tcn_robot.policies.run import REWARD_FOLDER, start_run
    from tcn_robot.workflows.gaps import bridged
    from tcn_robot.workflows.policy_sight import OBSERVATION_FOLDER, prepare_sight
    from tcn_robot.workflows.recorded_actions import demonstrations_with_actions

    if not resume:
        config.refuse_ignored()
    if config.gap is not None:
        config = bridged(config)
    acting, cameras, horizon = _check_task(config)
    if config.clones:
        demonstrations_with_actions(config)
    reward = _fitted_reward(run, config, resume, acting) if config.learned else None
    if reward is not None:
        _check_learnable(reward, config, horizon)
        if not (resume and config.views):  # others than it was started with are refused below
            config = dataclasses.replace(config, views=tuple(reward.views))
        _check_cameras(config, cameras)
    elif config.observation == "embedding" and not config.views:
        config = dataclasses.replace(config, views=cameras[:1])
    with tempfile.TemporaryDirectory() as scratch:
        sight = Path(scratch) / OBSERVATION_FOLDER
        if config.observation == "embedding" and not (run / OBSERVATION_FOLDER).is_dir():
            size_px = reward.image_size_px if reward else None
            prepare_sight(sight.parent, config, acting, size_px)
        start_run(run, config, resume)
        if reward is not None and not (run / REWARD_FOLDER).is_dir():
            reward.save(run / REWARD_FOLDER)
        if sight.is_dir():
            with atomic_folder(run / OBSERVATION_FOLDER) as partial:
                shutil.copytree(sight, partial, dirs_exist_ok=True)
    return config


def _check_cameras(config: ImitateConfig, cameras: tuple[str, ...]) -> None:
    """Refuse views of the demonstrations that the task has not, and none stands in for."""
    for camera in config.cameras.values():
        if cameras and camera not in cameras:
            raise unknown_name(f"view of the demonstrations in {config.task}:", camera, cameras)


def _check_task(config: ImitateConfig) -> tuple[str, tuple[str, ...], int]:
    """Return the body that acts, the task's cameras and its horizon, after a look at the task.

    Raises:
        UserError: For a task that cannot be learned with these options.
    """
    from tcn_robot.policies.environments import check_cameras, check_views, make_env
    from tcn_robot.policies.seeing import proprioception_space

    env = make_env(config)
    try:
        if config.learned or config.observation == "embedding":
            check_cameras(env)
        check_views(env, config.scored_views or config.views)
        if config.reward == "sparse" and not getattr(env.unwrapped, "reports_success", True):
            raise UserError(
                f"task {config.task} never reports success, so its sparse reward is always 0; "
                "give --reward dense or a learned one"
            )
        horizon = int(env.get_wrapper_attr("horizon"))
        if not config.clones:
            config.algorithm.check_budget(config.steps, horizon, config.num_envs)
        if config.observation == "embedding":
            proprioception_space(env)
        cameras = tuple(getattr(env.unwrapped, "view_names", ()))
        return str(getattr(env.unwrapped, "embodiment", "")), cameras, horizon
    finally:
        env.close()


def _fitted_reward(run: Path, config: ImitateConfig, resume: bool, acting: str) -> Reward:
    """Return the run's learned reward: the one that it was started with, or a new one."""
    from tcn_robot.policies.environments import full_task_id
    from tcn_robot.policies.run import REWARD_FOLDER
    from tcn_robot.rewards import load_reward
    from tcn_robot.rewards.table import import_named
    from tcn_robot.workflows.learned_reward import check_demos_task, fit_reward

    import_named(config.reward, config.reward_options)
    if resume and (run / REWARD_FOLDER).is_dir():
        return load_reward(run / REWARD_FOLDER)
    assert config.encoder is not None
    assert config.demos is not None
    check_demos_task(Path(config.demos), full_task_id(config.task))
    return fit_reward(
        config.reward,
        (Path(config.encoder), *map(Path, config.further_encoders)),
        Path(config.demos),
        config.views,
        config.reward_options,
        acting,
        tuple(map(Path, config.play)),
        config.max_demos,
    )


def _check_learnable(reward: Reward, config: ImitateConfig, horizon: int) -> None:
    """Refuse rewards that would teach something else than what was meant.

    Raises:
        UserError: One that is known at the end of an episode only, where nothing waits for it, or
            shaping for another discount.
    """
    if getattr(reward, "scored_at_end", False):
        _check_waits(config, horizon)
    shaped_for = getattr(reward, "shaping_discount", None)
    if shaped_for is not None and shaped_for != config.discount:
        raise UserError(
            f"shaping for a discount of {shaped_for} changes what is best for a policy that learns "
            f"with {config.discount}; give --reward-options discount={config.discount}"
        )


def _check_waits(config: ImitateConfig, horizon: int) -> None:
    """Refuse an algorithm that would learn before the first episode is scored, at its end."""
    from tcn_robot.policies.algorithms.off_policy import OffPolicy

    if not isinstance(config.algorithm, OffPolicy):
        raise UserError(
            f"scored=end tells the scores of an episode when it is over, and {config.algo} is paid "
            "at every step; leave scored=end out, or give --algo sac, td3, tqc or crossq"
        )
    needed, given = horizon * config.num_envs, config.algorithm.learning_starts_steps
    if given < needed:
        raise UserError(
            f"scored=end tells the scores of an episode when it is over, after {needed} steps of "
            f"{config.num_envs} envs, and updates begin after {given}; give --learning-starts "
            f"{needed}"
        )


def run_seed(run: str, seed: int, tensorboard: bool = True, name: str = "") -> None:
    """Train and film one seed of a prepared run; what is there already is not done again.

    Args:
        run: The run's folder.
        seed: Which seed.
        tensorboard: Whether TensorBoard events are written.
        name: What the seed is called in lines of progress; default: `seed 0`.
    """
    from tcn_robot.policies.cloning import clone_seed
    from tcn_robot.policies.config import load_config
    from tcn_robot.policies.environments import final_start_seeds, make_env
    from tcn_robot.policies.learner import ZIP_FILE, SeedJob, train_seed
    from tcn_robot.policies.policy import find_policies, load_policy
    from tcn_robot.policies.run import read_result, seed_folder
    from tcn_robot.workflows.policy_films import FILMS_FOLDER, film_taker, write_films
    from tcn_robot.workflows.policy_sight import load_seeing, seeing_of
    from tcn_robot.workflows.recorded_actions import recorded_pairs

    config = load_config(Path(run))
    folder = seed_folder(Path(run), seed)
    name = name or f"seed {seed}"
    if read_result(Path(run), seed) is None:
        seeing, filming = load_seeing(Path(run), config)
        take = film_taker(folder, config) if config.training_films else None
        job = SeedJob(config, seed, folder, filming, tensorboard, name, seeing, take)
        if config.clones:
            clone_seed(job, *recorded_pairs(config, seeing))
        else:
            train_seed(job)
    elif config.save_zip and not (folder / ZIP_FILE).is_file():
        line = f"{name}: no {ZIP_FILE}: it was finished without, and only training can write one"
        print(line, file=sys.stderr, flush=True)
    if not config.films or (folder / FILMS_FOLDER).is_dir():
        return
    policy = load_policy(folder)
    seeing = seeing_of(find_policies(folder)[0], policy)
    env = make_env(config)
    start = final_start_seeds(1)[0]
    try:
        write_films(folder / FILMS_FOLDER, policy.act, env, start, seeing=seeing)
    except UserError as error:
        print(f"{name}: no films: {error}", file=sys.stderr, flush=True)
    finally:
        env.close()
