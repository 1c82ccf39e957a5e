"""Is a training still well? Figures of its embeddings, and when they say that it is not."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch

from tcn_robot.errors import UserError

# Of a larger batch these many embeddings are looked at: the figures need no more.
MOST_EMBEDDINGS = 256
GOLDEN_RATIO = (math.sqrt(5) - 1) / 2


def effective_rank(embeddings: torch.Tensor) -> torch.Tensor:
    """Return how many directions embeddings use: exp of the entropy of their singular values.

    p_k = s_k / sum s, rank = exp(-sum p_k ln p_k) (Roy & Vetterli 2007, def. 1; RankMe, Garrido et
    al. 2023, eq. 1). Not centred: a constant embedding has rank 1.

    Args:
        embeddings: (N, D) float.

    Returns:
        Scalar float64 in [1, min(N, D)]; 1 if all embeddings are 0; NaN if one is not finite.
    """
    values = embeddings.detach().double()
    if not values.isfinite().all():
        return torch.full((), math.nan, dtype=torch.float64, device=values.device)
    singular = torch.linalg.svdvals(values)  # (min(N, D),)
    total = singular.sum()
    if total == 0:
        return torch.ones((), dtype=torch.float64, device=values.device)
    return torch.special.entr(singular / total).sum().exp()


def uniformity(embeddings: torch.Tensor, sharpness: float = 2.0) -> torch.Tensor:
    """Return how evenly directions cover the sphere (Wang & Isola 2020, eq. 2).

    ln of the mean of exp(-t |x_i - x_j|^2) over all pairs i < j of embeddings scaled to length 1.

    Args:
        embeddings: (N, D) float; scaled to length 1 here.
        sharpness: The paper's t.

    Returns:
        Scalar float64 in [-4 t, 0]: 0 if all are the same, about -t * 2 if spread out evenly in
        many dimensions; 0 with fewer than two embeddings.
    """
    if len(embeddings) < 2:
        return torch.zeros((), dtype=torch.float64, device=embeddings.device)
    unit = torch.nn.functional.normalize(embeddings.detach().double(), dim=1)
    return torch.pdist(unit).square().mul(-sharpness).exp().mean().log()


def pair_alignment(anchors: torch.Tensor, positives: torch.Tensor) -> torch.Tensor:
    """Return how near partners are (Wang & Isola 2020, eq. 1 with exponent 2).

    The mean of |a_i - p_i|^2 of embeddings scaled to length 1.

    Args:
        anchors: (P, D) float.
        positives: (P, D) float, row by row the partners.

    Returns:
        Scalar float64 in [0, 4].
    """
    scaled = (
        torch.nn.functional.normalize(x.detach().double(), dim=1) for x in (anchors, positives)
    )
    first, second = scaled
    return (first - second).square().sum(dim=1).mean()


def describe_embeddings(embeddings: torch.Tensor, num_anchors: int = 0) -> dict[str, float]:
    """Return the figures of a batch's embeddings that are logged.

    Args:
        embeddings: (N, D) float.
        num_anchors: If the first that many embeddings are anchors and as many behind them their
            positives, how near those are; 0 where a batch has no pairs.

    Returns:
        embedding/effective_rank, embedding/uniformity, embedding/norm (mean length),
        embedding/spread (root mean square distance from the mean, over that from 0) and, with
        anchors, embedding/pair_alignment.
    """
    values = embeddings.detach().cpu().double()  # a GPU is slow at small singular values
    some = values[_spread_out(len(values), MOST_EMBEDDINGS)]
    centred = values - values.mean(dim=0)
    size = values.square().sum(dim=1).mean()
    figures = {
        "embedding/effective_rank": effective_rank(some),
        "embedding/uniformity": uniformity(some),
        "embedding/norm": values.norm(dim=1).mean(),
        "embedding/spread": (centred.square().sum(dim=1).mean() / size.clamp(min=1e-300)).sqrt(),
    }
    if num_anchors:
        partners = values[num_anchors : 2 * num_anchors]
        figures["embedding/pair_alignment"] = pair_alignment(values[:num_anchors], partners)
    return {name: float(value) for name, value in figures.items()}


def _spread_out(count: int, most: int) -> torch.Tensor:
    """Return at most `most` places below `count`, spread out evenly but in step with no pattern.

    A batch repeats itself: films take turns, and every k-th place could miss half of them.
    """
    if count <= most:
        return torch.arange(count)
    return (torch.arange(most, dtype=torch.float64) * GOLDEN_RATIO % 1 * count).long().unique()


@dataclass(frozen=True)
class HealthOptions:
    """When a training is stopped because it has gone wrong.

    Attributes:
        smallest_rank: An embedding whose effective rank is below this counts as collapsed; 0 for
            never. A constant embedding has rank 1.
        collapsed_looks: Looks in a row, one with each line of the curves, after which a collapsed
            training is stopped. Drawn weights embed alike, and need a while to spread.
    """

    smallest_rank: float = 1.2
    collapsed_looks: int = 20

    def check(self) -> None:
        """Raise UserError for numbers that cannot work."""
        if not 0 <= self.smallest_rank < math.inf:
            raise UserError(f"--smallest-rank must be at least 0, found {self.smallest_rank}")
        if self.collapsed_looks < 1:
            raise UserError(f"--collapsed-looks must be at least 1, found {self.collapsed_looks}")


class Health:
    """Watches a training.

    Attributes:
        collapsed_in_a_row: Looks in a row at which the embedding was collapsed; belongs into a
            checkpoint.
    """

    def __init__(self, options: HealthOptions) -> None:
        """Nothing was seen yet."""
        self._options = options
        self.collapsed_in_a_row = 0

    def look(self, figures: dict[str, float], tolerated: Iterable[str] = ()) -> str | None:
        """Judge the figures of a step.

        Args:
            figures: Everything that is logged, with embedding/effective_rank where it is known.
            tolerated: Names of figures that may be infinite (a float16 gradient that is skipped).

        Returns:
            Why the training must stop and what to do, None while it is well.
        """
        excused = set(tolerated)
        bad = [n for n, value in figures.items() if not math.isfinite(value) and n not in excused]
        if bad:
            return (
                f"{' and '.join(bad)} no longer finite; lower --learning-rate, or train with "
                "--precision fp32"
            )
        rank = figures.get("embedding/effective_rank")
        if rank is None:
            return None
        collapsed = rank < self._options.smallest_rank
        self.collapsed_in_a_row = self.collapsed_in_a_row + 1 if collapsed else 0
        if self.collapsed_in_a_row < self._options.collapsed_looks:
            return None
        return (
            f"the embedding has collapsed: its effective rank was below "
            f"{self._options.smallest_rank:g} {self.collapsed_in_a_row} times in a row, now "
            f"{rank:.3g}; add --variance-weight 1, lower --learning-rate, or look away with "
            "--smallest-rank 0"
        )

    @property
    def is_well(self) -> bool:
        """Whether a checkpoint may take the place of the one before."""
        return self.collapsed_in_a_row == 0
