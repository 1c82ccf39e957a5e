"""`tcn-robot capture` with real sockets, films and folders."""

from __future__ import annotations

import json
import os
import pty
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from tcn_robot import cli
from tcn_robot.recordings import find_faults, open_recording
from tcn_robot.recordings.video import VideoEncoder
from tests.support.display import press, virtual_display
from tests.support.films import moving_square
from tests.support.mjpeg_server import MjpegServer, Scene, make_camera

SMALL = (96, 72)


@pytest.fixture
def server() -> Iterator[MjpegServer]:
    """Two cameras of ten seconds that see the same, one frame in thirty left out."""
    scene = Scene(20.0, seed=0)
    cameras = [
        make_camera(scene, number, seconds=10.0, size_px=SMALL, drop_share=share)
        for number, share in enumerate((0.0, 0.03))
    ]
    cameras[1].declares_length = False
    server = MjpegServer(cameras)
    server.start()
    yield server
    server.close()


def write_film(path: Path, frames: np.ndarray, rate_hz: float = 10.0) -> Path:
    encoder = VideoEncoder(path, frames.shape[2], frames.shape[1], "lossless", rate_hz)
    for index, frame in enumerate(frames):
        encoder.write(frame, round(index * 1e6 / rate_hz))
    encoder.close()
    return path


def faults(path: Path) -> list[str]:
    return [str(f) for _, found in find_faults(open_recording(path)) for f in found if f.is_fault]


