"""The project's own files, as the tests of its rules see them."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Folder in the checkout -> name it is imported by.
PACKAGE_ROOTS = {
    "tcn_robot": "tcn_robot",
    "envs": "tcn_robot.envs",
    "policies": "tcn_robot.policies",
    "recordings": "tcn_robot.recordings",
}
_TEXT_SUFFIXES = {
    *(".py", ".md", ".toml", ".txt", ".xml", ".urdf", ".html", ".css", ".js", ".json", ".jsonl"),
}


def package_files() -> dict[str, Path]:
    """Return every module that ships: dotted name -> file."""
    modules = {}
    for folder, package in PACKAGE_ROOTS.items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            inner = path.relative_to(ROOT / folder).with_suffix("").parts
            names = inner[:-1] if inner[-1] == "__init__" else inner
            modules[".".join([package, *names])] = path
    return modules


def python_files() -> list[Path]:
    """Return every Python file of ours, tests and scripts included."""
    folders = [*PACKAGE_ROOTS, "scripts", "tests"]
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def text_files() -> list[Path]:
    """Return every text file of ours, documents and configuration included."""
    folders = [*PACKAGE_ROOTS, "scripts", "tests", "docs"]
    inside = [path for folder in folders for path in (ROOT / folder).rglob("*")]
    beside = list(ROOT.iterdir())
    named = [ROOT / "Makefile", ROOT / ".ci" / "run", ROOT / ".gitignore", ROOT / "LICENSE"]
    found = [path for path in inside + beside if path.is_file() and path.suffix in _TEXT_SUFFIXES]
    return sorted({*found, *named})


def relative(path: Path) -> str:
    """Return a path as seen from the checkout's root."""
    return path.relative_to(ROOT).as_posix()
