"""What is installed is what lies here, under one name, and nothing else."""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

import tcn_robot
from tests.support.source_files import PACKAGE_ROOTS, ROOT, package_files

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
DEPENDENCIES = [
    Requirement(line)
    for lines in (
        CONFIG["project"]["dependencies"],
        *CONFIG["project"]["optional-dependencies"].values(),
    )
    for line in lines
    if not line.startswith("tcn-robot[")  # extras of our own
]
PINS = [
    Requirement(line)
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]
PYTHONS = ("3.10", "3.11", "3.12", "3.13")


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def is_for(requirement: Requirement, python: str) -> bool:
    marker = requirement.marker
    environment = {"python_version": python, "python_full_version": f"{python}.0"}
    return marker is None or marker.evaluate(environment)


def test_every_folder_with_code_is_listed() -> None:
    listed = set(CONFIG["tool"]["setuptools"]["packages"])
    assert all(name.split(".")[0] == "tcn_robot" for name in listed)
    found = {name for name, path in package_files().items() if path.name == "__init__.py"}
    folders = {path.parent for path in package_files().values()}
    without_init = {folder for folder in folders if not (folder / "__init__.py").exists()}
    assert not without_init
    assert found == listed


@pytest.mark.parametrize("folder", ["envs", "policies", "recordings"])
def test_a_mapped_folder_refuses_its_plain_name(folder: str) -> None:
    command = [sys.executable, "-c", f"import {folder}"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode != 0
    assert f"import tcn_robot.{folder}, not {folder}" in done.stderr


def test_the_mapped_folders_import_from_the_checkouts_root() -> None:
    code = "import tcn_robot.envs, tcn_robot.policies, tcn_robot.recordings"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


@pytest.fixture(scope="module")
def wheel_names(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Build a wheel from a copy (building leaves folders behind) and list what is in it."""
    copy = tmp_path_factory.mktemp("checkout")
    for folder in PACKAGE_ROOTS:
        shutil.copytree(
            ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__", ".*")
        )
    for name in ("pyproject.toml", "constraints.txt", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", copy / "dist", "."], check=True, cwd=copy)
    (wheel,) = (copy / "dist").glob("*.whl")
    return zipfile.ZipFile(wheel).namelist()


def test_a_wheel_brings_one_name_only(wheel_names: list[str]) -> None:
    roots = {name.split("/")[0] for name in wheel_names}
    info = f"tcn_robot-{tcn_robot.__version__}"
    assert roots == {"tcn_robot", f"{info}.dist-info", f"{info}.data"}


def test_a_wheel_brings_every_file(wheel_names: list[str]) -> None:
    for folder, package in PACKAGE_ROOTS.items():
        for path in (ROOT / folder).rglob("*"):
            inner = path.relative_to(ROOT / folder)
            if path.is_dir() or "__pycache__" in inner.parts or path.suffix == ".md":
                continue
            assert f"{package.replace('.', '/')}/{inner.as_posix()}" in wheel_names


def test_a_wheel_brings_the_tested_versions(wheel_names: list[str]) -> None:
    assert any(name.endswith("share/tcn_robot/constraints.txt") for name in wheel_names)


@pytest.mark.parametrize("requirement", DEPENDENCIES, ids=lambda requirement: requirement.name)
def test_every_dependency_has_a_tested_version_in_its_range(requirement: Requirement) -> None:
    for python in PYTHONS:
        if is_for(requirement, python):
            (pin,) = (
                pin
                for pin in PINS
                if normalised(pin.name) == normalised(requirement.name) and is_for(pin, python)
            )
            (tested,) = pin.specifier
            assert tested.operator == "=="
            assert requirement.specifier.contains(tested.version)


@pytest.mark.parametrize("python", PYTHONS)
def test_no_distribution_has_two_tested_versions(python: str) -> None:
    names = [normalised(pin.name) for pin in PINS if is_for(pin, python)]
    assert len(names) == len(set(names))


def test_the_pythons_agree() -> None:
    supported = SpecifierSet(CONFIG["project"]["requires-python"])
    minors = [f"3.{minor}" for minor in range(6, 30)]
    assert [python for python in minors if f"{python}.0" in supported] == list(PYTHONS)
    assert f"py{PYTHONS[0].replace('.', '')}" == CONFIG["tool"]["ruff"]["target-version"]
    told = f"Python {', '.join(PYTHONS[:-1])} or {PYTHONS[-1]}"
    for name in ("README.md", "Makefile"):
        assert told in (ROOT / name).read_text(encoding="utf-8"), name


def test_versions_agree() -> None:
    assert CONFIG["project"]["version"] == tcn_robot.__version__
    assert importlib.metadata.version("tcn-robot") == tcn_robot.__version__
    assert f"## {tcn_robot.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_makefile_and_the_doctor_name_the_same_system_packages() -> None:
    from tcn_robot.envs.rendering import SYSTEM_PACKAGES

    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    listed = re.search(r"^SYSTEM_PACKAGES := (.*)$", makefile, re.M)
    assert listed
    assert set(listed[1].split()) == set(SYSTEM_PACKAGES.split())


def test_ci_is_executable() -> None:
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111


def dry_run(*arguments: str) -> str:
    done = subprocess.run(["make", "-n", *arguments], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_make_install_is_repeated_only_when_the_requirements_change(tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    assert "pip install" in dry_run("install", f"VENV={venv}")
    (venv / "bin").mkdir(parents=True)
    (venv / ".installed").touch()
    assert "pip install" not in dry_run("install", f"VENV={venv}")


@pytest.mark.parametrize("target", ["demo", "test", "test-slow", "lint"])
def test_every_target_installs_first(target: str, tmp_path: Path) -> None:
    assert f"-m venv {tmp_path / 'venv'}" in dry_run(target, f"VENV={tmp_path / 'venv'}")


def test_a_python_without_venv_is_told_in_one_line(tmp_path: Path) -> None:
    """As on a bare Debian, where ensurepip is a package of its own."""
    python = tmp_path / "python3"
    python.write_text(
        f'#!/bin/sh\ncase "$*" in *ensurepip*) exit 1;; esac\nexec {sys.executable} "$@"\n'
    )
    python.chmod(0o755)
    command = ["make", "install", f"PYTHON={python}", f"VENV={tmp_path / 'venv'}"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode != 0
    assert "apt-get install -y python3-venv" in done.stdout + done.stderr
    assert not (tmp_path / "venv").exists()
