"""What a trained encoder has to beat without having learnt anything of time or of actions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tcn_robot.benchmarks.recognition.clips import Split


def principal_components(
    frames: NDArray[np.floating], train: NDArray[np.int64], dimension: int
) -> NDArray[np.float32]:
    """Return the principal components of frames; the directions come from training clips alone.

    Args:
        frames: (N, S, P), features of S frames of N clips, such as pixels.
        train: int (M,), positions of the training clips.
        dimension: Components wanted; fewer where pixels or frames are fewer.

    Returns:
        float32 (N, S, min(dimension, P, M S)).
    """
    known = np.asarray(frames[train], np.float64).reshape(-1, frames.shape[-1])  # (M S, P)
    mean = known.mean(axis=0)
    scatter = (known - mean).T @ (known - mean)  # (P, P)
    _, directions = np.linalg.eigh(scatter)  # ascending
    kept = directions[:, ::-1][:, : min(dimension, len(known))]
    return ((frames - mean) @ kept).astype(np.float32)


def chance_levels(splits: Sequence[Split]) -> dict[str, float]:
    """Return what guessing reaches, as means over splits.

    Args:
        splits: One or more.

    Returns:
        "top1" and "top5" of guessing evenly among the classes, and "majority": top 1 of always
        naming the class with most training clips (among equals, the mean of them).
    """
    num_classes = len(splits[0].classes)
    majorities = []
    for split in splits:
        trained = Counter(clip.label for clip in split.train)
        tested = Counter(clip.label for clip in split.test)
        largest = [name for name in trained if trained[name] == max(trained.values())]
        share = [tested[name] / len(split.test) for name in largest]
        majorities.append(float(np.mean(share)))
    return {
        "top1": 1.0 / num_classes,
        "top5": min(1.0, 5.0 / num_classes),
        "majority": float(np.mean(majorities)),
    }
