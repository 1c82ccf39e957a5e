"""One seed of a study of embeddings: trained, measured on held-out episodes, kept as a file."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tcn_robot.atomic import write_text_atomically
from tcn_robot.recordings.format import read_json
from tcn_robot.workflows.embedding_plan import (
    PlannedSeed,
    load_embedding_study,
    result_key,
)
from tcn_robot.workflows.study_data import digest_of_recording
from tcn_robot.workflows.study_tasks import StudyTask

RESULT_FILE = "result.json"
# These stand beside the run's folder, which only the training itself may make.
COST_ENDING = "-cost.json"
JOB_ENDING = "-job.json"
VALIDATION_ERROR = "validation/alignment_error"
# A line of results is kept in git: its curve is what a plot needs.
CURVE_POINTS = 50
CURVE_DIGITS = 4
THREADS = 1
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def digests_of(task: StudyTask, data_root: Path) -> dict[str, str]:
    """Return {name: digest} of the recordings that a task is trained and measured on."""
    names = dict.fromkeys((*task.train, task.test))
    return task.digests({name: digest_of_recording(data_root / name) for name in names})


def run_folder(runs: Path, planned: PlannedSeed, data: Mapping[str, str]) -> Path:
    """Return where a seed is kept; other options or recordings have another folder.

    Args:
        runs: Folder of the study's runs.
        planned: The training.
        data: Digests of the recordings.
    """
    short = result_key(planned.config, data)[:8]
    return runs / planned.task.name / planned.run.name / f"seed_{planned.seed}-{short}"


def run_encoder(
    config: str, task_name: str, run_name: str, seed: int, runs: str, data_root: str
) -> None:
    """Train and measure one seed of a study, unless its folder says that this is done.

    An interrupted training goes on from its last checkpoint. Written for a process of its own:
    every argument is plain.

    Args:
        config: JSON file of the study.
        task_name: Which of its tasks.
        run_name: Which of its runs.
        seed: Which of its seeds.
        runs: Folder of the study's runs.
        data_root: Folder of the recordings.
    """
    study = load_embedding_study(Path(config))
    planned = study.training(task_name, run_name, seed)
    task, root = planned.task, Path(data_root)
    folder = run_folder(Path(runs), planned, digests_of(task, root))
    if (folder / RESULT_FILE).is_file():
        return
    with one_thread():
        _train(planned, folder, root, study.max_core_seconds)
        result = _measure(folder, root / task.test) | _cost(folder)
    write_text_atomically(folder / RESULT_FILE, json.dumps(result, indent=2) + "\n")


def read_result(folder: Path) -> dict[str, Any]:
    """Return what `run_encoder` found."""
    return read_json(folder / RESULT_FILE)


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute with one thread, so that runs side by side cost what they cost alone.

    Libraries that read their number of threads when they are loaded have it from `limit_threads`.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextlib.contextmanager
def limit_threads() -> Iterator[None]:
    """Have the processes that are started meanwhile compute with one thread each."""
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(THREADS)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _train(planned: PlannedSeed, folder: Path, root: Path, budget: float | None = None) -> None:
    """Train to the end and keep what it cost; frames are decoded before.

    The attempt is counted before it starts: a process that is killed hard counts no more.
    """
    from tcn_robot.data.build import build_frame_store
    from tcn_robot.training.run_folder import CONFIG_FILE, ENCODER_FOLDER
    from tcn_robot.workflows.train import train

    if (folder / ENCODER_FOLDER).is_dir():
        return
    config = planned.config
    datasets = [root / name for name in planned.task.train]
    build_frame_store(datasets, config.image_size_px)
    before = _cost(folder)
    cost = before | {"attempts": before["attempts"] + 1}
    _write_cost(folder, cost)
    started_seconds, started_core_seconds = time.perf_counter(), time.process_time()
    try:
        train(datasets, folder, config, resume=(folder / CONFIG_FILE).is_file())
    finally:
        if folder.is_dir():
            cost["seconds"] += time.perf_counter() - started_seconds
            cost["core_seconds"] += time.process_time() - started_core_seconds
            _write_cost(folder, cost)
        else:  # refused before it began
            _write_cost(folder, before)
    if budget is not None and _cost(folder)["core_seconds"] > budget:
        found = f"{_cost(folder)['core_seconds']:.0f} core seconds"
        sys.stderr.write(f"{planned.name} took {found}, the study allows {budget:g}\n")


def _cost(folder: Path) -> dict[str, Any]:
    """Return seconds, core seconds and attempts so far.

    What was killed hard is among the attempts, its seconds are not known.
    """
    path = _cost_path(folder)
    nothing: dict[str, Any] = {"seconds": 0.0, "core_seconds": 0.0, "attempts": 0}
    return read_json(path) if path.is_file() else nothing


def _write_cost(folder: Path, cost: dict[str, Any]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    write_text_atomically(_cost_path(folder), json.dumps(cost) + "\n")


def _cost_path(folder: Path) -> Path:
    return folder.with_name(folder.name + COST_ENDING)


def _measure(folder: Path, test: Path) -> dict[str, Any]:
    """Return the figures of the trained encoder, those of each episode among them."""
    import torch

    from tcn_robot.benchmarks import embedded_figures, summarised
    from tcn_robot.benchmarks.alignment.per_episode import per_episode
    from tcn_robot.models import film_embedder, load_encoder
    from tcn_robot.provenance import commit, machine, versions
    from tcn_robot.training.curves import read_metrics

    encoder = load_encoder(folder)
    figures = embedded_figures(held_out(test), film_embedder(encoder))
    return {
        "figures": summarised(figures),
        "per_episode": per_episode(figures),
        "curve": thinned_curve(read_metrics(folder)),
        "parameters": sum(parameter.numel() for parameter in encoder.parameters()),
        "dimension": encoder.dimension,
        "threads": torch.get_num_threads(),
        "versions": versions(),
        "commit": commit(),
        "machine": machine(),
    }


def thinned_curve(metrics: Sequence[Mapping[str, float]]) -> dict[str, list[float]]:
    """Return loss and validation error over the steps, as short as a line of results may be.

    Args:
        metrics: Lines of a run's metrics.jsonl.

    Returns:
        "steps" and "loss" of at most `CURVE_POINTS` lines, evenly spread, the last among them, and
        "validation_steps" and "validation_error" of as many; empty where nothing was trained.
    """
    measured = [line for line in metrics if VALIDATION_ERROR in line]
    curve = {}
    for steps, values, key, lines in (
        ("steps", "loss", "loss", metrics),
        ("validation_steps", "validation_error", VALIDATION_ERROR, measured),
    ):
        kept = [lines[place] for place in _evenly(len(lines), CURVE_POINTS)]
        curve[steps] = [line["step"] for line in kept]
        curve[values] = [float(f"{line[key]:.{CURVE_DIGITS}g}") for line in kept]
    return curve


def _evenly(count: int, most: int) -> list[int]:
    """Return at most `most` places out of `count`, first and last among them."""
    if count <= most:
        return list(range(count))
    return [round(place * (count - 1) / (most - 1)) for place in range(most)]


def held_out(test: Path) -> list[Any]:
    """Return the decoded episodes of split "test" of a recording."""
    from tcn_robot.benchmarks import held_out_episodes
    from tcn_robot.recordings import open_recording

    return held_out_episodes([(test, open_recording(test))])
