"""`tcn-robot plot tsne` and `plot pca`: films as points in a plane."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from tcn_robot.errors import UserError
from tcn_robot.workflows.plot_encoders import check_colour, embed_films
from tcn_robot.workflows.plot_films import FilmChoice, expect_number, open_films
from tcn_robot.workflows.plot_out import FIGURE_SUFFIXES, check_out, save_figure

if TYPE_CHECKING:
    from tcn_robot.plots.projection import Projection

Project = Callable[..., "Projection"]
Inputs = Annotated[tuple[Path, ...], tyro.conf.Positional]
ALL_FILMS = FilmChoice()


def tsne(
    inputs: Inputs = (),
    /,
    *,
    out: Path,
    encoder: tuple[str, ...] = (),
    colour: str = "time",
    films: FilmChoice = ALL_FILMS,
    perplexity: float = 30.0,
    most_points: int = 2500,
    seed: int = 0,
    dark: bool = False,
) -> None:
    """Draw films as points in a plane by t-SNE: PCA to 85 % of the variance first, as TCE does.

    Where points lie side by side, frames look alike to the encoder. Distances between clusters,
    their sizes and the axes mean nothing: `pca` keeps distances.

    Args:
        inputs: Datasets, films, folders of pictures, or embeddings (.npy, .npz, .parquet).
        out: Picture to write, .png.
        encoder: Runs, names of `tcn-robot zoo`, or untrained; several are drawn side by side.
        colour: time, input, film, view, or a label: phase, outcome, class, body, …
        films: Which of them.
        perplexity: Number of neighbours that a point is compared with.
        most_points: More frames than this are thinned, evenly over each film.
        seed: Of t-SNE and of an untrained encoder.
        dark: Draw on dark paper.
    """
    project = project_by("tsne", seed, perplexity)
    _draw(inputs, out, encoder, colour, films, project, most_points, seed, dark)


def pca(
    inputs: Inputs = (),
    /,
    *,
    out: Path,
    encoder: tuple[str, ...] = (),
    colour: str = "time",
    films: FilmChoice = ALL_FILMS,
    most_points: int = 20_000,
    seed: int = 0,
    dark: bool = False,
) -> None:
    """Draw films as points in the plane of the two largest principal components.

    Args:
        inputs: Datasets, films, folders of pictures, or embeddings (.npy, .npz, .parquet).
        out: Picture to write, .png.
        encoder: Runs, names of `tcn-robot zoo`, or untrained; several are drawn side by side.
        colour: time, input, film, view, or a label: phase, outcome, class, body, …
        films: Which of them.
        most_points: More frames than this are thinned, evenly over each film.
        seed: Of an untrained encoder.
        dark: Draw on dark paper.
    """
    project = project_by("pca", seed)
    _draw(inputs, out, encoder, colour, films, project, most_points, seed, dark)


def project_by(method: str, seed: int, perplexity: float = 30.0) -> Project:
    """Return what puts embeddings (N, D) into a plane, by "tsne" or "pca"."""
    from tcn_robot.plots.projection import project_pca, project_tsne

    if not perplexity > 0:  # before anything is embedded
        raise UserError(f"--perplexity must be above 0, found {perplexity}; 30 is usual")
    if method == "pca":
        return project_pca
    return partial(project_tsne, seed=seed, perplexity=perplexity)


def _draw(
    inputs: tuple[Path, ...],
    out: Path,
    encoder: tuple[str, ...],
    colour: str,
    choice: FilmChoice,
    project: Project,
    most_points: int,
    seed: int,
    dark: bool,
) -> None:
    from tcn_robot.look import Look
    from tcn_robot.plots.colours import choose_colouring
    from tcn_robot.plots.plane import Plane, plane_figure
    from tcn_robot.plots.projection import FEWEST_POINTS
    from tcn_robot.plots.tracks import stacked, thinned

    check_out(out, FIGURE_SUFFIXES, inputs)
    expect_number("--most-points", most_points, FEWEST_POINTS)
    films = open_films(inputs, choice)
    check_colour(films, colour)
    embedded = [
        (one.name, thinned(one.tracks, most_points)) for one in embed_films(films, encoder, seed)
    ]
    shown = embedded[0][1]
    colouring = choose_colouring(shown, colour)
    planes = [Plane(name, project(stacked(tracks))) for name, tracks in embedded]
    for plane in planes:
        if plane.projection.collapsed:
            print(f"{plane.title or 'embeddings'}: {plane.projection.caption}", file=sys.stderr)
    save_figure(lambda look: plane_figure(planes, shown, colouring, look), out, Look(dark=dark))
