"""UCF101's layout: a folder per class, and lists that say which films train and which test.

`classInd.txt` numbers the classes, `trainlist01.txt` and `testlist01.txt` name films, one a line.
A film may also be a folder of its frames.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from tcn_robot.errors import UserError
from tcn_robot.recordings import format as dataset_format
from tcn_robot.recordings.capture.files import PICTURE_SUFFIXES
from tcn_robot.recordings.formats.exporting import chosen_views, note_usual_losses
from tcn_robot.recordings.formats.films import is_film, read_film
from tcn_robot.recordings.formats.foreign import (
    Contents,
    ForeignDataset,
    ForeignEpisode,
    ReadOptions,
    WriteOptions,
    film_view,
)
from tcn_robot.recordings.formats.frames import lost_notes, picture_view
from tcn_robot.recordings.formats.losses import Losses
from tcn_robot.recordings.formats.places import Place, split_of, task_of
from tcn_robot.recordings.formats.steady import write_steady_film
from tcn_robot.recordings.reader import Episode, Recording

LIST_FOLDER = "ucfTrainTestlist"
VIDEO_FOLDER = "videos"
CLASSES_FILE = "classInd.txt"
VIEW = "view0"
_SAME_TIME_SECONDS = 2e-6  # films carry times to a microsecond
# What the lists of a split are called, and which split of ours that is.
_LISTS = {"trainlist": "train", "validlist": "valid", "vallist": "valid", "testlist": "test"}
_WRITTEN = {"train": "trainlist", "valid": "validlist", "test": "testlist"}


class Ucf101:
    """Reads and writes such folders."""

    LOSSES: Mapping[str, str] = {
        "pictures": "films in AVI are H.264: encoded anew ({})",
        "times": "frames come at one rate there: measured times were up to {} s off it",
        "clock": "each film begins at 0 there ({})",
        "task": "classes are words without spaces there ({})",
        "views": "each view is a film of its own, in the group of its episode ({})",
        "splits": "validlist01.txt is no list of UCF101's: its readers pass it over ({})",
        "robot": "what the robot did and felt ({}) has no place",
        "the rest": "success, cameras and what else is known ({}) have no place",
    }

    def describe_losses(self) -> Mapping[str, str]:
        """Return what these folders hold and lose."""
        return {
            "pictures": "frame-exact: H.264 is copied; other films are encoded anew on export",
            "times": "one rate for all frames of a film, from 0 on; the clock is lost",
            "views": "one; views become films of their own in the same group",
            "splits": "train and test by list (`--list-number`); valid as a list of our own",
            "task": "the class, as `label`; spaces and signs are lost",
            "robot": "lost",
            "the rest": "lost",
        }

    def read(self, path: Path, options: ReadOptions) -> ForeignDataset:
        """List the films, or folders of frames, of each class."""
        place = Place(path, options.follow_links)
        films, lists = _find(place)
        if not films:
            raise UserError(f"{path} has no film or folder of frames in a folder of its class")
        listed, notes = _read_lists(place, lists, options.list_number)
        episodes = []
        found: set[str] = set()
        unlisted = 0
        for name, files in films.items():
            key = _key(name)
            if listed and key not in listed:
                unlisted += 1
                continue
            found.add(key)  # films of one name may lie in several folders
            split = listed.get(key) or split_of(name, path)
            episodes.append(_episode(name, files, split, options.rate_hz))
        if unlisted:
            notes.append(f"{unlisted} films are on no list {options.list_number:02d}: left out")
        if missing := [key for key in listed if key not in found]:
            notes.append(f"{len(missing)} listed films are missing, such as {missing[0]!r}")
        if not episodes:
            raise UserError(f"{path} has no film that list {options.list_number:02d} names")
        return ForeignDataset(episodes, task_of(path), notes)

    def write(
        self, recording: Recording, path: Path, options: WriteOptions, losses: Losses
    ) -> Iterator[int]:
        """Write `videos/<class>/v_<class>_g<id>_c<view>.avi` and the lists."""
        if options.resample:
            raise UserError("ucf101 has no instants to share between views: leave out --resample")
        classes = _classes(recording)
        numbers = {name: number for number, name in enumerate(classes.values(), 1)}
        lines: dict[str, list[str]] = {split: [] for split in dataset_format.SPLITS}
        for episode in recording:
            said = _said_of(episode, recording.task)
            label = classes[said]
            if label != said:
                losses.add("task", episode.id, f"{said!r} is {label}")
            views = chosen_views(episode, options.views)
            for clip, view in enumerate(views, 1):
                name = f"{label}/v_{label}_g{episode.id + 1:02d}_c{clip:02d}.avi"
                target = path / VIDEO_FOLDER / name
                target.parent.mkdir(parents=True, exist_ok=True)
                written = write_steady_film(episode, view, target, options)
                if written.anew is not None:
                    losses.add("pictures", episode.id, written.anew)
                if written.error_seconds > _SAME_TIME_SECONDS:
                    losses.add("times", episode.id, f"{written.error_seconds:.3g}")
                lines[episode.split].append(f"{name} {numbers[label]}")
            _note_losses(episode, views, losses)
            yield episode.id
        _write_lists(path / LIST_FOLDER, numbers, lines)


def _key(name: str) -> str:
    """Return a film's class and name without its ending, as lists and folders share it."""
    parts = PurePosixPath(name).parts[-2:]
    return "/".join((*parts[:-1], re.sub(r"\.(avi|mp4|mov|mkv|webm)$", "", parts[-1], flags=re.I)))


