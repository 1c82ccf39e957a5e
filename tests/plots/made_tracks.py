"""Tracks that are made up: smooth ways through a space, another for each film."""

from __future__ import annotations

import numpy as np

from tcn_robot.plots.tracks import Track


def made_track(name="a", view="front", length=12, dimension=6, seed=0, **labels) -> Track:
    """A film of random steps, 10 frames a second."""
    steps = np.random.default_rng(seed).normal(size=(length, dimension))
    times = np.arange(length) / 10
    values = {key: np.asarray(value) for key, value in labels.items()}
    return Track(name, "films", view, times, steps.cumsum(axis=0), values)


def made_frames(length=12, height_px=16, width_px=20) -> list[np.ndarray]:
    """Frames each of one grey, lighter with every one."""
    return [np.full((height_px, width_px, 3), 10 + 15 * i, np.uint8) for i in range(length)]
