"""Measures how fast a simulated task is recorded, and where the time goes.

`python scripts/bench_recording.py --out docs/results/recording/speed.json`: steps per second
in one process, encoded and on disk, beside the same steps only simulated and rendered, alternating;
then with two processes; then where the time of one goes.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from tcn_robot.atomic import write_text_atomically
from tcn_robot.provenance import commit
from tcn_robot.recordings import DatasetWriter, episode_seeds, open_recording, record_episode
from tcn_robot.recordings.video import VideoEncoder
from tcn_robot.workflows.record import plan_job
from tcn_robot.workflows.recording_job import open_source, resolve_policy
from tcn_robot.workflows.recording_workers import THREADS, record_in_processes

EPISODES_PER_WORKER = 15


class TimedSource:
    """Passes everything on to a source and sums up the seconds in some of its methods."""

    def __init__(self, source: Any, seconds: dict[str, float]) -> None:
        self._source = source
        self._seconds = seconds

    def __getattr__(self, name: str) -> Any:
        """Return the source's attribute; methods of interest come back timed."""
        value = getattr(self._source, name)
        stage = {"step": "simulate", "reset": "reset", "render_views": "render"}.get(name)
        if stage is None:
            return value

        def timed(*arguments: Any, **named: Any) -> Any:
            start_seconds = time.perf_counter()
            try:
                return value(*arguments, **named)
            finally:
                self._seconds[stage] += time.perf_counter() - start_seconds

        return timed


def record(options: argparse.Namespace, path: Path) -> tuple[float, float, int, dict[str, float]]:
    """Record; return wall seconds, CPU seconds of all threads, control steps, stage seconds."""
    seconds: dict[str, float] = defaultdict(float)
    source = open_source(options.task, "robot", options.policy)
    policy = resolve_policy(options.task, options.policy)
    views = source.view_names[: options.views]
    source.reset(seed=0)
    source.render_views(views, (options.size, options.size))  # the renderer starts here
    num_steps = 0
    codec = "lossless" if options.lossless else "h264"
    with DatasetWriter(path, options.task, codec) as writer:
        start_seconds, start_cpu_seconds = time.perf_counter(), time.process_time()
        for id in range(options.episodes):
            seed, randomness = episode_seeds(0, "train", id)
            with writer.episode(source.control_hz, id) as episode:
                summary = record_episode(
                    TimedSource(source, seconds),  # type: ignore[arg-type]
                    lambda timed, generator: policy(source, generator),
                    episode,
                    views=views,
                    size_px=options.size,
                    seed=seed,
                    policy_randomness=randomness,
                )
                finish_seconds = time.perf_counter()
            seconds["finish and sync"] += time.perf_counter() - finish_seconds
            num_steps += summary["steps"]
        wall_seconds = time.perf_counter() - start_seconds
        cpu_seconds = time.process_time() - start_cpu_seconds
    source.close()
    seconds["policy, labels, queueing"] = wall_seconds - sum(seconds.values())
    return wall_seconds, cpu_seconds, num_steps, seconds


def render_only(options: argparse.Namespace) -> tuple[float, int]:
    """Simulate and render the episodes that `record` films, write nothing; seconds and steps."""
    source = open_source(options.task, "robot", options.policy)
    policy = resolve_policy(options.task, options.policy)
    views, size = source.view_names[: options.views], (options.size, options.size)
    source.reset(seed=0)
    source.render_views(views, size)
    num_steps = 0
    start_seconds = time.perf_counter()
    for id in range(options.episodes):
        seed, randomness = episode_seeds(0, "train", id)
        source.reset(seed=seed)
        source.render_views(views, size)
        for step, action in enumerate(policy(source, randomness)):
            if step == source.horizon:
                break
            source.step(np.asarray(action, np.float32))
            source.render_views(views, size)
            num_steps += 1
    seconds = time.perf_counter() - start_seconds
    source.close()
    return seconds, num_steps


def record_with_workers(options: argparse.Namespace, path: Path, workers: int) -> float:
    """Return control steps per second of `tcn-robot record` with processes, start-up left out.

    The first episode of each process, with its start, is recorded before the clock runs.
    """
    job = plan_job(
        options.task,
        path,
        views=(),
        size_px=options.size,
        embodiment="robot",
        policy=options.policy,
        seed=0,
        split="train",
        lossless=options.lossless,
        randomise=(),
        moving_cameras=False,
    )
    ids = list(range(EPISODES_PER_WORKER * workers + workers))
    steps, start_seconds, done = 0, 0.0, 0
    with DatasetWriter(path, job.task, job.codec):
        for summary in record_in_processes(job, ids, workers):
            done += 1
            if done > workers:
                steps += summary.steps
            elif done == workers:
                start_seconds = time.perf_counter()
        return steps / (time.perf_counter() - start_seconds)


