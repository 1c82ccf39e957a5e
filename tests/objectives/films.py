"""Moments of batches of films, as the samplers lay them out, without films."""

from __future__ import annotations

import torch

from tcn_robot.objectives import Moments


def moments_of(
    episode: torch.Tensor,
    frame: torch.Tensor,
    film_frames: int,
    view: torch.Tensor | None = None,
    moment: torch.Tensor | None = None,
) -> Moments:
    """Return the moments of frames at 10 fps.

    Args:
        episode: int64, of any shape, which is the batch's.
        frame: int64 of the same shape.
        film_frames: Length of every film.
        view: int64 of the same shape; view 0 if None.
        moment: int64 of the same shape; None if each frame of an episode is one, in every view.
    """
    shape = tuple(frame.shape)
    view = torch.zeros_like(frame) if view is None else view
    moment = episode * film_frames + frame if moment is None else moment
    return Moments(
        episode=episode.reshape(-1),
        view=view.reshape(-1),
        moment=moment.reshape(-1),
        time_seconds=frame.reshape(-1).double() * 0.1,
        frame=frame.reshape(-1),
        film_frames=torch.full((frame.numel(),), film_frames),
        episode_seconds=torch.full((frame.numel(),), (film_frames - 1) * 0.1).double(),
        shape=shape,
    )


def film_moments(
    episodes: list[int], num_frames: int, film_frames: int = 40, views: list[int] | None = None
) -> Moments:
    """Return V films of T ordered frames, as far apart as the film allows: shape (V, T)."""
    frame = torch.linspace(0, film_frames - 1, num_frames).long().expand(len(episodes), -1)
    episode = torch.tensor(episodes)[:, None].expand_as(frame)
    view = None if views is None else torch.tensor(views)[:, None].expand_as(frame)
    return moments_of(episode, frame, film_frames, view)
