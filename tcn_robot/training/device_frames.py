"""The frames of a training where they are computed with: on the GPU when they fit."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
import torch

from tcn_robot.clips import expand_clip
from tcn_robot.data.frame_store import FrameStore
from tcn_robot.data.sampling import Batch
from tcn_robot.training.device import copy_without_waiting

# Frames may fill this share of the free memory: encoder, gradients and activations need the rest.
ROOM_FACTOR = 1.3
COPIED_FRAMES = 512


class DeviceFrames:
    """Gathers batches of a store as tensors on a device.

    When the device's free memory is at least 1.3 times the size of the frames, they are copied
    there once, with the first batch, and batches are gathered there. Otherwise each batch is
    gathered out of the memory-mapped store and copied, by way of pinned memory for a GPU. Both
    give the same bits.
    """

    def __init__(
        self,
        store: FrameStore,
        device: torch.device,
        free_bytes: int | None = None,
        num_frames: int = 1,
        stride_frames: int = 1,
        paint: Callable[[torch.Tensor], torch.Tensor] | None = None,
    ) -> None:
        """Nothing is copied yet.

        Args:
            store: The episodes that batches come from; positions in a batch are positions in it.
            device: Where batches are wanted.
            free_bytes: Memory that frames may count on there; asked of a GPU when None, and none
                elsewhere: the memory map of a CPU is in its memory already.
            num_frames: Frames of a clip, T; see `expand_clip`.
            stride_frames: Distance between them.
            paint: What gathered frames (N * T, S, S, 3) go through, such as a `Foreground` on the
                device; None leaves them as they are.
        """
        self._store = store
        self._device = device
        self._free_bytes = free_bytes
        self._num_frames, self._stride_frames = num_frames, stride_frames
        self._paint = paint

    def gather(self, batch: Batch, rows: np.ndarray | None = None) -> torch.Tensor:
        """Return the frames of a batch, uint8, on the device.

        Args:
            batch: Which frames.
            rows: int64 (N,), only those of the batch, in that order; all when None.

        Returns:
            (N, S, S, 3), or clips (N, T, S, S, 3) when they have more than one frame.
        """
        episode, view, frame = (
            of if rows is None else of[rows] for of in (batch.episode, batch.view, batch.frame)
        )
        frame = expand_clip(frame, self._num_frames, self._stride_frames)  # (N, T)
        episode, view = (np.repeat(of, self._num_frames) for of in (episode, view))  # (N * T,)
        frames = self._gathered(episode, view, frame.reshape(-1))  # (N * T, S, S, 3)
        if self._paint is not None:
            frames = self._paint(frames)
        return frames if self._num_frames == 1 else frames.unflatten(0, frame.shape)

    def _gathered(self, episode: np.ndarray, view: np.ndarray, frame: np.ndarray) -> torch.Tensor:
        if self._resident is not None:
            positions = torch.from_numpy(self._store.films.positions(episode, view, frame))
            return self._resident.index_select(0, copy_without_waiting(positions, self._device))
        rows = self._store.rows(episode, view, frame)
        # Fresh each time: torch hands pinned memory out again only when its copy has ended.
        frames = _host_frames(len(rows), self._store.size_px, pinned=self._is_gpu)
        self._store.gather(rows, out=frames.numpy())
        return frames.to(self._device, non_blocking=True)

    @property
    def are_resident(self) -> bool:
        """Whether all frames lie on the device; they do from the first call on."""
        return self._resident is not None

    @property
    def _is_gpu(self) -> bool:
        return self._device.type == "cuda"

    def _free(self) -> int:
        if self._free_bytes is not None:
            return self._free_bytes
        return torch.cuda.mem_get_info(self._device)[0] if self._is_gpu else 0

    @cached_property
    def _resident(self) -> torch.Tensor | None:
        """Return all frames on the device, uint8 (F, S, S, 3), in the order of the film table."""
        size_px, films = self._store.size_px, self._store.films
        if self._free() < ROOM_FACTOR * len(films) * size_px**2 * 3:
            return None
        try:
            frames = torch.empty(
                (len(films), size_px, size_px, 3), dtype=torch.uint8, device=self._device
            )
        except torch.OutOfMemoryError:  # free, but not in one piece, or taken by others meanwhile
            return None
        staging = _host_frames(COPIED_FRAMES, size_px, pinned=self._is_gpu)
        position = 0
        for episode in self._store.episodes:
            for view in episode.views:
                film = episode.frames(view)
                for start in range(0, len(film), COPIED_FRAMES):
                    block = film[start : start + COPIED_FRAMES]
                    staging.numpy()[: len(block)] = block
                    frames[position : position + len(block)].copy_(staging[: len(block)])
                    position += len(block)
        return frames


def _host_frames(count: int, size_px: int, *, pinned: bool) -> torch.Tensor:
    """Return room for frames in the CPU's memory, uint8 (N, S, S, 3)."""
    return torch.empty((count, size_px, size_px, 3), dtype=torch.uint8, pin_memory=pinned)
