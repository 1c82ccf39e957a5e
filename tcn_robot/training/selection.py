"""Which step's encoder is kept, and when to stop: decided on validation episodes only."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

import torch
from torch import nn

from tcn_robot.errors import UserError, unknown_name

# Name of a figure that is measured on validation episodes -> whether less of it is better.
LESS_IS_BETTER = {"alignment_error": True, "alignment_accuracy_1": False}
VALIDATION_PREFIX = "validation/"


@dataclass(frozen=True)
class SelectionOptions:
    """Which encoder a training leaves behind.

    Attributes:
        keep: last: the encoder after the last step; best: that of the best validation.
        best_by: What is compared: alignment_error or alignment_accuracy_1, measured on episodes of
            split "valid" only.
        patience_validations: Stop after this many validations in a row without a better one; 0 for
            never.
    """

    keep: Literal["last", "best"] = "last"
    best_by: str = "alignment_error"
    patience_validations: int = 0

    @property
    def compares(self) -> bool:
        """Whether validations decide anything."""
        return self.keep == "best" or self.patience_validations > 0

    def check(self) -> None:
        """Raise UserError for options that cannot work."""
        if self.best_by not in LESS_IS_BETTER:
            raise unknown_name("figure for --best-by", self.best_by, LESS_IS_BETTER)
        if self.patience_validations < 0:
            raise UserError(
                f"--patience-validations must be at least 0, found {self.patience_validations}"
            )

    def refuse(self) -> NoReturn:
        """Raise the error for a training that has nothing to compare."""
        asked = "--keep best" if self.keep == "best" else "--patience-validations"
        raise UserError(
            f"{asked} needs {self.best_by} of episodes of split 'valid' with two views, found "
            "none; record some with --split valid, or leave the option out"
        )


class Selection:
    """The best validation so far.

    Attributes:
        best_step: Step of the best validation, None before the first one.
        best_value: Its figure.
        best_weights: The encoder's weights then, on the CPU; empty unless they are to be kept.
        worse_in_a_row: Validations since then.
    """

    def __init__(self, options: SelectionOptions) -> None:
        """Nothing was measured yet."""
        self._options = options
        self.best_step: int | None = None
        self.best_value = math.nan
        self.best_weights: dict[str, torch.Tensor] = {}
        self.worse_in_a_row = 0

    def look(self, step: int, figures: dict[str, float], encoder: nn.Module) -> None:
        """Compare a validation with the best one before.

        Equal is not better: of equally good encoders the first one is kept.

        Args:
            step: Steps done.
            figures: What was measured, under "validation/NAME".
            encoder: What it was measured on; its weights are copied if they are to be kept.

        Raises:
            UserError: If nothing could be measured that decides.
        """
        options = self._options
        if not options.compares:
            return
        value = figures.get(VALIDATION_PREFIX + options.best_by)
        if value is None:
            options.refuse()
        if not self._is_better(value):
            self.worse_in_a_row += 1
            return
        self.best_step, self.best_value, self.worse_in_a_row = step, value, 0
        if options.keep == "best":
            weights = encoder.state_dict().items()
            self.best_weights = {name: w.detach().to("cpu", copy=True) for name, w in weights}

    def _is_better(self, value: float) -> bool:
        if self.best_step is None:
            return True
        sign = 1 if LESS_IS_BETTER[self._options.best_by] else -1
        return sign * value < sign * self.best_value

    @property
    def is_over(self) -> bool:
        """Whether patience has run out."""
        patience = self._options.patience_validations
        return 0 < patience <= self.worse_in_a_row

    def apply(self, encoder: nn.Module) -> None:
        """Put the best weights into an encoder, if they were to be kept."""
        if self.best_weights:
            encoder.load_state_dict(self.best_weights)

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint says besides the weights, as JSON takes it."""
        value = None if self.best_step is None else self.best_value
        return {
            "best_step": self.best_step,
            "best_value": value,
            "worse_in_a_row": self.worse_in_a_row,
        }

    def load_state(self, state: dict[str, Any], weights: dict[str, torch.Tensor]) -> None:
        """Go on from a checkpoint.

        Args:
            state: What `state` returned.
            weights: `best_weights` of then.
        """
        self.best_step = state["best_step"]
        self.best_value = math.nan if self.best_step is None else float(state["best_value"])
        self.worse_in_a_row = int(state["worse_in_a_row"])
        self.best_weights = dict(weights)
