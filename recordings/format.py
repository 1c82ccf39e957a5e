"""Names, versions and small JSON files of dataset format 1; `recordings/README.md` has the fields.

The only place that knows how a dataset's folder and files are called.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

from tcn_robot.atomic import PARTIAL_PREFIX, write_text_atomically
from tcn_robot.errors import UserError

FORMAT_NAME = "tcn_robot.dataset"
FORMAT_VERSION = 1
DATASET_FILE = "dataset.json"
REQUEST_FILE = "request.json"
LOCK_FILE = ".lock"
ASSETS_FOLDER = "assets"
EPISODE_FILE = "episode.json"
FRAMES_FILE = "frames.parquet"
STEPS_FILE = "steps.parquet"
SET_ASIDE_PREFIX = ".set-aside-"
SPLITS = ("train", "valid", "test")
CODECS = ("h264", "h264-fast", "lossless")
# Films that an importer took over in the encoding that they had; nothing is encoded so.
ORIGINAL_CODEC = "original"
KNOWN_CODECS = (*CODECS, ORIGINAL_CODEC)
CLOCKS = ("simulation", "monotonic", "film")
# What an edit may say anew of an episode; everything else was measured.
LABELS = ("task", "split", "success", "policy", "embodiment")
VIEW_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")

_HASH_BLOCK_BYTES = 1 << 20
_EPISODE_PATTERN = re.compile(r"episode_(\d{6,})")
_ID_PATTERN = re.compile(r"0|[1-9]\d{0,11}")
_REVISION_PATTERN = re.compile(r"dataset\.(\d{6,})\.json")


def encoding_codec(codec: str) -> str:
    """Return how films are encoded that are made anew from an episode with this codec."""
    return "h264" if codec == ORIGINAL_CODEC else codec


def episode_folder_name(episode_id: int) -> str:
    """Return the folder name of an episode; names sort like ids up to 999,999."""
    return f"episode_{episode_id:06d}"


def video_name(view: str) -> str:
    """Return the file name of a view's film."""
    return f"{view}.mp4"


def description_name(revision: int) -> str:
    """Return the file name of a dataset's description: of the first one, or of a successor."""
    return f"dataset.{revision:06d}.json" if revision else DATASET_FILE


def list_revisions(dataset_path: Path) -> list[int]:
    """Return the numbers of a dataset's descriptions, ascending; 0 is `dataset.json`."""
    names = os.listdir(dataset_path)
    matches = (_REVISION_PATTERN.fullmatch(name) for name in names)
    first = [0] if DATASET_FILE in names else []
    return first + sorted(int(match.group(1)) for match in matches if match)


def list_deleted_ids(dataset_path: Path) -> set[int]:
    """Return the ids of episodes that were deleted; they are never used again."""
    revisions = list_revisions(dataset_path)
    if not revisions or not revisions[-1]:
        return set()
    newest = _read_description(dataset_path / description_name(revisions[-1]))
    return set(newest.get("deleted_ids", []))


def list_spent_ids(dataset_path: Path) -> set[int]:
    """Return the ids that no new episode can have: deleted ones, and those that have labels."""
    revisions = list_revisions(dataset_path)
    if not revisions or not revisions[-1]:
        return set()
    newest = _read_description(dataset_path / description_name(revisions[-1]))
    return {*newest.get("deleted_ids", []), *map(int, newest.get("labels", {}))}


def list_episode_ids(dataset_path: Path) -> list[int]:
    """Return the ids of the whole episodes on disk, ascending.

    Partial folders of a killed recorder are hidden and have other names; neither they nor deleted
    episodes are listed.
    """
    return sorted(set(list_episode_folders(dataset_path)) - list_deleted_ids(dataset_path))


def list_episode_folders(dataset_path: Path) -> list[int]:
    """Return the ids that folders on disk have, ascending, those of deleted episodes too."""
    with os.scandir(dataset_path) as entries:
        matches = [(_EPISODE_PATTERN.fullmatch(entry.name), entry) for entry in entries]
        return sorted(int(match[1]) for match, entry in matches if match and entry.is_dir())


def list_partial_names(dataset_path: Path) -> list[str]:
    """Return the names of what a killed recorder left behind, sorted."""
    return sorted(name for name in os.listdir(dataset_path) if name.startswith(PARTIAL_PREFIX))


