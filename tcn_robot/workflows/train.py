"""`tcn-robot train`: recordings in, a run folder with an encoder out."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import tyro

from tcn_robot.data.frame_store import FrameStore
from tcn_robot.errors import SharedFault, UserError
from tcn_robot.option_ranges import flag
from tcn_robot.training.config import TrainConfig, default_config, with_fitting_length
from tcn_robot.training.flat import leaves
from tcn_robot.training.presets import PRESETS, find_preset
from tcn_robot.workflows.options import parse_and_run, value_of

if TYPE_CHECKING:
    from tcn_robot.models import Encoder
    from tcn_robot.training.parts import Parts
    from tcn_robot.training.processes import Processes
    from tcn_robot.training.state import TrainingState

Result = TypeVar("Result")

EXIT_BAD_INPUT = 2
RESUME_FLAG = "--resume"
PRESET_FLAG = "--preset"


def train(
    datasets: Sequence[Path],
    out: Path,
    config: TrainConfig,
    resume: bool = False,
    cache_dir: Path | None = None,
) -> Encoder:
    """Train an embedding on recordings and show how far it is.

    Started by torchrun, its processes train together; the first one alone writes and talks.

    Args:
        datasets: Folders that `tcn-robot record` wrote; may be empty with `resume`.
        out: Run folder to write.
        config: How to train; with `resume` the same as the run was started with.
        resume: Continue an interrupted training.
        cache_dir: Where decoded frames are kept instead of beside each dataset.

    Returns:
        The encoder, which also lies in `out / "encoder"`.

    Raises:
        UserError: If `out` exists without `resume`, or data and options do not suit each other.
    """
    from tcn_robot.objectives import find_objective
    from tcn_robot.training.parts import start
    from tcn_robot.training.processes import join_processes

    find_objective(config.objective)  # A wrong name is said before an hour of decoding.
    config.check()
    processes = join_processes(config.device)
    with _talking(processes.is_main):
        open_run = _resumed if resume else _new

        def opened() -> tuple[FrameStore, Parts, TrainingState]:
            store, parts = open_run(datasets, out, config, cache_dir, processes)
            return store, parts, start(config, parts, out)

        # What cannot be trained leaves no run folder behind.
        store, parts, state = _together(processes, opened)
        if not resume:
            _together(processes, lambda: _create(datasets, out, config, store, processes))
        return _train_with_display(config, store, out, parts, state)


def _together(processes: Processes, do: Callable[[], Result]) -> Result:
    """Do something that every process does, and find out whether one of them could not.

    Raises:
        SharedFault: In all processes, if the user has something to mend in one.
    """
    fault = None
    try:
        result = do()
    except UserError as error:
        fault = error
    said = processes.first_of(None if fault is None else str(fault))
    if said is not None:
        raise SharedFault(said) from fault
    return result


def _create(
    datasets: Sequence[Path],
    out: Path,
    config: TrainConfig,
    store: FrameStore,
    processes: Processes,
) -> None:
    """Make the folder of a new run, in the main process."""
    from tcn_robot.training.run_folder import RunDescription, create_run
    from tcn_robot.workflows.training_seen import describe_training

    if processes.is_main:
        names = tuple(str(dataset) for dataset in datasets)
        shown = describe_training(datasets, config.views)
        create_run(out, RunDescription(config, names, store.content_key, shown))


def _new(
    datasets: Sequence[Path],
    out: Path,
    config: TrainConfig,
    cache_dir: Path | None,
    processes: Processes,
) -> tuple[FrameStore, Parts]:
    """Return frames and parts of a run that has no folder yet."""
    from tcn_robot.data.build import build_frame_store
    from tcn_robot.training.parts import prepare
    from tcn_robot.training.run_folder import check_new

    check_new(out)
    _refuse_paired(datasets)
    store = build_frame_store(datasets, config.image_size_px, cache_dir)
    return store, prepare(config, store, processes)


def _resumed(
    datasets: Sequence[Path],
    out: Path,
    config: TrainConfig,
    cache_dir: Path | None,
    processes: Processes,
) -> tuple[FrameStore, Parts]:
    """Open a run folder again; return frames and parts."""
    from tcn_robot.data.build import build_frame_store
    from tcn_robot.training.parts import prepare
    from tcn_robot.training.run_folder import read_run

    stored = read_run(out)
    datasets = datasets or tuple(Path(name) for name in stored.datasets)
    _refuse_paired(datasets)
    _check_same_options(stored.config, config)
    store = build_frame_store(datasets, config.image_size_px, cache_dir)
    _check_same_frames(stored.frames_key, store, out)
    _mention_other_threads(out)
    return store, prepare(config, store, processes)


@contextlib.contextmanager
def _talking(allowed: bool) -> Iterator[None]:
    """Keep a process that is not the main one from saying everything once more."""
    if allowed:
        yield
        return
    with open(os.devnull, "w") as nothing, contextlib.redirect_stdout(nothing):
        yield


def _refuse_paired(datasets: Sequence[Path]) -> None:
    """Raise a UserError for paired episodes: to train on them would show what is to be found."""
    from tcn_robot.recordings import open_recording
    from tcn_robot.recordings.pairing import refuse_paired

    for dataset in datasets:
        refuse_paired(open_recording(dataset), "training")


def _train_with_display(
    config: TrainConfig, store: FrameStore, out: Path, parts: Parts, state: TrainingState
) -> Encoder:
    """Train, show how far it is, and say how to go on after an interruption."""
    from tcn_robot.progress import Progress
    from tcn_robot.training.loop import train as run_training

    if not parts.processes.is_main:
        return run_training(config, store, out, None, parts, state)

    for note in parts.notes:
        print(note)
    if not store.split("valid"):
        print("no episode of split 'valid': alignment is not measured while training")
    with Progress(config.steps, f"training {config.objective}", "steps") as display:
        done = 0

        def on_step(step: int, note: str) -> None:
            nonlocal done
            display.advance(step - done, note)
            done = step

        try:
            encoder = run_training(config, store, out, on_step, parts, state)
        except KeyboardInterrupt:
            print(
                f"stopped after {state.step} of {config.steps} steps, "
                f"{_saved(out, state.step)}; continue with: "
                f"tcn-robot train --out {out} {RESUME_FLAG}",
                file=sys.stderr,
            )
            raise
    _mention_what_was_kept(config, state)
    _warn_of_collapse(config, state)
    print(f"encoder: {out / 'encoder'}")
    return encoder


def _saved(out: Path, done: int) -> str:
    """Return what of a training that was interrupted after `done` steps is on the disk."""
    from tcn_robot.training.checkpoint import latest_checkpoint, read_state
    from tcn_robot.training.run_folder import STATE_FOLDER

    checkpoint = latest_checkpoint(out / STATE_FOLDER)
    if checkpoint is None:
        return "none of them saved"
    step = read_state(checkpoint)["step"]
    return "saved" if step == done else f"those up to {step} saved"


def _warn_of_collapse(config: TrainConfig, state: TrainingState) -> None:
    """Say it if a training has ended collapsed, but too soon to be stopped for it."""
    looks = state.health.collapsed_in_a_row
    if looks > 0:
        print(
            "warning: the embedding is collapsed: its effective rank was below "
            f"{config.health.smallest_rank:g} at the last {looks} of the curves' lines, and "
            f"{config.health.collapsed_looks} stop a training; train longer, or add "
            "--variance-weight 1",
            file=sys.stderr,
        )


def _mention_what_was_kept(config: TrainConfig, state: TrainingState) -> None:
    """Say which step's encoder was kept, where that is not simply the last one."""
    options, best = config.selection, state.selection
    if best.best_step is None:
        return
    if state.step < config.steps:
        print(
            f"stopped early after {state.step} steps: {best.worse_in_a_row} validations in a "
            f"row were no better than that after {best.best_step}"
        )
    if options.keep == "best":
        print(f"kept the encoder of step {best.best_step}: {options.best_by} {best.best_value:.4f}")


