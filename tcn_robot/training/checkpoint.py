"""Checkpoints to resume from: tensors as safetensors, the rest as JSON, never a pickle.

`state/step_00000500/` is written under another name and renamed, and the one before is removed
only then, so that a training killed at any moment finds a whole one.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from tcn_robot.atomic import atomic_folder
from tcn_robot.errors import UserError
from tcn_robot.models import Encoder
from tcn_robot.tensors import write_tensors

TENSORS_FILE = "tensors.safetensors"
STATE_FILE = "state.json"


@dataclass
class TrainingState:
    """Everything that changes while training.

    Attributes:
        encoder: The weights.
        objective: Its heads, banks and target networks.
        optimizer: Its moments.
        sampling_rng: Draws the batches.
        augmentation_rng: Draws the augmentation, on the CPU.
        objective_rng: Draws whatever the objective draws, on the CPU.
        step: Steps done.
    """

    encoder: Encoder
    objective: nn.Module
    optimizer: torch.optim.Optimizer
    sampling_rng: np.random.Generator
    augmentation_rng: torch.Generator
    objective_rng: torch.Generator
    step: int = 0


def _modules(state: TrainingState) -> dict[str, nn.Module]:
    return {"encoder": state.encoder, "objective": state.objective}


def _parameters(state: TrainingState) -> Iterator[tuple[str, nn.Parameter]]:
    for prefix, module in _modules(state).items():
        yield from module.named_parameters(prefix)


def _moments(state: TrainingState) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield the optimiser's tensors under the names of the weights they belong to."""
    for name, parameter in _parameters(state):
        for key, value in state.optimizer.state.get(parameter, {}).items():
            yield f"optimizer.{key}.{name}", value


def save_checkpoint(state: TrainingState, folder: Path) -> None:
    """Write a checkpoint below `folder` and remove older ones."""
    tensors = dict(_moments(state))
    for prefix, module in _modules(state).items():
        tensors |= {f"{prefix}.{name}": value for name, value in module.state_dict().items()}
    tensors["augmentation_rng"] = state.augmentation_rng.get_state()
    tensors["objective_rng"] = state.objective_rng.get_state()
    described = {
        "step": state.step,
        "sampling_rng": state.sampling_rng.bit_generator.state,
        "torch_threads": torch.get_num_threads(),
    }
    target = folder / f"step_{state.step:08d}"
    with atomic_folder(target) as partial:
        write_tensors(partial / TENSORS_FILE, tensors)
        (partial / STATE_FILE).write_text(json.dumps(described, indent=2) + "\n", "utf-8")
    for old in folder.iterdir():
        if old != target:
            shutil.rmtree(old, ignore_errors=True)


def latest_checkpoint(folder: Path) -> Path | None:
    """Return the whole checkpoint with the most steps below `folder`, None if there is none."""
    return max(folder.glob("step_*"), default=None)


def checkpoint_threads(folder: Path) -> int:
    """Return with how many torch threads a checkpoint was made.

    Other numbers of threads add up in other orders, so that a resumed training is as good but
    not the same bit for bit.
    """
    try:
        return int(json.loads((folder / STATE_FILE).read_text("utf-8"))["torch_threads"])
    except (OSError, ValueError, KeyError) as error:
        raise _damaged(folder, error) from error


def _damaged(folder: Path, error: Exception) -> UserError:
    first_line = str(error).splitlines()[0] if str(error) else type(error).__name__
    return UserError(
        f"the checkpoint {folder} is damaged ({first_line}); train again into another --out"
    )


def load_checkpoint(state: TrainingState, folder: Path) -> None:
    """Put a checkpoint into `state`, in place.

    Args:
        state: Fresh, of the shape that was saved.
        folder: What `latest_checkpoint` returned.

    Raises:
        UserError: If the checkpoint is damaged or of another shape.
    """
    try:
        described = json.loads((folder / STATE_FILE).read_text("utf-8"))
        tensors = load_file(folder / TENSORS_FILE)
        for prefix, module in _modules(state).items():
            module.load_state_dict(_below(f"{prefix}.", tensors))
        _load_moments(state, tensors)
        state.augmentation_rng.set_state(tensors["augmentation_rng"])
        state.objective_rng.set_state(tensors["objective_rng"])
        state.sampling_rng.bit_generator.state = described["sampling_rng"]
        state.step = described["step"]
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise _damaged(folder, error) from error


def _below(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


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
