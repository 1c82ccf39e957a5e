"""From frames of several views to embeddings, in one forward pass, with the border checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tcn_robot.errors import UserError, unknown_name
from tcn_robot.rewards.interface import Embedder

#: One embedded demonstration, {view: float32 (T, D)}.
EmbeddedDemo = dict[str, NDArray[np.float32]]


def checked_frames(frames: Any, view: str, where: str) -> NDArray[np.uint8]:
    """Return frames as an array after checking that they are uint8 (N, H, W, 3), N >= 1.

    Raises:
        UserError: Anything else.
    """
    array = np.asarray(frames)
    if array.dtype != np.uint8 or array.ndim != 4 or array.shape[3] != 3 or 0 in array.shape:
        raise UserError(
            f"{where}, view {view!r}: expected uint8 frames of shape (frames, height, width, 3), "
            f"found {array.dtype} {array.shape}; pass at least one RGB frame"
        )
    return array


def scored_views(frames: Mapping[str, Any], fitted: Sequence[str]) -> tuple[str, ...]:
    """Return the views that can be scored: those given that the reward was fitted on.

    Raises:
        UserError: None of the fitted views is among those given.
    """
    views = tuple(view for view in fitted if view in frames)
    if not views:
        given = ", ".join(map(str, frames)) or "none"
        raise UserError(
            f"the reward was fitted on views {', '.join(fitted)}, the frames are of {given}; "
            "record or render one of the fitted views"
        )
    return views


def embeds_several_frames(encoder: Embedder) -> bool:
    """Return whether an encoder looks at frames before the one that it embeds."""
    return int(getattr(encoder, "num_frames", 1)) > 1


def _together(encoder: Embedder, arrays: Mapping[str, NDArray[np.uint8]]) -> list[list[str]]:
    """Return the views that can be embedded in one pass: of one size, and not looked back in."""
    if embeds_several_frames(encoder):
        return [[view] for view in arrays]
    by_size: dict[tuple[int, ...], list[str]] = {}
    for view, array in arrays.items():
        by_size.setdefault(array.shape[1:], []).append(view)
    return list(by_size.values())


def embed_views(
    encoder: Embedder, frames: Mapping[str, Any], views: Sequence[str], where: str = "frames"
) -> EmbeddedDemo:
    """Embed several views in one forward pass (one per image size).

    For an encoder that looks at several frames each view is a film, with a pass of its own.

    Args:
        encoder: Maps uint8 (N, H, W, 3) to float32 (N, D).
        frames: {view: uint8 (N_view, H, W, 3)}; not changed.
        views: Which of them.
        where: Where the frames come from, for errors.

    Returns:
        {view: float32 (N_view, D)}, finite.

    Raises:
        UserError: Frames of another shape or type, or an encoder whose output is not finite.
    """
    arrays = {view: checked_frames(frames[view], view, where) for view in views}
    embedded: EmbeddedDemo = {}
    for same in _together(encoder, arrays):
        counts = [len(arrays[view]) for view in same]
        together = (
            np.concatenate([arrays[view] for view in same]) if len(same) > 1 else arrays[same[0]]
        )  # (V * N, H, W, 3)
        embeddings = np.asarray(encoder.embed(together), dtype=np.float32)  # (V * N, D)
        if not np.isfinite(embeddings).all():
            raise UserError(
                f"{where}: expected finite embeddings, the encoder gave NaN or infinity; "
                "its training diverged, train it again with a lower learning rate"
            )
        parts = np.split(embeddings, np.cumsum(counts)[:-1])
        embedded.update(zip(same, parts, strict=True))
    return {view: embedded[view] for view in views}


def embed_scored(
    encoder: Embedder, frames: Mapping[str, Any], fitted: Sequence[str]
) -> EmbeddedDemo:
    """Embed the frames that are to be scored, {view: uint8 (N, H, W, 3)} -> {view: (N, D)}.

    Raises:
        UserError: None of the fitted views, or views that do not show the same moments.
    """
    views = scored_views(frames, fitted)
    counts = {view: len(frames[view]) for view in views}
    if len(set(counts.values())) > 1:
        raise UserError(
            f"expected the same moments in every view, found {counts} frames; cut the views to "
            "what they share, or score them one at a time"
        )
    return embed_views(encoder, frames, views)


def embed_demos(
    encoder: Embedder,
    demos: Sequence[Mapping[str, Any]],
    views: Sequence[str] | None,
    kind: str = "demonstration",
) -> tuple[tuple[str, ...], list[EmbeddedDemo]]:
    """Embed demonstrations after checking that each has every view.

    Args:
        encoder: Maps uint8 (N, H, W, 3) to float32 (N, D).
        demos: One {view: uint8 (T, H, W, 3)} per demonstration; lengths may differ, between
            demonstrations and between the views of one.
        views: The views to use; all those of the first demonstration when None.
        kind: What to call a demonstration in errors.

    Returns:
        The views, and {view: float32 (T, D)} per demonstration.

    Raises:
        UserError: No demonstration, no view, or one that lacks a view.
    """
    if len(demos) == 0:
        raise UserError(f"expected 1 {kind} or more, found none; record some first")
    chosen = tuple(dict.fromkeys(views if views is not None else demos[0]))
    if not chosen:
        raise UserError(f"expected {kind}s of 1 view or more, found none; name one with views=")
    for index, demo in enumerate(demos):
        for view in chosen:
            if view not in demo:
                raise unknown_name(f"view in {kind} {index}:", view, demo)
    embedded = [
        embed_views(encoder, demo, chosen, f"{kind} {index}") for index, demo in enumerate(demos)
    ]
    return chosen, embedded


def average_over_views(scores: Sequence[NDArray[np.float64]]) -> NDArray[np.float32]:
    """Average per-view scores, V times (N,), into float32 (N,)."""
    return np.mean(scores, axis=0).astype(np.float32)
