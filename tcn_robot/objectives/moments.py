"""Which frame of a batch is which: what an objective may know besides the embeddings."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from tcn_robot.data.sampling.batch import NegativeScope
from tcn_robot.data.sampling.reach import Reach

NO_REACH = Reach(0.0)


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
        episode_seconds: (N,) float64, from the first frame of any view of the film to the last.
        shape: How N is laid out: (2, P) is P anchors, then their positives in the same order;
            (V, T) is V films of T frames each.
    """

    episode: torch.Tensor
    view: torch.Tensor
    moment: torch.Tensor
    time_seconds: torch.Tensor
    frame: torch.Tensor
    film_frames: torch.Tensor
    episode_seconds: torch.Tensor
    shape: tuple[int, ...]

    def __len__(self) -> int:
        """Return the number of frames, all parts together."""
        return len(self.episode)


def _grid(values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return values[:, None], values[None, :]  # (N, 1), (1, N)


def _distance(moments: Moments, reach: Reach) -> torch.Tensor:
    """Return how far frames lie apart on the reach's clock, (N, N); meaningless across episodes."""
    rows, columns = _grid(reach.clock(moments.time_seconds, moments.frame))
    return (rows - columns).abs()


def positive_mask(moments: Moments, reach: Reach) -> torch.Tensor:
    """Mark the pairs of one film that are close in time but not the same frame.

    Args:
        moments: The batch.
        reach: How far apart a positive pair may be (paper: 0.2 s; its code: 6 frames).

    Returns:
        (N, N) bool, symmetric: same episode, same view, another frame, within reach.
    """
    same_film = torch.eq(*_grid(moments.episode)) & torch.eq(*_grid(moments.view))
    other_frame = torch.ne(*_grid(moments.frame))
    return same_film & other_frame & (_distance(moments, reach) <= reach.limit)


def simultaneous_mask(moments: Moments) -> torch.Tensor:
    """Mark the pairs that show one moment from two views, (N, N) bool, diagonal excluded."""
    same = torch.eq(*_grid(moments.moment))
    return same & ~torch.eye(len(moments), dtype=torch.bool, device=same.device)


def negative_mask(
    moments: Moments, scope: NegativeScope, excluded: Reach = NO_REACH
) -> torch.Tensor:
    """Mark the pairs that may be pushed apart.

    Negatives from other episodes pay the encoder to tell episodes, rooms and bodies apart; the
    paper takes them from the same film only, and that is the default everywhere here.

    Args:
        moments: The batch.
        scope: "episode" allows negatives of the same episode only, "others" of other episodes
            only, "all" both.
        excluded: Frames of one episode this close in time are never negatives.

    Returns:
        (N, N) bool, symmetric, False on the diagonal and for frames of one moment.
    """
    same_episode = torch.eq(*_grid(moments.episode))
    if scope == "others":
        return ~same_episode
    other_moment = torch.ne(*_grid(moments.moment))
    within = same_episode & other_moment & (_distance(moments, excluded) > excluded.limit)
    return within if scope == "episode" else within | ~same_episode


def nearness_in_time(moments: Moments, width_seconds: float) -> torch.Tensor:
    """Return exp(-(t_i - t_j)^2 / (2 width^2)) of frames of one episode, 0 across episodes.

    Args:
        moments: The batch.
        width_seconds: Standard deviation, above 0.

    Returns:
        (N, N) float32 in [0, 1], symmetric, 1 for frames of one moment.
    """
    rows, columns = _grid(moments.time_seconds)
    nearness = torch.exp(-((rows - columns) / width_seconds).square() / 2)
    return nearness.float() * torch.eq(*_grid(moments.episode))
