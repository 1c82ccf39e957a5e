"""PyBullet, imported without a word, and one connection to it per simulation."""

from __future__ import annotations

import os
import sys
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from tcn_robot.errors import UserError

NEWEST_PYTHON = (3, 11)
"""The last Python for which PyBullet has wheels."""


def import_bullet() -> Any:
    """Return the module `pybullet`.

    Raises:
        UserError: When it is not installed, with what to do.
    """
    try:
        if "pybullet" in sys.modules:
            import pybullet
        else:
            # It writes its build time from C, past Python's own streams.
            with _silent_standard_error():
                import pybullet
    except ModuleNotFoundError:
        raise missing_bullet("Bullet tasks need PyBullet", "the same task in MuJoCo") from None
    return pybullet


def bullet_data_folder() -> Path:
    """Return the folder with the models that PyBullet ships.

    Raises:
        UserError: When it is not installed, with what to do.
    """
    try:
        import pybullet_data
    except ModuleNotFoundError:
        raise missing_bullet(
            "the meshes of KUKA's arm come with PyBullet", "the embodiment 'robot' in MuJoCo"
        ) from None
    return Path(pybullet_data.getDataPath())


def missing_bullet(need: str, instead: str) -> UserError:
    """Return the error for a Python without PyBullet: what it is needed for, what else there is."""
    if sys.version_info[:2] > NEWEST_PYTHON:
        newest = ".".join(map(str, NEWEST_PYTHON))
        here = ".".join(map(str, sys.version_info[:2]))
        return UserError(
            f"{need}, which has wheels up to Python {newest} only, and this is Python {here}; "
            f"use Python {newest}, or {instead}"
        )
    return UserError(f"{need}, which is not installed; try: pip install pybullet")


class Connection:
    """One simulation in this process: PyBullet's functions, bound to it.

    It is closed by `close` or when nobody holds it any more.
    """

    def __init__(self) -> None:
        """Connect.

        Raises:
            UserError: When PyBullet is not installed, or too many simulations are open.
        """
        self._bullet = import_bullet()
        self._id = self._bullet.connect(self._bullet.DIRECT)
        if self._id < 0:
            raise UserError("PyBullet opens no further simulation; close some environments first")
        self._closer = weakref.finalize(self, _disconnect, self._bullet, self._id)

    def __getattr__(self, name: str) -> Any:
        """Return a function or constant of PyBullet.

        Raises:
            UserError: When the simulation has been closed.
        """
        if name.startswith("_"):
            raise AttributeError(name)
        if not self._closer.alive:
            raise UserError("this simulation has been closed; make the environment anew")
        value = getattr(self._bullet, name)
        if callable(value):
            value = partial(value, physicsClientId=self._id)
        self.__dict__[name] = value
        return value

    def close(self) -> None:
        """Free the simulation; a second time does nothing."""
        self._closer()
        # PyBullet gives the number to the next simulation: nothing may be called with it any more.
        for name in [name for name in self.__dict__ if not name.startswith("_")]:
            del self.__dict__[name]


def _disconnect(bullet: Any, connection_id: int) -> None:
    if bullet.isConnected(connection_id):
        bullet.disconnect(connection_id)


@contextmanager
def _silent_standard_error() -> Iterator[None]:
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
