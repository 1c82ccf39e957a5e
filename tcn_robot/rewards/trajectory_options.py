"""Options of the trajectory reward."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tcn_robot.errors import UserError, unknown_name

ALIGNMENTS = ("coverage", "frame", "monotone", "transport")
CHOICES = ("pooled", "best", "nearest", "median")
UNITS = ("calibrated", "raw")
SIMILARITIES = ("smooth", "exponential")
CREDITS = ("graded", "last")
POOLINGS = ("mean", "product")
SCORED = ("online", "end")


@dataclass(frozen=True)
class TrajectoryConfig:
    """Options of the trajectory reward.

    Attributes:
        alpha: Weight of the squared distance, which pulls from far away, >= 0.
        beta: Weight of the rounded distance, which is precise near zero, >= 0.
        gamma: Rounding of the distance near zero, >= 0.
        units: What a distance of 1 is. "calibrated": what lies between a success that was withheld
            and the demonstration that it is compared with. "raw": of the embeddings, for which the
            paper's weights are meant where these have length 1.
        percentile: Of the calibration distances, that becomes the unit, in (0, 100].
        choice: Which demonstration is followed. "pooled": all as one, at each place along the way
            the nearest frame of any; for "coverage". "best": at each frame that which scores best.
            "nearest": for each episode that whose first frame lies nearest to its own. "median":
            the one of median length. The default "" is "pooled" for "coverage", else "nearest".
        pooled_places: Parts into which the way is cut for "pooled", >= 1.
        alignment: Which frame of the demonstration is asked for. "coverage": those before it have
            been covered in order. "frame": at a fixed rate. "monotone": the nearest from the last
            one found to `window` frames ahead. "transport": matching by optimal transport.
        window: Frames to look ahead, >= 1; for "monotone".
        hold_steps: Steps that each frame is kept for, >= 1; for "frame" and "transport".
        rate: Frames of the demonstration per step before holding, > 0; for the same.
        similarity: What is left at the TCN penalty c; for "coverage". "smooth": `1 / (1 + c)`.
            "exponential": `exp(-c)`, which is flat far away.
        credit: For "coverage". "graded": each frame counts by how far the demonstration has come
            there. "last": only the last one, as in ORCA.
        pooling: How the frames covered before count, for "coverage". "mean": by their geometric
            mean. "product": as in ORCA, which longer films make small.
        tolerance: Distance, in units, up to which a frame counts as covered in full, >= 0; for
            "coverage". What is shown now is not tolerated anything.
        band: Frames on each side of the diagonal that may be matched, >= 0; for "transport".
        context: Frames, up to now, over which costs are averaged, >= 1; for "transport".
        epsilon: Entropic regularisation in the unit of the cost, > 0; for "transport".
        iterations: Of Sinkhorn's algorithm at most, >= 1; for "transport".
        scored: For "transport". "online": each frame at once, from what has been seen. "end": whole
            episodes when they are over; until then the score is 0.
    """

    alpha: float = 0.5
    beta: float = 0.5
    gamma: float = 1e-3
    units: str = "calibrated"
    percentile: float = 95.0
    choice: str = ""
    pooled_places: int = 20
    alignment: str = "coverage"
    window: int = 5
    hold_steps: int = 1
    rate: float = 1.0
    similarity: str = "smooth"
    credit: str = "graded"
    pooling: str = "mean"
    tolerance: float = 1.0
    band: int = 10
    context: int = 3
    epsilon: float = 0.01
    iterations: int = 100
    scored: str = "online"

    def __post_init__(self) -> None:
        """Fill in the choice that suits the alignment, and refuse what has no meaning."""
        if not self.choice:
            pooled = self.alignment == "coverage"
            object.__setattr__(self, "choice", "pooled" if pooled else "nearest")
        self._check_words()
        self._check_numbers()
        if self.choice == "pooled" and self.alignment != "coverage":
            raise UserError(
                f"alignment {self.alignment!r} follows one demonstration; choice=pooled is for "
                "coverage, take nearest, best or median"
            )
        if self.scored == "end" and self.alignment != "transport":
            raise UserError(
                f"alignment {self.alignment!r} knows each score at once; leave scored=end out, or "
                "use it with alignment=transport"
            )

    def _check_words(self) -> None:
        for field, name, known in (
            ("alignment", self.alignment, ALIGNMENTS),
            ("choice of the demonstration", self.choice, CHOICES),
            ("units", self.units, UNITS),
            ("similarity", self.similarity, SIMILARITIES),
            ("credit", self.credit, CREDITS),
            ("pooling", self.pooling, POOLINGS),
            ("scored", self.scored, SCORED),
        ):
            if name not in known:
                raise unknown_name(field, name, known)

    def _check_numbers(self) -> None:
        for field in ("alpha", "beta", "gamma", "tolerance"):
            value = getattr(self, field)
            if not (np.isfinite(value) and value >= 0.0):
                raise UserError(f"expected {field} of 0 or more, found {value}")
        for field in ("rate", "epsilon"):
            value = getattr(self, field)
            if not (np.isfinite(value) and value > 0.0):
                raise UserError(f"expected {field} above 0, found {value}")
        for field in ("window", "hold_steps", "pooled_places", "context", "iterations"):
            if getattr(self, field) < 1:
                raise UserError(f"expected {field} of 1 or more, found {getattr(self, field)}")
        if self.band < 0:
            raise UserError(f"expected band of 0 or more, found {self.band}")
        if not 0.0 < self.percentile <= 100.0:
            raise UserError(f"expected a percentile in (0, 100], found {self.percentile}")

    @property
    def frames_per_step(self) -> float:
        """Frames of the demonstration that pass in a step."""
        return self.rate / self.hold_steps
