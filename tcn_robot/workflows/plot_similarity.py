"""`tcn-robot plot similarity`: how near all frames of two films are to each other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tcn_robot.errors import UserError
from tcn_robot.workflows.plot_encoders import embed_films
from tcn_robot.workflows.plot_films import FilmChoice, ShownFilm, expect_number, open_films
from tcn_robot.workflows.plot_out import FIGURE_SUFFIXES, check_out, save_figure
from tcn_robot.workflows.plot_plane import Inputs

ONE_EPISODE = FilmChoice(most_episodes=1)


def similarity(
    inputs: Inputs = (),
    /,
    *,
    out: Path,
    encoder: tuple[str, ...] = (),
    smoothing: int = 0,
    films: FilmChoice = ONE_EPISODE,
    seed: int = 0,
    dark: bool = False,
) -> None:
    """Draw the distances between all frames of two films: two views, episodes, bodies or files.

    A dark diagonal means that the same moment looks the same. Dots mark the nearest frame of each
    frame, the line dynamic time warping, which never goes back. The title has the alignment error
    where both films show the same moments, else Kendall's tau_b.

    Args:
        inputs: Datasets, films, folders of pictures, or embeddings. The first two films are
            compared: two views of the first episode; with --episodes 0 1 two episodes.
        out: Picture to write, .png.
        encoder: Runs, names of `tcn-robot zoo`, or untrained; several are drawn side by side.
        smoothing: Half the window of a running mean over embeddings, in frames; 0 for none.
        films: Which films.
        seed: Of an untrained encoder.
        dark: Draw on dark paper.
    """
    from tcn_robot.look import Look
    from tcn_robot.plots.neighbours import smoothed
    from tcn_robot.plots.similarity import compare, similarity_figure

    check_out(out, FIGURE_SUFFIXES, inputs)
    expect_number("--smoothing", smoothing, 0)
    first, second = _two_films(open_films(inputs, films), films)
    times = (first.times_seconds, second.times_seconds)
    both_timed = first.has_times and second.has_times
    same_moments = times if first.episode == second.episode else None
    compared = []
    for one in embed_films([first, second], encoder, seed):
        rows = [smoothed(track.embeddings, smoothing) for track in one.tracks]
        compared.append(compare(one.name, rows[0], rows[1], same_moments))
    names = (first.title, second.title)
    shown, unit = times, "s"
    if not both_timed:
        shown, unit = (np.arange(len(first)) * 1.0, np.arange(len(second)) * 1.0), "frame"
    save_figure(
        lambda look: similarity_figure(compared, names, shown, look, (unit, unit)),
        out,
        Look(dark=dark),
    )


def _two_films(films: Sequence[ShownFilm], choice: FilmChoice) -> tuple[ShownFilm, ShownFilm]:
    """Return the two films to compare: of one episode its first views, of several one view each.

    Raises:
        UserError: There is only one film, or one of the two has one frame.
    """
    by_episode: dict[str, list[ShownFilm]] = {}
    for one in films:
        by_episode.setdefault(one.episode, []).append(one)
    groups = list(by_episode.values())
    if len(groups) == 1:
        pair = groups[0][:2]
    elif len(choice.views) == 2:  # the first episode from one camera, the second from another
        pair = [groups[0][0], groups[1][min(1, len(groups[1]) - 1)]]
    else:
        pair = [groups[0][0], groups[1][0]]
    if len(pair) < 2:
        raise UserError(
            f"expected two films to compare, found {pair[0].title}; give another input, "
            "--episodes 0 1, or two --views"
        )
    for one in pair:
        if len(one) < 2:
            raise UserError(f"{one.title} has one frame only; give a film with more")
    return pair[0], pair[1]
