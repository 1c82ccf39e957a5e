"""What a figure was made with: versions, commit, processor.

A leaf that every part may import.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import tcn_robot

PACKAGES = ("torch", "numpy", "gymnasium", "stable-baselines3", "mujoco")


def versions() -> dict[str, str]:
    """Return the versions of Python, tcn_robot and what a policy run rests on."""
    found = {"python": platform.python_version(), "tcn_robot": tcn_robot.__version__}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


@cache
def commit() -> str | None:
    """Return the commit of the checkout this runs from, "+" behind it when files were changed.

    None when it runs from an installed package or without git.
    """
    root = Path(tcn_robot.__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return None
    try:
        answers = [
            subprocess.run(
                ["git", "-C", str(root), *arguments],
                capture_output=True,
                text=True,
                check=True,
                timeout=20,
            ).stdout.strip()
            for arguments in (
                ["rev-parse", "HEAD"],
                ["status", "--porcelain", "--untracked-files=no"],
            )
        ]
    except (OSError, subprocess.SubprocessError):
        return None
    return answers[0] + ("+" if answers[1] else "")


def machine() -> dict[str, Any]:
    """Return the processor's model and the number of cores: nothing that names the machine."""
    return {"cpu": _cpu_model(), "cores": os.cpu_count()}


def _cpu_model() -> str:
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def sha256_of_files(folder: Path) -> str:
    """Return one digest of the names and contents of all files in a folder."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(str(path.relative_to(folder)).encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def key_of(options: Mapping[str, Any]) -> str:
    """Return a short digest of the options that decide a result, for telling runs apart."""
    text = json.dumps(options, sort_keys=True)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]
