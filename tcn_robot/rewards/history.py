"""What environments have shown so far, for encoders that look at several frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tcn_robot.errors import UserError
from tcn_robot.rewards.frames import (
    EmbeddedDemo,
    checked_frames,
    embed_scored,
    embeds_several_frames,
    scored_views,
)
from tcn_robot.rewards.interface import Embedder


class FrameHistory:
    """Embeds one frame of each environment together with those before it.

    An encoder of single frames needs nothing kept. One of several sees the frames of the same
    environment since its last `reset`; before that its first scored frame is repeated, as at the
    start of a film.
    """

    def __init__(self, encoder: Embedder, views: Sequence[str]) -> None:
        """Know no frame yet.

        Args:
            encoder: Embeds frames, and windows of them if it looks at several.
            views: Those that are scored.
        """
        self._encoder = encoder
        self._views = tuple(views)
        self._kept: dict[str, NDArray[np.uint8]] = {}  # (L, N, H, W, 3) per view
        self._fresh: NDArray[np.bool_] | None = None

    @property
    def num_envs(self) -> int:
        """How many environments there are, as the last `reset` or the first frames told."""
        return 0 if self._fresh is None else len(self._fresh)

    def reset(self, mask: NDArray[np.bool_]) -> None:
        """Forget what some environments have shown, (N,) bool; another N forgets everything."""
        starts = np.asarray(mask, dtype=bool)
        if self._fresh is None or self._fresh.shape != starts.shape:
            self._fresh = np.ones(starts.shape, dtype=bool)
            self._kept = {}
        else:
            self._fresh = self._fresh | starts

    def begin(self, frames: Mapping[str, Any], mask: NDArray[np.bool_]) -> None:
        """Begin new episodes with their first frames, which are kept for those to come.

        Args:
            frames: {view: uint8 (M, H, W, 3)}, of the M environments that start anew.
            mask: (N,) bool with M True.

        Raises:
            UserError: None of the fitted views, or frames of another number of environments.
        """
        self.reset(mask)
        starts = np.asarray(mask, dtype=bool)
        views = scored_views(frames, self._views)
        counts = {len(frames[view]) for view in views}
        if counts != {int(starts.sum())}:
            raise UserError(
                f"expected first frames of {int(starts.sum())} environments in every view, found "
                f"{sorted(counts)}"
            )
        if not embeds_several_frames(self._encoder):
            return
        for view in views:
            self._begin_view(view, checked_frames(frames[view], view, "first frames"), starts)
        assert self._fresh is not None
        self._fresh = self._fresh & ~starts

    def embed_first(self, frames: Mapping[str, Any]) -> EmbeddedDemo:
        """Embed first frames, each as a film of its own, {view: (M, H, W, 3)} -> {view: (M, D)}."""
        if not embeds_several_frames(self._encoder):
            return embed_scored(self._encoder, frames, self._views)
        encoder: Any = self._encoder
        views = scored_views(frames, self._views)
        firsts = {view: checked_frames(frames[view], view, "first frames") for view in views}
        return {
            view: np.asarray(
                encoder.embed_windows(np.repeat(first[:, None], encoder.num_frames, axis=1)),
                dtype=np.float32,
            )
            for view, first in firsts.items()
        }

    def embed(self, frames: Mapping[str, Any]) -> EmbeddedDemo:
        """Embed one frame of each environment, {view: uint8 (N, H, W, 3)} -> {view: (N, D)}.

        Raises:
            UserError: None of the fitted views, or another number of environments without `reset`.
        """
        if not embeds_several_frames(self._encoder):
            embedded = embed_scored(self._encoder, frames, self._views)
            count = len(next(iter(embedded.values())))
            if count != self.num_envs:
                self._fresh = np.ones(count, dtype=bool)
            return embedded
        views = scored_views(frames, self._views)
        arrays = {view: checked_frames(frames[view], view, "frames") for view in views}
        counts = {len(array) for array in arrays.values()}
        if self._fresh is None and len(counts) == 1:
            self._fresh = np.ones(next(iter(counts)), dtype=bool)
        if self._fresh is None or counts != {len(self._fresh)}:
            known = "the same number" if self._fresh is None else len(self._fresh)
            raise UserError(
                f"expected frames of {known} environments in every view, found {sorted(counts)}; "
                "call reset first"
            )
        embedded = {view: self._embed_view(view, arrays[view], self._fresh) for view in views}
        self._fresh = np.zeros_like(self._fresh)
        return embedded

    def _begin_view(self, view: str, first: NDArray[np.uint8], starts: NDArray[np.bool_]) -> None:
        encoder: Any = self._encoder
        length = (encoder.num_frames - 1) * encoder.config.stride_frames + 1
        kept = self._kept.get(view)
        if kept is None or kept.shape[1:] != (len(starts), *first.shape[1:]):
            # What other environments have shown is not known yet: they are fresh, and fill it.
            kept = np.zeros((length, len(starts), *first.shape[1:]), dtype=np.uint8)
        kept[:, starts] = first
        self._kept[view] = kept

    def _embed_view(
        self, view: str, current: NDArray[np.uint8], fresh: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        encoder: Any = self._encoder
        stride = encoder.config.stride_frames
        length = (encoder.num_frames - 1) * stride + 1
        kept = self._kept.get(view)
        if kept is None or kept.shape[1:] != current.shape:
            kept = np.repeat(current[None], length, axis=0)
        else:
            kept = np.concatenate([kept[1:], current[None]])
            kept[:, fresh] = current[fresh]
        self._kept[view] = kept
        windows = kept[::stride].swapaxes(0, 1)  # (N, T, H, W, 3)
        return np.asarray(encoder.embed_windows(windows), dtype=np.float32)
