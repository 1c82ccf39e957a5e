"""Validation episodes as an encoder embeds them: once, for figures, pictures and points alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tcn_robot.data.frame_store import StoredEpisode
from tcn_robot.models import Encoder
from tcn_robot.models.bodies import embed_film


@dataclass(frozen=True)
class EmbeddedEpisode:
    """An episode and its embeddings.

    Attributes:
        episode: Its frames and times.
        embeddings: float32 (T, D) of each view.
    """

    episode: StoredEpisode
    embeddings: Mapping[str, np.ndarray]


def embed_episodes(encoder: Encoder, episodes: Sequence[StoredEpisode]) -> list[EmbeddedEpisode]:
    """Embed every frame of every view of episodes.

    Args:
        encoder: Left in the mode it was in.
        episodes: What to embed.
    """
    return [
        EmbeddedEpisode(
            episode,
            {
                view: embed_film(encoder, episode.frames(view), episode.embodiment)
                for view in episode.views
            },
        )
        for episode in episodes
    ]
