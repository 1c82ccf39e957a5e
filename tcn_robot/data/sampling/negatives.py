"""Whether a batch has anything to push apart: without, a contrastive loss trains on nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tcn_robot.data.sampling.batch import Batch, NegativeScope
from tcn_robot.data.sampling.reach import Reach
from tcn_robot.errors import UserError

# Short films with wide radii have many batches without a negative; as many in a row are no chance.
MOST_DRAWS = 100


@dataclass(frozen=True)
class NegativesWanted:
    """What a pair of frames must be, so that it may be pushed apart.

    Attributes:
        scope: Of the same episode, of other episodes, or all.
        excluded: Frames of one episode this close in time are no negatives.
        partners_only: Whether a loss compares anchors with the partners of other anchors only
            (InfoNCE, n-pairs), or all frames of a batch with each other.
    """

    scope: NegativeScope
    excluded: Reach
    partners_only: bool = True

    def found_in(self, batch: Batch) -> bool:
        """Return whether an anchor of a batch of pairs (2, P) has a negative at all."""
        half = len(batch) // 2
        anchors = slice(half) if self.partners_only else slice(None)
        others = slice(half, None) if self.partners_only else slice(None)

        def grid(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            return values[anchors, None], values[None, others]

        same_episode = np.equal(*grid(batch.episode))
        if self.scope != "episode" and not same_episode.all():
            return True
        if self.scope == "others":
            return False
        clock = self.excluded.clock(batch.time_seconds, batch.frame)
        far = np.abs(np.subtract(*grid(clock))) > self.excluded.limit
        return bool((same_episode & far & np.not_equal(*grid(batch.moment))).any())

    def draw(self, draw: Callable[[np.random.Generator], Batch], rng: np.random.Generator) -> Batch:
        """Return the first batch that has a negative.

        Args:
            draw: Draws a batch of pairs.
            rng: What it draws from.

        Raises:
            UserError: If none of many has.
        """
        for _ in range(MOST_DRAWS):
            batch = draw(rng)
            if self.found_in(batch):
                return batch
        what = "other anchors' partners" if self.partners_only else "frames"
        raise UserError(
            f"training expects {what} further away than --exclusion-{self.excluded.unit} "
            f"{self.excluded.span:g} in a batch, found none in {MOST_DRAWS} batches; take longer "
            "films, more --batch-frames, smaller radii, or --negatives all"
        )
