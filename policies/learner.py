"""Training of one seed: segments of an algorithm, an evaluation and a checkpoint after each."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.vec_env import VecEnv

from tcn_robot.atomic import PARTIAL_PREFIX, write_text_atomically
from tcn_robot.errors import UserError
from tcn_robot.policies.algorithms.interface import last_losses
from tcn_robot.policies.checkpoint import restore_checkpoint, save_checkpoint
from tcn_robot.policies.config import ImitateConfig
from tcn_robot.policies.environments import (
    final_start_seeds,
    make_env,
    make_training_env,
    periodic_start_seeds,
    training_start_seed,
)
from tcn_robot.policies.evaluation import evaluate, summarise
from tcn_robot.policies.policy import POLICY_FOLDER, Policy
from tcn_robot.policies.relabelling import EndScoredBuffer, settle_cut_episodes
from tcn_robot.policies.seeing import STATE_ALONE, Filming, Seeing
from tcn_robot.policies.training_log import (
    Say,
    TrainingLog,
    open_tensorboard,
    print_line,
    write_scalars,
)
from tcn_robot.provenance import commit, machine, versions

if TYPE_CHECKING:
    from tcn_robot.policies.seeing_wrappers import TakeFilm

EVALUATIONS_FILE = "evaluations.jsonl"
RESULT_FILE = "result.json"
STATE_FOLDER = "state"
ZIP_FILE = "model.zip"


@dataclass(frozen=True)
class SeedJob:
    """One seed of a run.

    Attributes:
        config: The run's options, with the views filled in for a learned reward.
        seed: Which seed.
        folder: Where everything of this seed goes (`seed_0`).
        filming: The learned reward with its views and frame size; None: the task's own reward.
        tensorboard: Whether TensorBoard events are written.
        name: What the seed is called in lines of progress.
        seeing: What the policy sees.
        take_film: Gets films of training episodes, as often as `training_films` says.
    """

    config: ImitateConfig
    seed: int
    folder: Path
    filming: Filming | None = None
    tensorboard: bool = True
    name: str = "seed"
    seeing: Seeing = STATE_ALONE
    take_film: TakeFilm | None = None


def segments(config: ImitateConfig, horizon: int) -> Iterator[tuple[int, int]]:
    """Yield the half-open ranges of control steps between states on disk.

    Their length is a whole number of episodes of all envs, so that none is cut but the last, by
    algorithms that need no whole ones. Every evaluation falls on an end.
    """
    total, length = total_steps(config, horizon), evaluation_interval(config, horizon)
    part = length
    if config.checkpoint_interval_steps is not None:
        part = min(_whole_rounds(config.checkpoint_interval_steps, config, horizon), length)
    for first in range(0, total, length):
        stop = min(first + length, total)
        for begin in range(first, stop, part):
            yield begin, min(begin + part, stop)


def total_steps(config: ImitateConfig, horizon: int) -> int:
    """Return the control steps of a training: those asked for, rounded up as its kind needs."""
    multiple = config.algorithm.step_multiple(horizon, config.num_envs)
    return -(-config.steps // multiple) * multiple


def evaluation_interval(config: ImitateConfig, horizon: int) -> int:
    """Return the control steps between evaluations, whole episodes of all envs."""
    return _whole_rounds(config.evaluation_interval_steps, config, horizon)


def _whole_rounds(steps: int, config: ImitateConfig, horizon: int) -> int:
    round_steps = horizon * config.num_envs
    return max(round(steps / round_steps), 1) * round_steps


def train_seed(job: SeedJob, say: Say | None = None) -> dict[str, Any]:
    """Train one seed, or the rest of it, and return its figures.

    Finished evaluations are on disk at once. `result.json` is written last: a folder with it is
    finished. The same options and seed give the same figures, bit for bit, on the same machine,
    also when the training was interrupted and continued in between.

    Args:
        job: What to train and where.
        say: Takes lines of progress; default: standard error.
    """
    say = say or print_line
    torch.set_num_threads(1)
    commit()  # remembered now: the checkout may move on while this trains
    config = job.config
    env = make_training_env(config, job.filming, job.seeing.sight, job.take_film)
    writer = None
    try:
        learner = _make_learner(job, env)
        evaluations, before_seconds = _continue_from(job, learner, say)
        horizon = env.get_attr("horizon")[0]
        total, interval = total_steps(config, horizon), evaluation_interval(config, horizon)
        if job.tensorboard:
            writer = open_tensorboard(job.folder / "tensorboard", learner.num_timesteps)
        losses = partial(last_losses, config.algorithm, learner)
        log = TrainingLog(job.name, total, say, losses, writer)
        start_seconds = time.monotonic()
        for first, stop in segments(config, horizon):
            if stop <= learner.num_timesteps:
                continue
            if job.take_film is not None and first % (interval * config.training_films) == 0:
                env.film_next(first)  # type: ignore[attr-defined]
            _train_segment(job, learner, first, stop, log)
            seconds = round(before_seconds + time.monotonic() - start_seconds, 2)
            if stop % interval == 0 or stop == total:
                figures = _evaluate_now(job, learner, log) | {"seconds": seconds}
                evaluations.append(figures)
                write_evaluations(job.folder, evaluations)
                write_scalars(writer, figures, figures["steps"])
                log.note(f"success {figures['success']:.2f}")
            save_checkpoint(config.algorithm, learner, job.folder / STATE_FOLDER, seconds)
    finally:
        env.close()
        if writer is not None:
            writer.close()  # type: ignore[no-untyped-call]
    return _finish(job, learner, evaluations)


def _make_learner(job: SeedJob, env: VecEnv) -> BaseAlgorithm:
    learner = job.config.algorithm.make(
        env,
        seed=job.seed,
        transitions=job.config.steps + job.config.num_envs,
        device="cpu",
    )
    learner.set_logger(Logger(folder=None, output_formats=[]))
    if job.filming is not None and getattr(job.filming.reward, "scored_at_end", False):
        assert isinstance(learner, OffPolicyAlgorithm)  # as `prepare_run` has seen to
        assert learner.replay_buffer is not None
        learner.replay_buffer = EndScoredBuffer.in_place_of(learner.replay_buffer)
    return learner


def _train_segment(
    job: SeedJob, learner: BaseAlgorithm, first: int, stop: int, log: TrainingLog
) -> None:
    """Train from control step `first` to `stop`, from fresh episodes with seeds of their own."""
    env = learner.get_env()
    assert env is not None
    env.seed(training_start_seed(job.seed, first))
    learner._last_obs = None  # makes `learn` reset the envs
    log.begin_segment()
    job.config.algorithm.advance(learner, stop - first, env.get_attr("horizon")[0], log)
    buffer = getattr(learner, "replay_buffer", None)
    if isinstance(buffer, EndScoredBuffer):
        settle_cut_episodes(buffer, env.episode_scores)  # type: ignore[attr-defined]


def _evaluate_now(job: SeedJob, learner: BaseAlgorithm, log: TrainingLog) -> dict[str, Any]:
    """Return the figures of an evaluation on the held-out starts used while training."""
    starts = periodic_start_seeds(job.config.evaluation_starts)
    act = job.config.algorithm.policy_of(learner).act
    results = evaluate(act, lambda: make_env(job.config), starts, seeing=job.seeing)
    return {
        "steps": learner.num_timesteps,
        **summarise(results),
        "training_reward_per_step": log.mean_reward(),
        **last_losses(job.config.algorithm, learner),
    }


def _continue_from(
    job: SeedJob, learner: BaseAlgorithm, say: Say
) -> tuple[list[dict[str, Any]], float]:
    """Restore the last checkpoint, if any; return its evaluations and the seconds spent."""
    state = job.folder / STATE_FOLDER
    if not state.is_dir():
        return [], 0.0
    seconds = restore_checkpoint(job.config.algorithm, learner, state)
    # An evaluation that was written just before its checkpoint is done again, not kept twice.
    steps = learner.num_timesteps
    evaluations = [line for line in read_evaluations(job.folder) if line["steps"] <= steps]
    say(f"{job.name}: continues at step {steps:,}")
    return evaluations, seconds


def _finish(
    job: SeedJob, learner: BaseAlgorithm, evaluations: list[dict[str, Any]]
) -> dict[str, Any]:
    """Save the policy, evaluate it on the final starts and mark the seed as finished."""
    policy = job.config.algorithm.policy_of(learner)
    if job.config.save_zip:
        _write_zip(job.folder / ZIP_FILE, learner)
    return finish_seed(job, policy, learner.num_timesteps, learner._n_updates, evaluations)


def finish_seed(
    job: SeedJob, policy: Policy, steps: int, updates: int, evaluations: list[dict[str, Any]]
) -> dict[str, Any]:
    """Save a policy, evaluate it on the final starts and mark the seed as finished.

    Args:
        job: The seed.
        policy: What was learned.
        steps: Control steps, or updates, of the training.
        updates: Updates done.
        evaluations: Those while training, at least one.
    """
    config = job.config
    metadata = {"task": config.task, "reward": config.reward, "seed": job.seed}
    metadata |= job.seeing.description
    policy.save(
        job.folder / POLICY_FOLDER,
        metadata | {"algo": config.algo, "steps": steps, "horizon": config.horizon},
    )
    starts = final_start_seeds(config.final_starts)
    results = evaluate(policy.act, lambda: make_env(config), starts, job.filming, job.seeing)
    result = {
        "seed": job.seed,
        "steps": steps,
        "updates": updates,
        "seconds": evaluations[-1]["seconds"],
        "final": summarise(results, per_episode=True),
        "evaluations": evaluations,
        "versions": versions(),
        "commit": commit(),
        "machine": machine(),
    }
    write_text_atomically(job.folder / RESULT_FILE, json.dumps(result, indent=2) + "\n")
    shutil.rmtree(job.folder / STATE_FOLDER, ignore_errors=True)
    return result


def _write_zip(path: Path, learner: BaseAlgorithm) -> None:
    """Write Stable-Baselines3's own file, whole or not at all."""
    part = path.with_name(f"{PARTIAL_PREFIX}{path.name}")
    try:
        learner.save(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_evaluations(folder: Path, evaluations: list[dict[str, Any]]) -> None:
    """Write the evaluations of a seed so far, as a whole."""
    text = "".join(json.dumps(line) + "\n" for line in evaluations)
    write_text_atomically(folder / EVALUATIONS_FILE, text)


def read_evaluations(folder: Path) -> list[dict[str, Any]]:
    """Return the evaluations of a seed so far, in the order of their steps."""
    path = folder / EVALUATIONS_FILE
    if not path.is_file():
        return []
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except ValueError as error:
        raise UserError(
            f"{path} is damaged ({error}); remove {folder} to start the seed again"
        ) from error
