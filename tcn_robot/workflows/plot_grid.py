"""`tcn-robot plot grid`: episodes aligned with a reference, played in step."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from tcn_robot.errors import UserError
from tcn_robot.workflows.plot_encoders import embed_films
from tcn_robot.workflows.plot_film import check_playing
from tcn_robot.workflows.plot_films import (
    FilmChoice,
    ShownFilm,
    expect_number,
    first_views,
    open_films,
)
from tcn_robot.workflows.plot_out import FILM_SUFFIXES, check_out, save_film
from tcn_robot.workflows.plot_plane import Inputs

if TYPE_CHECKING:
    from tcn_robot.plots.grid import Cell

NINE_EPISODES = FilmChoice(most_episodes=9)
MOST_CELLS = 36
WORDS = {
    "nearest": "nearest frame of each film, by {}",
    "dtw": "dynamic time warping, by {}",
    "none": "not aligned: the same frame number",
}


def grid(
    inputs: Inputs = (),
    /,
    *,
    out: Path,
    encoder: tuple[str, ...] = (),
    align: Literal["nearest", "dtw", "none"] = "dtw",
    reference: int = 0,
    smoothing: int = 0,
    films: FilmChoice = NINE_EPISODES,
    size: int = 160,
    speed: float = 1.0,
    every: int = 1,
    seed: int = 0,
) -> None:
    """Play episodes in a grid, each at the frame that belongs to that of the reference.

    If the encoder knows how far the task has come, all films reach the goal together. The
    reference has a border; the bars say how far each film has come.

    Args:
        inputs: Datasets, films or folders of pictures.
        out: Film to write, .mp4 or .gif.
        encoder: A run, a name of `tcn-robot zoo`, or untrained; none for --align none.
        align: dtw (never goes back), nearest (each frame by itself), or none.
        reference: Which of the films the others follow, counted from 0.
        smoothing: Half the window of a running mean over embeddings, in frames; 0 for none.
        films: Which films; of each episode the first view, unless --views says more.
        size: Side of a cell in pixels.
        speed: How fast the reference plays, 1 as it was filmed.
        every: Only every so-many-th frame, for small files.
        seed: Of an untrained encoder.
    """
    from tcn_robot.plots.grid import grid_film
    from tcn_robot.plots.played import rate_of

    check_out(out, FILM_SUFFIXES, inputs)
    check_playing(size, speed, every)
    expect_number("--smoothing", smoothing, 0)
    if align != "none" and len(encoder) != 1:
        raise UserError(
            f"--align {align} needs one encoder, found {len(encoder)}; give --encoder RUN, a name "
            "of `tcn-robot zoo`, or untrained"
        )
    if align == "none" and encoder:
        raise UserError("--align none needs no encoder; leave --encoder out")
    shown = first_views(open_films(inputs, films), films)
    _check(shown, reference)
    cells = _cells(shown, encoder, align, reference, smoothing, size, seed)
    heading = WORDS[align].format(*encoder)
    leading = shown[reference].times_seconds
    frames = grid_film(cells, reference, heading, size, every)
    save_film(out, frames, len(leading[::every]), rate_of(leading, speed, every))


def _check(films: Sequence[ShownFilm], reference: int) -> None:
    if not 0 <= reference < len(films):
        raise UserError(f"--reference must be from 0 to {len(films) - 1}, found {reference}")
    if len(films) > MOST_CELLS:
        raise UserError(
            f"a grid has at most {MOST_CELLS} films, found {len(films)}; choose some with "
            "--episodes, --views or --most-episodes"
        )
    if len(films[reference]) < 2:
        raise UserError(
            f"{films[reference].title} has one frame only; give another with --reference"
        )


def _cells(
    films: Sequence[ShownFilm],
    encoder: tuple[str, ...],
    align: str,
    reference: int,
    smoothing: int,
    size_px: int,
    seed: int,
) -> list[Cell]:
    from tcn_robot.plots.alignment import align_to
    from tcn_robot.plots.grid import Cell
    from tcn_robot.plots.neighbours import smoothed
    from tcn_robot.plots.played import Shelf
    from tcn_robot.progress import progress

    if align == "none":
        rows = [np.zeros((len(one), 1)) for one in films]
    else:
        tracks = embed_films(films, encoder, seed)[0].tracks
        rows = [smoothed(track.embeddings, smoothing) for track in tracks]
    several_views = len({one.view for one in films if one.view}) > 1
    cells = []
    for index, one in enumerate(progress(films, len(films), "aligning", "films")):
        assert one.read is not None
        follows = align if index != reference else "none"
        shown = align_to(rows[reference], rows[index], follows)
        title = one.title if several_views else one.name
        shelf = Shelf(one.read(), size_px)
        cells.append(Cell(title, one.times_seconds, shown, shelf, one.has_times))
    return cells
