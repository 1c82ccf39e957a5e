"""The folders of the official TCN code: one film per view, `<name>_view<k>.mp4` or `.mov`.

The layout is that of `dataset/webcam.py` and `videos_to_tfrecords.py` in research/tcn of the
TensorFlow models, which the public multi-view pouring set has too: folders of splits, in them the
films, the views of a sequence told apart by their number alone.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from tcn_robot.errors import UserError
from tcn_robot.recordings.formats.exporting import chosen_views, film_of, note_usual_losses
from tcn_robot.recordings.formats.films import FILM_SUFFIXES, is_film, read_film
from tcn_robot.recordings.formats.foreign import (
    Contents,
    ForeignDataset,
    ForeignEpisode,
    ReadOptions,
    WriteOptions,
    film_view,
)
from tcn_robot.recordings.formats.losses import Losses
from tcn_robot.recordings.formats.places import Place, split_of, task_of
from tcn_robot.recordings.reader import Episode, Recording

_NAME = re.compile(r"(?P<name>.+)_view_*(?P<number>\d+)")
_SPLIT_FOLDERS = {"train": "train", "valid": "valid", "test": "test"}


class TcnFolders:
    """Reads and writes such folders."""

    LOSSES: Mapping[str, str] = {
        "times": "films carry them to a microsecond, counted from the film's zero, not {}",
        "views": "views have numbers, no names ({})",
        "robot": "what the robot did and felt ({}) has no place",
        "the rest": "task, success, cameras and what else is known ({}) have no place",
    }

    def describe_losses(self) -> Mapping[str, str]:
        """Return what these folders hold and lose."""
        return {
            "pictures": "frame-exact: films are copied as they are, both ways",
            "times": "to a microsecond from the film's zero; the clock is lost",
            "views": "any number, each of its own length; names become numbers",
            "splits": "one folder each",
            "task": "lost, but for the folder's name",
            "robot": "lost",
            "the rest": "lost",
        }

    def read(self, path: Path, options: ReadOptions) -> ForeignDataset:
        """List the sequences below a folder: films whose names differ in the view only."""
        place = Place(path, options.follow_links)
        sequences: dict[str, dict[int, Path]] = {}
        others = 0
        for _, files in place.walk():
            for file in filter(is_film, files):
                match = _NAME.fullmatch(file.stem)
                if match is None:
                    others += 1
                    continue
                name = place.name_of(file.with_name(match["name"]))
                views = sequences.setdefault(name, {})
                if int(match["number"]) in views:
                    raise UserError(
                        f"{path}: view {int(match['number'])} of {name!r} is there twice "
                        f"({views[int(match['number'])].name} and {file.name}); remove one"
                    )
                views[int(match["number"])] = file
        if not sequences:
            raise UserError(
                f"{path} has no film called NAME_view0{FILM_SUFFIXES[0]} or the like"
                + (f", found {others} other films" if others else "")
            )
        episodes = [
            _episode(name, views, split_of(name, path)) for name, views in sequences.items()
        ]
        notes = [f"{others} films without _view<k> in their name were left out"] if others else []
        return ForeignDataset(episodes, task_of(path), notes)

    def write(
        self, recording: Recording, path: Path, options: WriteOptions, losses: Losses
    ) -> Iterator[int]:
        """Copy each episode's films to `<split>/episode_<id>_view<k>.mp4`."""
        if options.resample or options.encode != "as-needed" or options.rate_hz is not None:
            raise UserError(
                "tcn takes films as they are: leave out --resample, --encode and --rate"
            )
        for episode in recording:
            folder = path / _SPLIT_FOLDERS[episode.split]
            folder.mkdir(exist_ok=True)
            views = chosen_views(episode, options.views)
            for number, view in _numbered(views).items():
                target = folder / f"{episode.path.name}_view{number}.mp4"
                shutil.copyfile(film_of(episode, view).path, target)
            _note_losses(episode, views, losses)
            yield episode.id


def _episode(name: str, views: Mapping[int, Path], split: str | None) -> ForeignEpisode:
    ordered = {f"view{number}": views[number] for number in sorted(views)}

    def load() -> Contents:
        return Contents({view: film_view(read_film(file)) for view, file in ordered.items()})

    return ForeignEpisode(name, tuple(ordered.values()), load, split)


def _numbered(views: tuple[str, ...]) -> dict[int, str]:
    """Return views by number: their own where all have one, else in order."""
    numbers = [re.fullmatch(r"view_*(\d+)", view) for view in views]
    own = [int(match[1]) for match in numbers if match]
    if len(set(own)) == len(views):
        return dict(zip(own, views, strict=True))
    return dict(enumerate(views))


def _note_losses(episode: Episode, views: tuple[str, ...], losses: Losses) -> None:
    clock = (episode.metadata.get("clock") or {}).get("name")
    if clock != "film" or episode.metadata.get("video_origin_seconds"):
        losses.add("times", episode.id, f"on the clock {clock!r}")
    named = [f"{view} is view{number}" for number, view in _numbered(views).items()]
    if any(said.split(" is ")[0] != said.split(" is ")[1] for said in named):
        losses.add("views", episode.id, ", ".join(named))
    note_usual_losses(episode, losses)
