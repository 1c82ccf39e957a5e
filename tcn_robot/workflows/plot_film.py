"""`tcn-robot plot film`: a film beside its point that moves through the plane."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tcn_robot.errors import UserError
from tcn_robot.workflows.plot_encoders import check_colour, embed_films
from tcn_robot.workflows.plot_films import FilmChoice, ShownFilm, expect_number, open_films
from tcn_robot.workflows.plot_out import FILM_SUFFIXES, check_out, save_film
from tcn_robot.workflows.plot_plane import ALL_FILMS, Inputs, project_by

if TYPE_CHECKING:
    from tcn_robot.plots.played import PlayedFilm


def film(
    inputs: Inputs = (),
    /,
    *,
    out: Path,
    encoder: tuple[str, ...] = (),
    method: Literal["tsne", "pca"] = "tsne",
    colour: str = "time",
    films: FilmChoice = ALL_FILMS,
    perplexity: float = 30.0,
    most_points: int = 2500,
    size: int = 320,
    speed: float = 1.0,
    every: int = 1,
    seed: int = 0,
) -> None:
    """Film the first episode beside its points, which move through the plane of all films.

    Up to four views of the episode play in step, each with a point of its own; the points of all
    films that are given lie faintly behind them. Several encoders stand side by side.

    Args:
        inputs: Datasets, films, folders of pictures; the first episode or film is played.
        out: Film to write, .mp4 or .gif.
        encoder: Runs, names of `tcn-robot zoo`, or untrained.
        method: How the plane is made.
        colour: Of the points behind: time, input, film, view, or a label such as phase.
        films: Which films.
        perplexity: Number of neighbours that a point is compared with, for t-SNE.
        most_points: More frames than this are thinned; the moving point goes straight between.
        size: Height of a panel in pixels.
        speed: How fast it plays, 1 as it was filmed.
        every: Only every so-many-th frame, for small files.
        seed: Of t-SNE and of an untrained encoder.
    """
    from tcn_robot.plots.colours import choose_colouring
    from tcn_robot.plots.moving_point import draw_ground, point_film
    from tcn_robot.plots.plane import Plane
    from tcn_robot.plots.played import rate_of
    from tcn_robot.plots.projection import FEWEST_POINTS
    from tcn_robot.plots.tracks import stacked, thinned

    check_out(out, FILM_SUFFIXES, inputs)
    check_playing(size, speed, every)
    expect_number("--most-points", most_points, FEWEST_POINTS)
    project = project_by(method, seed, perplexity)
    shown = open_films(inputs, films)
    places = played_films(shown)
    check_colour(shown, colour)
    embedded = embed_films(shown, encoder, seed)
    grounds = []
    for one in embedded:
        tracks = thinned(one.tracks, most_points)
        plane = Plane(one.name, project(stacked(tracks)))
        colouring = choose_colouring(tracks, colour)
        played = [(place, shown[place].times_seconds) for place in places]
        grounds.append(draw_ground(plane, tracks, colouring, played, size))
    playing = [as_played(shown[place]) for place in places]
    longest = max((shown[place].times_seconds for place in places), key=lambda times: times[-1])
    total = len(longest[::every])
    save_film(out, point_film(playing, grounds, every), total, rate_of(longest, speed, every))


def played_films(films: list[ShownFilm]) -> list[int]:
    """Return the positions of the first episode's films, at most four.

    Raises:
        UserError: The first film has no pictures, or fewer than two frames.
    """
    from tcn_robot.plots.moving_point import MOST_PLAYED

    first = films[0]
    if first.read is None:
        raise UserError(f"{first.source} holds embeddings, not pictures; give a film to play first")
    places = [index for index, one in enumerate(films) if one.episode == first.episode]
    for index in places:
        if len(films[index]) < 2:
            raise UserError(f"{films[index].title} has one frame only; give a film with more")
    return places[:MOST_PLAYED]


def as_played(one: ShownFilm) -> PlayedFilm:
    """Return a film as it is played."""
    from tcn_robot.plots.played import PlayedFilm

    assert one.read is not None
    frames: Iterable = one.read()
    return PlayedFilm(one.title, one.times_seconds, frames, one.has_times)


def check_playing(size_px: int, speed: float, every: int) -> None:
    """Refuse sizes and speeds that no film has."""
    if not 64 <= size_px <= 1080:
        raise UserError(f"--size must be from 64 to 1080, found {size_px}")
    if not 0.01 <= speed <= 100:
        raise UserError(f"--speed must be from 0.01 to 100, found {speed}")
    expect_number("--every", every, 1)
