"""Rules that a linter does not know: sizes, no swallowed faults, no code that loading executes."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.support.source_files import (
    PACKAGE_ROOTS,
    package_files,
    python_files,
    relative,
    text_files,
)

MOST_LINES_PER_FILE = 400
MOST_LINES_PER_FUNCTION = 80
# Built from pieces, so that this file does not break its own rule.
MACHINE_PATHS = [re.compile("/" + folder + r"/\w") for folder in ("work", "root", "home", "opt")]
_HOSTS = ("pypi" + ".org", "pythonhosted" + ".org", "download." + "pytorch", "deb." + "debian")
REGISTRY_HOSTS = [re.compile(re.escape(host), re.IGNORECASE) for host in _HOSTS]
# The one place that may read foreign .pth files, tensors alone.
READS_FOREIGN_WEIGHTS = "tcn_robot/models/foreign_weights.py"
EXECUTES_CODE = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
VAGUE_NAMES = re.compile(r"(Manager|Helper|Utils?|Handler)$")

PYTHON_FILES = python_files()
SHIPPED = sorted(package_files().values())


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


@pytest.mark.parametrize("path", PYTHON_FILES, ids=relative)
def test_files_and_functions_are_short(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").count("\n")
    assert lines <= MOST_LINES_PER_FILE, f"{relative(path)} has {lines} lines"
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= MOST_LINES_PER_FUNCTION, (
                f"{relative(path)}:{node.lineno} {node.name} has {length} lines"
            )


@pytest.mark.parametrize("path", SHIPPED, ids=relative)
def test_no_fault_is_swallowed(path: Path) -> None:
    """Catching everything is for cleaning up and raising again, or handing on with a reason."""
    lines = path.read_text(encoding="utf-8").splitlines()
    for node in ast.walk(parse(path)):
        if not isinstance(node, ast.ExceptHandler):
            continue
        caught = (
            {name.id for name in ast.walk(node.type) if isinstance(name, ast.Name)}
            if (node.type)
            else {"BaseException"}
        )
        if not caught & {"Exception", "BaseException"}:
            continue
        raises_again = any(
            isinstance(inner, ast.Raise) and inner.exc is None for inner in ast.walk(node)
        )
        has_reason = re.search(r"noqa: BLE001 - \w+", lines[node.lineno - 1])
        assert "Exception" not in caught, f"{relative(path)}:{node.lineno} catches Exception"
        assert raises_again or has_reason, f"{relative(path)}:{node.lineno} swallows everything"


@pytest.mark.parametrize("path", SHIPPED, ids=relative)
def test_loading_never_executes_code(path: Path) -> None:
    tree = parse(path)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            imported = {module.partition(".")[0] for module in modules}
            assert not imported & EXECUTES_CODE, f"{relative(path)}:{node.lineno}"
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called == "torch.load" and relative(path) == READS_FOREIGN_WEIGHTS:
                assert "weights_only=True" in ast.unparse(node), f"{relative(path)}:{node.lineno}"
                continue
            assert called not in ("torch.load", "th.load", "torch.save", "eval", "exec"), (
                f"{relative(path)}:{node.lineno} calls {called}"
            )
            for keyword in node.keywords:
                allowed = isinstance(keyword.value, ast.Constant) and keyword.value.value is False
                assert keyword.arg != "allow_pickle" or allowed, f"{relative(path)}:{node.lineno}"


@pytest.mark.parametrize("path", SHIPPED, ids=relative)
def test_names_explain_themselves(path: Path) -> None:
    assert path.stem not in ("utils", "util", "helpers", "misc", "common"), relative(path)
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.ClassDef):
            assert not VAGUE_NAMES.search(node.name), f"{relative(path)}:{node.lineno} {node.name}"


@pytest.mark.parametrize("path", text_files(), ids=relative)
def test_no_machine_path_and_no_registry_host(path: Path) -> None:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        for pattern in [*MACHINE_PATHS, *REGISTRY_HOSTS]:
            assert not pattern.search(line), f"{relative(path)}:{number}: {line.strip()[:120]}"


def test_the_rules_look_at_something() -> None:
    assert len(SHIPPED) > 40
    assert {relative(path).partition("/")[0] for path in SHIPPED} == set(PACKAGE_ROOTS)