def _find(place: Place) -> tuple[dict[str, list[Path]], list[Path]]:
    """Return the files of each film by name within the folder, and all text files."""
    films: dict[str, list[Path]] = {}
    texts: list[Path] = []
    for folder, files in place.walk():
        texts += [file for file in files if file.suffix.lower() == ".txt"]
        pictures = [file for file in files if file.suffix.lower() in PICTURE_SUFFIXES]
        if pictures and folder != place.root:
            films[place.name_of(folder)] = pictures
        for file in files:
            if is_film(file) and folder != place.root:
                films[place.name_of(file)] = [file]
    return films, texts


def _read_lists(place: Place, texts: list[Path], number: int) -> tuple[dict[str, str], list[str]]:
    """Return the split of each listed film by its key, and what is worth saying.

    Raises:
        UserError: If a list names a film outside of the folder, or a film twice in two splits.
    """
    split_by_key: dict[str, str] = {}
    found = []
    for text in texts:
        match = re.fullmatch(r"(\w+?list)(\d+)", text.stem, re.I)
        split = _LISTS.get(match[1].lower()) if match else None
        if match is None or split is None:
            continue
        found.append(int(match[2]))
        if int(match[2]) != number:
            continue
        for line in _lines(text):
            name = re.sub(r"\s+\d+$", "", line)
            place.file(name)
            key = _key(name.replace("\\", "/"))
            if split_by_key.setdefault(key, split) != split:
                raise UserError(
                    f"{text} puts {name!r} into {split}, another list into {split_by_key[key]}; "
                    "mend the lists"
                )
    if found and number not in found:
        raise UserError(
            f"{place.root} has no list {number:02d}; --list-number can be "
            f"{', '.join(map(str, sorted(set(found))))}"
        )
    return split_by_key, [] if found else ["no list of splits was found"]


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is no readable list ({error})") from error
    return [line.strip() for line in text.splitlines() if line.strip()]


def _episode(
    name: str, files: list[Path], split: str | None, rate_hz: float | None
) -> ForeignEpisode:
    label = PurePosixPath(name).parent.name

    def load() -> Contents:
        notes: list[str] = []
        if is_film(files[0]):
            view = film_view(read_film(files[0]))
        else:
            view = picture_view(files[0].parent, files, rate_hz)
            notes = lost_notes(VIEW, files)
        return Contents({VIEW: view}, metadata={"label": label}, notes=notes)

    return ForeignEpisode(name, files, load, split)


def _said_of(episode: Episode, task: str) -> str:
    """Return what an episode shows: its label, or else its task."""
    return str(episode.metadata.get("label") or episode.metadata.get("task") or task)


def _classes(recording: Recording) -> dict[str, str]:
    """Return by label the class, as a name of a folder; different labels stay different."""
    labels = dict.fromkeys(_said_of(episode, recording.task) for episode in recording)
    taken = {label for label in labels if _class_of(label) == label}
    classes = {}
    for label in labels:
        base = name = _class_of(label)
        number = 2
        while name in taken and name != label:
            name, number = f"{base}{number}", number + 1
        taken.add(name)
        classes[label] = name
    return classes


def _class_of(label: str) -> str:
    words = re.findall(r"\w+", label.rpartition("/")[2])
    return "".join(word[0].upper() + word[1:] for word in words).replace("_", "") or "Action"


def _note_losses(episode: Episode, views: tuple[str, ...], losses: Losses) -> None:
    clock = (episode.metadata.get("clock") or {}).get("name")
    for view in views:
        start_seconds = float(episode.timestamps(view)[0])
        if clock != "film" or start_seconds:
            began = f"{view} began at {start_seconds!r} s on the clock {clock!r}"
            losses.add("clock", episode.id, began)
    if len(views) > 1:
        named = ", ".join(f"{view} is c{clip:02d}" for clip, view in enumerate(views, 1))
        losses.add("views", episode.id, named)
    if episode.split == "valid":
        losses.add("splits", episode.id, f"episode {episode.id}")
    note_usual_losses(episode, losses, kept=("label",))


def _write_lists(folder: Path, numbers: Mapping[str, int], lines: Mapping[str, list[str]]) -> None:
    folder.mkdir()
    text = "".join(f"{number} {name}\n" for name, number in numbers.items())
    (folder / CLASSES_FILE).write_text(text, encoding="utf-8")
    for split, listed in lines.items():
        if split == "valid" and not listed:
            continue
        if split == "test":  # as in UCF101, whose lists to test on do not tell the class
            listed = [line.rpartition(" ")[0] for line in listed]
        file = folder / f"{_WRITTEN[split]}01.txt"
        file.write_text("".join(f"{line}\n" for line in listed), encoding="utf-8")
