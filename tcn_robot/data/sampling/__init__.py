"""Which frames of which films make up a batch: one sampler a file, every draw from a Generator."""

from __future__ import annotations

from tcn_robot.data.sampling.adjacent import AdjacentFrameSampler
from tcn_robot.data.sampling.batch import (
    SMALLEST_BATCH_FRAMES,
    Batch,
    BatchOptions,
    FilmedEpisode,
    NegativeScope,
    Sampler,
)
from tcn_robot.data.sampling.neighbours import SingleViewSampler
from tcn_robot.data.sampling.proximity import Density, ProximitySampler
from tcn_robot.data.sampling.reach import Radii, Reach
from tcn_robot.data.sampling.same_frame import SameFrameSampler
from tcn_robot.data.sampling.simultaneous import MultiViewSampler

__all__ = [
    "SMALLEST_BATCH_FRAMES",
    "AdjacentFrameSampler",
    "Batch",
    "BatchOptions",
    "Density",
    "FilmedEpisode",
    "MultiViewSampler",
    "NegativeScope",
    "ProximitySampler",
    "Radii",
    "Reach",
    "SameFrameSampler",
    "Sampler",
    "SingleViewSampler",
]
