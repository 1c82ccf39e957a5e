"""Runs and recordings of `tcn-robot bench alignment` in, the suite's result out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tcn_robot.errors import UserError

if TYPE_CHECKING:
    from tcn_robot.benchmarks import HeldOutEpisode
    from tcn_robot.benchmarks.alignment.suite import RunToMeasure
    from tcn_robot.recordings import Episode, Recording

#: Most training episodes that probes and principal components learn from.
MOST_TRAINING_EPISODES = 200
#: Most frames of them, all views together: of more, every k-th of each film is kept.
MOST_TRAINING_FRAMES = 12_000


@dataclass(frozen=True)
class Asked:
    """What the command line asks for.

    Attributes:
        split: Which episodes are measured.
        views: Views to compare; None for all.
        untrained_seeds: Untrained encoders to average.
        same_within: Largest difference of observations that cannot be seen.
        seed: Of the untrained encoders and the bootstrap.
        tolerances: Frames either side that still count.
        within_seconds: Seconds either side that still count.
        seen_bodies: Bodies that training has seen; None where the run says it.
        seen_views: Cameras that training has seen, likewise.
    """

    split: str
    views: tuple[str, ...] | None
    untrained_seeds: int
    same_within: float
    seed: int
    tolerances: tuple[int, ...]
    within_seconds: tuple[float, ...]
    seen_bodies: tuple[str, ...] | None
    seen_views: tuple[str, ...] | None


def tell_apart(paths: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Return the runs and the recordings among some paths, by what lies there.

    Args:
        paths: Runs, encoders, names of the zoo, and recordings, in any order; the first is a run
            unless a recording lies there.

    Raises:
        UserError: There is not at least one of each.
    """
    from tcn_robot.recordings.format import DATASET_FILE
    from tcn_robot.zoo import zoo_names

    runs: list[Path] = []
    recordings: list[Path] = []
    for path in paths:
        is_encoder = (path / "encoder").is_dir() or (path / "model.safetensors").is_file()
        named = not path.exists() and str(path) in zoo_names()
        unfinished = (path / "config.json").is_file()
        if (path / DATASET_FILE).is_file():
            recordings.append(path)
        elif is_encoder or named or unfinished or not runs:
            runs.append(path)
        else:
            recordings.append(path)
    if not runs or not recordings:
        raise UserError(
            f"expected a run and one recording or more, found {len(runs)} runs and "
            f"{len(recordings)} recordings; write tcn-robot bench alignment RUN DIR, or pass "
            "--embeddings A.npy B.npy"
        )
    return runs, recordings


def measure_runs(runs: Sequence[Path], recordings: Sequence[Path], asked: Asked) -> dict[str, Any]:
    """Measure encoders on the held-out episodes of recordings.

    Raises:
        UserError: A run or a recording that is none, or nothing to compare.
    """
    from tcn_robot.benchmarks.alignment.basic import AlignmentOptions
    from tcn_robot.benchmarks.alignment.results import suite_result
    from tcn_robot.benchmarks.alignment.splits import originals
    from tcn_robot.benchmarks.alignment.suite import (
        Controls,
        SuiteInput,
        measure_run,
        num_steps,
        suite_figures,
    )
    from tcn_robot.progress import Progress
    from tcn_robot.provenance import commit, machine, versions
    from tcn_robot.recordings import open_recording

    suite_figures(asked.tolerances, asked.within_seconds)  # a bad one is told before the work
    encoders = [_run_to_measure(run, asked) for run in runs]
    _refuse_the_same(encoders)
    opened = [(path, open_recording(path)) for path in recordings]
    episodes = _episodes(opened, asked.split, asked.views)
    training = [] if asked.split != "test" else _training(opened, episodes)
    options = AlignmentOptions(seed=asked.seed, same_within=asked.same_within)
    main = [episodes[position] for position in originals(episodes)[0]]
    figures = suite_figures(asked.tolerances, asked.within_seconds, main, len(training))
    given = SuiteInput(episodes, training, figures, options)
    steps = sum(num_steps(encoder, given) for encoder in encoders)
    with Progress(steps, "measuring", "steps") as display:
        given = replace(given, tell=lambda note: display.advance(1, note))
        controls = Controls(given)
        measured = [measure_run(encoder, given, controls) for encoder in encoders]
    result = suite_result(measured, given)
    sources: dict[str, Any] = {
        "run": str(runs[0]),
        "runs": [str(run) for run in runs],
        "recordings": [str(path) for path in recordings],
        "split": asked.split,
        "tasks": sorted({recording.task for _, recording in opened}),
        "trained_with": _told_apart_by(encoders[0]),
        "training_episodes": len(training),
    }
    origin = {"versions": versions(), "commit": commit(), "machine": machine()}
    return {**result, **sources, **origin}


def _run_to_measure(run: Path, asked: Asked) -> RunToMeasure:
    from tcn_robot.benchmarks.alignment.suite import RunToMeasure
    from tcn_robot.models import encoder_digest, film_embedder, load_encoder, untrained_encoder
    from tcn_robot.training.run_folder import read_options, run_of_encoder
    from tcn_robot.workflows.training_seen import seen_by

    encoder = load_encoder(run)
    trained = run_of_encoder(run)
    seeds = range(asked.seed, asked.seed + asked.untrained_seeds)
    untrained = [untrained_encoder(encoder, one) for one in seeds]
    return RunToMeasure(
        name=str(run),
        embed=film_embedder(encoder),
        untrained={encoder_digest(one): film_embedder(one) for one in untrained},
        seen=seen_by(run, asked.seen_bodies, asked.seen_views),
        options=None if trained is None else read_options(trained),
        digest=encoder_digest(encoder),
    )