def measure_codec(path: Path, out: Path, codec: str) -> tuple[float, float]:
    """Return frames per second of encoding alone and of decoding alone, one thread."""
    start_seconds = time.perf_counter()
    films = [episode.frames(view) for episode in open_recording(path) for view in episode.views]
    decode_seconds = time.perf_counter() - start_seconds
    num_frames = sum(map(len, films))
    start_seconds = time.perf_counter()
    for film in films:
        _encode(film, out, codec)
    return num_frames / (time.perf_counter() - start_seconds), num_frames / decode_seconds


def _encode(film: np.ndarray, out: Path, codec: str) -> None:
    encoder = VideoEncoder(out, film.shape[2], film.shape[1], codec, 10.0)
    for index, frame in enumerate(film):
        encoder.write(frame, index * 100_000)
    encoder.close()


def report_speeds(options: argparse.Namespace, speeds: dict[str, list[float]]) -> None:
    """Print medians and ratios, and write them where `--out` says."""
    medians = {name: float(np.median(rates)) for name, rates in speeds.items()}
    ratios = np.array(speeds["one process"]) / np.array(speeds["rendered only"])
    figures = {
        "task": options.task,
        "views": options.views,
        "size_px": options.size,
        "threads": {
            "renderer": "LP_NUM_THREADS=" + os.environ.get("LP_NUM_THREADS", "default"),
            "renderer of workers": "LP_NUM_THREADS=" + THREADS["LP_NUM_THREADS"],
            "encoder": "1 per view",
        },
        "steps_per_second": {name: [round(r, 1) for r in rates] for name, rates in speeds.items()},
        "share_of_bare_rendering": round(float(np.median(ratios)), 3),
        "two_workers_over_one": round(medians["workers 2"] / medians["workers 1"], 2),
        "commit": commit(),
    }
    text = json.dumps(figures, indent=2)
    print(text)
    if options.out is not None:
        write_text_atomically(options.out, text + "\n")


def main() -> None:
    """Parse the options, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", default="tcn_robot/MujocoPush-v0")
    parser.add_argument("--policy", default="expert")
    parser.add_argument("--episodes", type=int, default=4, help="of a round")
    parser.add_argument("--views", type=int, default=3)
    parser.add_argument("--size", type=int, default=84)
    parser.add_argument("--lossless", action="store_true")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        speeds: dict[str, list[float]] = defaultdict(list)
        for round_ in range(options.rounds):
            path = Path(folder) / f"dataset_{round_}"
            bare_seconds, bare_steps = render_only(options)
            wall_seconds, cpu_seconds, num_steps, seconds = record(options, path)
            speeds["rendered only"].append(bare_steps / bare_seconds)
            speeds["one process"].append(num_steps / wall_seconds)
            for workers in (1, 2) if round_ % 3 == 0 else ():
                rate = record_with_workers(options, Path(f"{path}_{workers}"), workers)
                speeds[f"workers {workers}"].append(rate)
        codec = "lossless" if options.lossless else "h264"
        encode_fps, decode_fps = measure_codec(path, Path(folder) / "film.mp4", codec)
        size_bytes = sum(file.stat().st_size for file in path.rglob("*.mp4"))
    report_speeds(options, speeds)
    frames = (num_steps + options.episodes) * options.views
    print(
        f"{options.task}, {options.policy}, {options.views} views of {options.size} px, {codec}: "
        f"{num_steps / wall_seconds:.0f} control steps/s ({options.episodes} episodes, "
        f"{num_steps} steps, {frames} frames, {size_bytes / frames:.0f} bytes per frame)"
    )
    print(
        f"  {wall_seconds:.2f} s on the clock, {cpu_seconds:.2f} s of CPU in all threads "
        "(the clock runs on when others use the cores)"
    )
    for stage, stage_seconds in sorted(seconds.items(), key=lambda item: -item[1]):
        share = stage_seconds / wall_seconds
        print(f"  {stage:<26} {stage_seconds:6.2f} s {share:5.0%}")
    print(f"  rendering alone   {frames / seconds['render']:6.0f} frames/s")
    print(f"  encoding alone    {encode_fps:6.0f} frames/s (in the background while recording)")
    print(f"  decoding alone    {decode_fps:6.0f} frames/s")


if __name__ == "__main__":
    main()
