"""Frames ready for training: a store that is decoded once, samplers, augmentation.

Reading a store needs numpy only; `data.build` makes one from recordings.
"""

from tcn_robot.data.frame_store import FrameStore, StoredEpisode
from tcn_robot.data.samplers import (
    SAMPLERS,
    Batch,
    MultiViewSampler,
    SamplingOptions,
    SingleViewSampler,
)

__all__ = [
    "SAMPLERS",
    "Batch",
    "FrameStore",
    "MultiViewSampler",
    "SamplingOptions",
    "SingleViewSampler",
    "StoredEpisode",
]
