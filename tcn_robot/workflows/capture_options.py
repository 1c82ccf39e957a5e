"""What the options of `tcn-robot capture` mean."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from tcn_robot.errors import UserError, unknown_name
from tcn_robot.recordings.format import SPLITS

if TYPE_CHECKING:
    from tcn_robot.recordings.capture.source_table import SourceRequest


def requests_of(
    sources: tuple[str, ...],
    rate_hz: float | None,
    size: str | None,
    crops: tuple[str, ...],
    turns: tuple[str, ...],
) -> list[SourceRequest]:
    """Return the sources that were asked for.

    Raises:
        UserError: If there is none, a view is named twice, or an option cannot be read.
    """
    from tcn_robot.recordings.capture.picture import Picture
    from tcn_robot.recordings.capture.source_table import SourceRequest, parse_source

    if not sources:
        raise UserError("--sources needs at least one camera, address, film or folder")
    if rate_hz is not None and not 0 < rate_hz <= 1_000:
        raise UserError(f"--rate must lie between 0 and 1000 frames per second, found {rate_hz}")
    named = [parse_source(text, number) for number, text in enumerate(sources)]
    views = [view for view, _ in named]
    if len(set(views)) < len(views):
        raise UserError(f"--sources names a view twice: {' '.join(views)}")
    size_px = None if size is None else size_of(size)
    cropped = {view: _numbers("crop", text, 4) for view, text in _by_view("crop", crops, views)}
    turned = {view: _numbers("rotate", text, 1) for view, text in _by_view("rotate", turns, views)}
    return [
        SourceRequest(
            view,
            address,
            rate_hz,
            Picture(
                rotate_degrees=turned.get(view, (0,))[0],
                crop_px=cropped.get(view),  # type: ignore[arg-type]
                size_px=size_px,
            ),
        )
        for view, address in named
    ]


def size_of(text: str) -> tuple[int, int]:
    """Return (width, height) in pixels from WIDTHxHEIGHT.

    Raises:
        UserError: If it is no such size.
    """
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    if match is None:
        raise UserError(f"--size should be WIDTHxHEIGHT, such as 640x480, found {text!r}")
    return int(match[1]), int(match[2])


def _by_view(option: str, texts: tuple[str, ...], views: list[str]) -> list[tuple[str, str]]:
    pairs = []
    for text in texts:
        view, mark, value = text.partition("=")
        if not mark:
            raise UserError(f"--{option} {text!r}: say for which view, as in {views[0]}={text}")
        if view not in views:
            raise unknown_name("view", view, views)
        pairs.append((view, value))
    return pairs


def _numbers(option: str, text: str, count: int) -> tuple[int, ...]:
    parts = text.split(",")
    if len(parts) != count or not all(part.strip().isdigit() for part in parts):
        raise UserError(f"--{option}: expected {count} whole numbers, found {text!r}")
    return tuple(int(part) for part in parts)


def split_of(
    split: str, shares: tuple[float, float, float] | None, seed: int
) -> Callable[[int], str]:
    """Return the split of an episode by its id: a fixed one, or drawn by shares and a seed.

    Raises:
        UserError: If there is no such split, or the shares cannot be.
    """
    if split not in SPLITS:
        raise unknown_name("split", split, SPLITS)
    if shares is None:
        return lambda id: split
    if min(shares) < 0 or not sum(shares) > 0:
        raise UserError(f"--split-shares must not be below 0, found {shares}")
    bounds = np.cumsum(shares) / np.sum(shares)
    return lambda id: SPLITS[
        int(np.searchsorted(bounds, np.random.default_rng([seed, id]).random()))
    ]
