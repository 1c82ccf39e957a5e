"""Where the stretches of films lie in a memory bank: an entry for each, and none for no film."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from tcn_robot.objectives.moments import Moments


def entries_per_film(film_frames: np.ndarray, padding: int, slots: int) -> np.ndarray:
    """Return how many entries each film has, int64 (E, V).

    A film is a view of an episode. One that is too short for a pair has none, as has a view that
    is not there; one with fewer frames than slots has an entry for each frame.

    Args:
        film_frames: int64 (E, V), frames of each film, 0 where there is none.
        padding: Distance of the frames of a pair.
        slots: Entries of a film that is long enough.
    """
    return np.where(film_frames > padding, np.minimum(slots, film_frames), 0).astype(np.int64)


def most_own_entries(counts: np.ndarray) -> int:
    """Return how many entries can be no negatives of one anchor.

    They show what the anchor shows or its positive, in whatever view of the episode: two in each
    view, or all where a view has fewer.

    Args:
        counts: int64 (E, V), entries of each film.
    """
    return int(np.minimum(counts, 2).sum(axis=1).max(initial=0))


def slots_of(moments: Moments, slots: int | torch.Tensor) -> torch.Tensor:
    """Return which of `slots` equal stretches of its film each frame lies in, (N,) int64."""
    return moments.frame * slots // moments.film_frames.clamp(min=1)


class FilmEntries(nn.Module):
    """Which entries belong to which film; episodes in a row, then views, then stretches.

    Its buffers follow from the films and so are no part of a checkpoint.
    """

    counts: torch.Tensor
    first: torch.Tensor

    def __init__(self, counts: np.ndarray) -> None:
        """Number the entries.

        Args:
            counts: int64 (E, V), entries of each film.
        """
        super().__init__()
        flat = counts.ravel()
        first = (flat.cumsum() - flat).reshape(counts.shape)
        self._size = int(flat.sum())
        self.register_buffer("counts", torch.from_numpy(counts), persistent=False)
        self.register_buffer("first", torch.from_numpy(first), persistent=False)

    def __len__(self) -> int:
        """Return the number of entries n."""
        return self._size

    def places(self, moments: Moments) -> torch.Tensor:
        """Return the entry of each frame, (N,) int64."""
        counts = self.counts[moments.episode, moments.view]
        return self.first[moments.episode, moments.view] + slots_of(moments, counts)

    def own(self, moments: Moments) -> torch.Tensor:
        """Mark the entries (P, n) that show what a pair's frames show, in whatever view.

        Args:
            moments: A batch (2, P).
        """
        counts = self.counts[moments.episode]  # (2 P, V)
        length = moments.film_frames.clamp(min=1)[:, None]
        places = self.first[moments.episode] + moments.frame[:, None] * counts // length
        pairs = torch.arange(moments.shape[1], device=places.device).repeat(2)
        pairs = pairs[:, None].expand_as(places)
        is_film = counts > 0
        own = torch.zeros((moments.shape[1], self._size), dtype=torch.bool, device=places.device)
        own[pairs[is_film], places[is_film]] = True
        return own
