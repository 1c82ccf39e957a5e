"""`tcn-robot few-trials`: a controller per fixed start, found in about a hundred rollouts."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from tcn_robot.errors import UserError
from tcn_robot.workflows.options import parse_and_run
from tcn_robot.workflows.resumable_jobs import check_workers, run_resumable_jobs

if TYPE_CHECKING:
    import numpy as np

    from tcn_robot.policies.few_trials.config import FewTrialsConfig
    from tcn_robot.policies.few_trials.search import SearchJob
    from tcn_robot.rewards import Reward


@dataclass(frozen=True)
class SearchOptions:
    """What is searched for, and how.

    Attributes:
        controller: What a controller is: path (a way that leads somewhere and may bend), knots
            (actions interpolated linearly), radial (Gaussians in time).
        functions: Basis functions of the controller; each has a weight per part of the action.
        step_size: Standard deviation of the first proposals, as a share of all actions at full.
        weighting: Which steps' rewards count: late (most on the last third), even, last-third.
        film_every: Control steps between the frames that a learned reward scores: rendering is what
            costs. Leave it at 1 for rewards that count frames, such as trajectory.
        horizon: Control steps per rollout; the task's own when not given.
        replays: Replays of each final controller with noise on its actions.
        replay_noise: Standard deviation of that noise.
    """

    controller: str = "path"
    functions: int = 3
    step_size: float = 0.1
    weighting: str = "late"
    film_every: int = 1
    horizon: int | None = None
    replays: int = 0
    replay_noise: float = 0.1


DEFAULT_SEARCH = SearchOptions()


def few_trials(
    task: Annotated[str, tyro.conf.Positional],
    /,
    *,
    reward: str,
    out: Path,
    encoder: Path | None = None,
    demos: Path | None = None,
    max_demos: int | None = None,
    starts: int = 5,
    rollouts: int = 150,
    iterations: int = 15,
    optimiser: str = "pi2",
    seeds: tuple[int, ...] = (0,),
    views: tuple[str, ...] = (),
    search: SearchOptions = DEFAULT_SEARCH,
    reward_options: tuple[str, ...] = (),
    workers: int | None = None,
    films: bool = True,
    resume: bool = False,
) -> None:
    """Search for one controller per fixed start, in the few trials of the TCN paper.

    The controller is open-loop: it gives the same actions whatever happens. The final one is the
    rollout with the best weighted sum of rewards, replayed. The reward is computed from films,
    unless it is sparse or dense, the task's own. Ctrl-C keeps every finished iteration.

    Args:
        task: Task id, such as MujocoPush-v0, or module:id for a task of your own.
        reward: progress, trajectory or goal (learned), sparse or dense (the task's own).
        out: Folder of the run.
        encoder: Run of `tcn-robot train`, or a name of the zoo (learned rewards).
        demos: Dataset with demonstrations (learned rewards).
        max_demos: Most demonstrations that are used; all when not given.
        starts: Fixed starts, held out, each with a search of its own.
        rollouts: Rollouts per start, over all iterations.
        iterations: Updates of the optimiser.
        optimiser: pi2, pi2-bb (PI² that sees whole returns only), cma-es.
        seeds: One independent search of every start each.
        views: Views that the learned reward sees; all of the demonstrations' that the task has
            when none is given.
        search: What is searched for, and how.
        reward_options: Options of the learned reward as name=value.
        workers: Processes at a time; default: as many as there are cores and searches.
        films: Film the final controller of each start from every view.
        resume: Go on with an interrupted run; further --seeds may be added.
    """
    from tcn_robot.policies.few_trials.config import FewTrialsConfig
    from tcn_robot.workflows.imitate import check_reward_name, parse_options

    check_reward_name(reward)
    config = FewTrialsConfig(
        task=task,
        reward=reward,
        starts=starts,
        rollouts=rollouts,
        iterations=iterations,
        optimiser=optimiser,
        seeds=seeds,
        encoder=str(encoder) if encoder else None,
        demos=str(demos) if demos else None,
        max_demos=max_demos,
        views=views,
        reward_options=parse_options(reward_options),
        films=films,
        **dataclasses.asdict(search),
    )
    run_few_trials(out, config, workers, resume)


def run_few_trials(
    out: Path, config: FewTrialsConfig, workers: int | None = None, resume: bool = False
) -> dict[str, Any]:
    """Do all searches of a run and return its summary.

    Args:
        out: Folder of the run.
        config: The run's options.
        workers: Processes at a time; None: as many as there are cores and searches.
        resume: Whether to go on with a run that exists.

    Raises:
        UserError: On bad input, before anything is written, or when a search failed.
    """
    from tcn_robot.policies.few_trials.run import write_summary
    from tcn_robot.policies.processes import Job

    check_workers(workers)
    config = _prepare(out, config, resume)
    jobs = [
        Job(f"seed {seed} start {start}", run_search, (str(out), seed, start))
        for seed in config.seeds
        for start in range(config.starts)
    ]
    summary = run_resumable_jobs(
        out, jobs, workers, lambda _: write_summary(out, config), lambda: _conclude(out, config)
    )
    print(describe(summary))
    return summary


def _prepare(out: Path, config: FewTrialsConfig, resume: bool) -> FewTrialsConfig:
    """Check everything that can be wrong, fit the learned reward, and write the run's options."""
    from tcn_robot.policies.environments import check_views, make_env
    from tcn_robot.policies.few_trials.controllers import controller_basis
    from tcn_robot.policies.few_trials.rollouts import check_task, horizon_of
    from tcn_robot.policies.few_trials.run import check_folder, write_options
    from tcn_robot.policies.run import REWARD_FOLDER

    if not resume:
        config.refuse_ignored()
    with contextlib.closing(make_env(config.env_options())) as env:
        check_task(env, config.reward, config.learned)
        check_views(env, config.views)
        controller_basis(config.controller, horizon_of(env), config.functions)
        acting = str(getattr(env.unwrapped, "embodiment", ""))
        fitted = None
        if config.learned:
            known_views = tuple(getattr(env.unwrapped, "view_names", ()))
            fitted = _fitted(out, config, acting, known_views, resume)
            if not (resume and config.views):  # others than it was started with are refused below
                config = dataclasses.replace(config, views=tuple(fitted.views))
            check_views(env, config.views)
    check_folder(out, config, resume)
    write_options(out, config)
    if fitted is not None and not (out / REWARD_FOLDER).is_dir():
        fitted.save(out / REWARD_FOLDER)
    return config


def _fitted(
    out: Path, config: FewTrialsConfig, acting: str, known_views: tuple[str, ...], resume: bool
) -> Reward:
    """Return the learned reward: that of the run if it is there, else one fitted now."""
    from tcn_robot.policies.environments import full_task_id
    from tcn_robot.policies.run import REWARD_FOLDER
    from tcn_robot.rewards import load_reward
    from tcn_robot.rewards.table import import_named
    from tcn_robot.workflows.learned_reward import check_demos_task, fit_reward

    import_named(config.reward, config.reward_options)
    if resume and (out / REWARD_FOLDER).is_dir():
        return load_reward(out / REWARD_FOLDER)
    assert config.encoder is not None
    assert config.demos is not None
    check_demos_task(Path(config.demos), full_task_id(config.task))
    return fit_reward(
        config.reward,
        Path(config.encoder),
        Path(config.demos),
        config.views or shared_views(Path(config.demos), known_views, config.max_demos),
        config.reward_options,
        acting,
        max_demos=config.max_demos,
    )


def shared_views(
    demos: Path, known_views: tuple[str, ...], max_demos: int | None
) -> tuple[str, ...]:
    """Return all views of the demonstrations that the task has too: one alone shows no depth.

    Args:
        demos: Dataset with the demonstrations.
        known_views: The task's.
        max_demos: Most demonstrations that are used; None: all.
    """
    from tcn_robot.recordings import open_recording
    from tcn_robot.workflows.learned_reward import chosen_demos

    fitting, _ = chosen_demos(open_recording(demos), max_demos)
    shared = set(known_views).intersection(*(demo.views for demo in fitting))
    return tuple(view for view in fitting[0].views if view in shared)


def run_search(run: str, seed: int, start: int) -> None:
    """Search from one start of a prepared run and film it; what is there is not done again."""
    from tcn_robot.policies.environments import final_start_seeds, make_env
    from tcn_robot.policies.few_trials.config import load_few_trials_config
    from tcn_robot.policies.few_trials.records import read_result
    from tcn_robot.policies.few_trials.rollouts import Stage
    from tcn_robot.policies.few_trials.run import start_folder
    from tcn_robot.policies.few_trials.search import SearchJob, search_start
    from tcn_robot.policies.run import REWARD_FOLDER
    from tcn_robot.rewards import load_reward
    from tcn_robot.rewards.table import import_named
    from tcn_robot.workflows.policy_films import FILMS_FOLDER

    config = load_few_trials_config(Path(run))
    folder, start_seed = start_folder(Path(run), seed, start), final_start_seeds(start + 1)[-1]
    finished = read_result(folder) is not None
    if finished and (not config.films or (folder / FILMS_FOLDER).is_dir()):
        return
    import_named(config.reward, config.reward_options)
    reward = load_reward(Path(run) / REWARD_FOLDER) if config.learned else config.reward
    with contextlib.closing(make_env(config.env_options())) as env:
        job = SearchJob(
            config, seed, start, folder, Stage(env, start_seed, reward, config.film_every),
            f"seed {seed} start {start}",
        )  # fmt: skip
        if not finished:
            search_start(job)
        if config.films:
            _film(job, env, start_seed)


def _film(job: SearchJob, env: Any, start_seed: int) -> None:
    """Film the final controller from every view, if the task can be filmed here."""
    from safetensors.numpy import load_file

    from tcn_robot.policies.few_trials.records import CONTROLLER_FILE
    from tcn_robot.policies.few_trials.rollouts import actions_in_range
    from tcn_robot.workflows.policy_films import FILMS_FOLDER, write_films

    if not hasattr(env.unwrapped, "render_views"):
        print(f"{job.name}: no films: the task has no camera", file=sys.stderr, flush=True)
        return
    actions = load_file(str(job.folder / CONTROLLER_FILE))["actions"]
    coming = iter(actions_in_range(actions, env.action_space))

    def act(_observation: np.ndarray) -> np.ndarray:
        return next(coming)

    try:
        write_films(job.folder / FILMS_FOLDER, act, env, start_seed)
    except UserError as error:
        print(f"{job.name}: no films: {error}", file=sys.stderr, flush=True)


def _conclude(out: Path, config: FewTrialsConfig) -> dict[str, Any]:
    """Write what is made of the searches so far: summary.json and success.png."""
    from tcn_robot.policies.few_trials.run import write_summary
    from tcn_robot.workflows.few_trials_picture import PICTURE_FILE, write_picture

    summary = write_summary(out, config)
    write_picture([summary], out / PICTURE_FILE)
    return summary


def describe(summary: dict[str, Any]) -> str:
    """Return one line that says how good the controllers of a run are."""
    if not summary["searches"]:
        return "no search is finished"
    low, high = summary["success_interval"]
    per_start = ", ".join(
        f"{sum(outcomes)}/{len(outcomes)}" for outcomes in summary["success_per_start"].values()
    )
    return (
        f"{summary['task']}, reward {summary['reward']}, {summary['optimiser']}, "
        f"{summary['rollouts']} rollouts per start: success {summary['success']:.1%} (95 % "
        f"interval {low:.1%} to {high:.1%}) of {summary['searches']} searches, per start "
        f"{per_start}; of the optimiser's mean {summary['success_of_mean']:.1%}"
    )


def main(arguments: list[str]) -> None:
    """Run the command with these arguments."""
    parse_and_run(few_trials, arguments)
