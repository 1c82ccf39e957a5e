"""Writes the page of a dataset as a folder that needs no server: it works from the disk."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tcn_robot.atomic import atomic_folder
from tcn_robot.errors import UserError
from tcn_robot.progress import progress
from tcn_robot.recordings import Episode
from tcn_robot.viewer.dataset import WatchedDataset
from tcn_robot.viewer.episode_page import describe_episode, film_path
from tcn_robot.viewer.films import PreviewCache
from tcn_robot.viewer.findings import (
    Depth,
    Finding,
    count,
    findings_by_episode,
    findings_of_dataset,
)
from tcn_robot.viewer.packing import script_call
from tcn_robot.viewer.page import data_name, film_name, poster_name, render_page
from tcn_robot.viewer.posters import episode_poster

PAGE_FILE = "index.html"
# What a page that we wrote says of itself near its beginning, and what lies beside it.
_GENERATOR = b'<meta name="generator" content="tcn_robot '
_BEGINNING_BYTES = 1024
_OURS = {
    "data": re.compile(r"episode_\d+\.js"),
    "posters": re.compile(r"episode_\d+\.jpg"),
    "films": re.compile(r"episode_\d+"),
}


def write_folder(
    dataset: Path,
    out: Path,
    episodes: Sequence[int] = (),
    check: Depth = "quick",
    copy: bool = False,
    cache: PreviewCache | None = None,
) -> int:
    """Write the page, one data file per episode, stills, and the films that browsers need.

    The folder is whole or absent. A page that is there is replaced.

    Args:
        dataset: The dataset's folder.
        out: The folder to write.
        episodes: Ids; all when empty.
        check: How thoroughly episodes are checked.
        copy: Copy every film; else the page refers to those of the dataset, relative to `out`.
        cache: Films made for browsers; the user's cache when None.

    Returns:
        How many episodes were written.

    Raises:
        UserError: If there is no such dataset or episode, or the folder holds something else.
    """
    watched = WatchedDataset(dataset, episodes)
    _refuse_folder(dataset, out)
    recording = watched.recording
    final = out.resolve()  # where a link leads to, which stays a link
    films = _Films(final, copy, cache or PreviewCache())
    results = []
    with atomic_folder(final) as folder:
        for name in ("data", "posters"):
            (folder / name).mkdir()
        checked = findings_by_episode(recording, check, os.cpu_count() or 1)
        for id, found in progress(checked, len(recording), f"writing {out}", "episodes"):
            _write_episode(folder, watched.episode(id), found, films)
            results.append((id, *count(found)))
        config: dict[str, Any] = {
            "is_live": False,
            "query": "",
            "check": check,
            "findings": findings_of_dataset(recording),
            "results": results,
        }
        text = render_page(recording, watched.rows(), config)
        (folder / PAGE_FILE).write_text(text, encoding="utf-8")
    return len(results)


def _refuse_folder(dataset: Path, out: Path) -> None:
    inside = out.resolve().is_relative_to(dataset.resolve())
    if inside or dataset.resolve().is_relative_to(out.resolve()):
        raise UserError(f"--out {out} and the dataset {dataset} lie in each other; name another")
    if not out.exists():
        return
    if not out.is_dir():
        raise UserError(f"--out {out} is a file, expected a folder or nothing; name another")
    if any(out.iterdir()) and not _is_our_page(out):
        raise UserError(f"{out} holds something else than a page of `view`; name another folder")


def _is_our_page(folder: Path) -> bool:
    """Return whether we wrote a folder and nobody has put anything into it since."""
    page = folder / PAGE_FILE
    if not page.is_file():
        return False
    with page.open("rb") as file:
        if _GENERATOR not in file.read(_BEGINNING_BYTES):
            return False
    for path in folder.iterdir():
        if path.name == PAGE_FILE:
            continue
        name = _OURS.get(path.name)
        if name is None or path.is_symlink() or not path.is_dir():
            return False
        if not all(name.fullmatch(inner.name) for inner in path.iterdir()):
            return False
    return all(film.suffix == ".mp4" for film in folder.glob("films/*/*"))


def _write_episode(folder: Path, episode: Episode, found: list[Finding], films: _Films) -> None:
    def address(episode: Episode, view: str, is_preview: bool) -> str:
        return films.address(folder, episode, view, is_preview)

    data = {**describe_episode(episode, address), "findings": found}
    file = folder / data_name(episode.id)
    file.write_text(script_call("showEpisodeData", data), encoding="utf-8")
    (folder / poster_name(episode.id)).write_bytes(episode_poster(episode))


class _Films:
    """Finds or makes the film that the page refers to."""

    def __init__(self, final: Path, copy: bool, cache: PreviewCache) -> None:
        self._final = final
        self._copy = copy
        self._cache = cache

    def address(self, folder: Path, episode: Episode, view: str, is_preview: bool) -> str:
        path = film_path(episode, view)
        if not is_preview and not self._copy:
            relative = os.path.relpath(path.resolve(), self._final).replace(os.sep, "/")
            return quote(relative)
        source = self._cache.preview(path) if is_preview else path
        name = film_name(episode.id, view)
        target = folder / "films" / episode.path.name / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        return name
