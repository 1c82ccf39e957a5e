"""Which frame of a batch is which: what an objective may know besides the embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch

NegativeScope = Literal["episode", "all"]

# Times come from clocks and from k / rate: 0.8 - 0.6 must count as 0.2.
TIME_TOLERANCE_SECONDS = 1e-6


@dataclass(frozen=True)
class Moments:
    """Where the N frames of a batch come from, which is all that an objective may know of them.

    Attributes:
        episode: (N,) int64, number of the film among the training films.
        view: (N,) int64, number of the camera within the film.
        moment: (N,) int64, shared by the frames that show one moment and by nobody else, so a
            number is never repeated in another episode.
        time_seconds: (N,) float64, measured capture time on the episode's clock.
        frame: (N,) int64, index into the view's frames.
        film_frames: (N,) int64, how many frames that view has.
        shape: How N is laid out: (2, P) is P anchors, then their positives in the same order;
            (V, T) is V films of T frames each.
    """

    episode: torch.Tensor
    view: torch.Tensor
    moment: torch.Tensor
    time_seconds: torch.Tensor
    frame: torch.Tensor
    film_frames: torch.Tensor
    shape: tuple[int, ...]

    def __len__(self) -> int:
        """Return the number of frames, all parts together."""
        return len(self.episode)


def _grid(values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return values[:, None], values[None, :]  # (N, 1), (1, N)


def time_distance_seconds(moments: Moments) -> torch.Tensor:
    """Return |t_i - t_j| as (N, N) float64; meaningless across episodes."""
    rows, columns = _grid(moments.time_seconds)
    return (rows - columns).abs()


def positive_mask(moments: Moments, radius_seconds: float) -> torch.Tensor:
    """Mark the pairs of one film and view that are close in time but not the same frame.

    Args:
        moments: The batch.
        radius_seconds: Largest |t_i - t_j| of a positive pair (paper: 0.2 s).

    Returns:
        (N, N) bool: same episode, same view, 0 < |t_i - t_j| <= radius.
    """
    same = torch.eq(*_grid(moments.episode)) & torch.eq(*_grid(moments.view))
    distance = time_distance_seconds(moments)
    near = distance <= radius_seconds + TIME_TOLERANCE_SECONDS
    return same & near & (distance > TIME_TOLERANCE_SECONDS)


def simultaneous_mask(moments: Moments) -> torch.Tensor:
    """Mark the pairs that show one moment from two views, (N, N) bool, diagonal excluded."""
    same = torch.eq(*_grid(moments.moment))
    return same & ~torch.eye(len(moments), dtype=torch.bool, device=same.device)


def negative_mask(
    moments: Moments, scope: NegativeScope, exclusion_seconds: float = 0.0
) -> torch.Tensor:
    """Mark the pairs that may be pushed apart.

    Negatives from other episodes pay the encoder to tell episodes, rooms and bodies apart; the
    paper takes them from the same film only, and that is the default everywhere here.

    Args:
        moments: The batch.
        scope: "episode" allows negatives of the same film only, "all" of other films too.
        exclusion_seconds: Frames of one film this close in time are never negatives.

    Returns:
        (N, N) bool, symmetric, False on the diagonal.
    """
    same_episode = torch.eq(*_grid(moments.episode))
    other_moment = torch.ne(*_grid(moments.moment))
    far = time_distance_seconds(moments) > exclusion_seconds + TIME_TOLERANCE_SECONDS
    within = same_episode & other_moment & far
    return within if scope == "episode" else within | ~same_episode
