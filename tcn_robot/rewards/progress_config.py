"""Options of the progress reward, and what a scored film is explained by."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tcn_robot.errors import UserError, unknown_name
from tcn_robot.rewards.bodies import BODY_MAPS
from tcn_robot.rewards.fusion import FUSIONS
from tcn_robot.rewards.gates import GATES
from tcn_robot.rewards.nearest import CLOCKS

BODY_CALIBRATIONS = ("auto", "none", "quantile", *BODY_MAPS)
#: What "auto" is where play of both bodies is given: the acting body lies off the demonstrations by
#: an amount that differs from pose to pose, which a gate that is flat up to s does not pay for.
WITH_PLAY, GATE_WITH_PLAY = "quantile", "heavy"
#: In painted frames bodies lie apart by much the same amount everywhere, which can be taken out.
WITH_PLAY_PAINTED = "standardise"
GATE_WITHOUT_PLAY = "smooth"


@dataclass(frozen=True)
class ProgressConfig:
    """Options of the progress reward; the defaults are for every task.

    Attributes:
        neighbours: How many of the nearest demonstration frames are asked, >= 1.
        gate: What is left of the reward at x = d / s, a name of `tcn_robot.rewards.gates.GATES`.
            "smooth" pays most in the middle of the demonstrations; "heavy" and "exponential" pay
            in full up to s, so that beside the goal nothing calls the policy nearer. "auto":
            "heavy" where play of two bodies is given, else "smooth".
        percentile: Of the calibration distances, that becomes the scale s, in (0, 100].
        clock: How far a demonstration has come at a frame: "path", the share of its way through
            the embedding, or "time", the share of its frames. Only by the path do a pause count
            for nothing and all frames in which the task lies done for 1.
        scale_floor: Smallest distance that is told from none, as a share of the embeddings' root
            mean square norm, > 0.
        fusion: How views become one. "mean": all count the same. "confidence": by their gates, so
            that a covered view hardly counts, and one that is fooled counts all the more.
            "minimum": the lowest score, which a cheat has to raise in every view.
        monotone: Whether an episode's score never falls: the highest so far. It forgives a covered
            camera and retreats, and it does not see what is undone; the task must end done
            by other means. The state is one number, `memory`.
        body_calibration: How play of both bodies is used: "none", "quantile" (the scale s is
            raised), "standardise" or "whiten" (each body's embeddings by its own play's mean and
            deviations, or covariance). "auto": "none" without play; with play "standardise" where
            the encoder sees painted frames, else "quantile".
        drop_outliers: Whether demonstrations that disagree with the others are left out instead
            of only named.
    """

    neighbours: int = 5
    gate: str = "auto"
    percentile: float = 95.0
    clock: str = "path"
    scale_floor: float = 1e-3
    fusion: str = "mean"
    monotone: bool = False
    body_calibration: str = "auto"
    drop_outliers: bool = False

    def __post_init__(self) -> None:
        """Refuse what has no meaning."""
        for kind, name, known in (
            ("gate", self.gate, ("auto", *GATES)),
            ("clock", self.clock, CLOCKS),
            ("fusion", self.fusion, FUSIONS),
            ("body_calibration", self.body_calibration, BODY_CALIBRATIONS),
        ):
            if name not in known:
                raise unknown_name(kind, name, known)
        if self.neighbours < 1:
            raise UserError(f"expected 1 neighbour or more, found {self.neighbours}")
        if not 0.0 < self.percentile <= 100.0:
            raise UserError(f"expected a percentile in (0, 100], found {self.percentile}")
        if not (np.isfinite(self.scale_floor) and self.scale_floor > 0.0):
            raise UserError(f"expected a scale_floor above 0, found {self.scale_floor}")

    def with_gate(self, play_given: bool) -> ProgressConfig:
        """Return the options with the gate that "auto" stands for."""
        if self.gate != "auto":
            return self
        return replace(self, gate=GATE_WITH_PLAY if play_given else GATE_WITHOUT_PLAY)

    def settled(self, play_given: bool, painted: bool) -> ProgressConfig:
        """Return the options with what "auto" stands for.

        Args:
            play_given: Whether there is play of both bodies.
            painted: Whether the encoder sees painted frames, `tcn_robot.models.Foreground`.

        Raises:
            UserError: Play that would not be used, or a calibration that lacks it.
        """
        config = self.with_gate(play_given)
        if self.body_calibration == "auto":
            with_play = WITH_PLAY_PAINTED if painted else WITH_PLAY
            return replace(config, body_calibration=with_play if play_given else "none")
        if play_given and self.body_calibration == "none":
            raise UserError(
                "body_calibration 'none' does not use play, yet play is given; leave out one of "
                "the two"
            )
        if not play_given and self.body_calibration != "none":
            raise UserError(
                f"body_calibration {self.body_calibration!r} needs unlabelled play of both bodies, "
                "found none; pass play= (--play DIR ...)"
            )
        return config


@dataclass(frozen=True)
class ProgressExplanation:
    """What a progress reward is made of; every array float32 (T,), fused over the views.

    All four are averaged over the views with the weights of the chosen fusion.

    Attributes:
        reward: In [0, 1], the views' progress times gate; the highest so far if monotone.
        progress: In [0, 1], how far the demonstrations have come at the nearest frames.
        gate: In [0, 1], 1 where the frame looks like a demonstration.
        distance: Mean distance to those frames in units of the scale s; the gate closes above 1.
    """

    reward: NDArray[np.float32]
    progress: NDArray[np.float32]
    gate: NDArray[np.float32]
    distance: NDArray[np.float32]
