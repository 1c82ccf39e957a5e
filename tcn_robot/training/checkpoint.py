"""Checkpoints to resume from: tensors as safetensors, the rest as JSON, never a pickle.

`state/step_00000500/` is written under another name and renamed, and the one before is removed
only then, so that a training killed at any moment finds a whole one.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from tcn_robot.atomic import atomic_folder
from tcn_robot.errors import UserError
from tcn_robot.tensors import write_tensors
from tcn_robot.training.state import TrainingState

TENSORS_FILE = "tensors.safetensors"
STATE_FILE = "state.json"
FORMAT_VERSION = 2
_GENERATORS = ("augmentation_rng", "objective_rng")


def _modules(state: TrainingState) -> dict[str, nn.Module]:
    modules: dict[str, nn.Module] = {"encoder": state.encoder, "objective": state.objective}
    return modules | ({"average": state.average.network} if state.average else {})


def _parameters(state: TrainingState) -> Iterator[tuple[str, nn.Parameter]]:
    for prefix, module in _modules(state).items():
        yield from module.named_parameters(prefix)


def _moments(state: TrainingState) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield the optimiser's tensors under the names of the weights they belong to."""
    for name, parameter in _parameters(state):
        for key, value in state.optimizer.state.get(parameter, {}).items():
            if value is not None:  # momentum that SGD has not begun
                yield f"optimizer.{key}.{name}", value


def save_checkpoint(state: TrainingState, folder: Path, keep_older: bool = False) -> None:
    """Write a checkpoint below `folder` and remove older ones.

    Args:
        state: What to save.
        folder: The run's folder of states.
        keep_older: Leave those that are there: this one is of a training that may be going wrong.
    """
    tensors = dict(_moments(state))
    for prefix, module in _modules(state).items():
        tensors |= {f"{prefix}.{name}": value for name, value in module.state_dict().items()}
    tensors |= {f"best.{name}": value for name, value in state.selection.best_weights.items()}
    tensors |= {name: getattr(state, name).get_state() for name in _GENERATORS}
    described = {
        "format_version": FORMAT_VERSION,
        "step": state.step,
        "sampling_rng": state.sampling_rng.bit_generator.state,
        "torch_threads": torch.get_num_threads(),
        "average_updates": state.average.updates if state.average else 0,
        "selection": state.selection.state(),
        "collapsed_in_a_row": state.health.collapsed_in_a_row,
        "precision": state.precision.state(),
    }
    target = folder / f"step_{state.step:08d}"
    with atomic_folder(target) as partial:
        write_tensors(partial / TENSORS_FILE, tensors)
        (partial / STATE_FILE).write_text(json.dumps(described, indent=2) + "\n", "utf-8")
    for old in folder.iterdir():
        if old != target and not (keep_older and old.name.startswith("step_")):
            shutil.rmtree(old, ignore_errors=True)


def latest_checkpoint(folder: Path) -> Path | None:
    """Return the whole checkpoint with the most steps below `folder`, None if there is none."""
    return max(folder.glob("step_*"), default=None)


def latest_good_checkpoint(folder: Path) -> Path | None:
    """Return the one with the most steps whose embedding had not collapsed, None without one.

    Ctrl-C saves a collapsed state too, beside the good one.
    """
    for path in sorted(folder.glob("step_*"), reverse=True):
        try:
            collapsed = read_state(path)["collapsed_in_a_row"]
        except (UserError, KeyError):
            continue  # A damaged one is not good either.
        if collapsed == 0:
            return path
    return None


def read_state(folder: Path) -> dict[str, Any]:
    """Return what a checkpoint says besides its tensors.

    Raises:
        UserError: If it is damaged, or written by another version of the program.
    """
    try:
        described = json.loads((folder / STATE_FILE).read_text("utf-8"))
        version = described.get("format_version", 1)
    except (OSError, ValueError, AttributeError) as error:
        raise _damaged(folder, error) from error
    if version != FORMAT_VERSION:
        raise UserError(
            f"the checkpoint {folder} is of format {version}, expected {FORMAT_VERSION}; resume "
            "with the version of tcn_robot in versions.json, or train again into another --out"
        )
    return described


