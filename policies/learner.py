"""Training of one seed: segments of SAC, an evaluation and a checkpoint after each."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from stable_baselines3 import SAC
from stable_baselines3.common.callbacks import BaseCallback

from tcn_robot.atomic import write_text_atomically
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
from tcn_robot.policies.policy import POLICY_FOLDER, policy_of
from tcn_robot.policies.sac import last_losses, make_sac
from tcn_robot.policies.seeing import STATE_ALONE, Filming, Seeing
from tcn_robot.provenance import commit, machine, versions

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

    from tcn_robot.policies.seeing_wrappers import TakeFilm

EVALUATIONS_FILE = "evaluations.jsonl"
RESULT_FILE = "result.json"
STATE_FOLDER = "state"
LINE_INTERVAL_SECONDS = 15.0
RECENT_LINES = 5

Say = Callable[[str], None]


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
    """Yield the half-open ranges of control steps between evaluations.

    Their length is a whole number of episodes of all envs, so that none is cut.
    """
    round_steps = horizon * config.num_envs
    length = max(round(config.evaluation_interval_steps / round_steps), 1) * round_steps
    total = -(-config.steps // config.num_envs) * config.num_envs
    for first in range(0, total, length):
        yield first, min(first + length, total)


def train_seed(job: SeedJob, say: Say | None = None) -> dict[str, Any]:
    """Train one seed, or the rest of it, and return its figures.

    Finished evaluations are on disk at once. `result.json` is written last: a folder with it is
    finished. The same options and seed give the same figures, bit for bit, on the same machine,
    also when the training was interrupted and continued in between.

    Args:
        job: What to train and where.
        say: Takes lines of progress; default: standard error.
    """
    say = say or _print_line
    torch.set_num_threads(1)
    commit()  # remembered now: the checkout may move on while this trains
    config = job.config
    env = make_training_env(config, job.filming, job.seeing.sight, job.take_film)
    try:
        learner = make_sac(
            env,
            seed=job.seed,
            hidden_units=config.hidden_units,
            learning_rate=config.learning_rate,
            discount=config.discount,
            batch_size=config.batch_size,
            learning_starts_steps=config.learning_starts_steps,
            buffer_transitions=config.steps + config.num_envs,
        )
        evaluations, before_seconds = _continue_from(job, learner, say)
        horizon = env.get_attr("horizon")[0]
        lines = ProgressLines(job.name, config.steps, say)
        writer = _open_tensorboard(job, learner.num_timesteps)
        start_seconds = time.monotonic()
        for index, (first, stop) in enumerate(segments(config, horizon)):
            if stop <= learner.num_timesteps:
                continue
            if job.take_film is not None and index % config.training_films == 0:
                env.film_next(first)  # type: ignore[attr-defined]
            _train_segment(learner, job.seed, first, stop, lines)
            seconds = before_seconds + time.monotonic() - start_seconds
            figures = _evaluate_now(job, learner, stop - first) | {"seconds": round(seconds, 2)}
            evaluations.append(figures)
            _write_evaluations(job.folder, evaluations)
            _write_scalars(writer, figures)
            save_checkpoint(learner, job.folder / STATE_FOLDER)
            lines.note(f"success {figures['success']:.2f}")
        if writer is not None:
            writer.close()
    finally:
        env.close()
    return _finish(job, learner, evaluations)


def _train_segment(learner: SAC, seed: int, first: int, stop: int, lines: ProgressLines) -> None:
    """Train from control step `first` to `stop`, from fresh episodes with seeds of their own."""
    env = learner.get_env()
    assert env is not None
    env.seed(training_start_seed(seed, first))
    learner._last_obs = None  # makes `learn` reset the envs
    learner.learn(stop - first, callback=lines, log_interval=None, reset_num_timesteps=False)  # type: ignore[arg-type]


def _evaluate_now(job: SeedJob, learner: SAC, segment_steps: int) -> dict[str, Any]:
    """Return the figures of an evaluation on the held-out starts used while training."""
    starts = periodic_start_seeds(job.config.evaluation_starts)
    act = policy_of(learner).act
    results = evaluate(act, lambda: make_env(job.config), starts, seeing=job.seeing)
    buffer = learner.replay_buffer
    assert buffer is not None
    latest = max(segment_steps // job.config.num_envs, 1)
    mean_reward = float(buffer.rewards[: buffer.size()][-latest:].mean())
    return {
        "steps": learner.num_timesteps,
        **summarise(results),
        "training_reward_per_step": mean_reward,
        **last_losses(learner),
    }


def _continue_from(job: SeedJob, learner: SAC, say: Say) -> tuple[list[dict[str, Any]], float]:
    """Restore the last checkpoint, if any; return its evaluations and the seconds spent."""
    state = job.folder / STATE_FOLDER
    if not state.is_dir():
        return [], 0.0
    steps = restore_checkpoint(learner, state)
    # An evaluation that was written just before its checkpoint is done again, not kept twice.
    evaluations = [line for line in read_evaluations(job.folder) if line["steps"] <= steps]
    say(f"{job.name}: continues at step {steps:,}")
    return evaluations, evaluations[-1]["seconds"] if evaluations else 0.0


def _finish(job: SeedJob, learner: SAC, evaluations: list[dict[str, Any]]) -> dict[str, Any]:
    """Save the policy, evaluate it on the final starts and mark the seed as finished."""
    config = job.config
    policy = policy_of(learner)
    metadata = {"task": config.task, "reward": config.reward, "seed": job.seed}
    metadata |= job.seeing.description
    policy.save(
        job.folder / POLICY_FOLDER,
        metadata | {"algo": config.algo, "steps": learner.num_timesteps, "horizon": config.horizon},
    )
    starts = final_start_seeds(config.final_starts)
    results = evaluate(policy.act, lambda: make_env(config), starts, job.filming, job.seeing)
    result = {
        "seed": job.seed,
        "steps": learner.num_timesteps,
        "updates": learner._n_updates,
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


def _write_evaluations(folder: Path, evaluations: list[dict[str, Any]]) -> None:
    text = "".join(json.dumps(line) + "\n" for line in evaluations)
    write_text_atomically(folder / EVALUATIONS_FILE, text)


def read_evaluations(folder: Path) -> list[dict[str, Any]]:
    """Return the evaluations of a seed so far, in the order of their steps."""
    path = folder / EVALUATIONS_FILE
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _open_tensorboard(job: SeedJob, steps: int) -> SummaryWriter | None:
    """Return a writer that drops what was written after the step it continues from."""
    if not job.tensorboard:
        return None
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(job.folder / "tensorboard"), purge_step=steps + 1)  # type: ignore[no-untyped-call]


def _write_scalars(writer: SummaryWriter | None, figures: dict[str, Any]) -> None:
    if writer is None:
        return
    for name, value in figures.items():
        if isinstance(value, float):
            writer.add_scalar(name, value, figures["steps"])  # type: ignore[no-untyped-call]
    writer.flush()  # type: ignore[no-untyped-call]


class ProgressLines(BaseCallback):
    """Says now and then how far a training has come, in plain lines: several seeds share a log."""

    def __init__(self, name: str, total_steps: int, say: Say) -> None:
        """Start the clock; `name` stands at the start of every line."""
        super().__init__()
        self._name = name
        self._total_steps = total_steps
        self._say = say
        self._note = ""
        self._last_seconds = time.monotonic()
        self._recent: deque[tuple[float, int]] = deque(maxlen=RECENT_LINES)

    def note(self, text: str) -> None:
        """Show a short text, such as the latest success, and say a line now."""
        self._note = f", {text}"
        self._speak(time.monotonic())

    def _on_step(self) -> bool:
        now = time.monotonic()
        if not self._recent:
            self._recent.append((now, self.num_timesteps))
        if now - self._last_seconds >= LINE_INTERVAL_SECONDS:
            self._speak(now)
        return True

    def _speak(self, now: float) -> None:
        self._last_seconds = now
        # The rate of the last minute or so: the steps before the first update are much faster.
        first_seconds, first_steps = self._recent[0] if self._recent else (now, 0)
        rate = (self.num_timesteps - first_steps) / max(now - first_seconds, 1e-9)
        rate = max(rate, 1e-9)
        self._recent.append((now, self.num_timesteps))
        left_minutes = max(self._total_steps - self.num_timesteps, 0) / rate / 60
        self._say(
            f"{self._name}: {self.num_timesteps:,}/{self._total_steps:,} steps, "
            f"{rate:.0f} steps/s, {left_minutes:.1f} min left{self._note}"
        )


def _print_line(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
