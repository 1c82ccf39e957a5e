"""Imports go down only, every module imports, and the training core needs little."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.source_files import ROOT, package_files, relative

LEAVES = {
    *("errors", "progress", "atomic", "plugins", "provenance", "tensors", "matching"),
    *("local_access", "typed_options", "option_ranges", "clips", "look", "projector_files"),
}
MODULES = package_files()
PARTS = sorted({name.split(".")[1] for name in MODULES if "." in name})

# What each part may import of ours besides the leaves; docs/architecture.md draws the same.
MAY_IMPORT: dict[str, set[str]] = {
    "recordings": set(),
    "envs": set(),
    "metrics": set(),
    "zoo": set(),
    "models": {"zoo"},
    "objectives": {"data"},
    "data": set(),
    "training": {"data", "models", "objectives", "metrics"},
    "rewards": {"models"},
    "benchmarks": {"data", "models", "metrics", "recordings"},
    "fine_tuning": {"data", "models", "training", "benchmarks"},
    "policies": {"envs", "rewards", "metrics"},
    "audit": {"envs", "rewards", "metrics"},
    "plots": {"metrics"},
    "report": {"metrics", "benchmarks", "plots"},
    "viewer": {"recordings"},
    "workflows": {*PARTS} - {"cli", "__main__"},
    "cli": {"workflows"},
    "__main__": {"cli"},
}
# One file may reach further than its part.
EXCEPTIONS = {("tcn_robot.data.build", "recordings")}

TRAINING_CORE = [
    "tcn_robot.training.loop",
    "tcn_robot.models",
    "tcn_robot.objectives",
    "tcn_robot.data.frame_store",
]
NOT_FOR_THE_CORE = [
    *("av", "cv2", "pyarrow", "mujoco", "pybullet", "gymnasium", "stable_baselines3"),
    *("tensorboard", "matplotlib", "scipy", "jinja2", "tyro", "psutil", "tqdm", "transformers"),
]


def imports_of_ours(path: Path, module: str) -> set[tuple[int, str]]:
    """Return (line, imported module of ours) for every import in a file, nested ones too."""
    found = set()
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {(node.lineno, alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *([node.module] if node.module else [])])
            # `from tcn_robot import envs` names a part; `from tcn_robot.envs import x` does too.
            found |= {(node.lineno, f"{base}.{alias.name}") for alias in node.names}
    return {(line, name) for line, name in found if name.split(".")[0] == "tcn_robot"}


def part_of(name: str) -> str:
    """Return the part that a dotted name of ours lies in; empty for the package itself."""
    names = name.split(".")
    return names[1] if len(names) > 1 and names[1] in PARTS else ""


def upward_edges(module: str, path: Path) -> list[str]:
    part = part_of(module)
    allowed = (
        {part, ""} | (LEAVES if part not in LEAVES else {"errors"}) | MAY_IMPORT.get(part, set())
    )
    return [
        f"{relative(path)}:{line} imports {name}: {part} may not import {part_of(name)}"
        for line, name in sorted(imports_of_ours(path, module))
        if part_of(name) not in allowed and (module, part_of(name)) not in EXCEPTIONS
    ]


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_go_down_only(module: str) -> None:
    if module == "tcn_robot":
        return  # loads its public names lazily; test_importing_the_package_is_light
    assert not upward_edges(module, MODULES[module])


def test_every_part_has_its_place() -> None:
    assert set(PARTS) - LEAVES == set(MAY_IMPORT)


def test_the_directions_have_no_circle() -> None:
    order: list[str] = []
    while len(order) < len(MAY_IMPORT):
        waiting = [part for part in MAY_IMPORT if part not in order]
        ready = [part for part in waiting if MAY_IMPORT[part] - {part} <= {*order, *LEAVES}]
        assert ready, f"a circle among {set(MAY_IMPORT) - set(order)}"
        order += ready


def test_an_upward_edge_is_found(tmp_path: Path) -> None:
    planted = tmp_path / "planted.py"
    planted.write_text(
        "from tcn_robot import workflows\n"
        "def late():\n"
        "    from ..training.loop import train\n"
        "    import tcn_robot.rewards.wrappers\n"
    )
    edges = imports_of_ours(planted, "tcn_robot.metrics.alignment")
    assert {part_of(name) for _, name in edges} == {"workflows", "training", "rewards"}


@pytest.mark.parametrize("module", sorted(MODULES))
def test_every_module_imports(module: str) -> None:
    if module.endswith("__main__"):
        return
    assert importlib.import_module(module).__name__ == module


def printed_by(code: str) -> list[str]:
    """Return the words that a fresh Python prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_importing_the_package_is_light() -> None:
    heavy = ["numpy", "torch", *NOT_FOR_THE_CORE]
    loaded = set(printed_by("import sys, tcn_robot, tcn_robot.cli\nprint(*sys.modules)"))
    assert "tcn_robot.cli" in loaded
    assert not loaded & set(heavy)


def test_reading_options_is_light() -> None:
    """Help and faults of a command come at once; `train` has its options from objectives."""
    loaded = printed_by(
        "import importlib, sys\n"
        "from tcn_robot.cli import COMMANDS\n"
        "from tcn_robot.workflows import bench, plot\n"
        "tables = (COMMANDS, bench.KINDS, plot.KINDS)\n"
        "modules = {module for table in tables for module, _ in table.values()} - {'train'}\n"
        "for name in modules: importlib.import_module(f'tcn_robot.workflows.{name}')\n"
        "print(*sys.modules)"
    )
    assert "tcn_robot.workflows.plot_plane" in loaded
    heavy = {*NOT_FOR_THE_CORE, "torch", "sklearn", "submitit"} - {"tyro"}
    assert not set(loaded) & heavy


def test_the_training_core_runs_without_the_heavy_packages() -> None:
    imported = printed_by(
        "import importlib, sys\n"
        f"for name in {NOT_FOR_THE_CORE}: sys.modules[name] = None  # importing it now fails\n"
        f"for name in {TRAINING_CORE}: print(importlib.import_module(name).__name__)"
    )
    assert imported == TRAINING_CORE


def test_public_names_load_lazily() -> None:
    before, after, names = (
        set(words.split(","))
        for words in printed_by(
            "import sys, tcn_robot\n"
            "print(','.join(sys.modules))\n"
            "tcn_robot.open_recording, tcn_robot.load_encoder\n"
            "print(','.join(sys.modules))\n"
            "print(','.join(tcn_robot.__all__))"
        )
    )
    lazy = {"tcn_robot.recordings", "tcn_robot.models"}
    assert not lazy & before
    assert lazy <= after
    assert names >= {"open_recording", "load_encoder"}
