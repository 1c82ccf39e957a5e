"""A browser, and datasets to look at with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tcn_robot.viewer.dataset import WatchedDataset
from tcn_robot.viewer.films import PreviewCache
from tcn_robot.viewer.findings import Depth, Findings
from tcn_robot.viewer.server import Viewer, ViewerServer
from tests.report.browser import Browser, find_browser
from tests.viewer.numbered import write_numbered

START = 100.0
OFFSET_SECONDS = 0.11
# Three cameras: one later than the other, one slow with a second in which it saw nothing.
CAMERAS = {
    "left": [START + i / 20 for i in range(60)],
    "right": [START + OFFSET_SECONDS + i / 20 for i in range(60)],
    "slow": [START + 0.4 + i / 7 + (1.0 if i > 5 else 0.0) for i in range(10)],
}


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    executable = find_browser()
    if executable is None:
        pytest.skip("no Chromium; on Debian: apt-get install chromium")
    opened = Browser(executable, tmp_path_factory.mktemp("profile"))
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def cameras(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cameras") / "cameras"
    write_numbered(path, CAMERAS, episodes=2)
    return path


@pytest.fixture(scope="session")
def lossless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film that not every browser plays, with an odd side, and rows at times of their own."""
    path = tmp_path_factory.mktemp("lossless") / "lossless"
    rows = [
        {"time_seconds": START + 0.013 * row, "joints": np.array([np.sin(row), row, -1.0])}
        for row in range(100)
    ]
    times = {"left": CAMERAS["left"][:30]}
    write_numbered(path, times, codec="lossless", size_px=(71, 97), steps=rows)
    return path


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Callable[..., ViewerServer]]:
    """Serve datasets until the test ends."""
    servers: list[ViewerServer] = []

    def serve(dataset: Path, depth: Depth = "quick", **options: Any) -> ViewerServer:
        watched = WatchedDataset(dataset, options.pop("episodes", ()))
        viewer = Viewer(watched, Findings(depth), PreviewCache(tmp_path / "cache"))
        servers.append(ViewerServer(viewer, options.pop("address", "127.0.0.1:0"), **options))
        return servers[-1]

    yield serve
    for server in servers:
        server.close()
