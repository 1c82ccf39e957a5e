"""From a sampler to the images that a process embeds: drawn ahead, gathered, augmented."""

from __future__ import annotations

import numpy as np
import torch

from tcn_robot.data.augmentation import AugmentationOptions, apply, draw, sharing_groups
from tcn_robot.data.sampling import Batch, Sampler
from tcn_robot.training.device_frames import DeviceFrames
from tcn_robot.training.prefetch import Prefetch
from tcn_robot.training.processes import Processes


class Batches:
    """The batches of a training, one gathered ahead by a thread; close it in the end.

    Every process draws the whole batch and its augmentation, and gathers and changes its own rows.
    """

    def __init__(
        self,
        sampler: Sampler,
        frames: DeviceFrames,
        augmentation: AugmentationOptions,
        processes: Processes,
    ) -> None:
        """Start nothing yet.

        Args:
            sampler: Draws the batches.
            frames: Where their frames are.
            augmentation: How they are changed.
            processes: Which rows are this process's own.
        """
        self._frames = frames
        self._augmentation = augmentation
        self._processes = processes
        self._ahead = Prefetch(sampler, self._gather, processes.device)

    def next(
        self, sampling_rng: np.random.Generator, augmentation_rng: torch.Generator
    ) -> tuple[Batch, torch.Tensor]:
        """Return the next batch and the images of this process's rows.

        Both generators stand before the batch that comes next, as if nothing were drawn ahead.

        Args:
            sampling_rng: Draws the batch of N frames.
            augmentation_rng: Draws how they are changed, on the CPU.

        Returns:
            The batch, and (R, S, S, 3) or (R, T, S, S, 3) float32 from 0 to 255.
        """
        batch, frames = self._ahead.next(sampling_rng)
        sharing = self._augmentation.augmentation_sharing
        groups = sharing_groups(sharing, batch.episode, batch.view, batch.frame)
        parameters = draw(len(batch), self._augmentation, augmentation_rng, groups)
        if self._processes.world_size > 1:
            parameters = parameters[self._processes.rows(len(batch))]
        return batch, apply(frames, parameters)

    def close(self) -> None:
        """Let go of the thread."""
        self._ahead.close()

    def __enter__(self) -> Batches:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def _gather(self, batch: Batch) -> torch.Tensor:
        if self._processes.world_size == 1:
            return self._frames.gather(batch)
        return self._frames.gather(batch, self._processes.rows(len(batch)).numpy())
