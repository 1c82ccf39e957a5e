"""The commands as a user calls them, and datasets to export."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tcn_robot import cli

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command; return exit code, what it printed, and its complaints."""

    def call(*arguments: object) -> tuple[int, str, str]:
        try:
            code = cli.main([str(argument) for argument in arguments])
        except SystemExit as stop:
            code = int(stop.code or 0)
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return call


@pytest.fixture
def imported(run: Run, tmp_path: Path) -> Callable[..., tuple[Path, str]]:
    """Import into a new dataset that `check` calls clean; return it and what was printed."""

    def call(format: str, source: Path, *options: object) -> tuple[Path, str]:
        out = tmp_path / f"imported-{len(list(tmp_path.glob('imported-*')))}"
        code, printed, complaints = run("import", format, source, out, *options)
        assert code == 0, printed + complaints
        code, found, _ = run("check", out)
        assert code == 0, found
        return out, printed

    return call
