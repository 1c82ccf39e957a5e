"""Optimisers: their options, the groups of weights they get, and one step with clipping."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

from tcn_robot.errors import UserError
from tcn_robot.option_ranges import expect_above_zero, expect_at_least, flag
from tcn_robot.training.schedules import ScheduleName, rate_factor

OptimiserName = Literal["adamw", "adam", "sgd"]


@dataclass(frozen=True)
class OptimisationOptions:
    """How the weights are changed.

    Attributes:
        optimiser: adamw (decay beside the gradient), adam (L2 term in the gradient), or sgd.
        learning_rate: Peak of the schedule.
        rate_schedule: After the warm-up: cosine down to 0, constant, step (times rate_decay_factor
            every rate_decay_steps) or exponential (the same without stairs).
        warmup_steps: Steps of linear warm-up; 0 for none.
        rate_decay_steps: Of the schedules step and exponential.
        rate_decay_factor: Of the schedules step and exponential, above 0 and at most 1.
        weight_decay: Strong, so that films of the same task stay side by side.
        decay_all: Decay biases and the weights of norms too; off decays matrices and filters only.
        sgd_momentum: Of sgd.
        nesterov: Whether sgd looks ahead.
        clip_norm: Largest gradient norm; 0 for no limit.
        accumulate_batches: Micro-batches per step, whose gradients are averaged. Each has its own
            negatives: four batches of 64 are not one of 256, where an anchor has more of them.
        average_decay: Decay per step of the moving average of the weights, which is then what is
            validated and saved; 0 for none.
    """

    optimiser: OptimiserName = "adamw"
    learning_rate: float = 2e-3
    rate_schedule: ScheduleName = "cosine"
    warmup_steps: int = 50
    rate_decay_steps: int = 500
    rate_decay_factor: float = 0.5
    weight_decay: float = 0.3
    decay_all: bool = True
    sgd_momentum: float = 0.9
    nesterov: bool = False
    clip_norm: float = 1.0
    accumulate_batches: int = 1
    average_decay: float = 0.0

    def check(self) -> None:
        """Raise UserError for numbers that cannot work."""
        at_least_one = ("rate_decay_steps", "accumulate_batches")
        not_negative = (
            "warmup_steps",
            "weight_decay",
            "sgd_momentum",
            "clip_norm",
            "average_decay",
        )
        expect_at_least(self, 1, *at_least_one)
        expect_at_least(self, 0, *not_negative)
        expect_above_zero(self, "learning_rate", "rate_decay_factor")
        if self.rate_decay_factor > 1:
            raise UserError(
                f"--rate-decay-factor must be at most 1, found {self.rate_decay_factor}"
            )
        for name in ("average_decay", "sgd_momentum"):
            if getattr(self, name) >= 1:
                raise UserError(f"{flag(name)} must be below 1, found {getattr(self, name)}")
        if self.nesterov and (self.optimiser != "sgd" or self.sgd_momentum == 0):
            raise UserError("--nesterov needs --optimiser sgd with an --sgd-momentum above 0")

    def rate(self, step: int, steps: int) -> float:
        """Return the learning rate of a step, counted from 0, of a training of `steps`."""
        decay = (self.rate_decay_steps, self.rate_decay_factor)
        factor = rate_factor(self.rate_schedule, step, steps, self.warmup_steps, *decay)
        return self.learning_rate * factor


def weight_groups(
    modules: Iterable[nn.Module], decay: float, decay_all: bool
) -> list[dict[str, Any]]:
    """Return the parameters that are trained, as groups of an optimiser.

    Args:
        modules: Whose parameters; one that two modules share is taken once.
        decay: Weight decay of those that are decayed.
        decay_all: Decay every parameter; otherwise those of one dimension (biases, norms, scales)
            and scalars (temperatures) are left alone.

    Returns:
        One or two groups with "params" and "weight_decay"; one without parameters if none is
        trained.
    """
    every = dict.fromkeys(p for module in modules for p in module.parameters() if p.requires_grad)
    decayed = [p for p in every if decay_all or p.ndim > 1]
    left_alone = [p for p in every if not (decay_all or p.ndim > 1)]
    groups: list[dict[str, Any]] = [{"params": decayed, "weight_decay": decay}]
    if left_alone:
        groups.append({"params": left_alone, "weight_decay": 0.0})
    return groups


def build_optimiser(
    options: OptimisationOptions, modules: Iterable[nn.Module]
) -> torch.optim.Optimizer:
    """Return the optimiser of the modules' trainable parameters; there may be none."""
    groups = weight_groups(modules, options.weight_decay, options.decay_all)
    rate = options.learning_rate
    if options.optimiser == "sgd":
        momentum, nesterov = options.sgd_momentum, options.nesterov
        return torch.optim.SGD(groups, lr=rate, momentum=momentum, nesterov=nesterov)
    kind = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam}[options.optimiser]
    return kind(groups, lr=rate)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Give every group of an optimiser a learning rate."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def trained_parameters(optimizer: torch.optim.Optimizer) -> list[nn.Parameter]:
    """Return every parameter that an optimiser changes."""
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def clip_gradients(parameters: Iterable[nn.Parameter], clip_norm: float) -> torch.Tensor:
    """Scale all gradients together down to a norm, in place.

    Args:
        parameters: Those without a gradient are passed over.
        clip_norm: Largest norm; 0 for no limit.

    Returns:
        Scalar: the norm before clipping.
    """
    limit = clip_norm if clip_norm > 0 else math.inf
    return nn.utils.clip_grad_norm_(parameters, limit)
