"""`tcn-robot plot neighbours`: nearest-neighbour imitation films."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from tcn_robot.errors import UserError
from tcn_robot.workflows.plot_encoders import Embedded, embed_films
from tcn_robot.workflows.plot_film import as_played, check_playing
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
    from tcn_robot.plots.neighbour_film import Found

ONE_EPISODE = FilmChoice(most_episodes=1)


def neighbours(
    inputs: Inputs = (),
    /,
    *,
    out: Path,
    encoder: tuple[str, ...] = (),
    mode: Literal["views", "one", "many"] = "views",
    targets: tuple[Path, ...] = (),
    target_views: tuple[str, ...] = (),
    target_episodes: tuple[int, ...] = (),
    most_targets: int = 10,
    smoothing: int = 5,
    films: FilmChoice = ONE_EPISODE,
    size: int = 256,
    speed: float = 0.5,
    every: int = 1,
    seed: int = 0,
) -> None:
    """Film an episode beside the frames that an encoder finds nearest in other films.

    As `generate_videos` of official TCN: every frame of the query is imitated by its nearest
    neighbour. Frame, time and distance stand below; where the true moment is known, the bar is
    green within 5 % of it and orange elsewhere. Several queries play after each other, several
    encoders (untrained, say) stand side by side.

    Args:
        inputs: Datasets, films or folders of pictures with the queries.
        out: Film to write, .mp4 or .gif.
        encoder: Runs, names of `tcn-robot zoo`, or untrained.
        mode: views (the query's episode seen by another camera), one (another episode), many (the
            nearest frame of all targets).
        targets: Where to look for neighbours, such as films of another body; the inputs without.
        target_views: Views of the targets; without, another than the query's for views, else all.
        target_episodes: Ids of the targets' episodes.
        most_targets: At most so many episodes of each dataset of targets.
        smoothing: Half the window of a running mean over embeddings, in frames; 0 for none.
        films: Which films are queries; of each episode the first view, unless --views says more.
        size: Side of a panel in pixels.
        speed: How fast it plays, 1 as it was filmed.
        every: Only every so-many-th frame, for small files.
        seed: Of an untrained encoder.
    """
    from tcn_robot.plots.played import rate_of

    check_out(out, FILM_SUFFIXES, [*inputs, *targets])
    check_playing(size, speed, every)
    expect_number("--smoothing", smoothing, 0)
    queries = first_views(open_films(inputs, films, targets), films)
    chosen = FilmChoice(target_views, target_episodes, "all", most_targets, films.body)
    if mode == "views":
        chosen = replace(chosen, episodes=films.episodes, most_episodes=films.most_episodes)
        chosen = replace(chosen, split=films.split)
    library = open_films(targets or inputs, chosen, inputs)
    pairs = [(query, _targets_of(query, library, mode)) for query in queries]
    needed = [*queries, *(one for _, wanted in pairs for one in wanted)]
    everything = list({(one.episode, one.view): one for one in needed}.values())
    embedded = embed_films(everything, encoder, seed)
    frames = (
        frame
        for query, wanted in pairs
        for frame in _film(query, wanted, everything, embedded, smoothing, size, every)
    )
    total = sum(-(-len(query) // every) for query in queries)
    save_film(out, frames, total, rate_of(queries[0].times_seconds, speed, every))


def _targets_of(query: ShownFilm, library: Sequence[ShownFilm], mode: str) -> list[ShownFilm]:
    """Return the films in which a query's neighbours are looked for.

    Raises:
        UserError: There is none.
    """
    if mode == "views":
        others = [one for one in library if one.episode == query.episode and one.view != query.view]
        if not others:
            raise UserError(
                f"{query.title} is seen by no other camera that is asked for; record several "
                "views, name another with --target-views, or use --mode many"
            )
        return others[:1]
    others = [one for one in library if one.episode != query.episode and one.read is not None]
    if not others:
        raise UserError(
            f"there is no film beside {query.title} to imitate it with; name some with --targets, "
            "--target-episodes or --most-targets"
        )
    return others[:1] if mode == "one" else others


def _film(
    query: ShownFilm,
    wanted: Sequence[ShownFilm],
    everything: Sequence[ShownFilm],
    embedded: Sequence[Embedded],
    smoothing: int,
    size_px: int,
    every: int,
) -> Iterator[np.ndarray]:
    from tcn_robot.plots.neighbour_film import Target, neighbour_film
    from tcn_robot.plots.played import Shelf

    found = [_found(query, wanted, everything, one, smoothing) for one in embedded]
    targets = [
        Target(one.title, one.times_seconds, one.episode == query.episode, one.has_times)
        for one in wanted
    ]
    used = sorted({int(index) for one in found for index in np.unique(one.target)})
    shelves = {}
    for index in used:
        read = wanted[index].read
        assert read is not None
        shelves[index] = Shelf(read(), size_px)
    heading = f"query (smoothed ±{smoothing})" if smoothing else "query"
    film = as_played(query)
    yield from neighbour_film(film, found, targets, shelves, size_px, every, heading)


def _found(
    query: ShownFilm,
    wanted: Sequence[ShownFilm],
    everything: Sequence[ShownFilm],
    embedded: Embedded,
    smoothing: int,
) -> Found:
    from tcn_robot.plots.neighbour_film import located
    from tcn_robot.plots.neighbours import find_neighbours, smoothed

    place = {(one.episode, one.view): index for index, one in enumerate(everything)}

    def smooth(one: ShownFilm) -> np.ndarray:
        track = embedded.tracks[place[one.episode, one.view]]
        return smoothed(track.embeddings, smoothing)

    library = [smooth(one) for one in wanted]
    nearest = find_neighbours(smooth(query), np.concatenate(library))
    return located(embedded.name, nearest, [len(rows) for rows in library])
