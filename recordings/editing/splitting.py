"""Draws which episodes are for training, validation and test."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tcn_robot.errors import UserError


def draw_splits(ids: Sequence[int], valid: float, test: float, seed: int) -> dict[int, str]:
    """Return the split of each episode, drawn without regard to what it shows.

    Args:
        ids: Ids of the episodes.
        valid: Share for validation in [0, 1); at least one episode when it is not 0.
        test: Share for test in [0, 1); at least one episode when it is not 0.
        seed: Of the draw.

    Raises:
        UserError: If a share is none, or no episode is left for training.
    """
    for name, share in (("valid", valid), ("test", test)):
        if not 0 <= share < 1:
            raise UserError(f"--{name} must be a share from 0 to below 1, found {share}")
    num_valid, num_test = (_rounded(share * len(ids), share) for share in (valid, test))
    if num_valid + num_test >= len(ids):
        raise UserError(
            f"{num_valid} episodes for validation and {num_test} for test leave none of {len(ids)} "
            "for training; give smaller shares or record more"
        )
    names = ["test"] * num_test + ["valid"] * num_valid
    names += ["train"] * (len(ids) - len(names))
    order = np.random.default_rng(seed).permutation(sorted(ids))
    drawn = {int(id): name for id, name in zip(order, names, strict=True)}
    return dict(sorted(drawn.items()))


def _rounded(count: float, share: float) -> int:
    return max(1, math.floor(count + 0.5)) if share > 0 else 0
