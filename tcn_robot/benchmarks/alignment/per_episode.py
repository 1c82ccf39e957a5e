"""Figures of single episodes as JSON, so that several seeds can be pooled with one interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tcn_robot.benchmarks.alignment.figures.figure import Measured, averaged_over_seeds
from tcn_robot.errors import UserError

#: What is kept of each episode or pair of episodes; the other figures have their means only.
KEPT = ("error", "accuracy_1", "tau_b")
DECIMALS = 4


def per_episode(figures: Measured) -> dict[str, Any]:
    """Return {figure: list over episodes, or of lists over their pairs} to four decimals."""
    kept = {name: figures[name] for name in KEPT}
    return {
        name: None if values is None else np.round(values, DECIMALS).tolist()
        for name, values in kept.items()
    }


def pooled_over_seeds(kept: Sequence[Mapping[str, Any]]) -> Measured:
    """Return the mean over seeds of each episode's figures.

    An interval over it says how far the figure depends on which episodes were held out, for the
    average seed; how far seeds differ it does not say.

    Args:
        kept: What `per_episode` returned for each seed, on the same episodes.

    Raises:
        UserError: The seeds were measured on different numbers of episodes.
    """
    lengths = {len(one[name]) for one in kept for name in KEPT if one[name] is not None}
    if len(lengths) > 1:
        raise UserError(
            f"expected seeds measured on the same episodes, found {sorted(lengths)} episodes; "
            "measure them again"
        )
    return averaged_over_seeds([_from_lists(one) for one in kept])


def _from_lists(kept: Mapping[str, Any]) -> Measured:
    return {
        name: None if kept[name] is None else np.asarray(kept[name], dtype=np.float64)
        for name in KEPT
    }
