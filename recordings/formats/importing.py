"""Takes foreign episodes over into a dataset, one by one; each is whole or absent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tcn_robot.errors import UserError
from tcn_robot.recordings import format as dataset_format
from tcn_robot.recordings.capture.picture import Picture
from tcn_robot.recordings.editing.history import read_history
from tcn_robot.recordings.episode_writer import EpisodeWriter
from tcn_robot.recordings.formats.films import film_rate, take_over, why_not_taken_over
from tcn_robot.recordings.formats.foreign import Contents, ForeignEpisode, ForeignView
from tcn_robot.recordings.formats.places import content_mark
from tcn_robot.recordings.video import TICKS_PER_SECOND
from tcn_robot.recordings.writer import DatasetWriter

IMPORTED_FROM = "imported_from"
FILM_CLOCK = {"name": "film"}
MOST_SECONDS = 1e10  # three centuries: clocks count from 1970


SAME_NAME = (
    "the dataset had an episode of this name with other content: it has changed since, or comes "
    "from another source; both are kept"
)


@dataclass(frozen=True)
class ImportOptions:
    """How episodes are taken over.

    Attributes:
        format: Name of the format.
        size_px: (width, height) of all pictures; None keeps theirs.
        encode_all: Encode every film anew with the writer's codec, also those that could be kept.
        asked: Options that settle what an episode comes to, as the user gave them; a second run
            with others is refused.
        split: Split of all episodes; None takes what the format says, "train" where it does not.
    """

    format: str
    size_px: tuple[int, int] | None = None
    encode_all: bool = False
    asked: Mapping[str, Any] = field(default_factory=dict)
    split: str | None = None


@dataclass(frozen=True)
class Imported:
    """What became of a foreign episode.

    Attributes:
        name: What it is called in its format.
        id: Its id in the dataset; None if it was left out.
        frames: By view.
        anew: By view that was encoded anew, the reason.
        muted: Views whose film had sound, which has no place.
        notes: What is worth saying, one line each.
        refused: Why it was left out; None if it was taken over.
    """

    name: str
    id: int | None = None
    frames: Mapping[str, int] = field(default_factory=dict)
    anew: Mapping[str, str] = field(default_factory=dict)
    muted: Sequence[str] = ()
    notes: Sequence[str] = ()
    refused: str | None = None


def imported_marks(dataset: DatasetWriter) -> dict[str, dict[str, Any]]:
    """Return `imported_from` of each episode that came from elsewhere, deleted ones too."""
    marks = {}
    for edit in read_history(dataset.path):
        for mark in edit.get("imported_from", []):
            marks[_key(mark)] = mark
    for id in dataset.episode_ids():
        path = dataset.path / dataset_format.episode_folder_name(id) / dataset_format.EPISODE_FILE
        mark = dataset_format.read_json(path).get(IMPORTED_FROM)
        if isinstance(mark, dict):
            marks[_key(mark)] = mark
    return marks


def import_episodes(
    episodes: Sequence[ForeignEpisode], writer: DatasetWriter, options: ImportOptions
) -> Iterator[Imported | None]:
    """Take episodes over in order; yield what became of each, None for one that was there already.

    An episode that cannot be read is left out, and said so; the others are still taken over.

    Raises:
        UserError: If the dataset has this episode already, imported with other options.
    """
    marks = imported_marks(writer)
    grouped_otherwise = [mark for mark in marks.values() if _has_other_folders(mark, options)]
    names = {_name_key(mark) for mark in marks.values()}
    next_id = writer.next_id()  # listing the folder again for each of many would take longest
    for foreign in episodes:
        try:
            mark = {
                "format": options.format,
                "name": foreign.name,
                "sha256": content_mark(foreign.files),
                "options": dict(options.asked),
            }
        except UserError as error:
            yield Imported(foreign.name, refused=str(error))
            continue
        if (present := marks.get(_key(mark))) is not None:
            _refuse_other_options(present, mark, writer)
            yield None
            continue
        for other in grouped_otherwise:
            if _lies_in(str(other.get("name")), foreign.name):
                _refuse_other_options(other, mark, writer)
        result = _try_import(foreign, writer, options, mark, next_id)
        if result.id is not None:
            if _name_key(mark) in names:
                result = replace(result, notes=(*result.notes, SAME_NAME))
            marks[_key(mark)] = mark
            names.add(_name_key(mark))
            next_id += 1
        yield result


def _name_key(mark: Mapping[str, Any]) -> tuple[str, str]:
    return str(mark.get("format")), str(mark.get("name"))


def _key(mark: Mapping[str, Any]) -> str:
    return " ".join(str(mark.get(name)) for name in ("format", "sha256", "name"))


def _refuse_other_options(
    present: Mapping[str, Any], mark: Mapping[str, Any], writer: DatasetWriter
) -> None:
    before, now = present.get("options", {}), mark["options"]
    for name in sorted({*before, *now}):
        if before.get(name) != now.get(name):
            raise UserError(
                f"{writer.path} has {mark['name']!r} already, imported with --{name} "
                f"{before.get(name)}, now {now.get(name)}; give a new folder"
            )


def _has_other_folders(mark: Mapping[str, Any], options: ImportOptions) -> bool:
    """Whether an episode's pictures may be there already: as a view of one, or as episodes."""
    before = mark.get("options", {}).get("folders")
    return mark.get("format") == options.format and before != options.asked.get("folders")


