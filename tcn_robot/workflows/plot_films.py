"""What `plot` shows: films of datasets, videos, folders of them or of pictures, embeddings."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np

from tcn_robot.errors import UserError, unknown_name
from tcn_robot.matching import nearest_frames
from tcn_robot.progress import progress
from tcn_robot.workflows.saved_embeddings import SUFFIXES, SavedEmbeddings, read_embeddings

if TYPE_CHECKING:
    from tcn_robot.recordings import Episode, Recording

PICTURE_RATE_HZ = 10.0
_One = TypeVar("_One")


@dataclass(frozen=True)
class FilmChoice:
    """Which films of the inputs are shown.

    Attributes:
        views: Views to show; all when not given.
        episodes: Ids of the episodes to show.
        split: Only episodes of this split.
        most_episodes: At most so many episodes of each dataset, where --episodes is not given, and
            films of each folder.
        body: Whose body plain films show, for an encoder with statistics per body.
    """

    views: tuple[str, ...] = ()
    episodes: tuple[int, ...] = ()
    split: Literal["train", "valid", "test", "all"] = "all"
    most_episodes: int = 6
    body: str = ""


@dataclass(frozen=True)
class ShownFilm:
    """One film, read when it is needed.

    Attributes:
        name: What it is called in a picture.
        source: The input that it comes from.
        episode: What tells one moment of the world from another: films of one episode show the
            same moments.
        view: The camera, "" where there is only one.
        body: Whose body acts, "" where nobody knows.
        times_seconds: float64 (T,), from the first frame of the episode in any view; made up where
            there are none.
        read: Yields uint8 (H, W, 3), RGB, frame by frame; None for saved embeddings.
        embeddings: (T, D) of saved embeddings, else None.
        labels: What is known of each frame, (T,) each.
        facts: What is known of the whole episode.
        has_times: Whether the times were measured; else they only say how fast it plays.
    """

    name: str
    source: str
    episode: str
    view: str
    body: str
    times_seconds: np.ndarray
    read: Callable[[], Iterator[np.ndarray]] | None = None
    embeddings: np.ndarray | None = None
    labels: dict[str, np.ndarray] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    has_times: bool = True

    def __len__(self) -> int:
        return len(self.times_seconds)

    @property
    def title(self) -> str:
        """Name and view in one."""
        return f"{self.name} · {self.view}" if self.view else self.name


def open_films(
    inputs: Sequence[Path], choice: FilmChoice, beside: Sequence[Path] = ()
) -> list[ShownFilm]:
    """Return the films of the inputs, in their order; episode by episode, view by view.

    Args:
        inputs: Datasets, video files, folders of pictures, folders of either, .npy, .npz and
            .parquet files.
        choice: Which of them.
        beside: Other inputs of the same picture, from whose films theirs are told by name.

    Raises:
        UserError: An input that is none of these or cannot be read, an unknown view or episode.
    """
    if not inputs:
        raise UserError(
            "expected something to show, found nothing; give datasets, films, folders of pictures "
            "or .npy files"
        )
    expect_number("--most-episodes", choice.most_episodes, 1)
    names = _names_of([*inputs, *beside])
    films = [film for path in inputs for film in _open(path, choice, names[path], len(names) == 1)]
    wanted, known = set(choice.views), {film.view for film in films}
    for view in choice.views:
        if view not in known:
            raise unknown_name("view", view, sorted(known - {""}))
    if wanted:
        films = [film for film in films if film.view in wanted or not film.view]
    return films


def first_views(films: Sequence[ShownFilm], choice: FilmChoice) -> list[ShownFilm]:
    """Return films with pictures; of each episode the first view where no views are asked for.

    Raises:
        UserError: One has no pictures.
    """
    for one in films:
        if one.read is None:
            raise UserError(f"{one.source} holds embeddings, not pictures; give films to show")
    if choice.views:
        return list(films)
    first: dict[str, ShownFilm] = {}
    for one in films:
        first.setdefault(one.episode, one)
    return list(first.values())


def expect_number(option: str, value: float, smallest: float) -> None:
    """Raise UserError unless an option is at least a number."""
    if not value >= smallest:
        raise UserError(f"{option} must be at least {smallest:g}, found {value}")


def _names_of(inputs: Sequence[Path]) -> dict[Path, str]:
    """Return what each input is called: its own name, its path where two have the same."""
    own = {path: path.absolute().name for path in dict.fromkeys(inputs)}
    taken = list(own.values())
    return {path: name if taken.count(name) == 1 else str(path) for path, name in own.items()}


def _open(path: Path, choice: FilmChoice, source: str, alone: bool) -> list[ShownFilm]:
    if not path.exists():
        raise UserError(
            f"{path} does not exist; give a dataset, a film, a folder of films or pictures, or a "
            ".npy file"
        )
    if path.is_dir():
        if (path / "dataset.json").exists():
            return _of_dataset(path, choice, source, "" if alone else f"{source} ")
        return _of_folder(path, choice, source)
    if path.suffix.lower() in SUFFIXES:
        return _of_embeddings(path, read_embeddings(path), source)
    return [_of_video(path, choice, source)]


def _of_dataset(path: Path, choice: FilmChoice, source: str, prefix: str) -> list[ShownFilm]:
    from tcn_robot.recordings import open_recording

    recording = open_recording(path)
    episodes = _chosen_episodes(recording, choice)
    films = []
    for episode in progress(episodes, len(episodes), f"opening {path}", "episodes"):
        shown = choice.views or episode.views
        if choice.views and not set(choice.views) & set(episode.views):
            raise unknown_name(
                f"view of episode {episode.id} of {path}", choice.views[0], episode.views
            )
        films += [
            _of_episode(episode, view, f"{prefix}episode {episode.id}", source, recording.task)
            for view in shown
            if view in episode.views
        ]
    return films


def _chosen_episodes(recording: Recording, choice: FilmChoice) -> list[Episode]:
    if choice.episodes:
        return [recording.by_id(one) for one in choice.episodes]
    split = None if choice.split == "all" else choice.split
    episodes = recording.select(split)
    if not episodes:
        found = ", ".join(sorted({episode.split for episode in recording}))
        raise UserError(f"{recording.path} has no episode of split {split!r} (found: {found})")
    return _at_most(choice.most_episodes, episodes, recording.path, "episodes")


def _at_most(most: int, found: list[_One], path: Path, words: str) -> list[_One]:
    """Return the first ones, and say so where there are more."""
    if len(found) > most:
        print(f"{path}: {most} of {len(found)} {words} (--most-episodes)")
    return found[:most]


def _of_episode(episode: Episode, view: str, name: str, source: str, task: str) -> ShownFilm:
    times = episode.timestamps(view)
    facts = {
        "outcome": {True: "success", False: "failure", None: "unknown"}[episode.success],
        "policy": str(episode.metadata.get("policy") or "unknown"),
        "body": episode.embodiment or "unknown",
        "class": str(episode.metadata.get("label") or task),
        "split": episode.split,
    }
    return ShownFilm(
        name=name,
        source=source,
        episode=os.path.realpath(episode.path),
        view=view,
        body=episode.embodiment,
        times_seconds=times - min(episode.timestamps(one)[0] for one in episode.views),
        read=partial(episode.iterate_frames, view),
        labels={
            **_step_labels(episode, times),
            **{key: np.full(len(times), value) for key, value in facts.items()},
        },
        facts={**facts, "kind": episode.metadata.get("demonstration") or {}},
    )


def _step_labels(episode: Episode, times_seconds: np.ndarray) -> dict[str, np.ndarray]:
    """Return what the simulator knew at each frame of a view, columns of one number or word."""
    steps = episode.steps or {}
    if "time_seconds" not in steps:
        return {}
    rows = nearest_frames(times_seconds, steps["time_seconds"])
    left_out = ("time_seconds", "phase_index")
    return {
        name: values[rows]
        for name, values in steps.items()
        if values.ndim == 1 and name not in left_out
    }


def _of_video(path: Path, choice: FilmChoice, source: str) -> ShownFilm:
    from tcn_robot.recordings.video import TICKS_PER_SECOND, describe_film, iterate_video

    describe_film(path)  # what is no film is told before anything is decoded
    ticks = np.array([time for time, _ in iterate_video(path, upright=True)], np.float64)
    if len(ticks) == 0:
        raise UserError(f"the film {path} has no frame; give another")

    def read() -> Iterator[np.ndarray]:
        return (frame for _, frame in iterate_video(path, upright=True))

    times = (ticks - ticks[0]) / TICKS_PER_SECOND
    return _plain(path.stem, source, path, choice.body, times, read)


def _of_folder(path: Path, choice: FilmChoice, source: str) -> list[ShownFilm]:
    """Return the film that a folder's pictures are, or else the films or folders of pictures in it.

    Raises:
        UserError: If it has none of these.
    """
    from tcn_robot.recordings.capture.files import PICTURE_SUFFIXES
    from tcn_robot.recordings.formats.films import FILM_SUFFIXES
    from tcn_robot.recordings.formats.places import natural

    inside = sorted(path.iterdir(), key=natural)
    if any(_is_of(one, PICTURE_SUFFIXES) for one in inside):
        return [_of_pictures(path, choice, source)]
    films = [one for one in inside if _is_of(one, FILM_SUFFIXES)]
    folders = [
        one
        for one in inside
        if one.is_dir() and any(_is_of(picture, PICTURE_SUFFIXES) for picture in one.iterdir())
    ]
    if not films and not folders:
        raise UserError(
            f"expected a dataset, pictures, films or folders of pictures in {path}, found none of "
            "these; give one"
        )
    of_one = _of_video if films else _of_pictures
    shown = _at_most(choice.most_episodes, films or folders, path, "films")
    return [of_one(one, choice, source) for one in shown]


def _is_of(path: Path, suffixes: tuple[str, ...]) -> bool:
    return path.suffix.lower() in suffixes and not path.name.startswith(".")


def _of_pictures(path: Path, choice: FilmChoice, source: str) -> ShownFilm:
    from tcn_robot.recordings.capture.files import list_pictures, read_picture

    pictures = list_pictures(path)
    times = np.arange(len(pictures)) / PICTURE_RATE_HZ
    read = partial(map, read_picture, pictures)
    return replace(_plain(path.name, source, path, choice.body, times, read), has_times=False)


def _plain(
    name: str,
    source: str,
    path: Path,
    body: str,
    times_seconds: np.ndarray,
    read: Callable[[], Iterator[np.ndarray]],
) -> ShownFilm:
    """Return a film of which nothing else is known; its class is its folder, as in UCF101."""
    label = path.absolute().parent.name
    labels = {"class": np.full(len(times_seconds), label)}
    return ShownFilm(
        name, source, os.path.realpath(path), "", body, times_seconds, read, labels=labels
    )


def _of_embeddings(path: Path, saved: SavedEmbeddings, source: str) -> list[ShownFilm]:
    """Return a film per episode and view where the file names these, else one."""
    columns = dict(saved.columns)
    episodes = columns.pop("episode_ids", None)
    views = columns.pop("views", None)
    times = columns.pop("timestamps", None)
    columns.pop("frame_indices", None)
    rows = len(saved.embeddings)
    ids = np.full(rows, "") if episodes is None else episodes.astype(str)
    names = np.full(rows, "") if views is None else views.astype(str)
    if times is None or times.dtype.kind not in "fiu":
        seconds, has_times = _counted(ids, names), False
    elif not np.isfinite(times).all():
        raise UserError(f"{path}: expected finite timestamps, found NaN or infinity; mend them")
    else:
        first = {one: times[ids == one].min() for one in set(ids.tolist())}
        seconds = times.astype(np.float64) - np.array([first[one] for one in ids.tolist()])
        has_times = True
    films = []
    for one, view in dict.fromkeys(zip(ids.tolist(), names.tolist(), strict=True)):
        chosen = np.flatnonzero((ids == one) & (names == view))
        films.append(
            ShownFilm(
                name=f"{path.stem} episode {one}" if one else path.stem,
                source=source,
                episode=f"{os.path.realpath(path)}:{one}",
                view=view,
                body="",
                times_seconds=seconds[chosen],
                embeddings=saved.embeddings[chosen],
                labels={name: values[chosen] for name, values in columns.items()},
                has_times=has_times,
            )
        )
    return films


def _counted(ids: np.ndarray, views: np.ndarray) -> np.ndarray:
    """Return for each row how many rows of its film came before, float64 (N,)."""
    before: dict[tuple[str, str], int] = {}
    counts = []
    for film in zip(ids.tolist(), views.tolist(), strict=True):
        counts.append(before.get(film, 0))
        before[film] = counts[-1] + 1
    return np.array(counts, np.float64)
