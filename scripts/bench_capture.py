"""Films four MJPEG cameras from a loopback server and counts what is lost, and what is known.

`python scripts/bench_capture.py --out docs/results/recording/capture.json`: four streams of 640x480
at 30 frames per second from another process, for 60 s. Each stamps later than the first by a known
offset, and leaves out known frames.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tcn_robot import cli
from tcn_robot.atomic import write_text_atomically
from tcn_robot.provenance import commit
from tcn_robot.recordings import find_faults, open_recording
from tests.support.mjpeg_server import Camera, MjpegServer, Scene, make_camera

OFFSETS_SECONDS = (0.0, 0.020, 0.050, 0.110)
DROP_SHARE = 0.003
LEAD_SECONDS = 4.0  # the server runs longer than the episode, before and after


def _make(job: tuple[int, float, float, int]) -> Camera:
    number, offset_seconds, seconds, seed = job
    scene = Scene(seconds + 4.0, seed)
    return make_camera(
        scene, number, seconds=seconds, offset_seconds=offset_seconds, drop_share=DROP_SHARE
    )


def serve(seconds: float, seed: int, pipe: Connection) -> None:
    """Make the pictures, say where they are, start when told, say when frames were left out."""
    jobs = [(n, offset, seconds, seed) for n, offset in enumerate(OFFSETS_SECONDS)]
    with multiprocessing.Pool(2) as pool:
        cameras = pool.map(_make, jobs)
    server = MjpegServer(cameras)
    pipe.send(server.addresses)
    pipe.recv()
    server.start()
    planted = [
        [server.start_seconds + float(camera.due_seconds[i]) for i in sorted(camera.dropped)]
        for camera in cameras
    ]
    pipe.send(planted)
    pipe.recv()
    server.close()


def figures_of(path: Path, planted: list[list[float]], seconds: float) -> dict[str, Any]:
    """Compare what the capture says of its episode with what was planted."""
    episode = open_recording(path)[0]
    capture = episode.metadata["capture"]
    views = {}
    for number, view in enumerate(episode.views):
        times = episode.timestamps(view)
        inside = [t for t in planted[number] if times[0] < t < times[-1]]
        entry = capture["views"][view]
        said = np.array(entry["missing_before_seconds"])
        found = sum(bool(said.size and (np.abs(said - t) < 0.060).any()) for t in inside)
        expected = round((times[-1] - times[0]) * 30.0) + 1
        lost = expected - len(times) - len(inside)
        views[view] = {
            "frames": len(times),
            "planted_drops": len(inside),
            "planted_drops_found": found,
            "missing_said": entry["missing_frames"],
            "lost_by_us": lost,
            "lost_by_us_share": round(lost / expected, 5),
            "lost_and_counted": entry["dropped_frames"],
            "skew": capture["skew"].get(view),
            "offset_planted_ms": 1e3 * (OFFSETS_SECONDS[number] - OFFSETS_SECONDS[0]),
            "offset_said": capture["offsets"].get(view),
        }
        if entry_offset := capture["offsets"].get(view):
            error = 1e3 * entry_offset["offset_seconds"] - views[view]["offset_planted_ms"]
            views[view]["offset_error_ms"] = round(error, 2)
    faults = [str(f) for _, found in find_faults(open_recording(path)) for f in found if f.is_fault]
    return {"seconds": seconds, "views": views, "faults": faults, "marks": capture["marks"]}


def main() -> None:
    """Parse the options, film, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--codec", default="h264-fast")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    ours, theirs = multiprocessing.Pipe()
    lasts = options.seconds + 2 * LEAD_SECONDS
    process = multiprocessing.Process(target=serve, args=(lasts, options.seed, theirs))
    process.start()
    addresses = ours.recv()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "filmed"
        ours.send("start")
        planted = ours.recv()
        before = os.times()
        start_seconds = time.monotonic()
        arguments = ["--sources", *addresses, "--out", str(path), "--seconds", str(options.seconds)]
        arguments += ["--episodes", "1", "--start", "now", "--codec", options.codec]
        code = cli.main(["capture", *arguments])
        wall_seconds, after = time.monotonic() - start_seconds, os.times()
        if code:
            sys.exit(code)
        figures = figures_of(path, planted, options.seconds)
        figures["codec"] = options.codec
        cpu_seconds = (after.user - before.user) + (after.system - before.system)
        figures["cores_used_by_us"] = round(cpu_seconds / wall_seconds, 2)
        figures["megabytes"] = round(
            sum(file.stat().st_size for file in path.rglob("*.mp4")) / 1e6, 1
        )
        figures["commit"] = commit()
    ours.send("end")
    process.join()
    text = json.dumps(figures, indent=2)
    print(text)
    if options.out is not None:
        write_text_atomically(options.out, text + "\n")


if __name__ == "__main__":
    main()
