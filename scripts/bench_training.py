"""How fast a training is: against a plain loop on the CPU, against the card's peak on a GPU.

    python scripts/bench_training.py --out docs/results/training/speed.json

Needs torch, numpy and safetensors. Everything is measured in one run; the two loops take turns, so
that both have the same weather. What needs a GPU says "not measured" where there is none.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from plain_training import PlainTraining
from roofline import Peaks, count_work, data_sheet, measure_peaks, synchronise
from training_speed_table import speed_table

from tcn_robot.atomic import write_text_atomically
from tcn_robot.data import FrameStore
from tcn_robot.data.augmentation import apply, draw
from tcn_robot.data.store_files import (
    FRAMES_FILE,
    STORE_FILE,
    STORE_VERSION,
    TIMESTAMPS_FILE,
)
from tcn_robot.provenance import commit, machine
from tcn_robot.training import TrainConfig, make_config
from tcn_robot.training.loop import open_batches, optimise
from tcn_robot.training.parts import Parts, prepare, start
from tcn_robot.training.state import TrainingState

VIEWS = ("front", "side", "wrist")
NOT_MEASURED = "not measured: no CUDA here"
# The step's share for sampling, gathering and augmentation; frames per second over the plain loop.
WANTED = {"cpu_ratio": 1.7, "cpu_data_share": 0.10, "gpu_data_share": 0.05}


@dataclass(frozen=True)
class Case:
    """A training to be timed.

    Attributes:
        name: What it is.
        options: Of `make_config`, by flat name.
        steps: How many are timed.
        wanted: Frames per second, or None.
        wanted_seconds: Seconds for all steps, or None.
    """

    name: str
    options: dict[str, Any]
    steps: int
    wanted: float | None = None
    wanted_seconds: float | None = None


# XIRL's budget (Zakka et al. 2021): 4,000 steps of 60 frames, 112 px, ResNet-18.
GPU_CASES = (
    Case(
        "XIRL's budget, ResNet-18, 112 px, 60 frames",
        {
            "encoder": "resnet",
            "depth": 18,
            "image_size_px": 112,
            "batch_frames": 60,
            "episodes_per_batch": 4,
        },
        steps=4000,
        wanted_seconds=15.0,
    ),
    Case(
        "ResNet-18, 112 px, 1,024 frames",
        {"encoder": "resnet", "depth": 18, "image_size_px": 112, "batch_frames": 1024},
        steps=100,
        wanted=50_000,
    ),
    Case(
        "ResNet-50, 224 px, 256 frames",
        {"encoder": "resnet", "depth": 50, "image_size_px": 224, "batch_frames": 256},
        steps=50,
    ),
)


def synthetic_store(folder: Path, size_px: int, episodes: int, frames: int) -> FrameStore:
    """Write a store of noise, every view of every episode of the same length, and open it."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    length = len(VIEWS) * frames
    pictures = np.lib.format.open_memmap(
        folder / FRAMES_FILE, "w+", np.uint8, (episodes * length, size_px, size_px, 3)
    )
    for start_row in range(0, len(pictures), 256):
        block = pictures[start_row : start_row + 256]
        block[:] = rng.integers(0, 256, block.shape, np.uint8)
    pictures.flush()
    np.save(folder / TIMESTAMPS_FILE, np.tile(np.arange(frames) / 20, episodes * len(VIEWS)))
    entries = [
        {
            "id": episode,
            "spans": {
                view: [episode * length + place * frames, episode * length + (place + 1) * frames]
                for place, view in enumerate(VIEWS)
            },
            "split": "train",
            "content_hash": f"noise-{episode}",
        }
        for episode in range(episodes)
    ]
    index = {"store_version": STORE_VERSION, "size_px": size_px, "source": "noise"}
    write_text_atomically(folder / STORE_FILE, json.dumps({**index, "episodes": entries}))
    return FrameStore.open(folder)


@contextlib.contextmanager
def stepping(
    config: TrainConfig, store: FrameStore, folder: Path
) -> Iterator[tuple[Parts, Callable[[], Any], TrainingState]]:
    """Yield a training's parts, a function that takes a step, and its state."""
    parts = prepare(config, store)
    state = start(config, parts, folder)
    with open_batches(config, parts) as batches:
        yield parts, lambda: optimise(config, parts, state, batches), state


def data_path(
    config: TrainConfig, parts: Parts, state: TrainingState
) -> Callable[[], torch.Tensor]:
    """Return the function that draws, gathers and augments a batch, and does nothing else."""

    def images() -> torch.Tensor:
        batch = parts.sampler.draw(state.sampling_rng)
        parameters = draw(len(batch), config.augmentation, state.augmentation_rng)
        return apply(parts.frames.gather(batch), parameters)

    return images


def seconds_each(work: Callable[[], Any], times: int, device: torch.device) -> float:
    """Return the mean seconds that something takes, over some times in a row."""
    synchronise(device)
    start_seconds = time.perf_counter()
    for _ in range(times):
        work()
    synchronise(device)
    return (time.perf_counter() - start_seconds) / times


def spread(values: Sequence[float], digits: int) -> dict[str, float]:
    """Return the median of some rounds, and the smallest and largest."""
    numbers = {"median": statistics.median(values), "lowest": min(values), "highest": max(values)}
    return {name: round(value, digits) for name, value in numbers.items()}


