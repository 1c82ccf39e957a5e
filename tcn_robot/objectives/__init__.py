"""What an embedding is trained for: pure loss functions, thin shells, and one table.

To add one: write the maths as a function of tensors, a shell that follows `Objective`, and put
it in `OBJECTIVES` (or name it `module:Class` on the command line, or register it under the entry
point `tcn_robot.objectives`).
"""

from __future__ import annotations

from tcn_robot.objectives.info_nce import (
    MultiViewCosineInfoNCE,
    MultiViewInfoNCE,
    SingleViewInfoNCE,
    info_nce,
    negative_squared_distances,
)
from tcn_robot.objectives.moments import Moments
from tcn_robot.objectives.n_pairs import MultiViewNPairs, n_pairs
from tcn_robot.objectives.options import Objective, ObjectiveOptions
from tcn_robot.objectives.triplet import MultiViewTriplet, SingleViewTriplet, semi_hard_triplet
from tcn_robot.plugins import resolve

__all__ = [
    "OBJECTIVES",
    "Moments",
    "Objective",
    "ObjectiveOptions",
    "find_objective",
    "info_nce",
    "n_pairs",
    "negative_squared_distances",
    "semi_hard_triplet",
]

OBJECTIVES: dict[str, type[Objective]] = {
    "tcn": MultiViewInfoNCE,
    "tcn_cosine": MultiViewCosineInfoNCE,
    "tcn_npairs": MultiViewNPairs,
    "tcn_triplet": MultiViewTriplet,
    "svtcn": SingleViewTriplet,
    "svtcn_infonce": SingleViewInfoNCE,
}


def find_objective(name: str) -> type[Objective]:
    """Return the objective of that name: from the table, an entry point, or `module:Class`.

    Raises:
        UserError: If there is none; the message has the nearest name.
    """
    needs = ("pairing", "unit_length")
    return resolve("objective", name, OBJECTIVES, "tcn_robot.objectives", needs)
