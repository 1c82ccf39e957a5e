"""Distance to the goal, as in XIRL (Zakka et al. 2021, section 3.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tcn_robot.errors import UserError, unknown_name
from tcn_robot.rewards.frames import EmbeddedDemo, embed_demos
from tcn_robot.rewards.interface import Embedder
from tcn_robot.rewards.options import checked_options
from tcn_robot.rewards.reading import array_of, files_of, numbers_per_view
from tcn_robot.rewards.single_frames import SingleFrameReward
from tcn_robot.rewards.storage import read_fitted, save_fitted, stored_encoder

UNITS = ("calibrated", "raw")

# Below this share of the goal's norm, start and goal cannot be told apart.
SMALLEST_RELATIVE_DISTANCE = 1e-3


@dataclass(frozen=True)
class GoalOptions:
    """Options of the goal reward.

    Attributes:
        units: What a distance of 1 is. "calibrated": the mean distance of first frames to the goal,
            so that episodes begin at about -1. "raw": of the embeddings.
        scale: Factor of the distance in these units, > 0.
    """

    units: str = "calibrated"
    scale: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what has no meaning."""
        if self.units not in UNITS:
            raise unknown_name("units", self.units, UNITS)
        if not (np.isfinite(self.scale) and self.scale > 0):
            raise UserError(f"expected a scale above 0, found {self.scale}")


class GoalReward(SingleFrameReward):
    """`-scale * |phi(o) - g|`, where g is the mean embedding of the demonstrations' last frames.

    Range (-inf, 0]; with embeddings of unit norm [-2 scale, 0]. Several views: the mean.

    Differs from the paper: the scale, set by hand there for each body, is calibrated from the
    demonstrations, so that their first frames score -1 on average in every view.
    """

    def __init__(
        self, encoder: Embedder, goals: dict[str, NDArray[np.float32]], scales: dict[str, float]
    ) -> None:
        """Use `fit` to make one from demonstrations.

        Args:
            encoder: Maps frames to embeddings.
            goals: {view: float32 (D,)}.
            scales: {view: factor of the distance}.
        """
        super().__init__(encoder, tuple(goals))
        self.goals = goals
        self.scales = scales

    @classmethod
    def fit(
        cls,
        encoder: Embedder,
        demos: Sequence[Mapping[str, Any]],
        *,
        calibration: Sequence[Mapping[str, Any]] | None = None,
        views: Sequence[str] | None = None,
        **options: Any,
    ) -> GoalReward:
        """Find the goal, and the scale at which an episode starts at about -1.

        Args:
            encoder: Maps frames to embeddings.
            demos: {view: uint8 (T, H, W, 3)} per demonstration; their last frames are the goal.
            calibration: Demonstrations whose first frames set the scale; `demos` when None.
            views: The views to use; all those of the first demonstration when None.
            **options: Fields of `GoalOptions`.

        Raises:
            UserError: Demonstrations that lack frames or views, or a bad option.
        """
        checked = checked_options("goal", GoalOptions, options)
        chosen, embedded = embed_demos(encoder, demos, views)
        starts = embedded
        if calibration:
            _, starts = embed_demos(encoder, calibration, chosen, "calibration demonstration")
        goals = {
            view: np.mean([demo[view][-1] for demo in embedded], axis=0).astype(np.float32)
            for view in chosen
        }
        scales = {
            view: checked.scale
            * (1.0 if checked.units == "raw" else _start_scale(goals[view], starts, view))
            for view in chosen
        }
        return cls(encoder, goals, scales)

    def score_embedded(self, view: str, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return minus the scaled distance to the goal, (N, D) -> (N,)."""
        return -self.scales[view] * _distances(self.goals[view], rows)

    def save(self, folder: Path) -> None:
        """Write the fitted reward and its encoder."""
        save_fitted(folder, "goal", self.encoder, {"scales": self.scales}, dict(self.goals))

    @classmethod
    def load(cls, folder: Path, encoder: Embedder | None = None) -> GoalReward:
        """Read what `save` has written; the stored encoder is used when none is given.

        Raises:
            UserError: Nothing usable there, a damaged reward, or another encoder.
        """
        _, options, arrays = read_fitted(folder)
        with files_of(folder):
            scales = numbers_per_view(options["scales"], "scales", above=0.0)
            goals = {view: array_of(arrays, view, (None,)) for view in scales}
        return cls(stored_encoder(folder, encoder, arrays), goals, scales)


def _distances(goal: NDArray[np.float32], embeddings: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the distance to the goal of each row, (N, D) -> (N,)."""
    return np.asarray(np.linalg.norm(embeddings.astype(np.float64) - goal, axis=1))


def _start_scale(goal: NDArray[np.float32], demos: Sequence[EmbeddedDemo], view: str) -> float:
    distance = float(np.mean([_distances(goal, demo[view][:1])[0] for demo in demos]))
    smallest = SMALLEST_RELATIVE_DISTANCE * float(np.linalg.norm(goal.astype(np.float64)))
    # A demonstration that starts at its goal would make the scale infinite.
    return 1.0 / max(distance, smallest, 1e-12)
