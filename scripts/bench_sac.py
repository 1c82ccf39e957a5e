"""Measures the speed of SAC on one core.

    python scripts/bench_sac.py [--task MujocoPush-v0] [--num-envs 4] [--steps 1500]

One update per transition, 128x128 networks, batches of 256, the task's dense reward, no rendering.
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
from stable_baselines3 import SAC

from tcn_robot.policies.config import ImitateConfig
from tcn_robot.policies.environments import make_training_env
from tcn_robot.policies.sac import make_sac

WARM_UP_STEPS = 512


def steps_per_second(learner: SAC, steps: int) -> float:
    """Return control steps with their updates per second of processor time."""
    learner.learn(WARM_UP_STEPS)
    begin = time.process_time()
    learner.learn(steps, reset_num_timesteps=False)
    return steps / (time.process_time() - begin)


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
    parser.add_argument("--task", default="MujocoPush-v0")
    parser.add_argument("--num-envs", type=int, default=4)
    parser.add_argument("--steps", type=int, default=1500)
    options = parser.parse_args()
    torch.set_num_threads(1)
    config = ImitateConfig(options.task, "dense", options.steps, num_envs=options.num_envs)
    env = make_training_env(config, None)
    print(f"env alone: {1e3 * env_seconds(env, options.steps):.2f} ms per control step")
    learner = make_sac(env, seed=0, learning_starts_steps=WARM_UP_STEPS // 2)
    print(f"with updates: {steps_per_second(learner, options.steps):.0f} steps/s")
    env.close()


if __name__ == "__main__":
    main()
