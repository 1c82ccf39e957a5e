"""What stands before the empty scene, with every body in one grey: bodies that look alike.

Frames of several bodies under fixed cameras show what is background (what is seen most of the time)
and which colours belong to things (every body's films have them) and which to one body alone. An
encoder with a `Foreground` sees things in their colours, bodies grey, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from tcn_robot.errors import UserError

MOVED_LEVELS = 25
"""By how much a pixel's brightest change must exceed 0 to be foreground, of 255."""
SHARED_SHARE = 0.6
"""Least ratio of a colour's frequencies before two bodies for it to be a thing's."""
BODY_LEVEL = 128
"""Grey of all bodies."""
BACKGROUND_FRAMES = 400
"""Frames, evenly spaced over the films, that a median is taken of, at most."""
LARGEST_MOVED_SHARE = 0.4
"""Share of a view's pixels that may differ from its background, on average over its frames."""
COLOUR_SHIFT_BITS = 4
"""Bits of a channel that are not looked at where colours are counted."""
COLOUR_LEVELS = 256 >> COLOUR_SHIFT_BITS
"""Levels per channel that colours are counted in."""
_COMPARED_PX = 32  # Side of what is compared with the backgrounds to find the right one.
_SPREAD = np.array([0.21, 0.58, 0.21])  # Neighbouring levels that a colour also counts for.


@dataclass(frozen=True)
class FilmOfBody:
    """A film as `fit_foreground` takes it.

    Attributes:
        body: Whose film it is.
        view: Its camera, which stands still and is the same in all films of that name.
        frames: uint8 (T, S, S, 3).
    """

    body: str
    view: str
    frames: np.ndarray


class Foreground(nn.Module):
    """Paints frames: background black, bodies grey, things as they are.

    The background is that of the stored ones that a frame is most like, so neither camera nor body
    need be told. A view that none of them shows has no meaning here: nearly all of it is painted.
    """

    backgrounds: torch.Tensor
    shared_colours: torch.Tensor

    def __init__(self, backgrounds: torch.Tensor, shared_colours: torch.Tensor) -> None:
        """Keep what `fit_foreground` found.

        Args:
            backgrounds: uint8 (K, S, S, 3), the empty scene per camera and body.
            shared_colours: bool (16 * 16 * 16,), whether a colour is that of a thing; the index is
                red, green, blue in 16 levels each.
        """
        super().__init__()
        # An encoder's weights are its own file; these have another, see `models.files`.
        self.register_buffer("backgrounds", backgrounds, persistent=False)
        self.register_buffer("shared_colours", shared_colours, persistent=False)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Paint frames uint8 (..., S, S, 3), of the size of the backgrounds."""
        flat = frames.flatten(0, -4)  # (N, S, S, 3)
        behind = self.backgrounds[self._nearest(flat)]  # (N, S, S, 3)
        moved = _have_moved(flat, behind)  # (N, S, S)
        colours = _colour_indices(flat)
        shared = self.shared_colours.index_select(0, colours.flatten()).view_as(colours)
        things = _without_specks(moved & shared)
        grey = moved.to(torch.uint8) * BODY_LEVEL  # (N, S, S)
        planes = [torch.where(things, plane, grey) for plane in flat.unbind(-1)]
        return torch.stack(planes, dim=-1).reshape(frames.shape)

    def _nearest(self, frames: torch.Tensor) -> torch.Tensor:
        """Return the background that the most pixels of each frame are like, int64 (N,)."""
        step = max(1, frames.shape[1] // _COMPARED_PX)
        seen, known = (of[:, ::step, ::step].contiguous() for of in (frames, self.backgrounds))
        unlike = [_have_moved(seen, one).sum((1, 2)) for one in known]  # K of (N,)
        return torch.stack(unlike).argmin(0)


def _have_moved(frames: torch.Tensor, behind: torch.Tensor) -> torch.Tensor:
    """Return which pixels of uint8 (N, S, S, 3) are not the background's, bool (N, S, S)."""
    difference = torch.maximum(frames, behind) - torch.minimum(frames, behind)
    red, green, blue = difference.unbind(-1)  # A reduction over 3 numbers is several times slower.
    return torch.maximum(torch.maximum(red, green), blue) > MOVED_LEVELS


def _colour_indices(frames: torch.Tensor) -> torch.Tensor:
    """Return the place of each pixel's colour in the table, int32 (...,)."""
    red, green, blue = (frames >> COLOUR_SHIFT_BITS).int().unbind(-1)
    return (red * COLOUR_LEVELS + green) * COLOUR_LEVELS + blue