def json_text(content: dict[str, Any]) -> str:
    """Return the text of a JSON file: the same content gives the same bytes, NaN is refused."""
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def read_json(path: Path) -> dict[str, Any]:
    """Return the content of a JSON object file.

    Raises:
        UserError: If the file is missing, is no JSON or holds something else than an object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing; `tcn-robot check` tells what is whole") from error
    except (ValueError, UnicodeDecodeError) as error:
        raise UserError(
            f"{path} is no readable JSON ({error}); restore it from a copy or remove its folder"
        ) from error
    if not isinstance(content, dict):
        raise UserError(f"{path} should hold a JSON object, found {type(content).__name__}")
    return content


def read_dataset_metadata(path: Path) -> dict[str, Any]:
    """Return what the newest description of a dataset says, and check that we can read it.

    Raises:
        UserError: If the folder is missing, is no dataset or is of a newer format version, or if a
            description between the first and the newest is missing or was changed.
    """
    if path.exists() and not path.is_dir():
        raise UserError(f"{path} is a file; give the folder of a dataset")
    if not path.is_dir():
        raise UserError(
            f"no dataset at {path}: the folder does not exist; record one with "
            f"`tcn-robot record TASK --out {path} --episodes N`"
        )
    if not (path / DATASET_FILE).is_file():
        raise UserError(
            f"{path} is no dataset: it has no {DATASET_FILE}; give the folder that "
            "`tcn-robot record --out` wrote"
        )
    metadata = _read_description(path / DATASET_FILE)
    previous = path / DATASET_FILE
    for expected, revision in enumerate(list_revisions(path)):
        file = path / description_name(revision)
        if revision == 0:
            continue
        metadata = _read_description(file)
        if revision != expected or metadata.get("previous_sha256") != file_hash(previous):
            raise UserError(
                f"{file} should follow {description_name(expected - 1)} and name its SHA-256; a "
                "description is missing or was changed: restore it from a copy"
            )
        previous = file
    return metadata


def _read_description(file: Path) -> dict[str, Any]:
    metadata = read_json(file)
    version = metadata.get("format_version")
    if metadata.get("format") != FORMAT_NAME or not isinstance(version, int):
        raise UserError(
            f"{file} should have format {FORMAT_NAME!r} and a whole number as "
            f"format_version, found {metadata.get('format')!r} and {version!r}"
        )
    if version > FORMAT_VERSION:
        raise UserError(
            f"{file.parent} has dataset format {version}, this tcn_robot reads up to "
            f"{FORMAT_VERSION}; install a newer tcn_robot"
        )
    _refuse_malformed_edit(file, metadata)
    return metadata


def _refuse_malformed_edit(file: Path, metadata: dict[str, Any]) -> None:
    """Raise a UserError if what edits have written cannot be what an edit writes."""
    deleted, labels = metadata.get("deleted_ids", []), metadata.get("labels", {})
    are_ids = isinstance(deleted, list) and all(
        isinstance(id, int) and not isinstance(id, bool) and id >= 0 for id in deleted
    )
    if not are_ids:
        raise UserError(f"{file}: deleted_ids should be a list of ids; restore it from a copy")
    are_labels = isinstance(labels, dict) and all(
        _ID_PATTERN.fullmatch(id)
        and isinstance(said, dict)
        and said.keys() <= set(LABELS)
        and said.get("split", SPLITS[0]) in SPLITS
        for id, said in labels.items()
    )
    if not are_labels:
        raise UserError(
            f"{file}: labels should say, by id, no more than {', '.join(LABELS)}; restore it from "
            "a copy"
        )
    edit = metadata.get("edit", {})
    imported = edit.get("imported_from", []) if isinstance(edit, dict) else None
    are_marks = isinstance(imported, list) and all(isinstance(one, dict) for one in imported)
    if not are_marks or not isinstance(edit.get("action", ""), str):
        raise UserError(f"{file}: edit should be an object with an action; restore it from a copy")


def write_dataset_metadata(path: Path, task: str, kind: str) -> dict[str, Any]:
    """Write the immutable `dataset.json` and return its content."""
    metadata = {
        "format": FORMAT_NAME,
        "format_version": FORMAT_VERSION,
        "task": task,
        "kind": kind,
    }
    write_text_atomically(path / DATASET_FILE, json_text(metadata))
    return metadata


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal text."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_HASH_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def model_suffix(text: str) -> str:
    """Return how the file of a simulator's model ends: JSON, or else XML."""
    return ".json" if text.lstrip().startswith("{") else ".xml"


def store_asset(dataset_path: Path, text: str, suffix: str) -> str:
    """Write a text below `assets/` under its SHA-256, unless it is there; return the name."""
    name = hashlib.sha256(text.encode("utf-8")).hexdigest() + suffix
    target = dataset_path / ASSETS_FOLDER / name
    if not target.is_file():
        write_text_atomically(target, text)
    return name
