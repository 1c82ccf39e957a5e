"""Runs that recognition measures: one encoder for all splits, or one for each; what they have seen.

An encoder that was trained on a split's test clips, without their labels, has still seen them.
That is no fault of every comparison, but it has to be known: it is looked up and said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from tcn_robot.benchmarks.alignment.seeds import same_but_for_seed
from tcn_robot.benchmarks.recognition.clips import Split
from tcn_robot.benchmarks.recognition.layouts.lists import stem_of
from tcn_robot.errors import UserError
from tcn_robot.models import Encoder, load_encoder
from tcn_robot.recordings import open_recording
from tcn_robot.recordings.format import DATASET_FILE
from tcn_robot.training.run_folder import read_datasets, read_options, read_run, run_of_encoder

SPLIT_FIELD = "{split}"


@dataclass(frozen=True)
class MeasuredRun:
    """A row of the benchmark.

    Attributes:
        name: As it was given.
        paths: By split the encoder's folder or its name in the zoo; the same for all splits
            unless the name has a field `{split}`.
    """

    name: str
    paths: Mapping[int, str]


def measured_runs(runs: Sequence[Path], splits: Sequence[Split]) -> list[MeasuredRun]:
    """Return the rows that were asked for.

    Args:
        runs: Folders or names; `runs/tcn-{split}` stands for a run per split.
        splits: The splits that are measured.
    """
    return [
        MeasuredRun(
            str(run), {s.number: str(run).replace(SPLIT_FIELD, str(s.number)) for s in splits}
        )
        for run in dict.fromkeys(runs)
    ]


def load_encoders(runs: Sequence[MeasuredRun]) -> dict[str, Encoder]:
    """Return the encoders of runs by their path.

    Raises:
        UserError: If one cannot be loaded, or the encoders of one row differ in shape.
    """
    encoders: dict[str, Encoder] = {}
    for run in runs:
        for path in run.paths.values():
            if path not in encoders:
                encoders[path] = load_encoder(Path(path))
        shapes = {(encoders[path].kind, encoders[path].config) for path in run.paths.values()}
        if len(shapes) > 1:
            raise UserError(f"the encoders of {run.name} differ in shape; train them alike")
    return encoders


def trained_with(path: str) -> dict[str, Any] | None:
    """Return the options that tell one encoder from another; None for an encoder without a run."""
    run = run_of_encoder(Path(path))
    if run is None:
        return None
    options = read_options(run)
    return {name: options[name] for name in ("objective", "steps", "seed")}


def seeds_of(runs: Sequence[MeasuredRun]) -> dict[str, list[str]]:
    """Return the runs that differ in their seed only, by a name for them together.

    Rows of a run per split are such when this is so split by split. Encoders without a run are
    alone.
    """
    options = [_options_of(run) for run in runs]
    found: dict[str, list[str]] = {}
    for group in same_but_for_seed(options):
        if len(group) > 1:
            known = options[group[0]]
            assert known is not None  # one without options is alone
            name = f"{known['objective']}, {len(group)} seeds"
            while name in found:
                name += ", others"
            found[name] = [runs[position].name for position in group]
    return found


def _options_of(run: MeasuredRun) -> dict[str, Any] | None:
    """Return what a row's trainings have to share with others that are its further seeds."""
    by_split: dict[str, Any] = {}
    for number, path in run.paths.items():
        trained = run_of_encoder(Path(path))
        if trained is None:
            return None
        options = read_options(trained)
        seedless = {name: value for name, value in options.items() if name != "seed"}
        by_split[str(number)] = [seedless, list(read_datasets(trained))]
    return {"objective": options["objective"], "trained": by_split}


def notes_on_seen_clips(runs: Sequence[MeasuredRun], splits: Sequence[Split]) -> list[str]:
    """Return a line for each run and split whose test clips the encoder was trained on.

    Episodes that `tcn-robot import` took over say which clip they were. Encoders without a run,
    and recordings that are gone, say nothing.
    """
    seen: dict[str, set[str]] = {}
    notes = []
    for run in runs:
        for split in splits:
            path = run.paths[split.number]
            if path not in seen:
                seen[path] = _clips_trained_on(path)
            count = sum(_key(clip.name) in seen[path] for clip in split.test)
            if count:
                notes.append(
                    f"split {split.number}: {path} was trained on {count} of the "
                    f"{len(split.test)} test clips, without their labels"
                )
    return notes


def _clips_trained_on(path: str) -> set[str]:
    run = run_of_encoder(Path(path))
    if run is None:
        return set()
    names = set()
    for dataset in map(Path, read_run(run).datasets):
        if not (dataset / DATASET_FILE).is_file():
            continue
        for episode in open_recording(dataset):
            origin = episode.metadata.get("imported_from")
            if episode.split == "train" and isinstance(origin, dict):
                names.add(_key(str(origin.get("name"))))
    return names


def _key(name: str) -> str:
    """Return a clip's class and name without its ending."""
    return "/".join(PurePosixPath(stem_of(name)).parts[-2:])
