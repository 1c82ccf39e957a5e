"""Episodes without pixels whose embeddings and answers are known."""

import numpy as np

from tcn_robot.benchmarks.alignment.held_out import HeldOutEpisode, Origin

VIEWS = ("front", "left")


def made(length=30, views=VIEWS, body="robot", labels=None, progress=None, **origin):
    """Return an episode whose frames hold no pixels; keywords are those of its origin."""
    return HeldOutEpisode(
        name=origin.pop("name", "made"),
        frames={view: np.zeros((length, 8, 8, 3), np.uint8) for view in views},
        times_seconds={view: np.arange(length) / 10 for view in views},
        progress=progress,
        embodiment=body,
        labels=labels or {},
        origin=Origin(**origin),
    )


def line(length, dimension=3, noise=0.0, seed=0):
    """Return a straight way through the embedding, (length, dimension)."""
    draw = np.random.default_rng(seed)
    way = np.linspace(0, 1, length)[:, None] * np.arange(1, dimension + 1)
    return way + noise * draw.normal(size=way.shape)
