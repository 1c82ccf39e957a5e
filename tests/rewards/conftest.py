"""A small deterministic encoder and films that it understands."""

import numpy as np
import pytest


class ColourEncoder:
    """Embeds a frame as its mean colour, in [0, 1] per channel; counts its forward passes."""

    image_size_px = 8
    dimension = 3

    def __init__(self):
        self.calls = 0

    def embed(self, frames):
        self.calls += 1
        return (frames.astype(np.float64).mean(axis=(1, 2)) / 255.0).astype(np.float32)


def film_of(colours, size_px=4):
    """Frames of one colour each, (T, 3) or (T,) grey in 0-255 -> uint8 (T, size, size, 3)."""
    values = np.asarray(colours)
    if values.ndim == 1:
        values = np.repeat(values[:, None], 3, axis=1)
    return np.broadcast_to(
        values[:, None, None, :].astype(np.uint8), (len(values), size_px, size_px, 3)
    ).copy()


@pytest.fixture
def encoder():
    return ColourEncoder()


@pytest.fixture
def film():
    return film_of


@pytest.fixture
def demos():
    """Three demonstrations of two views whose red goes from 0 to 250, at varied speed."""
    made = []
    for length, green in ((26, 0), (51, 6), (11, 12)):
        red = np.linspace(0, 250, length)
        front = np.stack([red, np.full(length, green), np.zeros(length)], axis=1)
        left = np.stack([np.zeros(length), np.full(length, green), red], axis=1)
        made.append({"front": film_of(front), "left": film_of(left)})
    return made
