"""What the encoder is worth on episodes it is not trained on, while it trains."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from tcn_robot.matching import match_frames
from tcn_robot.training.embedded import EmbeddedEpisode

STRIP_FRAMES = 10


def measure_alignment(episodes: Sequence[EmbeddedEpisode]) -> dict[str, float]:
    """Return cross-view alignment on episodes, averaged over view pairs, then over episodes.

    Args:
        episodes: Those with one view, or without a common moment, have nothing to align.

    Returns:
        "validation/alignment_error" (0 to 1) and "validation/alignment_accuracy_1" (share within
        one frame); empty if no episode can be aligned.
    """
    from tcn_robot.metrics import alignment_accuracy, alignment_error

    errors, accuracies = [], []
    for episode in episodes:
        pairs = [
            (alignment_error(u, v), alignment_accuracy(u, v, tolerance=1))
            for u, v in _aligned_pairs(episode)
        ]
        if pairs:
            error, accuracy = np.mean(pairs, axis=0)
            errors.append(error)
            accuracies.append(accuracy)
    if not errors:
        return {}
    return {
        "validation/alignment_error": float(np.mean(errors)),
        "validation/alignment_accuracy_1": float(np.mean(accuracies)),
    }


def _aligned_pairs(embedded: EmbeddedEpisode) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the embeddings (K, D) of the moments that both views of a pair saw."""
    episode, embeddings = embedded.episode, embedded.embeddings
    pairs = []
    for a, b in combinations(episode.views, 2):
        matched = match_frames(episode.timestamps(a), episode.timestamps(b))  # (K, 2)
        if len(matched) > 1:
            pairs.append((embeddings[a][matched[:, 0]], embeddings[b][matched[:, 1]]))
    return pairs


def neighbour_strip(embedded: EmbeddedEpisode) -> np.ndarray:
    """Return a picture: frames of one view above their nearest neighbours in another.

    Args:
        embedded: Its first and last views are used, which may be the same.

    Returns:
        uint8 (3 * S, n * S, 3): frames of the first view evenly over time; the frames found in
        the last view; the last view's frames of the same moments, what should be found.
    """
    episode = embedded.episode
    first, second = episode.views[0], episode.views[-1]
    shown = np.linspace(0, len(episode.timestamps(first)) - 1, STRIP_FRAMES).round().astype(int)
    queries, targets = episode.frames(first)[shown], episode.frames(second)
    u, v = embedded.embeddings[first][shown], embedded.embeddings[second]
    found = np.square(u[:, None] - v[None]).sum(axis=2).argmin(axis=1)  # (n,)
    gaps = np.abs(episode.timestamps(first)[shown, None] - episode.timestamps(second)[None])
    rows = [queries, targets[found], targets[gaps.argmin(axis=1)]]
    return np.concatenate([np.concatenate(list(row), axis=1) for row in rows], axis=0)