def measure_cpu(folder: Path, rounds: int, quick: bool) -> dict[str, Any]:
    """Time the default training against the plain one, in turns."""
    device = torch.device("cpu")
    size_px, batch_frames = (16, 16) if quick else (64, 256)
    store = synthetic_store(folder / "store", size_px, episodes=8 if quick else 40, frames=60)
    config = make_config(
        "tcn", negatives="all", image_size_px=size_px, batch_frames=batch_frames, device="cpu"
    )
    with stepping(config, store, folder / "run") as (parts, ours, state):
        optimisation = config.optimisation
        plain = PlainTraining(
            parts.store,
            parts.sampler,
            config.augmentation,
            optimisation.weight_decay,
            optimisation.clip_norm,
        )
        images = data_path(config, parts, state)
        seconds = in_turns(
            {"ours": ours, "plain": plain.step, "data": images}, rounds, 1 if quick else 3, device
        )
        peaks = measure_peaks(device, torch.float32, small=quick)
        bounds = roofline(ours, statistics.median(seconds["ours"]), peaks)
    ratios = [b / a for a, b in zip(seconds["ours"], seconds["plain"], strict=True)]
    shares = [b / a for a, b in zip(seconds["ours"], seconds["data"], strict=True)]
    rates = {name: [batch_frames / s for s in seconds[name]] for name in ("ours", "plain")}
    return {
        "batch_frames": batch_frames,
        "image_size_px": size_px,
        "threads": torch.get_num_threads(),
        "precision": str(parts.dtype).removeprefix("torch."),
        "rounds": rounds,
        "frames_per_second": spread(rates["ours"], 0),
        "plain_frames_per_second": spread(rates["plain"], 0),
        "ratio": spread(ratios, 2),
        "data_share": spread(shares, 3),
        "step_seconds": spread(seconds["ours"], 4),
        "roofline_fp32": bounds,
    }


def in_turns(
    work: dict[str, Callable[[], Any]], rounds: int, times: int, device: torch.device
) -> dict[str, list[float]]:
    """Return the seconds that each thing takes, one number per round, in changing order."""
    for step in work.values():  # every buffer is made, every page read
        step()
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for number in range(rounds):
        for name in list(work) if number % 2 == 0 else reversed(list(work)):
            seconds[name].append(seconds_each(work[name], times, device))
    return seconds


def roofline(step: Callable[[], Any], step_seconds: float, peaks: Peaks) -> dict[str, Any]:
    """Return what a step could take at the least, and how near it comes."""
    work = count_work(step)
    least = peaks.seconds(work)
    return {
        "gigaflops": round(work.flops / 1e9, 2),
        "gigabytes": round(work.bytes / 1e9, 3),
        "peak_gigaflops_per_second": round(peaks.flops_per_second / 1e9, 1),
        "peak_gigabytes_per_second": round(peaks.bytes_per_second / 1e9, 1),
        "compute_seconds": round(least["compute"], 5),
        "memory_seconds": round(least["memory"], 5),
        "fraction_of_peak": round(least["compute"] / step_seconds, 3),
    }


def measure_case(case: Case, folder: Path, device: torch.device, quick: bool) -> dict[str, Any]:
    """Time one training on a device.

    Args:
        case: What is trained.
        folder: Where its films may lie.
        device: Where it is trained.
        quick: Few small films, small peaks; for tests.
    """
    config = make_config("tcn", negatives="all", device=device.type, **case.options)
    size_px = config.image_size_px
    store = synthetic_store(folder / "store", size_px, 4 if quick else 40, 20 if quick else 60)
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    with stepping(config, store, folder / "run") as (parts, step, state):
        images = data_path(config, parts, state)
        for work in (step, images):
            seconds_each(work, 2 if quick else 10, device)
        step_seconds = seconds_each(step, case.steps, device)
        data_seconds = seconds_each(images, min(case.steps, 50), device)
        bounds = roofline(step, step_seconds, measure_peaks(device, dtype, small=quick))
    batch_frames = config.batch.batch_frames
    return {
        "steps": case.steps,
        "batch_frames": batch_frames,
        "image_size_px": size_px,
        "seconds": round(step_seconds * case.steps, 2),
        "wanted_seconds": case.wanted_seconds,
        "frames_per_second": round(batch_frames / step_seconds),
        "wanted_frames_per_second": case.wanted,
        "data_share": round(data_seconds / step_seconds, 3),
        "frames_on_the_device": parts.frames.are_resident,
        "roofline": bounds,
        "data_sheet": data_sheet(device),
    }


def measure_gpu(folder: Path) -> dict[str, Any] | str:
    """Time the cases that need a GPU, or say that there is none."""
    if not torch.cuda.is_available():
        return NOT_MEASURED
    device = torch.device("cuda")
    found: dict[str, Any] = {"card": torch.cuda.get_device_name(device)}
    for number, case in enumerate(GPU_CASES):
        found[case.name] = measure_case(case, folder / str(number), device, quick=False)
    return found


def main() -> None:
    """Parse the options, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--quick", action="store_true", help="tiny; the figures mean nothing")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        figures: dict[str, Any] = {
            "cpu": measure_cpu(
                folder / "cpu", 2 if options.quick else options.rounds, options.quick
            ),
            "gpu": measure_gpu(folder / "gpu"),
        }
    figures |= {"torch": torch.__version__, "commit": commit(), "machine": machine()}
    figures["wanted"] = WANTED
    figures["gpu_cases"] = [asdict(case) for case in GPU_CASES]
    print(speed_table(figures))
    if options.out is not None:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        write_text_atomically(options.out, json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
