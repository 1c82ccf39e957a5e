"""Measures what a learned reward costs a training besides rendering and embedding.

    python scripts/bench_imitate.py [--task MujocoPush-v0] [--encoder push-tcn] [--steps 1024]
        [--observation state|embedding] [--num-envs 8] [--rounds 4]

Plain SAC (the task's dense reward and state) and `imitate` (progress) train in turns in one
process, so that other work on the machine hits both alike. Processor time of this process on one
core; the seconds inside the renderer and the encoder are taken off. The goal: at least 85 % of the
plain rate.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from typing import Any

# Before torch and Mesa are loaded: the figure is that of one core.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["LP_NUM_THREADS"] = "0"

import numpy as np
import torch
from stable_baselines3.common.logger import Logger

import tcn_robot.envs as envs
from tcn_robot.models import load_encoder
from tcn_robot.policies.config import ImitateConfig
from tcn_robot.policies.environments import make_training_env
from tcn_robot.policies.seeing import Filming, Remembering, fit_sight
from tcn_robot.policies.training_log import TrainingLog
from tcn_robot.rewards import ProgressReward
from tcn_robot.rewards import wrappers as reward_wrappers

NUM_DEMOS = 10
VIEW = "front"
WARM_UP_STEPS = 512


class Stopwatch:
    """Adds up the processor seconds spent inside some functions."""

    def __init__(self) -> None:
        """Start at nothing."""
        self.seconds: dict[str, float] = {}

    def around(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that does the same, its time counted under a name."""

        def timed(*arguments: Any, **options: Any) -> Any:
            begin = time.process_time()
            try:
                return function(*arguments, **options)
            finally:
                spent = time.process_time() - begin
                self.seconds[name] = self.seconds.get(name, 0.0) + spent

        return timed


class Training:
    """A learner in its envs that goes on for some steps at a time."""

    def __init__(self, config: ImitateConfig, env: Any) -> None:
        """Make the learner and go past its random steps."""
        self._algorithm, self._env = config.algorithm, env
        self._horizon = env.get_attr("horizon")[0]
        self._learner = config.algorithm.make(env, seed=0, transitions=200_000, device="cpu")
        self._learner.set_logger(Logger(folder=None, output_formats=[]))
        self._log = TrainingLog("bench", config.steps, say=lambda _: None)
        self.seconds(WARM_UP_STEPS)

    def seconds(self, steps: int) -> float:
        """Return the processor seconds of further control steps with their updates."""
        begin = time.process_time()
        self._algorithm.advance(self._learner, steps, self._horizon, self._log)
        return time.process_time() - begin


def expert_films(task: str, size_px: int) -> list[dict[str, np.ndarray]]:
    """Return films of the scripted expert, {view: uint8 (T, H, W, 3)}."""
    env: Any = envs.make_task(task).unwrapped
    films = []
    for seed in range(NUM_DEMOS):
        env.reset(seed=seed)
        frames = [env.render_views((VIEW,), (size_px, size_px))[VIEW]]
        for action in envs.scripted_policy(env.spec.id, "expert")(env, np.random.default_rng(seed)):
            *_, truncated, _ = env.step(action)
            frames.append(env.render_views((VIEW,), (size_px, size_px))[VIEW])
            if truncated:
                break
        films.append({VIEW: np.stack(frames)})
    env.close()
    return films


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--task", default="MujocoPush-v0")
    parser.add_argument("--encoder", default="push-tcn")
    parser.add_argument("--observation", default="state", choices=("state", "embedding"))
    parser.add_argument("--num-envs", type=int, default=8)
    parser.add_argument("--steps", type=int, default=1024, help="of each kind per round")
    parser.add_argument("--rounds", type=int, default=4)
    options = parser.parse_args()
    torch.set_num_threads(1)
    watch = Stopwatch()
    shared: dict[str, Any] = {"num_envs": options.num_envs, "learning_starts_steps": 256}
    config = ImitateConfig(options.task, "dense", options.steps, **shared)
    plain = Training(config, make_training_env(config, None))

    encoder: Any = load_encoder(options.encoder)
    films = expert_films(options.task, encoder.image_size_px)
    encoder.embed = watch.around("embedding", encoder.embed)
    asked = Remembering(encoder)
    reward = ProgressReward.fit(asked, films)
    size_px, cameras = reward.image_size_px, {VIEW: VIEW}
    sees = options.observation == "embedding"
    sight = fit_sight(asked, cameras, size_px, films) if sees else None
    reward_wrappers.render_square = watch.around("rendering", reward_wrappers.render_square)
    learned = Training(config, make_training_env(config, Filming(reward, (VIEW,), size_px), sight))
    watch.seconds.clear()
    seconds = {"plain": 0.0, "imitate": 0.0}
    for _ in range(options.rounds):
        seconds["plain"] += plain.seconds(options.steps)
        seconds["imitate"] += learned.seconds(options.steps)
    steps = options.steps * options.rounds
    rest = seconds["imitate"] - sum(watch.seconds.values())
    print(f"{options.num_envs} envs, {size_px} px, 1 view, observation {options.observation}")
    print(f"plain SAC          {steps / seconds['plain']:6.0f} steps/s")
    print(f"imitate            {steps / seconds['imitate']:6.0f} steps/s")
    for name, spent in sorted(watch.seconds.items()):
        print(f"  of that {name:10s} {1e3 * spent / steps:6.2f} ms per env and step")
    print(f"imitate without    {steps / rest:6.0f} steps/s, {seconds['plain'] / rest:.0%} of plain")
    return 0


if __name__ == "__main__":
    sys.exit(main())