def _refuse_the_same(runs: Sequence[RunToMeasure]) -> None:
    """Refuse an encoder that is given twice: it is no second seed, and no other encoder."""
    known: dict[str, str] = {}
    for run in runs:
        if run.digest in known:
            raise UserError(
                f"expected different encoders, found the same weights in {known[run.digest]} and "
                f"{run.name}; give each once"
            )
        known[run.digest] = run.name


def _told_apart_by(run: RunToMeasure) -> dict[str, Any] | None:
    """Return the options that tell one encoder from another; None for an encoder without a run."""
    if run.options is None:
        return None
    return {name: run.options[name] for name in ("objective", "steps", "seed")}


def _episodes(
    opened: Sequence[tuple[Path, Recording]], split: str, views: Sequence[str] | None
) -> list[HeldOutEpisode]:
    """Return the demonstrations of a split of all recordings, each with its own views."""
    from tcn_robot.benchmarks import held_out_episodes
    from tcn_robot.benchmarks.alignment.held_out import AIMLESS_POLICIES
    from tcn_robot.progress import progress

    found: list[HeldOutEpisode] = []
    there = {view for _, recording in opened for view in recording[0].views}
    unknown = [view for view in views or () if view not in there]
    for path, recording in opened:
        if not any(
            one.split == split and one.metadata.get("policy") not in AIMLESS_POLICIES
            for one in recording
        ):
            continue
        own = None if views is None else [v for v in views if v in recording[0].views]
        if own == [] and not unknown:
            continue
        display = progress(recording, total=len(recording), description=f"read {path}")
        found += held_out_episodes([(path, display)], split, unknown or own)
    return found or held_out_episodes(list(opened), split, views)


def _training(
    opened: Sequence[tuple[Path, Recording]], held_out: Sequence[HeldOutEpisode]
) -> list[HeldOutEpisode]:
    """Return evenly chosen training episodes that are filmed as the first held-out one is.

    Raises:
        UserError: One of them shows the same moments as a held-out one.
    """
    from tcn_robot.benchmarks import held_out_episodes
    from tcn_robot.benchmarks.alignment.held_out import AIMLESS_POLICIES, thinned
    from tcn_robot.progress import progress

    first = held_out[0]
    candidates = [
        (path, episode)
        for path, recording in opened
        for episode in recording
        if episode.split != "test"
        and episode.metadata.get("policy") not in AIMLESS_POLICIES
        and set(first.frames) <= set(episode.views)
        and episode.embodiment == first.embodiment
    ]
    if not candidates:
        return []
    _refuse_shared(candidates, held_out)
    chosen = candidates[:: max(1, -(-len(candidates) // MOST_TRAINING_EPISODES))]
    views = list(first.frames)
    num_frames = sum(len(episode.timestamps(view)) for _, episode in chosen for view in views)
    step = max(1, -(-num_frames // MOST_TRAINING_FRAMES))
    display = progress(chosen, total=len(chosen), description="read training episodes")
    return [
        thinned(one, step)
        for path, episode in display
        for one in held_out_episodes([(path, [episode])], episode.split, views)
    ]


def _refuse_shared(
    training: Sequence[tuple[Path, Episode]], held_out: Sequence[HeldOutEpisode]
) -> None:
    """Refuse probes that would learn on what they are asked."""
    asked = {key: one.name for one in held_out for key in one.origin.hashes}
    shared = [
        f"{path} episode {episode.id} is {asked[key]}"
        for path, episode in training
        for key in (episode.content_hash, *episode.ancestors)
        if key in asked
    ]
    if shared:
        more = f" and {len(shared) - 1} more" if len(shared) > 1 else ""
        raise UserError(
            f"expected training episodes that are not held out too, found the same moments in both "
            f"({shared[0]}{more}); leave one of the two recordings out"
        )


def measure_files(paths: Sequence[Path], asked: Asked) -> dict[str, Any]:
    """Measure embeddings in files.

    Raises:
        UserError: Files that hold none, or that cannot be compared.
    """
    from tcn_robot.benchmarks.alignment.arrays import compare_embeddings, compare_recordings
    from tcn_robot.benchmarks.alignment.basic import AlignmentOptions
    from tcn_robot.benchmarks.alignment.suite import suite_figures
    from tcn_robot.workflows.embedding_files import read_embeddings

    figures = suite_figures(asked.tolerances, asked.within_seconds)
    options = AlignmentOptions(seed=asked.seed)
    films, recordings = read_embeddings(paths)
    if recordings:
        result = compare_recordings(recordings, figures, options)
    else:
        arrays = [film for _, film in films]
        result = compare_embeddings(*arrays, figures=figures, options=options)
    given = {view for one in recordings for film in one.episodes for view in film}
    left_out = sorted(given.difference(result.get("views", given)))
    return {**result, "embeddings": [str(path) for path in paths], "views_left_out": left_out}
