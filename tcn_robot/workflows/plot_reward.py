"""`tcn-robot plot reward`: a learned reward along successes, failures and play."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tcn_robot.errors import UserError
from tcn_robot.workflows.given_reward import given_reward
from tcn_robot.workflows.plot_film import as_played, check_playing
from tcn_robot.workflows.plot_films import FilmChoice, ShownFilm, open_films
from tcn_robot.workflows.plot_out import (
    FIGURE_SUFFIXES,
    FILM_SUFFIXES,
    check_out,
    save_figure,
    save_film,
)
from tcn_robot.workflows.plot_plane import Inputs

if TYPE_CHECKING:
    from tcn_robot.plots.reward import Trace
    from tcn_robot.rewards import Reward

MANY_EPISODES = FilmChoice(most_episodes=40)
# What is chosen first where there are more kinds than can be shown, and the order of the curves.
CHOICE_ORDER = ("success", "play", "failure", "other")
SHOWN_ORDER = ("success", "failure", "play", "other")
THUMBNAIL_PX = 128


def reward(
    inputs: Inputs = (),
    /,
    *,
    out: Path,
    encoder: str = "",
    demos: Path | None = None,
    reward: str = "progress",
    fitted: Path | None = None,
    reward_views: tuple[str, ...] = (),
    films: FilmChoice = MANY_EPISODES,
    size: int = 192,
    speed: float = 1.0,
    every: int = 1,
    dark: bool = False,
) -> None:
    """Draw a learned reward along episodes: a success, each kind of failure, play.

    It is fitted here (--encoder, --demos) or by `tcn-robot imitate` (--fitted). Without --episodes
    the first episode of each kind is shown. A .png has the curves above the moments of each
    episode; a .mp4 or .gif the episodes in step above a mark on the curve of each.

    Args:
        inputs: Datasets with episodes to score; better none that the reward was fitted to.
        out: Picture or film to write: .png, .mp4 or .gif.
        encoder: A run or a name of `tcn-robot zoo`.
        demos: Dataset with the demonstrations that the reward is fitted to.
        reward: progress, trajectory, goal, classifier, shaping, mixture, or a plug-in.
        fitted: A run of `tcn-robot imitate`, or the folder of its reward.
        reward_views: Views that the reward looks through; without, the first of the demos.
        films: Which episodes; their views are those of the reward.
        size: Side of a panel of a film in pixels.
        speed: How fast a film plays, 1 as it was filmed.
        every: Only every so-many-th frame of a film.
        dark: Draw a picture on dark paper.
    """
    from tcn_robot.plots.reward import check_count, check_traces

    check_out(out, (*FIGURE_SUFFIXES, *FILM_SUFFIXES), inputs)
    check_playing(size, speed, every)
    if films.views:
        raise UserError("--views is not for rewards: say --reward-views, what the reward sees")
    encoders = [Path(encoder)] if encoder else []
    by_body = given_reward(fitted, encoders, demos, reward, reward_views)
    episodes = _by_episode(open_films(inputs, films))
    if not films.episodes:
        episodes = _one_of_each_kind(episodes)
    check_count(len(episodes))
    views = by_body(next(iter(episodes[0].values())).body).views
    episodes = [_seen_through(views, episode) for episode in episodes]
    leading = [next(iter(episode.values())) for episode in episodes]
    traces = [_trace(by_body(one.body), e) for one, e in zip(leading, episodes, strict=True)]
    check_traces(traces)
    name = reward if fitted is None else "learned"
    if out.suffix.lower() in FIGURE_SUFFIXES:
        _save_picture(out, traces, name, dark)
    else:
        _save_film(out, leading, traces, name, size, speed, every)


def _by_episode(films: Sequence[ShownFilm]) -> list[dict[str, ShownFilm]]:
    """Return the films of each episode by view.

    Raises:
        UserError: One has no pictures.
    """
    by_episode: dict[str, dict[str, ShownFilm]] = {}
    for one in films:
        if one.read is None:
            raise UserError(f"{one.source} holds embeddings, not pictures; give films to score")
        by_episode.setdefault(one.episode, {})[one.view] = one
    return list(by_episode.values())


def _seen_through(views: tuple[str, ...], episode: dict[str, ShownFilm]) -> dict[str, ShownFilm]:
    """Return the films of an episode that a reward looks through.

    Raises:
        UserError: There is none.
    """
    wanted = {view: episode[view] for view in views if view in episode}
    if not wanted and set(episode) == {""} and len(views) == 1:
        return {views[0]: episode[""]}  # a plain film is taken for the one view
    if not wanted:
        first = next(iter(episode.values()))
        raise UserError(
            f"the reward looks through {', '.join(views)}, {first.name} of {first.source} has "
            f"{', '.join(episode)}; choose another --reward-views"
        )
    return wanted


def kind_of(film: ShownFilm) -> str:
    """Return what happens in an episode: "success", "failure", "play" or "other"."""
    if film.facts.get("policy") in ("play", "random"):
        return "play"
    outcome = str(film.facts.get("outcome", "unknown"))
    return outcome if outcome in ("success", "failure") else "other"


def _title(film: ShownFilm) -> str:
    failure = str(film.facts.get("kind", {}).get("failure", ""))
    words = {"other": "film"}.get(kind_of(film), kind_of(film))
    if failure and kind_of(film) == "failure":
        words = f"failure: {failure}"
    return f"{words} ({film.name})"


def _one_of_each_kind(episodes: Sequence[dict[str, ShownFilm]]) -> list[dict[str, ShownFilm]]:
    """Return the first episode of each kind, as many as can be told apart; what is not is said."""
    from tcn_robot.plots.reward import MOST_TRACES

    chosen: dict[tuple[str, str], dict[str, ShownFilm]] = {}
    for episode in episodes:
        film = next(iter(episode.values()))
        detail = str(film.facts.get("kind", {}).get("failure", ""))
        if kind_of(film) == "other":
            detail = film.episode
        chosen.setdefault((kind_of(film), detail), episode)
    ranked = sorted(chosen, key=lambda key: CHOICE_ORDER.index(key[0]))
    for key in ranked[MOST_TRACES:]:
        print(f"not shown: {_title(next(iter(chosen[key].values())))} (--episodes chooses)")
    shown = sorted(ranked[:MOST_TRACES], key=lambda key: SHOWN_ORDER.index(key[0]))
    return [chosen[key] for key in shown]


def _trace(reward: Reward, episode: dict[str, ShownFilm]) -> Trace:
    from tcn_robot.plots.painting import fitted
    from tcn_robot.plots.reward import THUMBNAILS, Trace

    film = next(iter(episode.values()))
    wanted = set(np.linspace(0, len(film) - 1, THUMBNAILS).round().astype(int).tolist())
    assert film.read is not None
    moments = [frame for index, frame in enumerate(film.read()) if index in wanted]
    while len(moments) < THUMBNAILS:  # a short film: its last moment stays
        moments.append(moments[-1])
    small = np.stack([fitted(frame, THUMBNAIL_PX, THUMBNAIL_PX) for frame in moments])
    scores = _scores(reward, episode)
    times = film.times_seconds[: len(scores)]
    return Trace(_title(film), kind_of(film), times, scores, small, film.has_times)


def _scores(reward: Reward, episode: dict[str, ShownFilm]) -> np.ndarray:
    """Return the reward of each frame; a large film is not held in memory."""
    from tcn_robot.rewards.relabelling import score_film

    length = min(len(film) for film in episode.values())
    films = {v: islice(film.read(), length) for v, film in episode.items() if film.read}
    return score_film(reward, films, length)  # (T,)


def _save_picture(out: Path, traces: list[Trace], name: str, dark: bool) -> None:
    from tcn_robot.look import Look
    from tcn_robot.plots.reward import reward_figure

    save_figure(lambda look: reward_figure(traces, name, look), out, Look(dark=dark))


def _save_film(
    out: Path,
    films: list[ShownFilm],
    traces: list[Trace],
    name: str,
    size_px: int,
    speed: float,
    every: int,
) -> None:
    from tcn_robot.plots import reward as drawn
    from tcn_robot.plots.played import rate_of

    width, height = drawn.ground_width_px(len(films), size_px), drawn.ground_height_px(size_px)
    ground = drawn.draw_curve_ground(traces, name, width, height)
    longest = max((film.times_seconds for film in films), key=lambda times: times[-1])
    playing = [as_played(film) for film in films]
    frames = drawn.reward_film(playing, traces, ground, size_px, every)
    save_film(out, frames, len(longest[::every]), rate_of(longest, speed, every))
