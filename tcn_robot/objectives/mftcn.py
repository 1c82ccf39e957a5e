"""Multi-frame TCN: `tcn` on short clips, so that an embedding knows how fast things move."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from tcn_robot.objectives.tcn import LossName, Tcn, TcnOptions


@dataclass(frozen=True)
class MftcnOptions(TcnOptions):
    """What `mftcn` can be told: all that `tcn` can, with another default.

    Attributes:
        loss: What compares partners with negatives; n-pairs in the paper.
    """

    loss: LossName = "npairs"


class Mftcn(Tcn):
    """Multi-frame TCN (Dwibedi et al. 2018, "Learning Actionable Representations").

    An anchor is a clip of n frames, s frames apart, of one view; it looks back over (n - 1) s + 1
    frames and never ahead. Its positive is the clip of another view that ends at the same moment.
    What makes it multi-frame is the encoder's input, `num_frames` and `stride_frames`: the frames
    before a film's first are that frame again.

    Differs from the paper: clips of one film are negatives whenever they end at different moments
    (`exclusion_frames` keeps those apart that end close to each other, as the paper does), and the
    default encoder is the small one.
    """

    Options: ClassVar[type] = MftcnOptions
    defaults: ClassVar[Mapping[str, Any]] = {"num_frames": 3, "stride_frames": 1}
