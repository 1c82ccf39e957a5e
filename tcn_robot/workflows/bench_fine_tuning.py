"""`tcn-robot bench fine-tuning`: what a pre-trained network saves in labels and in steps."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from tcn_robot.atomic import refuse_unwritable
from tcn_robot.errors import UserError
from tcn_robot.fine_tuning.options import FineTuningOptions
from tcn_robot.workflows.bench_output import write_figures
from tcn_robot.workflows.options import parse_and_run
from tcn_robot.workflows.plot_out import FIGURE_SUFFIXES, check_out

if TYPE_CHECKING:
    from tcn_robot.benchmarks.recognition.clips import ActionSet
    from tcn_robot.fine_tuning.cells import Cell
    from tcn_robot.models import Encoder

STUDY_FILE = "study.json"
USAGE = (
    "tcn-robot bench fine-tuning RUN DIR, or tcn-robot bench fine-tuning DIR --evaluate CHECKPOINT"
)
DEFAULTS = FineTuningOptions()


def bench_fine_tuning(
    paths: Annotated[tuple[Path, ...], tyro.conf.Positional] = (),
    /,
    *,
    splits: tuple[int, ...] = (1,),
    labels_per_class: tuple[str, ...] = ("all",),
    draws: int = 1,
    from_scratch: bool = True,
    steps_to: tuple[float, ...] = (),
    out: Path | None = None,
    picture: Path | None = None,
    allow_missing: bool = False,
    checkpoints: Path | None = None,
    evaluate: Path | None = None,
    memory_gib: float = 4.0,
    seed: int = 0,
    training: FineTuningOptions = DEFAULTS,
) -> dict[str, Any]:
    """Train a whole network for action recognition, as Temporally Coherent Embeddings does.

    In training a film shows one random frame of each third, in testing 19 evenly spread ones; their
    logits are summed. Learning rate and number of epochs are chosen on films that are set aside
    from the training half, whole groups of them; with few labels the rate is chosen within the
    labelled films and the last weights count. The same network is trained from fresh weights
    beside it. Prints top-1 and top-5 with 95 % intervals over groups of test films, the steps that
    both take to the same accuracy, and a table of classes.

    Args:
        paths: The run's folder, or with {split} in its name a run per split, each trained on its
            own training half; then the action set: UCF101, HMDB51 or record-actions' layout.
        splits: Splits of the set.
        labels_per_class: Labels that are known: all, films per class such as 5, or a share such as
            10%; several are done one after the other.
        draws: Trainings of each, which draw their labels and batches anew.
        from_scratch: Also train the same network from fresh weights.
        steps_to: Accuracies, 0 to 1, to which steps are counted.
        out: Where to write the figures as JSON.
        picture: Where to draw the accuracies over the steps and in the tests, as PNG.
        allow_missing: Leave out films that lists name and the folder lacks.
        checkpoints: Folder of the trained networks, which a run that was interrupted goes on in.
        evaluate: A checkpoint to test, instead of training.
        memory_gib: Room for decoded films; those that do not fit are read each time.
        seed: Of the labels, the films that are set aside, the trainings and the intervals.
        training: How networks are trained.

    Raises:
        UserError: No such run, set or split, or options that cannot work.
        KeyboardInterrupt: After the state was saved, where there are --checkpoints.
    """
    if out is not None:
        refuse_unwritable(out)
    if picture is not None:
        check_out(picture, FIGURE_SUFFIXES, option="--picture")
    if evaluate is not None:
        return _evaluated(paths, evaluate, training, memory_gib, out)
    if len(paths) != 2:
        raise UserError(f"expected a run and an action set, found {len(paths)} folders: {USAGE}")
    _check(splits, labels_per_class, draws, steps_to, memory_gib, seed, training)
    from tcn_robot.fine_tuning.cells import cells_of

    actions = _opened(paths[1], splits, allow_missing)
    cells = cells_of(splits, labels_per_class, draws, from_scratch)
    asked = {
        **{"run": str(paths[0]), "set": str(paths[1]), "seed": seed},
        "options": _as_json(training),
    }
    encoders, notes = _encoders(paths[0], actions, splits, training)
    if checkpoints is not None:
        _claim(checkpoints, asked)
    results = _run(encoders, actions, cells, training, seed, memory_gib, checkpoints)
    summary = _reported(results, actions, splits, seed, steps_to, asked | {"notes": notes}, out)
    if picture is not None:
        from tcn_robot.workflows.fine_tuning_picture import write_picture

        write_picture(summary, picture)
    return summary


def _opened(folder: Path, splits: tuple[int, ...], allow_missing: bool) -> ActionSet:
    from tcn_robot.benchmarks.recognition.clips import open_action_set

    actions = open_action_set(folder, allow_missing)
    for number in splits:
        actions.split(number)
    print(actions.describe())
    return actions


def _check(
    splits: tuple[int, ...],
    amounts: tuple[str, ...],
    draws: int,
    accuracies: tuple[float, ...],
    memory_gib: float,
    seed: int,
    options: FineTuningOptions,
) -> None:
    from tcn_robot.fine_tuning.amounts import parsed_amount

    options.check()
    if not splits or not amounts:
        raise UserError("--splits and --labels-per-class need at least one value each")
    for amount in amounts:
        parsed_amount(amount)
    if len(set(splits)) < len(splits) or len(set(amounts)) < len(amounts):
        raise UserError("name each of --splits and --labels-per-class once")
    if draws < 1 or seed < 0 or memory_gib < 0:
        raise UserError(
            f"--draws must be at least 1, --seed and --memory-gib at least 0, found {draws}, "
            f"{seed} and {memory_gib:g}"
        )
    if not all(0 < one <= 1 for one in accuracies):
        raise UserError(f"--steps-to expects accuracies from 0 to 1, found {accuracies}")


def _as_json(training: FineTuningOptions) -> dict[str, Any]:
    return json.loads(json.dumps(asdict(training)))  # type: ignore[no-any-return]


def _claim(folder: Path, asked: dict[str, Any]) -> None:
    """Note what a folder of checkpoints is of; refuse one of another study."""
    from tcn_robot.atomic import write_text_atomically

    path = folder / STUDY_FILE
    if path.is_file():
        try:
            found = json.loads(path.read_text("utf-8"))
        except ValueError as error:
            raise UserError(f"{path} is damaged ({error}); give another --checkpoints") from error
        if not isinstance(found, dict) or not isinstance(found.get("options"), dict):
            raise UserError(f"{path} is damaged: no options in it; give another --checkpoints")
        # Options that came later are what was done before.
        found["options"] = _as_json(FineTuningOptions()) | found["options"]
        changed = [name for name in asked if found.get(name) != asked[name]]
        if changed:
            raise UserError(
                f"{folder} has networks of another {' and '.join(changed)}; give the same, or "
                "another --checkpoints"
            )
        return
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} is no folder of checkpoints and not empty; give another one")
    write_text_atomically(path, json.dumps(asked, indent=2) + "\n")


def _encoders(
    run: Path, actions: ActionSet, splits: tuple[int, ...], options: FineTuningOptions
) -> tuple[dict[int, Encoder], list[str]]:
    """Return the encoder of each split, and what has to be said of it and of the set."""
    from tcn_robot.fine_tuning.network import ActionNetwork, encoder_for
    from tcn_robot.models import seeded_generator
    from tcn_robot.training.device import choose_device
    from tcn_robot.workflows.recognition_runs import (
        load_encoders,
        measured_runs,
        notes_on_seen_clips,
    )

    # Faults of the user's are found before films are read.
    choose_device(options.device)
    chosen = [actions.split(number) for number in splits]
    runs = measured_runs([run], chosen)
    encoders = load_encoders(runs)
    for encoder in encoders.values():
        network = ActionNetwork(
            encoder_for(encoder, options.input, None), len(actions.classes), seeded_generator(0)
        )
        network.freeze_until(options.freeze_until)
    notes = [*actions.notes, *notes_on_seen_clips(runs, chosen)]
    for note in notes:
        print(f"note: {note}")
    return {number: encoders[path] for number, path in runs[0].paths.items()}, notes


def _run(
    encoders: dict[int, Encoder],
    actions: ActionSet,
    cells: list[Cell],
    options: FineTuningOptions,
    seed: int,
    memory_gib: float,
    checkpoints: Path | None,
) -> list[dict[str, Any]]:
    """Do the fine-tunings that are not done yet, with a display of the steps."""
    from tcn_robot.fine_tuning.cells import FilmPool
    from tcn_robot.fine_tuning.network import encoder_for
    from tcn_robot.fine_tuning.study import planned, run_cell
    from tcn_robot.progress import Progress

    first = next(iter(encoders.values()))
    splits = tuple(actions.split(number) for number in encoders)
    pool = FilmPool(splits, first.image_size_px, memory_gib)
    num_frames = encoder_for(first, options.input, None).num_frames
    if num_frames > 1 and pool.frames.num_frames.max() == 1:
        raise UserError(
            f"{actions.folder} has pictures, expected films: the network would see {num_frames} "
            "frames at once; take an encoder of single frames and leave --input out"
        )
    results = []
    for cell in cells:
        split = actions.split(cell.split)
        folder = None if checkpoints is None else checkpoints / cell.name
        steps = planned(cell, split, pool, options, seed).steps
        with Progress(steps, cell.name, "steps") as display:

            def on_step(step: int, note: str, display: Progress = display) -> None:
                display.advance(1, note)

            of_split = encoders[cell.split]
            results.append(run_cell(cell, split, pool, of_split, options, seed, folder, on_step))
    return results


def _reported(
    results: list[dict[str, Any]],
    actions: ActionSet,
    splits: tuple[int, ...],
    seed: int,
    accuracies: tuple[float, ...],
    asked: dict[str, Any],
    out: Path | None,
) -> dict[str, Any]:
    from tcn_robot.fine_tuning.summary import summarised
    from tcn_robot.fine_tuning.table import fine_tuning_table, per_class_table

    summary = summarised(results, [actions.split(one) for one in splits], seed, accuracies)
    summary |= asked | {"layout": actions.layout}
    print(f"\n{fine_tuning_table(summary)}\n\n{per_class_table(summary)}")
    write_figures(summary, out)
    return summary


def _evaluated(
    paths: tuple[Path, ...],
    checkpoint: Path,
    options: FineTuningOptions,
    memory_gib: float,
    out: Path | None,
) -> dict[str, Any]:
    """Test a network on the split that it was trained for, as it was tested then."""
    from tcn_robot.benchmarks.recognition.clips import open_action_set
    from tcn_robot.fine_tuning.checkpoint_evaluation import evaluate_checkpoint

    if not paths:
        raise UserError(f"expected the action set to test on, found no folder: {USAGE}")
    result = evaluate_checkpoint(checkpoint, open_action_set(paths[-1]), options, memory_gib)
    stored = result["stored"]
    for name in ("top_1", "top_5"):
        same = "as stored" if result[name] == stored[name] else f"stored {stored[name]:.4f}"
        print(f"{name.replace('_', '-')} {100 * result[name]:.2f} % ({same})")
    write_figures(result | {"checkpoint": str(checkpoint), "set": str(paths[-1])}, out)
    return result


def main(arguments: list[str]) -> None:
    """Run the command."""
    parse_and_run(bench_fine_tuning, arguments, "bench fine-tuning")
