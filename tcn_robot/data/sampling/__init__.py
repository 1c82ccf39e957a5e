"""Which frames of which films make up a batch: one sampler a file, every draw from a Generator."""

from __future__ import annotations

from tcn_robot.data.sampling.adjacent import AdjacentFrameSampler
from tcn_robot.data.sampling.batch import Batch, BatchOptions, FilmedEpisode, Sampler
from tcn_robot.data.sampling.neighbours import Radii, SingleViewSampler
from tcn_robot.data.sampling.simultaneous import MultiViewSampler

__all__ = [
    "AdjacentFrameSampler",
    "Batch",
    "BatchOptions",
    "FilmedEpisode",
    "MultiViewSampler",
    "Radii",
    "Sampler",
    "SingleViewSampler",
]
