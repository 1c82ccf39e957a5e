"""How the learning rate changes over a training: pure functions of the step."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

ScheduleName = Literal["cosine", "constant", "step", "exponential"]


def warmup(step: int, warmup_steps: int) -> float:
    """Return the factor of a linear warm-up: 1 / warmup_steps in step 0, then up to 1."""
    return min(1.0, (step + 1) / max(warmup_steps, 1))


def cosine(step: int, steps: int) -> float:
    """Return half a cosine from 1 in step 0 down to 0 at `steps` (Loshchilov & Hutter, eq. 5)."""
    return 0.5 * (1 + math.cos(math.pi * step / steps))


def staircase(step: int, every_steps: int, factor: float) -> float:
    """Return factor ** (number of whole stretches of `every_steps` that are done)."""
    return float(factor ** (step // every_steps))


def exponential(step: int, every_steps: int, factor: float) -> float:
    """Return factor ** (step / every_steps): the staircase without its stairs."""
    return float(factor ** (step / every_steps))


# name -> factor of the peak rate at (step, steps, decay_every_steps, decay_factor)
SCHEDULES: dict[ScheduleName, Callable[[int, int, int, float], float]] = {
    "cosine": lambda step, steps, every, factor: cosine(step, steps),
    "constant": lambda step, steps, every, factor: 1.0,
    "step": lambda step, steps, every, factor: staircase(step, every, factor),
    "exponential": lambda step, steps, every, factor: exponential(step, every, factor),
}


def rate_factor(
    schedule: ScheduleName,
    step: int,
    steps: int,
    warmup_steps: int,
    decay_every_steps: int,
    decay_factor: float,
) -> float:
    """Return by how much the peak learning rate is multiplied in a step.

    Args:
        schedule: What follows the warm-up; it is counted from step 0 and multiplied with it.
        step: The step, counted from 0.
        steps: Steps of the whole training.
        warmup_steps: Steps of linear warm-up; 0 for none.
        decay_every_steps: Of step and exponential.
        decay_factor: Of step and exponential.

    Returns:
        In [0, 1] for a decay_factor of at most 1.
    """
    decay = SCHEDULES[schedule](step, steps, decay_every_steps, decay_factor)
    return warmup(step, warmup_steps) * decay
