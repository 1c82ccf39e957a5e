"""Controls: encoders that are not trained, which every table has to be read against.

They are objectives in name only, so that `tcn-robot train --objective random` makes a run with an
encoder that everything else takes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NoReturn

import numpy as np
from torch import nn

from tcn_robot.data.sampling import BatchOptions, FilmedEpisode
from tcn_robot.errors import UserError
from tcn_robot.objectives.interface import Losses, Setting, Step


@dataclass(frozen=True)
class ControlOptions:
    """Controls have no options of their own."""


class Control(nn.Module):
    """No objective: the encoder stays as it was made, in 0 steps."""

    Options: ClassVar[type] = ControlOptions
    defaults: ClassVar[Mapping[str, Any]] = {"steps": 0}

    def __init__(self, options: ControlOptions, setting: Setting) -> None:
        """Make nothing."""
        super().__init__()

    @classmethod
    def unit_length(cls, options: ControlOptions) -> bool:
        """Embeddings stay as long as they are."""
        return False

    @classmethod
    def sampler(
        cls, options: ControlOptions, episodes: Sequence[FilmedEpisode], batch: BatchOptions
    ) -> NoBatches:
        """Return a sampler that says that there is nothing to train."""
        return NoBatches()

    def forward(self, step: Step) -> Losses:
        """Raise a UserError: there is nothing to train."""
        _refuse()


class Untrained(Control):
    """`random`: the encoder with the weights that it would start from."""


class Pixels(Control):
    """`pixels`: the frames themselves, made small."""

    defaults: ClassVar[Mapping[str, Any]] = {"steps": 0, "encoder": "pixels"}


class Pretrained(Control):
    """`pretrained`: the pooled features of a network from a local folder, as others trained it."""

    defaults: ClassVar[Mapping[str, Any]] = {
        **{"steps": 0, "encoder": "transformers"},
        **{"head": "pooled", "trainable": "head"},
    }


class NoBatches:
    """Stands where a sampler is asked for."""

    notes: tuple[str, ...] = ()

    def draw(self, rng: np.random.Generator) -> NoReturn:
        """Raise a UserError: there is nothing to train."""
        _refuse()


def _refuse() -> NoReturn:
    raise UserError(
        "expected 0 steps of an objective that trains nothing (random, pixels, pretrained), found "
        "more; leave --steps out, or name another --objective"
    )
