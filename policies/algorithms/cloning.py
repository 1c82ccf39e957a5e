"""Behaviour cloning: regression on the actions of demonstrations (Pomerleau 1988, ALVINN)."""

from __future__ import annotations

from dataclasses import dataclass

from tcn_robot.policies.algorithms.ranges import above_zero, widths


@dataclass(frozen=True)
class Cloning:
    """Options of the regression; it takes no step in an env, so it is no `Algorithm`.

    Attributes:
        learning_rate: Adam's rate.
        batch_size: Pairs of observation and action per update.
        hidden_units: Width of each hidden layer.
    """

    learning_rate: float = 1e-3
    batch_size: int = 256
    hidden_units: tuple[int, ...] = (128, 128)

    def __post_init__(self) -> None:
        """Refuse options that cannot work.

        Raises:
            UserError: With the option, what was found and what is expected.
        """
        above_zero(self, "learning_rate", "batch_size")
        widths(self, "hidden_units")