def checkpoint_threads(folder: Path) -> int:
    """Return with how many torch threads a checkpoint was made.

    Other numbers of threads add up in other orders, so that a resumed training is as good but
    not the same bit for bit.
    """
    try:
        return int(read_state(folder)["torch_threads"])
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(folder, error) from error


def _damaged(folder: Path, error: Exception) -> UserError:
    first_line = str(error).splitlines()[0] if str(error) else type(error).__name__
    return UserError(
        f"the checkpoint {folder} is damaged ({first_line}); train again into another --out"
    )


def load_checkpoint(state: TrainingState, folder: Path, last_step: int) -> None:
    """Put a checkpoint into `state`, in place.

    Args:
        state: Fresh, of the shape that was saved.
        folder: What `latest_checkpoint` returned.
        last_step: Steps of the whole training; a checkpoint cannot have more.

    Raises:
        UserError: If the checkpoint is damaged, of another version or of another shape.
    """
    described = read_state(folder)
    try:
        step = _step_within(described["step"], last_step)
        tensors = load_file(folder / TENSORS_FILE)
        _check_shapes(state, tensors, folder)
        for prefix, module in _modules(state).items():
            module.load_state_dict(_below(f"{prefix}.", tensors))
        _load_moments(state, tensors)
        for name in _GENERATORS:
            getattr(state, name).set_state(tensors[name])
        state.sampling_rng.bit_generator.state = described["sampling_rng"]
        state.selection.load_state(described["selection"], _below("best.", tensors))
        state.health.collapsed_in_a_row = int(described["collapsed_in_a_row"])
        state.precision.load_state(described["precision"])
        if state.average:
            state.average.updates = int(described["average_updates"])
        state.step = step
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise _damaged(folder, error) from error


def _step_within(step: object, last_step: int) -> int:
    if type(step) is not int or not 0 <= step <= last_step:
        raise ValueError(f"its step is expected to be from 0 to {last_step}, found {step}")
    return step


def _below(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _check_shapes(state: TrainingState, tensors: dict[str, torch.Tensor], folder: Path) -> None:
    """Raise a UserError that names the first weight which is not what this version builds."""
    expected = {
        f"{prefix}.{name}": tuple(value.shape)
        for prefix, module in _modules(state).items()
        for name, value in module.state_dict().items()
    }
    found = {
        k: tuple(v.shape) for k, v in tensors.items() if k.partition(".")[0] in _modules(state)
    }
    for name in dict.fromkeys([*expected, *found]):
        if expected.get(name) != found.get(name):
            raise UserError(
                f"the checkpoint {folder} is of another shape: {name} expected "
                f"{_in_words(expected.get(name))}, found {_in_words(found.get(name))}; resume with "
                "the version of tcn_robot in versions.json, or train again into another --out"
            )


def _in_words(shape: tuple[int, ...] | None) -> str:
    return "nothing" if shape is None else " x ".join(map(str, shape)) or "a number"


def _load_moments(state: TrainingState, tensors: dict[str, torch.Tensor]) -> None:
    for name, parameter in _parameters(state):
        found = {}
        for key, value in tensors.items():
            if key.startswith("optimizer.") and key.endswith(f".{name}"):
                kind = key.split(".")[1]
                if f"optimizer.{kind}.{name}" == key:
                    found[kind] = _placed(value, kind, parameter)
        if found:
            state.optimizer.state[parameter] = found


def _placed(value: torch.Tensor, kind: str, parameter: torch.Tensor) -> torch.Tensor:
    """Return a moment with its parameter's device and memory layout; the step count stays."""
    if kind == "step":
        return value
    return torch.empty_like(parameter.detach()).copy_(value)
