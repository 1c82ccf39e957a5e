"""Measures the frame store against decoding each sample, how fast it is made, and its memory.

`python scripts/bench_frame_store.py --out docs/results/recording/frame_store.json`: random batches
of (episode, view, time) out of the store beside the same batches decoded by PyAV, alternating, the
frames compared bit by bit; building with one and two threads; and a process whose memory is limited
to less than the store, which builds it and draws from it.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.video.reformatter import VideoReformatter

from tcn_robot.atomic import write_text_atomically
from tcn_robot.data import FrameStore
from tcn_robot.data.build import build_frame_store
from tcn_robot.data.writing import resize_frame
from tcn_robot.matching import nearest_frames
from tcn_robot.metrics.bootstrap import bootstrap_interval
from tcn_robot.provenance import commit, machine
from tcn_robot.recordings import DatasetWriter, open_recording
from tcn_robot.recordings.format import video_name
from tcn_robot.recordings.video import TICKS_PER_SECOND

VIEWS = ("front", "side")
Samples = tuple[np.ndarray, np.ndarray, np.ndarray]  # episode, view, time_seconds, each (N,)


def record_films(path: Path, size_px: int, episodes: int, num_frames: int) -> None:
    """Write films of a smooth ground that shifts behind a square, seen by two cameras."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (2 * size_px // 8, 2 * size_px // 8, 3)).astype(np.uint8)
    ground = cv2.resize(coarse, (2 * size_px, 2 * size_px), interpolation=cv2.INTER_CUBIC)
    with DatasetWriter(path, task="bench", codec="h264", kind="film") as writer:
        for _ in range(episodes):
            places = np.abs(np.cumsum(rng.integers(-3, 4, (num_frames, 2)), axis=0)) % size_px
            with writer.episode(frame_rate_hz=20.0) as episode:
                for frame, (row, column) in enumerate(places):
                    pictures = {}
                    for view, shift in zip(VIEWS, (0, size_px // 2), strict=True):
                        picture = ground[row : row + size_px, shift : shift + size_px].copy()
                        picture[column // 2 : column // 2 + 8, row // 2 : row // 2 + 8] = 255
                        pictures[view] = picture
                    episode.add_frames(frame / 20 + rng.uniform(0, 0.01), pictures)


class PerSampleDecoder:
    """Decodes one frame at a time: seek to the key frame before it, decode up to it.

    Args:
        dataset: The recording.
        size_px: Size of the frames wanted.
        keep_open: Open each film once, the fastest form there is; else for each sample.
    """

    def __init__(self, dataset: Path, size_px: int, keep_open: bool) -> None:
        self._size_px, self._keep_open = size_px, keep_open
        self._episodes = list(open_recording(dataset))
        self._times = [[e.timestamps(view) for view in e.views] for e in self._episodes]
        self._open: dict[Path, Any] = {}
        self._out = np.empty((0, size_px, size_px, 3), np.uint8)
        self._reformatter = VideoReformatter()

    def gather(self, episode: np.ndarray, view: np.ndarray, time_seconds: np.ndarray) -> np.ndarray:
        """Return the frames nearest to times, uint8 (N, S, S, 3), until it is called again."""
        if len(self._out) != len(episode):
            self._out = np.empty((len(episode), self._size_px, self._size_px, 3), np.uint8)
        for row, (e, v, at) in enumerate(zip(episode, view, time_seconds, strict=True)):
            times, film = self._times[e][v], self._episodes[e]
            seconds = times[nearest_frames(np.array([at]), times)[0]]
            origin = film.metadata["video_origin_seconds"]
            path = film.path / video_name(film.views[v])
            frame = self._decode(path, round((seconds - origin) * TICKS_PER_SECOND))
            resize_frame(frame, self._out[row])
        return self._out

    def _decode(self, path: Path, ticks: int) -> np.ndarray:
        container = self._open.get(path)
        if container is None:
            container = av.open(str(path))
            container.streams.video[0].thread_count = 1
            if self._keep_open:
                self._open[path] = container
        stream = container.streams.video[0]
        wanted = round(ticks / TICKS_PER_SECOND / stream.time_base)
        container.seek(wanted, stream=stream, backward=True)
        for frame in container.decode(stream):
            if frame.pts >= wanted:
                picture = self._reformatter.reformat(frame, format="rgb24").to_ndarray()
                break
        if not self._keep_open:
            container.close()
        return picture

    def close(self) -> None:
        """Close the films."""
        for container in self._open.values():
            container.close()


def draw(store: FrameStore, rng: np.random.Generator, count: int) -> Samples:
    """Return random places: any episode, any of its views, any time from its start to its end."""
    episode = rng.integers(0, len(store.episodes), count)
    view = rng.integers(0, len(VIEWS), count)
    films = [store.episodes[e].timestamps(VIEWS[v]) for e, v in zip(episode, view, strict=True)]
    first, last = (np.array([times[end] for times in films]) for end in (0, -1))
    return episode, view, rng.uniform(first, last)


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds that something took, and what it returned."""
    start_seconds = time.perf_counter()
    result = work()
    return time.perf_counter() - start_seconds, result


def compare(options: argparse.Namespace, dataset: Path, size_px: int, cache: Path) -> dict:
    """Measure batches out of the store against the same batches decoded sample by sample."""
    store = build_frame_store([dataset], size_px, cache)
    ways = {"films kept open": True, "films opened each time": False}
    decoders = {name: PerSampleDecoder(dataset, size_px, keep) for name, keep in ways.items()}
    work: dict[str, Callable[..., np.ndarray]] = {"store": gathering(store, options.batch)}
    work |= {name: by.gather for name, by in decoders.items()}
    for rows in np.array_split(np.arange(len(store.films)), 64):
        store.gather(rows)  # from here on every page is in memory
    rng = np.random.default_rng(1)
    rates: dict[str, list[float]] = {name: [] for name in ("store just opened", *work)}
    for round_ in range(options.rounds):
        samples = draw(store, rng, options.batch)
        just_opened = gathering(build_frame_store([dataset], size_px, cache), options.batch)
        order = [*work.items()] if round_ % 2 == 0 else [*reversed(work.items())]
        expected = None
        for name, gather in [("store just opened", just_opened), *order]:
            seconds, found = timed(functools.partial(gather, *samples))
            rates[name].append(options.batch / seconds)
            assert expected is None or np.array_equal(found, expected), "not the same frames"
            expected = found
    for decoder in decoders.values():
        decoder.close()
    figures: dict[str, Any] = {name: round(float(np.median(of))) for name, of in rates.items()}
    for name in ways:
        ratios = np.array(rates["store"]) / rates[name]
        low, high = bootstrap_interval(ratios, np.random.default_rng(0))
        figures[f"store over {name}"] = {
            "mean": round(float(ratios.mean()), 1),
            "interval_95": [round(low, 1), round(high, 1)],
            "lowest": round(float(ratios.min()), 1),
        }
    return figures


def gathering(store: FrameStore, batch: int) -> Callable[..., np.ndarray]:
    """Return the function from (episode, view, time) to frames; it gives one batch at a time."""
    out = np.empty((batch, store.size_px, store.size_px, 3), np.uint8)
    return lambda *samples: store.gather(store.index(*samples), out)


def measure_building(options: argparse.Namespace, dataset: Path, size_px: int) -> dict:
    """Return frames per second of building with one and with two threads, alternating."""
    rates: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(options.builds):
        for workers, of in rates.items():
            with tempfile.TemporaryDirectory() as cache:
                build = functools.partial(build_frame_store, [dataset], size_px, cache, workers)
                seconds, store = timed(build)
                of.append(len(store.films) / seconds)
                del store
    ratio = np.median(np.array(rates[2]) / rates[1])
    medians = {f"threads {workers}": round(float(np.median(of))) for workers, of in rates.items()}
    return {**medians, "two over one": round(float(ratio), 2)}


def anonymous_bytes() -> int:
    """Return the memory of this process's own that is resident: no pages of mapped files."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return 1024 * int(re.search(r"RssAnon:\s*(\d+)", status)[1])  # type: ignore[index]


def build_and_draw_in_little_memory(arguments: list[str]) -> None:
    """Build a store and draw from it with limited memory; print JSON with the peaks in bytes.

    Args:
        arguments: Dataset, size, cache, the limit in bytes, frames of a batch.
    """
    dataset, size_px, cache, limit_bytes, batch = Path(arguments[0]), *arguments[1:]
    resource.setrlimit(resource.RLIMIT_DATA, (int(limit_bytes), resource.RLIM_INFINITY))
    phase, peaks = "before", {"before": anonymous_bytes()}

    def watch() -> None:
        while True:
            peaks[phase] = max(peaks.get(phase, 0), anonymous_bytes())
            time.sleep(0.002)

    threading.Thread(target=watch, daemon=True).start()
    phase = "building"
    store = build_frame_store([dataset], int(size_px), cache, workers=2)
    phase, rng, gather = "drawing", np.random.default_rng(0), gathering(store, int(batch))
    for _ in range(200):
        gather(*draw(store, rng, int(batch)))
    print(json.dumps({**peaks, "store": len(store.films) * int(size_px) ** 2 * 3}))


def measure_memory(options: argparse.Namespace, dataset: Path, size_px: int) -> dict:
    """Return, in MB, the store, what the process was allowed, and its own memory at its peaks."""
    with tempfile.TemporaryDirectory() as cache:
        limit = str(options.memory_mb * 10**6)
        arguments = [str(dataset), str(size_px), cache, limit, str(options.batch)]
        command = [sys.executable, __file__, "--in-little-memory", *arguments]
        # Arrow's own allocator reserves a gigabyte at once, used or not.
        environment = {**os.environ, "ARROW_DEFAULT_MEMORY_POOL": "system"}
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment)
    if done.returncode:
        return {"allowed": options.memory_mb, "failed": done.returncode}
    found = json.loads(done.stdout)
    batch = options.batch * size_px**2 * 3
    return {
        "allowed": options.memory_mb,
        **{name: round(value / 1e6, 1) for name, value in {**found, "batch": batch}.items()},
    }


def main() -> None:
    """Parse the options, measure, print."""
    if sys.argv[1:2] == ["--in-little-memory"]:
        build_and_draw_in_little_memory(sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[84, 224])
    parser.add_argument("--episodes", type=int, default=20)
    parser.add_argument("--frames", type=int, default=120, help="of a film")
    parser.add_argument("--batch", type=int, default=256, help="frames of a batch")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--builds", type=int, default=5)
    parser.add_argument("--memory-mb", type=int, default=400, help="of the limited process")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    figures: dict[str, Any] = {"batch_frames": options.batch, "rounds": options.rounds}
    figures |= {"films": 2 * options.episodes, "frames_of_a_film": options.frames}
    for size_px in options.sizes:
        with tempfile.TemporaryDirectory() as folder:
            dataset = Path(folder) / "films"
            record_films(dataset, size_px, options.episodes, options.frames)
            figures[f"{size_px} px"] = {
                "frames_per_second": compare(options, dataset, size_px, Path(folder) / "cache"),
                "build_frames_per_second": measure_building(options, dataset, size_px),
                "memory_mb": measure_memory(options, dataset, size_px),
            }
        print(size_px, "px", json.dumps(figures[f"{size_px} px"], indent=2), flush=True)
    if options.out is not None:
        figures |= {"commit": commit(), "machine": machine()}
        write_text_atomically(options.out, json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
