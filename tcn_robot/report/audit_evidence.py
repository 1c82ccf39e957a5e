"""What the page of an audit shows, ready to be drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class AuditedFilm:
    """A rollout to look at, beside the success that it is compared with.

    Attributes:
        probe: The probe that it belongs to.
        title: What happens in it.
        frames: uint8 (T, H, W, 3) of one view.
        rewards: float64 (T,).
        success: float64 (S,), the reward along a success of the same start or another one.
    """

    probe: str
    title: str
    frames: NDArray[np.uint8]
    rewards: NDArray[np.float64]
    success: NDArray[np.float64]


@dataclass(frozen=True)
class AuditEvidence:
    """What the page shows.

    Attributes:
        record: The audit as it stands in its JSON.
        asks: {probe: what it asks}.
        films: Worst rollouts, in the order of the probes.
        steps_per_second: How fast control steps pass.
        success: A success, to know what is right; None where there is none.
    """

    record: Mapping[str, Any]
    asks: Mapping[str, str]
    films: Sequence[AuditedFilm] = field(default_factory=list)
    steps_per_second: float = 10.0
    success: AuditedFilm | None = None
