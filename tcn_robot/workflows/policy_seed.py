"""One seed of a policy run, as a job for a process of its own; imitate and study share it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tcn_robot.errors import UserError

if TYPE_CHECKING:
    from tcn_robot.policies.config import ImitateConfig


def prepare_run(run: Path, config: ImitateConfig, resume: bool) -> ImitateConfig:
    """Check everything that can be wrong, fit the learned reward, and write the run's options.

    Args:
        run: The run's folder.
        config: The options as the user gave them.
        resume: Whether to go on with a run that exists.

    Returns:
        The options with the views of the learned reward filled in.

    Raises:
        UserError: On any bad input; nothing has been written then.
    """
    import dataclasses

    from tcn_robot.policies.environments import check_views, full_task_id, make_env
    from tcn_robot.policies.run import REWARD_FOLDER, start_run

    env = make_env(config)
    try:
        check_views(env, config.views)
        if config.reward == "sparse" and not getattr(env.unwrapped, "reports_success", True):
            raise UserError(
                f"task {config.task} never reports success, so its sparse reward is always 0; "
                "give --reward dense or a learned one"
            )
        horizon = int(env.get_wrapper_attr("horizon"))
        config.algorithm.check_budget(config.steps, horizon, config.num_envs)
        acting = str(getattr(env.unwrapped, "embodiment", ""))
    finally:
        env.close()
    if not config.learned:
        start_run(run, config, resume)
        return config
    from tcn_robot.rewards import load_reward
    from tcn_robot.workflows.learned_reward import check_demos_task, fit_reward

    fitted = run / REWARD_FOLDER
    if resume and fitted.is_dir():
        reward = load_reward(fitted)
    else:
        assert config.encoder is not None
        assert config.demos is not None
        check_demos_task(Path(config.demos), full_task_id(config.task))
        reward = fit_reward(
            config.reward,
            Path(config.encoder),
            Path(config.demos),
            config.views,
            config.reward_options,
            acting,
        )
    config = dataclasses.replace(config, views=tuple(reward.views))
    start_run(run, config, resume)
    if not fitted.is_dir():
        reward.save(fitted)
    return config


def run_seed(run: str, seed: int, tensorboard: bool = True, name: str = "") -> None:
    """Train and film one seed of a prepared run; what is there already is not done again.

    Args:
        run: The run's folder.
        seed: Which seed.
        tensorboard: Whether TensorBoard events are written.
        name: What the seed is called in lines of progress; default: `seed 0`.
    """
    from tcn_robot.policies.config import load_config
    from tcn_robot.policies.environments import final_start_seeds, make_env
    from tcn_robot.policies.evaluation import Filming
    from tcn_robot.policies.learner import ZIP_FILE, SeedJob, train_seed
    from tcn_robot.policies.policy import load_policy
    from tcn_robot.policies.run import REWARD_FOLDER, read_result, seed_folder
    from tcn_robot.workflows.policy_films import FILMS_FOLDER, write_films

    config = load_config(Path(run))
    folder = seed_folder(Path(run), seed)
    name = name or f"seed {seed}"
    if read_result(Path(run), seed) is None:
        filming = None
        if config.learned:
            from tcn_robot.rewards import load_reward

            reward = load_reward(Path(run) / REWARD_FOLDER)
            filming = Filming(reward, config.views, reward.image_size_px)
        train_seed(SeedJob(config, seed, folder, filming, tensorboard, name))
    elif config.save_zip and not (folder / ZIP_FILE).is_file():
        line = f"{name}: no {ZIP_FILE}: it was finished without, and only training can write one"
        print(line, file=sys.stderr, flush=True)
    if not config.films or (folder / FILMS_FOLDER).is_dir():
        return
    env = make_env(config)
    try:
        write_films(folder / FILMS_FOLDER, load_policy(folder).act, env, final_start_seeds(1)[0])
    except UserError as error:
        print(f"{name}: no films: {error}", file=sys.stderr, flush=True)
    finally:
        env.close()
