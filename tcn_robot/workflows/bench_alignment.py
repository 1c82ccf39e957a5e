"""`tcn-robot bench alignment`: an embedding beside everything it has to be compared with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from tcn_robot.errors import UserError
from tcn_robot.workflows.options import parse_and_run


def bench_alignment(
    paths: Annotated[tuple[Path, ...], tyro.conf.Positional] = (),
    /,
    *,
    embeddings: tuple[Path, Path] | None = None,
    out: Path | None = None,
    split: Literal["train", "valid", "test"] = "test",
    views: tuple[str, ...] | None = None,
    untrained_seeds: int = 3,
    same_within: float = 0.01,
    seed: int = 0,
) -> dict[str, Any]:
    """Measure an embedding on held-out demonstrations.

    Prints a table: alignment error across views, share found within one frame, Kendall's tau of
    the order across episodes, each with a 95 % interval over episodes, for the trained encoder
    and for its baselines: untrained, collapsed, frame counter, chance, ceiling.

    Args:
        paths: The run's folder, then the recordings.
        embeddings: Two .npy files, (T, D) each, to measure instead of a run: two views of the
            same moments, or two episodes.
        out: Where to write the figures as JSON.
        split: Which episodes; play is left out.
        views: Views to compare; all when not given.
        untrained_seeds: Untrained encoders to average.
        same_within: Largest difference of observations that cannot be seen, for the ceiling.
        seed: Of the untrained encoders and the bootstrap.

    Raises:
        UserError: Nothing there to measure.
    """
    from tcn_robot.atomic import write_text_atomically
    from tcn_robot.benchmarks import alignment_table

    if embeddings is not None:
        result = _of_files(*embeddings)
    elif len(paths) < 2:
        raise UserError(
            f"expected a run and one recording or more, found {len(paths)} folders; write "
            "tcn-robot bench alignment RUN DIR, or pass --embeddings A.npy B.npy"
        )
    else:
        for name, number in (("--untrained-seeds", untrained_seeds), ("--seed", seed)):
            if number < 0:
                raise UserError(f"{name} must be at least 0, found {number}")
        seeds = range(seed, seed + untrained_seeds)
        result = _of_run(paths[0], paths[1:], split, views, seeds, same_within, seed)
    print(alignment_table(result))
    if out is not None:
        write_text_atomically(out, json.dumps(result, indent=2, allow_nan=False) + "\n")
        print(f"written to {out}")
    return result


def _of_run(
    run: Path,
    recordings: tuple[Path, ...],
    split: str,
    views: tuple[str, ...] | None,
    untrained_seeds: range,
    same_within: float,
    seed: int,
) -> dict[str, Any]:
    from tcn_robot.benchmarks import AlignmentOptions, benchmark_alignment, held_out_episodes
    from tcn_robot.models import film_embedder, load_encoder, untrained_encoder
    from tcn_robot.progress import progress
    from tcn_robot.provenance import commit, machine, versions
    from tcn_robot.recordings import open_recording

    encoder = load_encoder(run)
    trained_with = _trained_with(run)  # a damaged run is told before anything is measured
    opened = [(path, open_recording(path)) for path in recordings]
    episodes = held_out_episodes(
        [
            (path, progress(recording, total=len(recording), description=f"read {path}"))
            for path, recording in opened
        ],
        split,
        views,
    )
    result = benchmark_alignment(
        episodes,
        film_embedder(encoder),
        [film_embedder(untrained_encoder(encoder, one)) for one in untrained_seeds],
        AlignmentOptions(seed=seed, same_within=same_within),
    )
    tasks = sorted({recording.task for _, recording in opened})
    sources = {"run": str(run), "recordings": [str(path) for path in recordings], "split": split}
    origin = {"versions": versions(), "commit": commit(), "machine": machine()}
    return {**result, **sources, "tasks": tasks, "trained_with": trained_with, **origin}


def _trained_with(run: Path) -> dict[str, Any] | None:
    """Return the options that tell one encoder from another; None for an encoder without a run."""
    from tcn_robot.training.run_folder import read_options, run_of_encoder

    trained = run_of_encoder(run)
    if trained is None:
        return None
    options = read_options(trained)
    return {name: options[name] for name in ("objective", "steps", "seed")}


def _of_files(first: Path, second: Path) -> dict[str, Any]:
    from tcn_robot.benchmarks import compare_embeddings

    result = compare_embeddings(_loaded(first), _loaded(second))
    return {**result, "embeddings": [str(first), str(second)]}


def _loaded(path: Path) -> Any:
    import numpy as np

    if not path.is_file():
        raise UserError(
            f"expected embeddings in {path}, found no such file; save them with np.save"
        )
    try:
        return np.load(path, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise UserError(
            f"expected one array in {path}, found none ({error}); save it with np.save"
        ) from error


def main(arguments: list[str]) -> None:
    """Run the command."""
    parse_and_run(bench_alignment, arguments, "bench alignment")