def _without_specks(mask: torch.Tensor) -> torch.Tensor:
    """Return a mask bool (N, S, S) less what no square of 2 by 2 pixels fits into (an opening)."""
    square = mask[:, 1:, 1:] & mask[:, 1:, :-1] & mask[:, :-1, 1:] & mask[:, :-1, :-1]
    lower, upper = F.pad(square, (0, 0, 1, 0)), F.pad(square, (0, 0, 0, 1))
    rows = lower | upper  # (N, S, S - 1)
    return F.pad(rows, (1, 0)) | F.pad(rows, (0, 1))


def fit_foreground(films: Sequence[FilmOfBody]) -> Foreground:
    """Find the backgrounds and the colours of things.

    Args:
        films: Of two bodies or more, all of one size; play is best, in which the body is seen in
            many places and things are moved.

    Raises:
        UserError: If there is only one body, or a camera or the scene does not stand still.
    """
    bodies = sorted({film.body for film in films})
    if len(bodies) < 2:
        raise UserError(
            "--foreground tells bodies from things by films of two bodies or more, found "
            f"{', '.join(body or 'no named body' for body in bodies) or 'none'}; "
            "add recordings of another body, or leave it out"
        )
    groups: dict[tuple[str, str], list[np.ndarray]] = {}
    for film in films:
        groups.setdefault((film.body, film.view), []).append(film.frames)
    seen = {name: _evenly_spaced(found) for name, found in sorted(groups.items())}
    backgrounds = {
        name: np.median(frames, axis=0).round().astype(np.uint8) for name, frames in seen.items()
    }
    for (body, view), frames in seen.items():
        _refuse_unsteady(frames, backgrounds[body, view], body, view)
    frequencies = [
        _colour_frequencies(
            (frames, backgrounds[name]) for name, frames in seen.items() if name[0] == body
        )
        for body in bodies
    ]
    least, most = np.min(frequencies, axis=0), np.max(frequencies, axis=0)
    return Foreground(
        torch.from_numpy(np.stack(list(backgrounds.values()))),
        torch.from_numpy(least > SHARED_SHARE * most),
    )


def _refuse_unsteady(frames: np.ndarray, background: np.ndarray, body: str, view: str) -> None:
    """Raise a UserError for films that have no background in common."""
    moved = _have_moved(torch.from_numpy(frames), torch.from_numpy(background))
    share = float(moved.float().mean())
    if share > LARGEST_MOVED_SHARE:
        raise UserError(
            f"--foreground needs cameras, light and furniture that stay as they are, and "
            f"{share:.0%} of view {view} differs from what is mostly seen there (films of "
            f"{body or 'no named body'}); leave out films in looks of their own, or --foreground"
        )


def _evenly_spaced(films: Sequence[np.ndarray]) -> np.ndarray:
    """Return at most `BACKGROUND_FRAMES` frames of all films together, (F, S, S, 3)."""
    total = sum(map(len, films))
    every = -(-total // BACKGROUND_FRAMES)
    return np.concatenate([film[::every] for film in films])


def _colour_frequencies(views: Iterable[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Return how many foreground pixels of a frame have each colour, float64 (16 * 16 * 16,).

    Args:
        views: Per view, frames uint8 (F, S, S, 3) and their background (S, S, 3).
    """
    counts = np.zeros(COLOUR_LEVELS**3)
    num_frames = 0
    for frames, background in views:
        shown = torch.from_numpy(frames)
        colours = _colour_indices(shown)[_have_moved(shown, torch.from_numpy(background))]
        counts += np.bincount(colours.numpy(), minlength=len(counts))
        num_frames += len(frames)
    spread = counts.reshape([COLOUR_LEVELS] * 3) / max(num_frames, 1)
    for axis in range(3):
        spread = np.apply_along_axis(np.convolve, axis, spread, _SPREAD, "same")
    return spread.reshape(-1)


def foreground_tensors(foreground: Foreground) -> dict[str, torch.Tensor]:
    """Return what a foreground is made of, by name."""
    return dict(foreground.named_buffers())


def foreground_from_tensors(tensors: Mapping[str, torch.Tensor], size_px: int) -> Foreground:
    """Return the foreground of stored tensors.

    Raises:
        ValueError: If they are not what `foreground_tensors` returns for frames of that size.
    """
    expected: dict[str, tuple[Any, ...]] = {
        "backgrounds": (torch.uint8, (size_px, size_px, 3)),
        "shared_colours": (torch.bool, (COLOUR_LEVELS**3,)),
    }
    if sorted(tensors) != sorted(expected):
        raise ValueError(f"expected {', '.join(expected)}, found {', '.join(tensors) or 'nothing'}")
    for name, (dtype, shape) in expected.items():
        found = tensors[name]
        kept = found.shape[1:] if name == "backgrounds" else found.shape
        if found.dtype != dtype or tuple(kept) != shape or not len(found):
            raise ValueError(f"{name} is {found.dtype} {list(found.shape)}, expected {shape}")
    return Foreground(tensors["backgrounds"], tensors["shared_colours"])
