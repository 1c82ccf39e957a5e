"""What every test shares: one thread per process, reproducible property tests, a renderer."""

from __future__ import annotations

import ctypes.util
import os
import signal
import sys
from pathlib import Path

# Before torch and OpenCV are imported: several test processes share the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "agg")

import pytest
from hypothesis import settings

# A shell that starts a job in the background has it ignore Ctrl-C, and so would the commands that
# the tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parents[1]
SOURCE_FOLDERS = ("tcn_robot", "envs", "policies", "recordings")

settings.register_profile("tcn_robot", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("tcn_robot")


def pytest_configure(config: pytest.Config) -> None:
    """Say once what is missing instead of failing in every test that renders."""
    settled = "MUJOCO_GL" in os.environ or not sys.platform.startswith("linux")
    if not settled and not any(map(ctypes.util.find_library, ("EGL", "OSMesa"))):
        pytest.exit("no OpenGL library for rendering without a screen: run `make system`", 2)


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def clean_datasets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two clean datasets to break copies of: films from two cameras, and a simulation."""
    from tests.recordings.conftest import ToySource, push_about
    from tests.recordings.test_recorder import record
    from tests.support.corpus import write_films

    folder = tmp_path_factory.mktemp("clean")
    write_films(folder / "films")
    source = ToySource()
    record(folder / "simulated", source, push_about, [0, 1])
    source.close()
    return {"films": folder / "films", "simulated": folder / "simulated"}


@pytest.fixture
def film_dataset(tmp_path: Path) -> Path:
    """Four episodes of plain films, two cameras of unequal length, splits train and test."""
    from tcn_robot.recordings import DatasetWriter
    from tests.support.films import moving_square

    path = tmp_path / "films"
    with DatasetWriter(path, "pouring", "lossless", kind="film") as writer:
        for index in range(4):
            with writer.episode(frame_rate_hz=10.0) as episode:
                episode.metadata["split"] = "test" if index == 3 else "train"
                episode.metadata["clock"] = {"name": "monotonic"}
                for frame, picture in enumerate(moving_square(6 + index)):
                    episode.add_frames(5.0 + frame / 10, {"left": picture})
                    if frame < 5:
                        episode.add_frames(5.01 + frame / 10, {"right": picture[::-1]})
    return path
