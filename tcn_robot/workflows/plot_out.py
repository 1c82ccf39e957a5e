"""Where a picture goes: checked before anything is computed, whole or absent afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tcn_robot.atomic import atomic_file, refuse_unwritable
from tcn_robot.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from matplotlib.figure import Figure

    from tcn_robot.look import Look

FIGURE_SUFFIXES = (".png",)
FILM_SUFFIXES = (".mp4", ".gif")
FIGURE_DPI = 150


def check_out(
    out: Path, suffixes: Sequence[str], inputs: Sequence[Path] = (), option: str = "--out"
) -> None:
    """Refuse a file that could not be written, or that is one of the inputs.

    Args:
        out: The file.
        suffixes: What it may end with, lower case.
        inputs: What it must not be.
        option: Which option named it.

    Raises:
        UserError: Another suffix, a folder, an input, or a place where nothing can be written.
    """
    refuse_unwritable(out, option)
    if out.suffix.lower() not in suffixes:
        raise UserError(f"{option} must end with {' or '.join(suffixes)}, found {out}")
    if any(one.exists() and out.exists() and one.samefile(out) for one in inputs):
        raise UserError(f"{option} {out} is one of the inputs; name another file")


def save_figure(draw: Callable[[Look], Figure], out: Path, look: Look) -> None:
    """Draw a figure on paper of the look's colour and write it as a PNG, whole or not at all.

    The same figure gives the same file: nothing in it says when or by whom it was made.
    """
    from tcn_robot.look import drawing

    with drawing(look):
        figure = draw(look)
        with atomic_file(out) as partial:
            figure.savefig(
                partial,
                dpi=FIGURE_DPI,
                facecolor=look.paper,
                bbox_inches="tight",
                pad_inches=0.12,
                metadata={"Software": None},
            )
    print(f"{out} ({out.stat().st_size / 1e3:.0f} kB)")


def save_film(
    out: Path, frames: Iterable[np.ndarray], total: int, frames_per_second: float
) -> None:
    """Write a film, whole or not at all, and show how far it is.

    Args:
        out: .mp4 or .gif.
        frames: uint8 (H, W, 3) each.
        total: How many there are.
        frames_per_second: How fast it plays.
    """
    from tcn_robot.plots.film_files import write_film
    from tcn_robot.progress import progress

    shown = progress(frames, total, f"drawing {out}", "frames")
    with atomic_file(out) as partial:
        count = write_film(partial, shown, frames_per_second)
    print(f"{out} ({count} frames, {out.stat().st_size / 1e3:.0f} kB)")
