"""Where frame stores lie, and who may make one: one process at a time for each place and size."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from tcn_robot.progress import say

CACHE_VARIABLE = "TCN_ROBOT_CACHE"


def store_folders(dataset: Path, cache_dir: Path | str | None) -> list[Path]:
    """Return the folders in which a dataset's stores may lie, the best first.

    `cache_dir`, or else the folder that the environment's TCN_ROBOT_CACHE names, is the only one;
    without them stores lie beside the dataset, or below the user's cache folder (XDG_CACHE_HOME,
    or `~/.cache`) where they cannot be written there. Datasets of one name do not share a folder.

    Args:
        dataset: The dataset's folder, resolved.
        cache_dir: What the user asked for.
    """
    named = cache_dir or os.environ.get(CACHE_VARIABLE)
    if named:
        return [_below(Path(named).expanduser(), dataset)]
    beside = dataset.parent / f".frames-{dataset.name}"
    cache = _user_cache()
    return [beside] if cache is None else [beside, _below(cache / "tcn_robot", dataset)]


def _below(cache: Path, dataset: Path) -> Path:
    address = hashlib.sha256(os.fsencode(dataset)).hexdigest()[:8]
    return cache / f".frames-{dataset.name}-{address}"


def _user_cache() -> Path | None:
    """Return the folder for what can be made again; None where there is no home."""
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if given.is_absolute():  # relative ones count for nothing, says the specification
        return given
    home = Path(os.path.expanduser("~"))
    return home / ".cache" if home.is_absolute() else None


@contextlib.contextmanager
def building_lock(folder: Path, size_px: int, source: str) -> Iterator[None]:
    """Hold the right to make and delete stores of one size in a folder; wait for it if need be.

    The kernel holds it (flock), so it goes with the process, kill -9 included.

    Args:
        folder: Where the stores lie; it is there.
        size_px: Their size.
        source: The dataset, as it is named to users.

    Raises:
        OSError: The folder cannot be written, or its file system has no locks.
    """
    path = folder / f".building-{size_px}px.lock"
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(file, 32, 0).decode("ascii", "replace").strip() or "unknown"
            say(f"process {holder} is decoding {source} at {size_px} px; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        with contextlib.suppress(OSError):  # whose it is matters to those who wait only
            os.ftruncate(file, 0)
            os.pwrite(file, f"{os.getpid()}\n".encode("ascii"), 0)
        yield
    finally:
        os.close(file)
