"""Everything that changes while training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from tcn_robot.models import Encoder
from tcn_robot.training.averaging import WeightAverage
from tcn_robot.training.compiling import CompiledEncoder
from tcn_robot.training.health import Health
from tcn_robot.training.precision import Precision
from tcn_robot.training.selection import Selection


@dataclass
class TrainingState:
    """Everything that changes while training; a checkpoint has all of it.

    Attributes:
        encoder: The weights.
        objective: Its heads, banks and target networks.
        optimizer: Its moments.
        sampling_rng: Draws the batches.
        augmentation_rng: Draws the augmentation, on the CPU.
        objective_rng: Draws whatever the objective draws, on the CPU.
        precision: Autocast and the scale of float16 gradients.
        selection: The best validation so far.
        health: Whether the embedding is collapsing.
        average: Moving average of the encoder, None without one.
        compiled: The encoder by compiled functions, None without them; no state of its own.
        step: Steps done.
    """

    encoder: Encoder
    objective: nn.Module
    optimizer: torch.optim.Optimizer
    sampling_rng: np.random.Generator
    augmentation_rng: torch.Generator
    objective_rng: torch.Generator
    precision: Precision
    selection: Selection
    health: Health
    average: WeightAverage[Encoder] | None = None
    compiled: CompiledEncoder | None = None
    step: int = 0

    @property
    def judged(self) -> Encoder:
        """What is validated and saved: the average of the weights where there is one."""
        return self.average.network if self.average else self.encoder