def test_two_streams_are_filmed_with_times_and_a_report(
    tmp_path: Path, server: MjpegServer, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "größe und mehr"
    left, right = server.addresses
    options = ["--out", str(path), "--seconds", "1.5", "--episodes", "2", "--start", "now"]
    sources = ["--sources", f"left={left}", f"right={right}", "--warmup-seconds", "0.2"]
    assert cli.main(["capture", *sources, *options, "--size", "48x36"]) == 0
    text = capsys.readouterr().out
    assert "episode 1:" in text
    assert "skew" in text
    recording = open_recording(path)
    assert recording.ids == (0, 1)
    assert not faults(path)
    episode = recording[0]
    assert episode.views == ("left", "right")
    assert episode.frames("right").shape[1:] == (36, 48, 3)
    times = episode.timestamps("left")
    assert 1.0 < times[-1] - times[0] < 2.0
    assert abs(time.monotonic() - times[-1]) < 60  # on this machine's own clock
    metadata = episode.metadata
    assert metadata["clock"]["name"] == "monotonic"
    assert metadata["clock"]["utc_uncertainty_seconds"] < 0.01
    assert metadata["capture"]["skew"]["right"]["median_seconds"] < 0.034


def test_a_stream_that_stops_ends_the_episode_and_is_marked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = Scene(5.0, seed=1)
    cameras = [
        make_camera(scene, number, seconds=seconds, size_px=SMALL)
        for number, seconds in enumerate((5.0, 1.0))
    ]
    server = MjpegServer(cameras)
    threading.Timer(0.3, server.start).start()
    options = ["--out", str(tmp_path / "d"), "--seconds", "4", "--start", "now"]
    code = cli.main(["capture", "--sources", *server.addresses, *options, "--warmup-seconds", "0"])
    server.close()
    captured = capsys.readouterr()
    assert code == 0, captured.err
    assert "marked: view1: the source ended before the episode" in captured.out
    assert not faults(tmp_path / "d")
    assert len(open_recording(tmp_path / "d")) == 1


def test_cameras_of_other_rates_are_not_called_bad(tmp_path: Path) -> None:
    """Nobody said how many frames there should be: what each camera does steadily is its rate."""
    scene = Scene(5.0, seed=2)
    cameras = [
        make_camera(scene, number, seconds=4.0, size_px=SMALL, fps=fps)
        for number, fps in enumerate((30.0, 15.0))
    ]
    server = MjpegServer(cameras)
    server.start()
    options = ["--seconds", "2", "--episodes", "1", "--start", "now", "--warmup-seconds", "0"]
    code = cli.main(
        ["capture", "--sources", *server.addresses, "--out", str(tmp_path / "d"), *options]
    )
    server.close()
    assert code == 0
    entry = open_recording(tmp_path / "d")[0].metadata
    assert entry["capture"]["views"]["view1"]["fps_measured"] == pytest.approx(15.0, abs=0.7)
    assert entry["capture"]["views"]["view1"]["missing_frames"] == 0
    assert entry["views"]["view1"]["dropped_frames"] == 0
    assert not [mark for mark in entry["capture"]["marks"] if "missing" in mark]
    found = [f for _, fs in find_faults(open_recording(tmp_path / "d")) for f in fs]
    assert not found


def test_ctrl_c_drops_the_running_episode_only(tmp_path: Path, server: MjpegServer) -> None:
    path = tmp_path / "d"
    sources = ["--sources", server.addresses[0], "--out", str(path), "--warmup-seconds", "0"]
    command = [sys.executable, "-m", "tcn_robot", "capture", *sources]
    process = subprocess.Popen(
        [*command, "--seconds", "0.7", "--start", "now"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("episode 1:"):
            break
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) == cli.EXIT_INTERRUPTED
    process.stdout.close()
    assert open_recording(path).ids == (0, 1)
    assert not list(path.glob(".partial-*"))
    assert not faults(path)


def test_films_and_folders_keep_every_frame_and_time(tmp_path: Path) -> None:
    frames = moving_square(12)
    film = write_film(tmp_path / "a film.mp4", frames)
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for index, frame in enumerate(frames):
        cv2.imwrite(str(pictures / f"{index + 1}.png"), frame[..., ::-1])
    command = ["capture", "--sources", str(film), "--codec", "lossless"]
    assert cli.main([*command, "--out", str(tmp_path / "films")]) == 0
    episode = open_recording(tmp_path / "films")[0]
    np.testing.assert_array_equal(episode.frames("view0"), frames)
    np.testing.assert_allclose(episode.timestamps("view0"), np.arange(12) / 10, atol=1e-6)
    assert episode.metadata["clock"] == {"name": "film"}
    command = ["capture", "--sources", f"top={pictures}", "--codec", "lossless", "--rate", "20"]
    assert cli.main([*command, "--out", str(tmp_path / "folders")]) == 0
    episode = open_recording(tmp_path / "folders")[0]
    np.testing.assert_array_equal(episode.frames("top"), frames)
    np.testing.assert_allclose(episode.timestamps("top"), np.arange(12) / 20, atol=1e-6)


def test_a_single_frame_crop_and_rotation(tmp_path: Path) -> None:
    film = write_film(tmp_path / "one.mp4", moving_square(1))
    options = ["--rotate", "view0=90", "--crop", "view0=2,4,20,30", "--codec", "lossless"]
    command = ["capture", "--sources", str(film), "--out", str(tmp_path / "d"), *options]
    assert cli.main(command) == 0
    expected = np.rot90(moving_square(1)[0], -1)[4:34, 2:22]
    np.testing.assert_array_equal(open_recording(tmp_path / "d")[0].frames("view0")[0], expected)


def test_what_the_robot_says_stands_beside_the_frames(tmp_path: Path, server: MjpegServer) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    is_over = threading.Event()

    def speak() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as robot:
            number = 0
            while not is_over.wait(0.02):
                message = {"joints": [0.1 * number, -1.0], "action": [0.5]}
                robot.sendto(json.dumps(message).encode(), ("127.0.0.1", port))
                robot.sendto(b"{broken", ("127.0.0.1", port))
                number += 1

    thread = threading.Thread(target=speak)
    thread.start()
    options = ["--seconds", "1", "--episodes", "1", "--start", "now", "--warmup-seconds", "0"]
    robot = ["--robot", f"udp:127.0.0.1:{port}"]
    sources = ["--sources", server.addresses[0], "--out", str(tmp_path / "d")]
    code = cli.main(["capture", *sources, *options, *robot])
    is_over.set()
    thread.join()
    assert code == 0
    episode = open_recording(tmp_path / "d")[0]
    assert episode.steps is not None
    assert episode.steps["joints"].shape == (len(episode.steps["time_seconds"]), 2)
    assert np.diff(episode.steps["joints"][:, 0]).min() > 0
    times = episode.timestamps("view0")
    assert times[0] - 0.2 < episode.steps["time_seconds"][0] < times[-1]
    assert episode.metadata["capture"]["robot"]["malformed"] > 3
    assert not faults(tmp_path / "d")


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--sources", "7"], "the camera '7' does not open"),
        (["--sources", "rtsp://127.0.0.1:9/x"], "does not open"),
        (["--sources", "http://127.0.0.1:9/x"], "the stream 'http://127.0.0.1:9/x' does not open"),
        (["--sources", "nothing.mp4"], "is no camera number, no address"),
        (["--sources", "../a=b=0"], "is no camera number"),
        (["--sources", "a b=0"], "cannot name a view"),
        (["--sources", "a=0", "a=1"], "names a view twice"),
        (["--sources", "empty"], "has no picture"),
        (["--sources", "pictures"], "say how many there are per second with --rate"),
        (["--sources", "text.mp4"], "is no film that can be read"),
        (["--sources", "0", "--size", "big"], "WIDTHxHEIGHT"),
        (["--sources", "0", "--rotate", "view0=45"], "0, 90, 180 or 270"),
        (["--sources", "0", "--crop", "view1=1,2,3,4"], "unknown view"),
        (["--sources", "film.mp4", "--crop", "view0=1,2,300,4"], "does not fit"),
        (["--sources", "0", "--rate", "0"], "--rate must lie"),
        (["--sources", "0", "--split", "holdout"], "unknown split"),
        (["--sources", "film.mp4", "--robot", "serial"], "expected udp:HOST:PORT"),
        (["--sources", "film.mp4", "--robot", "udp:0.0.0.0:0"], "give a token"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    line: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "1.png").touch()
    (tmp_path / "text.mp4").write_text("no film")
    write_film(tmp_path / "film.mp4", moving_square(3))
    assert cli.main(["capture", *options, "--out", "d"]) == cli.EXIT_BAD_INPUT
    errors = capfd.readouterr().err
    assert line in errors
    assert "Traceback" not in errors
    assert not list((tmp_path / "d").glob("episode*")) if (tmp_path / "d").exists() else True


def test_keys_of_a_terminal_start_stop_and_throw_away(tmp_path: Path, server: MjpegServer) -> None:
    path = tmp_path / "d"
    ours, theirs = pty.openpty()
    sources = ["--sources", server.addresses[0], "--out", str(path), "--warmup-seconds", "0"]
    command = [sys.executable, "-m", "tcn_robot", "capture", *sources]
    process = subprocess.Popen(
        command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None

    def wait_for(text: str) -> None:
        for line in process.stderr:  # type: ignore[union-attr]
            if text in line:
                return
        raise AssertionError(f"never said {text!r}")

    wait_for("episode 0: space")
    os.write(ours, b" ")
    time.sleep(0.5)
    os.write(ours, b"\x7f")  # thrown away
    wait_for("thrown away")
    wait_for("episode 0: space")  # its id is free again
    os.write(ours, b" ")
    time.sleep(0.5)
    os.write(ours, b"\n")
    wait_for("episode 1: space")
    os.write(ours, b"q")
    assert process.wait(timeout=20) == 0
    process.stdout.close()  # type: ignore[union-attr]
    process.stderr.close()
    assert open_recording(path).ids == (0,)
    assert not faults(path)


def test_the_window_shows_and_hears(tmp_path: Path, server: MjpegServer) -> None:
    """Filmed by the keys of the preview window, on a display of its own."""
    with virtual_display() as environment:
        options = ["--out", str(tmp_path / "d"), "--warmup-seconds", "0", "--start", "key"]
        sources = ["--sources", *server.addresses, "--preview", "window"]
        command = [sys.executable, "-m", "tcn_robot", "capture", *sources, *options]
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        assert process.stderr is not None
        assert "space or Enter starts" in process.stderr.readline()
        time.sleep(0.3)
        press(environment, "key", "space")
        time.sleep(0.8)
        press(environment, "key", "space")
        assert "space or Enter starts" in process.stderr.readline()
        press(environment, "key", "q")
        assert process.wait(timeout=20) == 0
        process.stderr.close()
    assert open_recording(tmp_path / "d").ids == (0,)
    assert not faults(tmp_path / "d")


def test_shares_give_every_split_and_the_same_again(tmp_path: Path) -> None:
    from tcn_robot.workflows.capture_options import split_of

    split = split_of("train", (0.8, 0.1, 0.1), seed=3)
    drawn = [split(id) for id in range(1_000)]
    assert drawn == [split_of("train", (8, 1, 1), seed=3)(id) for id in range(1_000)]
    assert 760 < drawn.count("train") < 840
    assert 70 < drawn.count("test") < 130
