"""A memory bank: one vector per film that remembers how the film was embedded last."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import nn

# A blend this short has no direction worth keeping.
SHORTEST_BLEND = 1e-6


def random_directions(count: int, dimension: int, generator: torch.Generator) -> torch.Tensor:
    """Return float32 (count, dimension), uniform on the unit sphere.

    Differs from the released codes, which start from a cube's uniform numbers: those are neither
    of length 1 nor evenly spread.
    """
    return F.normalize(torch.randn(count, dimension, generator=generator), dim=1)


def blended_entries(
    entries: torch.Tensor, places: torch.Tensor, vectors: torch.Tensor, momentum: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the entries that change, moved towards the vectors (Wu et al. 2018, section 3.3).

    m <- normalise(momentum * m + (1 - momentum) * v), where v is the mean of the vectors that fall
    to the same entry.

    Differs from TCE's released code, which overwrites and leaves its momentum unused.

    Args:
        entries: (n, D) float, of length 1. Not changed.
        places: (P,) int64, which entry each vector belongs to; may repeat.
        vectors: (P, D) float, of length 1.
        momentum: 0 overwrites, 1 never changes anything.

    Returns:
        The places that change, (U,) int64, ascending, and their new entries, (U, D), of length 1.
        An entry whose blend has no length stays as it was.
    """
    changed, inverse, counts = places.unique(return_inverse=True, return_counts=True)
    before = entries[changed]  # (U, D)
    sums = torch.zeros_like(before).index_add_(0, inverse, vectors.to(before.dtype))
    blend = momentum * before + (1 - momentum) * sums / counts[:, None]
    lengths = blend.norm(dim=1, keepdim=True)
    normalised = blend / lengths.clamp(min=SHORTEST_BLEND)
    return changed, torch.where(lengths > SHORTEST_BLEND, normalised, before)


class MemoryBank(nn.Module):
    """Entries in a buffer, so that a checkpoint has them and a resumed training goes on with them.

    Attributes:
        entries: float32 (n, D), of length 1.
        log_normaliser: float32 scalar, log Z of the noise-contrastive loss.
        is_measured: bool scalar, whether log Z is known; a buffer too, since it must survive.
    """

    entries: torch.Tensor
    log_normaliser: torch.Tensor
    is_measured: torch.Tensor

    def __init__(self, size: int, dimension: int, generator: torch.Generator) -> None:
        """Start with random directions."""
        super().__init__()
        self.register_buffer("entries", random_directions(size, dimension, generator))
        self.register_buffer("log_normaliser", torch.tensor(0.0))
        self.register_buffer("is_measured", torch.tensor(False))

    def __len__(self) -> int:
        """Return the number of entries n."""
        return len(self.entries)

    def cosines(self, vectors: torch.Tensor) -> torch.Tensor:
        """Return (P, n), [i, j] of vector i (length 1) and entry j, with gradient to the vectors.

        A true matrix product: the released code reshapes the entries to (D, n) where it should
        transpose them, which mixes the numbers of different films.
        """
        # A copy, because the entries change before the backward pass comes back to this product.
        return vectors @ self.entries.clone().T

    @torch.no_grad()
    def follow_normaliser(
        self, estimate: torch.Tensor, momentum: float, *, keep: bool
    ) -> torch.Tensor:
        """Return log Z, moved towards a batch's estimate; the first estimate is taken as it is.

        Args:
            estimate: Scalar, log of the batch's Z.
            momentum: Share of the old Z that is kept; 1 holds that of the first batch.
            keep: Whether it is remembered.
        """
        moved = estimate
        if 0 < momentum < 1:
            old, new = self.log_normaliser + math.log(momentum), estimate + math.log1p(-momentum)
            moved = torch.logaddexp(old, new)
        elif momentum == 1:
            moved = self.log_normaliser
        known = torch.where(self.is_measured, moved, estimate)
        if keep:
            self.log_normaliser.copy_(known)
            self.is_measured.fill_(True)
        return known

    @torch.no_grad()
    def update(self, places: torch.Tensor, vectors: torch.Tensor, momentum: float) -> None:
        """Move entries towards vectors; see `blended_entries`."""
        changed, blended = blended_entries(self.entries, places, vectors, momentum)
        self.entries.index_copy_(0, changed, blended)
