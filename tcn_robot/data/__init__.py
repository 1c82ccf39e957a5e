"""Frames ready for training: a store that is decoded once, samplers, augmentation.

Reading a store needs numpy only; `data.build` makes one from recordings.
"""

from tcn_robot.data.frame_store import FrameStore, StoredEpisode
from tcn_robot.data.sampling import (
    Batch,
    BatchOptions,
    MultiViewSampler,
    Radii,
    Sampler,
    SingleViewSampler,
)

__all__ = [
    "Batch",
    "BatchOptions",
    "FrameStore",
    "MultiViewSampler",
    "Radii",
    "Sampler",
    "SingleViewSampler",
    "StoredEpisode",
]