def _check_same_options(stored: TrainConfig, given: TrainConfig) -> None:
    named = dict(leaves(given))
    for name, before in leaves(stored):
        now = named.get(name)
        if before != now:
            raise UserError(
                f"the run was started with {flag(name)} {before}, found {now}; "
                f"leave {flag(name)} out, or start a new run with another --out"
            )


def _check_same_frames(stored_key: str, store: FrameStore, out: Path) -> None:
    if store.content_key != stored_key:
        raise UserError(
            f"the recordings have changed since {out} was started; "
            "restore them, or start a new run with another --out"
        )


def _mention_other_threads(out: Path) -> None:
    """Say in one line if the resumed training cannot be the same bit for bit."""
    import torch

    from tcn_robot.training.checkpoint import checkpoint_threads, latest_checkpoint
    from tcn_robot.training.run_folder import STATE_FOLDER

    checkpoint = latest_checkpoint(out / STATE_FOLDER)
    before, now = checkpoint and checkpoint_threads(checkpoint), torch.get_num_threads()
    if before not in (None, now):
        print(
            f"the run was started with {before} torch threads, now {now}: the result will be as "
            f"good but not the same bit for bit; for that set OMP_NUM_THREADS={before}"
        )


def _defaults(arguments: list[str]) -> TrainConfig:
    """Return the options that count where the command line names none.

    With --resume they are the run's own, with --preset those of the preset; otherwise those of
    the objective and of the encoder that are named, since each has options of its own.
    """
    from tcn_robot.training.run_folder import read_run

    out = value_of("--out", arguments)
    if RESUME_FLAG in arguments and out is not None:
        return read_run(Path(out)).config
    objective, encoder = (value_of(f"--{name}", arguments) for name in ("objective", "encoder"))
    preset = value_of(PRESET_FLAG, arguments)
    usual = find_preset(preset) if preset is not None else TrainConfig()
    if preset is None:
        return default_config(objective or usual.objective, encoder)
    for name, given in (("objective", objective), ("encoder", encoder)):
        own = getattr(usual, name)
        if given not in (None, own):
            raise UserError(
                f"--preset {preset} is for --{name} {own}, found {given}; leave one of them out"
            )
    return usual


