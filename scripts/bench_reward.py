"""Measures what a learned reward costs per environment and step, rendering apart.

    python scripts/bench_reward.py [--envs 8] [--size 64] [--views 1] [--seconds 3]

One core, an untrained default encoder (its weights do not change its speed) and random frames. The
goal is at most 1 ms per environment and step for 8 environments at 64 px.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from typing import Any

# Before torch is imported: the figure is that of one core.
os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import torch

from tcn_robot.models import ConvolutionalConfig, ConvolutionalEncoder, seeded_generator
from tcn_robot.rewards import REWARDS, RewardWarning

NUM_DEMOS = 20
DEMO_FRAMES = 80


def seconds_per_call(call: Any, budget_seconds: float) -> list[float]:
    """Return the processor time of repeated calls after a warm-up.

    Processor time of this one thread, so that other work on the machine does not count.
    """
    for _ in range(10):
        call()
    durations = []
    end = time.perf_counter() + budget_seconds
    while time.perf_counter() < end:
        begin = time.process_time()
        call()
        durations.append(time.process_time() - begin)
    return durations


def main() -> None:
    """Print a line per reward, and the encoder's own share."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--envs", type=int, default=8)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--views", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=3.0)
    options = parser.parse_args()
    torch.set_num_threads(1)

    generator = np.random.default_rng(0)
    encoder = ConvolutionalEncoder(
        ConvolutionalConfig(image_size_px=options.size), seeded_generator(0)
    ).eval()
    views = [f"view{index}" for index in range(options.views)]

    def film(length: int) -> np.ndarray:
        shape = (length, options.size, options.size, 3)
        return generator.integers(0, 256, size=shape, dtype=np.uint8)

    demos = [{view: film(DEMO_FRAMES) for view in views} for _ in range(NUM_DEMOS)]
    frames = {view: film(options.envs) for view in views}
    together = np.concatenate(list(frames.values()))
    print(
        f"{options.envs} environments, {options.views} view(s) of {options.size} px, "
        f"{NUM_DEMOS} demonstrations of {DEMO_FRAMES} frames, 1 core, torch {torch.__version__}"
    )
    warnings.simplefilter("ignore", RewardWarning)  # random frames show no task
    rows = {"encoder alone": lambda: encoder.embed(together)}
    for name, kind in REWARDS.items():
        fitted = kind.fit(encoder, demos)
        fitted.reset(np.ones(options.envs, dtype=bool))
        rows[name] = lambda fitted=fitted: fitted.step(frames)
    for name, call in rows.items():
        each_ms = 1e3 * np.array(seconds_per_call(call, options.seconds)) / options.envs
        best, median, worst = np.percentile(each_ms, [5, 50, 95])
        print(
            f"{name:15s} {median:6.3f} ms per environment and step "
            f"(best 5 % {best:.3f}, worst 5 % {worst:.3f})"
        )


if __name__ == "__main__":
    sys.exit(main())
