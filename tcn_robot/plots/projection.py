"""Embeddings in a plane: principal components, and t-SNE as TCE draws it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tcn_robot.errors import UserError
from tcn_robot.metrics.checks import checked_embedding

FEWEST_POINTS = 3
VARIANCE_KEPT = 0.85
PERPLEXITY = 30.0
# Spread, as a share of the embeddings' size, that rounding explains.
_COLLAPSED = 1e-6


@dataclass(frozen=True)
class Projection:
    """Points in a plane and how they came there.

    Attributes:
        points: float64 (N, 2).
        axis_labels: What the two axes are; empty where they mean nothing.
        caption: What was done, in words.
        collapsed: Whether all embeddings were the same: the points are then all at (0, 0).
    """

    points: NDArray[np.float64]
    axis_labels: tuple[str, str]
    caption: str
    collapsed: bool = False


def project_pca(embeddings: ArrayLike) -> Projection:
    """Project on the two directions of largest variance.

    The sign of a component is not determined; here its largest entry is positive.

    Args:
        embeddings: (N, D), N >= 3; D of 1 gives a line.

    Raises:
        UserError: Too few points, or numbers that are not finite.
    """
    array = _checked(embeddings, "PCA")
    if _is_collapsed(array):
        return _collapsed(len(array))
    scores, shares = principal_components(array)
    labels = [
        f"component {i + 1} ({100 * share:.0f} % of the variance)"
        for i, share in enumerate(shares[:2])
    ]
    points = np.zeros((len(array), 2))
    points[:, : min(2, scores.shape[1])] = scores[:, :2]
    pair = (labels[0], labels[1] if len(labels) > 1 else "")
    kept = 100 * float(shares[:2].sum())
    return Projection(points, pair, f"PCA, {kept:.0f} % of the variance")


def project_tsne(
    embeddings: ArrayLike, seed: int = 0, perplexity: float = PERPLEXITY
) -> Projection:
    """Project by t-SNE on the principal components that hold 85 % of the variance.

    Van der Maaten and Hinton 2008, by scikit-learn; components first, as TCE's
    `visualise_tsne.py` has it (which searches their number within .05, here it is exact). One
    thread, so that the same seed gives the same points.

    Args:
        embeddings: (N, D), N >= 3.
        seed: Of the optimisation.
        perplexity: Number of neighbours that a point is compared with, > 0; at most (N - 1) / 3.

    Raises:
        UserError: Too few points, numbers that are not finite, or no perplexity.
    """
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    array = _checked(embeddings, "t-SNE")
    if not perplexity > 0:
        raise UserError(f"expected a perplexity above 0, found {perplexity}; 30 is usual")
    if _is_collapsed(array):
        return _collapsed(len(array))
    reduced = reduced_by_pca(array)
    capped = min(perplexity, (len(array) - 1) / 3)
    with threadpool_limits(limits=1):
        fit = TSNE(n_components=2, perplexity=capped, init="pca", random_state=seed)
        points = fit.fit_transform(reduced)
    caption = (
        f"t-SNE, perplexity {capped:.3g}, seed {seed}, of {reduced.shape[1]} principal "
        f"component{'s' if reduced.shape[1] > 1 else ''} ({100 * VARIANCE_KEPT:.0f} % of the "
        "variance)"
    )
    return Projection(points.astype(np.float64), ("", ""), caption)


def principal_components(
    array: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return scores (N, K) and shares of the variance (K,), K = min(N, D), the largest first."""
    centred = array - array.mean(axis=0)
    left, singular, axes = np.linalg.svd(centred, full_matrices=False)
    signs = np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])  # (K,)
    variance = singular**2
    return left * singular * signs, variance / variance.sum()


def reduced_by_pca(
    array: NDArray[np.float64], variance: float = VARIANCE_KEPT
) -> NDArray[np.float64]:
    """Return the fewest principal components that hold a share of the variance, (N, K).

    At least two, where there are two: a plane is to be drawn.
    """
    scores, shares = principal_components(array)
    count = int(np.searchsorted(np.cumsum(shares), variance, side="left")) + 1
    return scores[:, : max(count, 2)]


def _checked(embeddings: ArrayLike, method: str) -> NDArray[np.float64]:
    array = checked_embedding(embeddings, "embeddings").astype(np.float64)
    if len(array) < FEWEST_POINTS:
        raise UserError(
            f"{method} needs {FEWEST_POINTS} points or more, found {len(array)}; give longer films "
            "or more of them"
        )
    return array


def _is_collapsed(array: NDArray[np.float64]) -> bool:
    spread = float(np.abs(array - array.mean(axis=0)).max())
    return spread <= _COLLAPSED * max(float(np.abs(array).max()), 1e-12)


def _collapsed(count: int) -> Projection:
    caption = "collapsed: every frame has the same embedding"
    return Projection(np.zeros((count, 2)), ("", ""), caption, collapsed=True)
