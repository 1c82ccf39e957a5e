"""Features of the sampled frames of clips: decoded once, whatever the number of encoders."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tcn_robot.benchmarks.recognition.clips import Clip
from tcn_robot.benchmarks.recognition.pooling import segment_centres
from tcn_robot.clips import expand_clip
from tcn_robot.errors import UserError
from tcn_robot.progress import Progress

_CLIPS_AT_ONCE = 32

# (windows uint8 (N, T, S, S, 3), embodiment) -> by layer float32 (N, F).
EmbedWindows = Callable[[NDArray[np.uint8], str], Mapping[str, NDArray[np.float32]]]


@dataclass(frozen=True)
class FrameEncoder:
    """What turns frames into features.

    Attributes:
        embed: From windows of frames to features by layer.
        size_px: Height and width of the frames that it sees.
        num_frames: Frames T of a window.
        stride_frames: Distance between two of them.
        per_body: Whether films of different bodies must not be embedded together.
    """

    embed: EmbedWindows
    size_px: int
    num_frames: int = 1
    stride_frames: int = 1
    per_body: bool = False

    @property
    def sight(self) -> tuple[int, int, int]:
        """What frames it is shown; encoders with the same sight share what is decoded."""
        return self.size_px, self.num_frames, self.stride_frames


# By encoder and layer: float32 (clips, sampled frames, width).
ClipFeatures = dict[str, dict[str, NDArray[np.float32]]]


def embed_clips(
    clips: Sequence[Clip],
    encoders: Mapping[str, FrameEncoder],
    num_segments: int,
    workers: int = 1,
) -> ClipFeatures:
    """Embed the middle frame of each of `num_segments` equal parts of every clip.

    A window of several frames ends at that frame, as `tcn_robot.clips.expand_clip` says. Films are
    decoded by threads, a few ahead of the encoders; memory holds those and the features.

    Args:
        clips: N clips.
        encoders: By name.
        num_segments: S, frames per clip.
        workers: Threads that decode.

    Returns:
        By encoder and layer float32 (N, S, F).

    Raises:
        UserError: If a clip cannot be decoded, or an encoder gives no finite numbers.
    """
    parts: dict[str, dict[str, list[NDArray[np.float32]]]] = {
        name: defaultdict(list) for name in encoders
    }
    sights = {encoder.sight for encoder in encoders.values()}
    with Progress(len(clips), "embedding clips", "clips") as display:
        for chunk, windows in _decoded(clips, sights, num_segments, workers):
            for name, encoder in encoders.items():
                found = _embedded(encoder, chunk, windows[encoder.sight])
                for layer, rows in found.items():
                    if not np.isfinite(rows).all():
                        raise UserError(
                            f"{name} gives NaN or infinity for clips near {chunk[0].name!r}; it "
                            "cannot be measured: train it again"
                        )
                    parts[name][layer].append(rows.reshape(len(chunk), num_segments, -1))
            display.advance(len(chunk))
    return {
        name: {layer: np.concatenate(rows) for layer, rows in layers.items()}
        for name, layers in parts.items()
    }


Sight = tuple[int, int, int]
Windows = dict[Sight, NDArray[np.uint8]]


def _decoded(
    clips: Sequence[Clip], sights: set[Sight], num_segments: int, workers: int
) -> Iterator[tuple[Sequence[Clip], Windows]]:
    """Yield chunks of clips with their windows (clips, S, T, size, size, 3) by sight."""
    chunks = [
        clips[start : start + _CLIPS_AT_ONCE] for start in range(0, len(clips), _CLIPS_AT_ONCE)
    ]
    pool = ThreadPoolExecutor(workers)
    try:

        def submit(chunk: Sequence[Clip]) -> list[Future[Windows]]:
            return [pool.submit(windows_of, clip, sights, num_segments) for clip in chunk]

        waiting = submit(chunks[0]) if chunks else []
        for chunk, following in itertools.zip_longest(chunks, chunks[1:], fillvalue=()):
            ahead = submit(following)
            read = [one.result() for one in waiting]
            yield chunk, {sight: np.stack([one[sight] for one in read]) for sight in sights}
            waiting = ahead
    finally:
        pool.shutdown(cancel_futures=True)


def windows_of(clip: Clip, sights: set[Sight], num_segments: int) -> Windows:
    """Return the windows of a clip, by sight uint8 (S, T, size, size, 3); decoded once per size."""
    centres = segment_centres(clip.num_frames, num_segments)
    indices = {sight: expand_clip(centres, sight[1], sight[2]) for sight in sights}  # (S, T)
    windows = {}
    for size_px in sorted({sight[0] for sight in sights}):
        of_size = [sight for sight in sights if sight[0] == size_px]
        needed = np.unique(np.concatenate([indices[sight].reshape(-1) for sight in of_size]))
        frames = clip.frames(needed, size_px)
        for sight in of_size:
            windows[sight] = frames[np.searchsorted(needed, indices[sight])]
    return windows


def _embedded(
    encoder: FrameEncoder, clips: Sequence[Clip], windows: NDArray[np.uint8]
) -> Mapping[str, NDArray[np.float32]]:
    """Return features of the clips' windows, by layer (clips, S, F) with S windows each."""
    if not encoder.per_body:
        return encoder.embed(windows.reshape(-1, *windows.shape[2:]), "")
    count, num_segments = windows.shape[:2]
    bodies = np.array([clip.embodiment for clip in clips])
    rows: dict[str, NDArray[np.float32]] = {}
    for body in np.unique(bodies):
        members = np.flatnonzero(bodies == body)
        found = encoder.embed(windows[members].reshape(-1, *windows.shape[2:]), str(body))
        for layer, part in found.items():
            whole = rows.setdefault(
                layer, np.empty((count, num_segments, part.shape[-1]), np.float32)
            )
            whole[members] = part.reshape(len(members), num_segments, -1)
    return rows