def _names_length(arguments: list[str]) -> bool:
    named = (argument.replace("_", "-") for argument in arguments)
    return any(argument in ("--unit-length", "--no-unit-length") for argument in named)


def _command(defaults: TrainConfig, keep_length: bool) -> Callable[..., None]:
    """Return the function behind the command line, with these options as the defaults.

    Args:
        defaults: Its parts say which options there are.
        keep_length: Whether the length of embeddings stands already; else it is the objective's.
    """

    def command(
        datasets: Annotated[tuple[Path, ...], tyro.conf.Positional] = (),
        /,
        *,
        out: Path,
        config: TrainConfig = defaults,
        preset: str = "",
        resume: bool = False,
        cache_dir: Path | None = None,
    ) -> None:
        """Train an embedding on recordings.

        Episodes of split "train" are trained on, those of split "valid" are measured. Writes a
        run folder: config.json, encoder/, metrics.jsonl, tensorboard/, state/, versions.json.
        `--objective NAME --help` and `--encoder NAME --help` show the options of those.

        Args:
            datasets: Folders that `tcn-robot record` wrote; with --resume they may be left out.
            out: Run folder to write.
            config: How to train.
            preset: Start from the options of a paper: {presets}.
            resume: Continue an interrupted training; its options are taken from the run.
            cache_dir: Where decoded frames go; without it $TCN_ROBOT_CACHE or beside each dataset.
        """
        train(
            datasets, out, config if keep_length else with_fitting_length(config), resume, cache_dir
        )

    command.__doc__ = (command.__doc__ or "").replace("{presets}", ", ".join(PRESETS))
    return command


def main(arguments: list[str]) -> None:
    """Parse the command line and train.

    With --resume the run's own options are the defaults, so that none need be repeated.
    """
    keep_length = RESUME_FLAG in arguments or _names_length(arguments)
    try:
        parse_and_run(_command(_defaults(arguments), keep_length), arguments, name="train")
    except UserError as error:
        from tcn_robot.training.processes import leaves_talking

        if leaves_talking(known_to_all=isinstance(error, SharedFault)):
            raise SystemExit(EXIT_BAD_INPUT) from error
        raise
