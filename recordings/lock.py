"""One recorder per dataset: a lock that a killed process cannot leave behind."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from tcn_robot.errors import UserError
from tcn_robot.recordings.format import LOCK_FILE


class DatasetLock:
    """Holds the right to write into a dataset until `release` or the end of the process.

    The kernel holds it (flock), so it goes with the process, kill -9 included.
    """

    def __init__(self, dataset_path: Path) -> None:
        """Take the lock.

        Raises:
            UserError: If another recorder holds it.
        """
        self._file = os.open(dataset_path / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(self._file, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(self._file)
            raise UserError(
                f"another recorder (process {holder}) is writing into {dataset_path}; wait for it "
                "to end or record into another folder"
            ) from error
        os.ftruncate(self._file, 0)
        os.write(self._file, f"{os.getpid()}\n".encode("ascii"))

    def release(self) -> None:
        """Give the lock back."""
        os.ftruncate(self._file, 0)
        os.close(self._file)
