"""Measures the speed of learning on one core, by any of the algorithms.

    python scripts/bench_learning.py [--algo sac] [--task MujocoPush-v0] [--steps 1500]

The algorithm's own options, the task's dense reward, no rendering.
Processor time of one thread, so that other work on the machine hardly counts.
"""

from __future__ import annotations

import argparse
import os
import time
from typing import Any

# Before torch is imported: the figure is that of one core.
os.environ["OMP_NUM_THREADS"] = "1"

import torch
from stable_baselines3.common.logger import Logger

from tcn_robot.policies.algorithms import ALGORITHMS
from tcn_robot.policies.config import ImitateConfig
from tcn_robot.policies.environments import make_training_env
from tcn_robot.policies.training_log import TrainingLog

WARM_UP_STEPS = 512


def steps_per_second(config: ImitateConfig, env: Any, steps: int) -> float:
    """Return control steps with their updates per second of processor time."""
    algorithm, horizon = config.algorithm, env.get_attr("horizon")[0]
    learner = algorithm.make(env, seed=0, transitions=steps + 4 * WARM_UP_STEPS, device="cpu")
    learner.set_logger(Logger(folder=None, output_formats=[]))
    log = TrainingLog("bench", steps, say=lambda _: None)
    multiple = algorithm.step_multiple(horizon, env.num_envs)
    warm_up, measured = (-(-count // multiple) * multiple for count in (WARM_UP_STEPS, steps))
    algorithm.advance(learner, warm_up, horizon, log)
    begin = time.process_time()
    algorithm.advance(learner, measured, horizon, log)
    return measured / (time.process_time() - begin)


def env_seconds(env: Any, steps: int) -> float:
    """Return the seconds that one env needs for one control step."""
    env.reset()
    begin = time.process_time()
    for _ in range(steps // env.num_envs):
        env.step([env.action_space.sample() for _ in range(env.num_envs)])
    return (time.process_time() - begin) / steps


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--algo", default="sac", choices=list(ALGORITHMS))
    parser.add_argument("--task", default="MujocoPush-v0")
    parser.add_argument("--num-envs", type=int, default=4)
    parser.add_argument("--steps", type=int, default=1500)
    options = parser.parse_args()
    torch.set_num_threads(1)
    starts = None if options.algo == "ppo" else WARM_UP_STEPS // 2
    config = ImitateConfig(
        *(options.task, "dense", options.steps),
        algo=options.algo,
        num_envs=options.num_envs,
        learning_starts_steps=starts,
    )
    env = make_training_env(config, None)
    print(f"env alone: {1e3 * env_seconds(env, options.steps):.2f} ms per control step")
    rate = steps_per_second(config, env, options.steps)
    print(f"{options.algo}, with updates: {rate:.0f} steps/s")
    env.close()


if __name__ == "__main__":
    main()
