"""Measures the metrics on long episodes: seconds, and memory beyond what the episodes take.

`python scripts/bench_alignment_speed.py --out docs/results/metrics/speed.json`: every metric in a
process of its own on one core, both directions, on a walk (neighbours are found) and on a
collapsed embedding (every frame ties with every other), and beside it the dense way: all distances
at once, as a matrix.
"""

from __future__ import annotations

import os

# Before numpy: the figures are those of one core.
os.environ.update(
    dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
)

import argparse
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from tcn_robot.atomic import write_text_atomically
from tcn_robot.metrics import (
    alignment_accuracy,
    alignment_error,
    attribute_error,
    kendall_tau,
    moment_recall,
    progress_error,
    three_way_cycle_consistency,
    two_way_cycle_consistency,
)
from tcn_robot.metrics.blockwise import TIE_ROUNDINGS
from tcn_robot.progress import progress
from tcn_robot.provenance import commit, machine

Array = NDArray[np.float32]
FRAMES_OF_AN_EPISODE = 100  # for attributes, whose frames are of many episodes


def dense_error(u: Array, v: Array) -> float:
    """Return the alignment error by all distances at once, both directions."""
    errors = []
    norms = [np.linalg.norm(x.astype(np.float64), axis=1).max() for x in (u, v)]
    tolerance = TIE_ROUNDINGS * np.finfo(u.dtype).eps * max(norms)
    gaps = np.abs(np.arange(len(u))[:, None] - np.arange(len(v))[None, :])  # (T, T)
    for a, b in ((u, v), (v, u)):
        distances = cdist(a.astype(np.float64), b.astype(np.float64))
        ties = distances <= distances.min(axis=1, keepdims=True) + tolerance
        errors.append(((ties * gaps).sum(axis=1) / ties.sum(axis=1)).mean() / len(a))
    return float(np.mean(errors))


def attributes(u: Array, v: Array) -> float:
    """Return the error of an attribute of frames of many episodes."""
    frames = np.arange(len(u))
    return attribute_error(u, frames % 7, frames // FRAMES_OF_AN_EPISODE).error


def progress_both_ways(u: Array, v: Array) -> float:
    """Return the progress error, both directions."""
    labels = np.linspace(0, 1, len(u))
    return (progress_error(u, v, labels, labels) + progress_error(v, u, labels, labels)) / 2


METRICS: dict[str, Callable[[Array, Array], Any]] = {
    "alignment_error": alignment_error,
    "alignment_accuracy": alignment_accuracy,
    "kendall_tau": lambda u, v: (kendall_tau(u, v).tau_a + kendall_tau(v, u).tau_a) / 2,
    "progress_error": progress_both_ways,
    "moment_recall": lambda u, v: (
        (moment_recall(u, v)[10].recall + moment_recall(v, u)[10].recall) / 2
    ),
    "attribute_error": attributes,
    "two_way_cycle_consistency": two_way_cycle_consistency,
    "three_way_cycle_consistency": lambda u, v: three_way_cycle_consistency(u, v, u[::-1]),
    "dense alignment_error": dense_error,
}


def episodes(kind: str, num_frames: int, dimension: int) -> tuple[Array, Array]:
    """Return two views of one walk with noise of their own, or two that have collapsed."""
    rng = np.random.default_rng(0)
    if kind == "collapsed":
        one = np.full((num_frames, dimension), 0.3, np.float32)
        return one, one.copy()
    walk = np.cumsum(rng.normal(size=(num_frames, dimension)), axis=0)
    u, v = (walk + rng.normal(size=walk.shape) for _ in range(2))
    return u.astype(np.float32), v.astype(np.float32)


def measure_here(metric: str, kind: str, num_frames: int, dimension: int) -> dict[str, float]:
    """Return seconds and the growth of this process's peak memory."""
    u, v = episodes(kind, num_frames, dimension)
    alignment_error(u[:100], v[:100])  # everything is imported and warm
    before = peak_mb()
    wall, cpu = time.perf_counter(), time.process_time()
    value = METRICS[metric](u, v)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    beyond = peak_mb() - before
    return {"value": value, "wall_seconds": wall, "core_seconds": cpu, "peak_mb": beyond}


def peak_mb() -> float:
    """Return the most memory that this program has had resident since it began."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(re.search(r"VmHWM:\s*(\d+)", status)[1]) / 1024  # type: ignore[index]


def measure(options: argparse.Namespace, metric: str, kind: str) -> dict[str, float]:
    """Measure in fresh processes; the least of the times, the most of the memory."""
    runs = []
    for _ in range(options.rounds):
        given = [metric, kind, str(options.frames), str(options.dimension)]
        command = [sys.executable, __file__, "--here", *given]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        runs.append(json.loads(done.stdout))
    return {
        "value": round(runs[0]["value"], 6),
        "core_seconds": round(min(run["core_seconds"] for run in runs), 2),
        "wall_seconds": round(min(run["wall_seconds"] for run in runs), 2),
        "peak_mb": round(max(run["peak_mb"] for run in runs)),
    }


def main() -> None:
    """Parse the options, measure, print."""
    if sys.argv[1:2] == ["--here"]:
        metric, kind, num_frames, dimension = sys.argv[2:]
        print(json.dumps(measure_here(metric, kind, int(num_frames), int(dimension))))
        return
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--frames", type=int, default=10_000)
    parser.add_argument("--dimension", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    figures: dict[str, Any] = {"frames": options.frames, "dimension": options.dimension}
    cases = [(metric, kind) for kind in ("walk", "collapsed") for metric in METRICS]
    for metric, kind in progress(cases, len(cases), "measuring"):
        figures.setdefault(kind, {})[metric] = measure(options, metric, kind)
    figures |= {"commit": commit(), "machine": machine()}
    print(json.dumps(figures, indent=2))
    if options.out is not None:
        write_text_atomically(options.out, json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
