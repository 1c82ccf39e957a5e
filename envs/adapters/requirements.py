"""Which package and which versions the tasks from elsewhere need, and the command that brings them.

The table has the ranges that were tested; the extras in `pyproject.toml` ask for the same ones.
MuJoCo 3.3.0 is the one version that suits every extra, so that one environment holds them all.
"""

from __future__ import annotations

import importlib.metadata
import sys
from dataclasses import dataclass, field

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from tcn_robot.errors import UserError


@dataclass(frozen=True)
class Extra:
    """What one extra of tcn_robot brings.

    Attributes:
        distribution: Name of the package, as pip knows it.
        versions: Tested range of its versions.
        companions: Packages that it must find beside it, with their ranges.
        below_python: First Python version, (major, minor), for which it cannot be installed.
    """

    distribution: str
    versions: str
    companions: dict[str, str] = field(default_factory=dict)
    below_python: tuple[int, int] | None = None


EXTRAS: dict[str, Extra] = {
    # It pins MuJoCo exactly.
    "metaworld": Extra("metaworld", ">=3.1,<4", {"mujoco": "==3.3.0"}),
    # It names no upper bound, but ran with 3.3 to 3.10 and failed with 3.13 and 4.0.
    "gymnasium-robotics": Extra("gymnasium-robotics", ">=1.4,<2", {"mujoco": ">=3.3,<3.11"}),
    # PyBullet has no wheels for later versions of Python.
    "panda-gym": Extra("panda-gym", ">=3.0.7,<4", {"pybullet": ">=3.2.5"}, (3, 12)),
    "classic-control": Extra("pygame-ce", ">=2.5", {}),
}
COMMON_MUJOCO = "3.3.0"


def install_command(extra: str) -> str:
    """Return the command that brings an extra in versions that fit."""
    return f"pip install 'tcn-robot[{extra}]'"


def installed_version(distribution: str) -> Version | None:
    """Return the version of an installed package, None for one that is missing."""
    try:
        return Version(importlib.metadata.version(distribution))
    except importlib.metadata.PackageNotFoundError:
        return None


def check_extra(extra: str, task: str) -> None:
    """Refuse a task whose package is missing, or has versions that were not tested together.

    Args:
        extra: A key of `EXTRAS`.
        task: What the user asked for, for the error.

    Raises:
        UserError: What was expected, what was found and the command that mends it.
    """
    needed = EXTRAS[extra]
    name, found = needed.distribution, installed_version(needed.distribution)
    _check_python(needed, task, found is not None)
    if found is None:
        raise UserError(
            f"task {task} needs the package {name} ({needed.versions}), which is not installed: "
            f"{install_command(extra)}"
        )
    if not _fits(found, needed.versions):
        raise UserError(
            f"task {task} needs {name} {needed.versions}, found {name} {found}: "
            f"{install_command(extra)}"
        )
    for companion, versions in needed.companions.items():
        _check_companion(extra, task, companion, versions)


def _check_python(needed: Extra, task: str, installed: bool) -> None:
    limit = needed.below_python
    if limit is None or installed or sys.version_info[:2] < limit:
        return
    raise UserError(
        f"task {task} needs {needed.distribution}, whose simulator PyBullet has packages for "
        f"Python below {limit[0]}.{limit[1]} only, found Python "
        f"{sys.version_info[0]}.{sys.version_info[1]}; make an environment with Python 3.11"
    )


def _check_companion(extra: str, task: str, companion: str, versions: str) -> None:
    found = installed_version(companion)
    if found is not None and _fits(found, versions):
        return
    needed = EXTRAS[extra]
    told = f"found {companion} {found}" if found is not None else f"{companion} is not installed"
    advice = install_command(extra)
    if companion == "mujoco":
        advice = (
            f"pip install 'tcn-robot[{extra}]' mujoco=={COMMON_MUJOCO}, which suits every extra "
            f"({mujoco_by_extra()})"
        )
    raise UserError(
        f"task {task}: {needed.distribution} {installed_version(needed.distribution)} needs "
        f"{companion} {versions}, {told}: {advice}"
    )


def mujoco_by_extra() -> str:
    """Return which extra needs which MuJoCo, as one phrase."""
    return ", ".join(
        f"{name} needs mujoco {extra.companions['mujoco']}"
        for name, extra in EXTRAS.items()
        if "mujoco" in extra.companions
    )


def _fits(version: Version, versions: str) -> bool:
    return SpecifierSet(versions).contains(version, prereleases=True)
