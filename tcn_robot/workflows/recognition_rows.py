"""The rows of the recognition benchmark: runs, their controls, and what anybody embedded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tcn_robot.benchmarks.recognition.clips import ActionSet, Clip, Split
from tcn_robot.benchmarks.recognition.controls import chance_levels, principal_components
from tcn_robot.benchmarks.recognition.encoders import frame_encoder, pixel_encoder
from tcn_robot.benchmarks.recognition.features import FrameEncoder, embed_clips
from tcn_robot.benchmarks.recognition.measuring import SplitArrays, split_arrays
from tcn_robot.benchmarks.recognition.protocol import (
    Frames,
    OfSplit,
    RecognitionOptions,
    Row,
    measure_rows,
    with_seeds,
)
from tcn_robot.benchmarks.recognition.summary import summarise
from tcn_robot.errors import UserError
from tcn_robot.models import Encoder, layer_names, untrained_encoder
from tcn_robot.workflows.clip_embeddings import read_clip_embeddings
from tcn_robot.workflows.recognition_runs import (
    MeasuredRun,
    load_encoders,
    measured_runs,
    notes_on_seen_clips,
    seeds_of,
    trained_with,
)

PIXELS = "pixels"
PICTURE_PX = 64
SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Sources:
    """What is measured.

    Attributes:
        runs: Folders of runs, or names of the zoo.
        embeddings: Files of features.
        representation: Layer of the encoders that is measured.
        all_layers: Whether to probe every layer.
        untrained_seeds: Seeds of the untrained encoders.
    """

    runs: Sequence[Path]
    embeddings: Sequence[Path]
    representation: str
    all_layers: bool
    untrained_seeds: range


def measure(
    action_set: ActionSet,
    splits: Sequence[Split],
    sources: Sources,
    frames: int,
    workers: int,
    options: RecognitionOptions,
) -> dict[str, Any]:
    """Embed all clips of the splits, probe every row, and return the figures as plain JSON.

    Args:
        action_set: The set.
        splits: Those of its splits that are measured.
        sources: What is measured.
        frames: Frames per clip.
        workers: Threads that decode.
        options: How it is measured.

    Raises:
        UserError: A run that cannot be loaded, features that are missing, clips that are damaged.
    """
    clips = tuple(dict.fromkeys(clip for split in splits for clip in (*split.train, *split.test)))
    runs = measured_runs(sources.runs, splits)
    encoders = load_encoders(runs)
    files = {str(path): read_clip_embeddings(path, clips) for path in sources.embeddings}
    num_frames, options = _fitting(action_set, frames, options, files)
    constant = [name for name, features in files.items() if not np.ptp(features, axis=0).any()]
    notes = [
        *action_set.notes,
        *notes_on_seen_clips(runs, splits),
        *(f"{name}: constant embedding, every figure is chance" for name in constant),
    ]
    for note in notes:
        print(f"note: {note}")
    rows = _rows(clips, runs, encoders, files, sources, num_frames, workers)
    place = {clip.name: index for index, clip in enumerate(clips)}
    arrays = [split_arrays(split, place, options.seed) for split in splits]
    measured = measure_rows(rows, arrays, options)
    rows, measured = with_seeds(rows, measured, seeds_of(runs))
    return {
        "benchmark": "recognition",
        "schema_version": SCHEMA_VERSION,
        "folder": str(action_set.folder),
        "layout": action_set.layout,
        "notes": notes,
        "classes": list(action_set.classes),
        "splits": {str(s.number): {"train": len(s.train), "test": len(s.test)} for s in splits},
        "validation": {str(one.number): int(one.validates.sum()) for one in arrays},
        "frames": num_frames,
        "segments": options.segments,
        "representation": sources.representation,
        "budgets": [budget.name for budget in options.budgets],
        "draws": options.draws,
        "seed": options.seed,
        "confidence": options.confidence,
        "untrained_seeds": len(sources.untrained_seeds),
        "chance": chance_levels(splits),
        "rows": summarise(rows, measured, arrays, action_set.classes, options),
        "trained_with": {path: trained_with(path) for path in encoders},
    }


def _fitting(
    action_set: ActionSet,
    frames: int,
    options: RecognitionOptions,
    files: Mapping[str, NDArray[np.float32]],
) -> tuple[int, RecognitionOptions]:
    """Return the frames per clip, and options without what they cannot show."""
    if action_set.layout == "pictures":
        frames = 1
    lengths = {frames, *(features.shape[1] for features in files.values())}
    without_order = replace(options, poolings=("mean",), segments=1)
    if 1 in lengths:  # a picture, or one vector per clip, has no order of time
        return frames, without_order
    if "segments" in options.poolings and any(one % options.segments for one in lengths):
        raise UserError(
            f"--segments must divide the {' and '.join(map(str, sorted(lengths)))} frames of a "
            f"clip, found {options.segments}"
        )
    return frames, options


def _rows(
    clips: Sequence[Clip],
    runs: Sequence[MeasuredRun],
    encoders: Mapping[str, Encoder],
    files: Mapping[str, NDArray[np.float32]],
    sources: Sources,
    num_frames: int,
    workers: int,
) -> dict[str, Row]:
    """Return all rows by name, controls behind what is measured."""
    firsts = {run.name: encoders[next(iter(run.paths.values()))] for run in runs}
    untrained = _untrained_of(firsts, sources)
    sizes = [encoder.image_size_px for encoder in encoders.values()]
    looking: dict[str, FrameEncoder] = {PIXELS: pixel_encoder(min(sizes, default=PICTURE_PX))}
    seeded = {
        f"{name} {seed}": one for name, seeds in untrained.items() for seed, one in enumerate(seeds)
    }
    for name, encoder in {**encoders, **seeded}.items():
        layers = layer_names(encoder) if sources.all_layers else (sources.representation,)
        looking[name] = frame_encoder(encoder, layers)
    found = embed_clips(clips, looking, num_frames, workers)
    rows: dict[str, Row] = {}
    pixels = found[PIXELS]["embedding"]
    for run in runs:
        like = firsts[run.name]
        same = [name for name, seeds in untrained.items() if _alike(seeds[0], like, sources)]
        of_splits = {number: [found[path]] for number, path in run.paths.items()}
        width = next(iter(of_splits.values()))[0][sources.representation].shape[-1]
        controls = (*same, _components_name(width), PIXELS)
        rows[run.name] = _row("run", of_splits, sources, controls)
    for name, features in files.items():
        controls = (_components_name(features.shape[-1]), PIXELS)
        rows[name] = Row("embeddings", partial(_same, [features]), {}, controls)
    for name, seeds in untrained.items():
        of_seeds = [found[f"{name} {seed}"] for seed in range(len(seeds))]
        numbers = runs[0].paths
        rows[name] = _row("untrained", dict.fromkeys(numbers, of_seeds), sources, ())
    for control in dict.fromkeys(one for row in rows.values() for one in row.controls):
        if control not in rows and control != PIXELS:
            width = int(control.rpartition(" ")[2])
            rows[control] = Row("pixel_pca", partial(_components, pixels, width))
    rows[PIXELS] = Row("pixels", partial(_same, [pixels]))
    return rows


def _untrained_of(encoders: Mapping[str, Encoder], sources: Sources) -> dict[str, list[Encoder]]:
    """Return untrained encoders by name, one list for each shape among the encoders."""
    untrained: dict[str, list[Encoder]] = {}
    for name, encoder in encoders.items():
        known = [seeds[0] for seeds in untrained.values()]
        if sources.untrained_seeds and not any(_alike(one, encoder, sources) for one in known):
            shown = f"untrained, as {name}" if untrained else "untrained"
            untrained[shown] = [
                untrained_encoder(encoder, seed) for seed in sources.untrained_seeds
            ]
    return untrained


def _alike(first: Encoder, second: Encoder, sources: Sources) -> bool:
    """Return whether two encoders' untrained networks are the same as far as is measured."""
    ignored: dict[str, Any] = {"weights": ""}
    if sources.representation == "features" and not sources.all_layers:
        ignored["unit_length"] = False  # of embeddings, which nobody looks at
    configs = [replace(one.config, **ignored) for one in (first, second)]
    return first.kind == second.kind and configs[0] == configs[1]


Layers = Mapping[str, NDArray[np.float32]]


def _row(
    kind: str,
    of_splits: Mapping[int, Sequence[Layers]],
    sources: Sources,
    controls: tuple[str, ...],
) -> Row:
    """Return a row of an encoder, or of several seeds of one, by the features of its layers."""

    def of(layer: str) -> OfSplit:
        return lambda split: [layers[layer] for layers in of_splits[split.number]]

    names = next(iter(of_splits.values()))[0] if sources.all_layers else ()
    return Row(kind, of(sources.representation), {name: of(name) for name in names}, controls)


def _same(features: Sequence[Frames], split: SplitArrays) -> Sequence[Frames]:
    return features


def _components(pixels: Frames, width: int, split: SplitArrays) -> Sequence[Frames]:
    return [principal_components(pixels, split.train, width)]


def _components_name(width: int) -> str:
    return f"pixel PCA {width}"
