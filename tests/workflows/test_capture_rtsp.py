"""`tcn-robot capture` of an RTSP camera, through OpenCV's own client."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from tcn_robot import cli
from tcn_robot.recordings import find_faults, open_recording
from tests.support.rtsp_server import RtspServer, encode_for_rtp, rtp_payloads

SIZE_PX = (160, 120)
RATE_HZ = 20.0


def numbered(count: int) -> np.ndarray:
    """Return pictures whose brightness says their number, uint8 (T, H, W, 3)."""
    levels = np.linspace(40, 220, count).astype(np.uint8)
    return np.broadcast_to(levels[:, None, None, None], (count, SIZE_PX[1], SIZE_PX[0], 3)).copy()


@pytest.fixture
def busy_frames() -> np.ndarray:
    """Pictures with so much in them that each takes several packets, (16, H, W, 3)."""
    generator = np.random.default_rng(0)
    small = generator.integers(0, 256, (16, 30, 40, 3), dtype=np.uint8)
    return np.stack([cv2.resize(one, SIZE_PX, interpolation=cv2.INTER_LINEAR) for one in small])


@pytest.fixture
def camera(busy_frames: np.ndarray) -> Iterator[RtspServer]:
    server = RtspServer(busy_frames, RATE_HZ, left_out=[n for n in range(2_000) if n % 40 < 3])
    yield server
    server.close()


def test_large_pictures_travel_in_fragments(busy_frames: np.ndarray) -> None:
    units = encode_for_rtp(busy_frames)
    assert len(units) == 16
    assert max(len(rtp_payloads(unit)) for frame in units for unit in frame) > 1


def test_an_rtsp_camera_is_filmed_and_its_gaps_counted(
    tmp_path: Path, camera: RtspServer, busy_frames: np.ndarray
) -> None:
    path = tmp_path / "d"
    options = ["--seconds", "3", "--episodes", "1", "--start", "now", "--warmup-seconds", "1"]
    assert cli.main(["capture", "--sources", camera.address, "--out", str(path), *options]) == 0
    episode = open_recording(path)[0]
    assert not [f for _, found in find_faults(open_recording(path)) for f in found if f.is_fault]
    times = episode.timestamps("view0")
    assert 2.5 < times[-1] - times[0] < 3.5
    # Each picture is one that the camera sent, and the next one but for the gaps.
    shown = [
        int(np.abs(busy_frames.astype(int) - frame).mean((1, 2, 3)).argmin())
        for frame in episode.frames("view0")
    ]
    leaps = np.diff(shown) % 16
    assert set(leaps.tolist()) == {1, 4}
    missing = int((leaps - 1).sum())
    assert episode.metadata["capture"]["views"]["view0"]["missing_frames"] == missing


def test_a_camera_that_hangs_up_ends_the_episode_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = RtspServer(numbered(16), RATE_HZ, last=60)
    path = tmp_path / "d"
    options = ["--seconds", "30", "--episodes", "1", "--start", "now", "--warmup-seconds", "0.5"]
    cli.main(["capture", "--sources", server.address, "--out", str(path), *options])
    server.close()
    assert "the source ended" in capsys.readouterr().out
    episode = open_recording(path)[0]
    assert episode.length("view0") > 5
    assert episode.metadata["capture"]["views"]["view0"]["ended"]