def _lies_in(first: str, second: str) -> bool:
    """Whether one of two names of episodes is the other's folder, or begins with it."""
    shorter, longer = sorted((first, second), key=len)
    return shorter == "." or longer.startswith(shorter)


def _try_import(
    foreign: ForeignEpisode,
    writer: DatasetWriter,
    options: ImportOptions,
    mark: dict[str, Any],
    id: int,
) -> Imported:
    try:
        contents = foreign.load()
        rate_hz = contents.rate_hz or _rate(contents)
        with writer.episode(rate_hz, id) as target:
            anew = _write(contents, target, options)
            described = {
                "task": writer.task,
                "policy": "demonstrator",
                "split": options.split or foreign.split or "train",
                "success": None,
                "clock": FILM_CLOCK,
            }
            target.metadata.update({**described, **contents.metadata, "task": writer.task})
            target.metadata[IMPORTED_FROM] = mark
    except UserError as error:
        return Imported(foreign.name, refused=str(error))
    frames = {view: len(one.times_seconds) for view, one in contents.views.items()}
    films = {view: one.film.film for view, one in contents.views.items() if one.film is not None}
    muted = [view for view, film in films.items() if film.has_sound]
    return Imported(foreign.name, id, frames, anew, muted, _notes(contents))


def _rate(contents: Contents) -> float:
    if not contents.views:
        raise UserError("it has no view")
    return film_rate(next(iter(contents.views.values())).times_seconds)


def _write(contents: Contents, target: EpisodeWriter, options: ImportOptions) -> dict[str, str]:
    """Write an episode; return the reason for each view that was encoded anew."""
    for name, view in contents.views.items():
        if not (np.abs(view.times_seconds) <= MOST_SECONDS).all():
            raise UserError(
                f"{name} has times beyond {MOST_SECONDS:.0e}; give times in seconds that a film "
                "can have"
            )
    earliest = min(float(view.times_seconds[0]) for view in contents.views.values())
    clock = contents.metadata.get("clock", FILM_CLOCK)
    is_film = clock.get("name") == "film" and earliest >= 0
    origin_seconds = 0.0 if is_film else earliest
    target.begin(origin_seconds, tuple(contents.views))
    anew = {}
    for name, view in contents.views.items():
        if len(contents.views) > 1 and contents.rate_hz is None:
            target.set_rate(name, film_rate(view.times_seconds))
        reason = _write_view(name, view, origin_seconds, target, options)
        if reason is None:
            target.keep_encoding()
        else:
            anew[name] = reason
    if contents.steps:
        for row in zip(*contents.steps.values(), strict=True):
            target.add_step(dict(zip(contents.steps, row, strict=True)))
    return anew


def _write_view(
    name: str,
    view: ForeignView,
    origin_seconds: float,
    target: EpisodeWriter,
    options: ImportOptions,
) -> str | None:
    """Write one view; return why it was encoded anew, or None if its film was taken over."""
    times = view.times_seconds
    if not dataset_format.VIEW_PATTERN.fullmatch(name):
        raise UserError(f"{name!r} cannot be the name of a view; use letters, digits, '_' and '-'")
    if view.film is None:
        reason = "they were pictures"
    elif options.encode_all:
        reason = "asked for"
    elif options.size_px is not None:
        reason = "another size was asked for"
    else:
        ticks = np.array([round((time - origin_seconds) * TICKS_PER_SECOND) for time in times])
        reason = why_not_taken_over(view.film) or ""
        if not reason and take_over(view.film, ticks, target.film_path(name)):
            target.copy_film(name, target.film_path(name), times)
            return None
        reason = reason or "it does not begin with a frame that a film can begin with"
    picture = Picture(size_px=options.size_px)
    for time_seconds, frame in zip(times, view.pictures(), strict=True):
        target.add_frames(float(time_seconds), {name: picture.apply(frame)})
    return reason


def _notes(contents: Contents) -> list[str]:
    lengths = {view: len(one.times_seconds) for view, one in contents.views.items()}
    notes = list(contents.notes)
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"{view} {length}" for view, length in lengths.items())
        notes.append(f"views differ in length, all frames are kept: {said}")
    for view, one in contents.views.items():
        if one.film is not None and one.film.film.why_not_own_times:
            notes.append(f"{view}: {one.film.film.why_not_own_times}; times are frame / rate")
    return notes
