"""Everything that changes while a network is fine-tuned, and how it is kept on disk.

Batches are functions of the step (`batches.py`), so no generator is part of it. Tensors are kept
as safetensors and the rest as JSON; a state is whole or absent.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from tcn_robot.atomic import atomic_folder
from tcn_robot.errors import UserError
from tcn_robot.fine_tuning.network import ActionNetwork
from tcn_robot.tensors import write_tensors
from tcn_robot.training.precision import Precision

TENSORS_FILE = "tensors.safetensors"
STATE_FILE = "state.json"
FORMAT_VERSION = 1
_MOMENTUM = "momentum_buffer"


@dataclass(frozen=True)
class Validation:
    """What the validation films say after some steps.

    Attributes:
        step: Optimisation steps done.
        accuracy: Share of films whose class has the largest logit.
        loss: Mean cross-entropy of the summed logits.
    """

    step: int
    accuracy: float
    loss: float

    def is_better_than(self, other: Validation | None) -> bool:
        """Whether these weights are kept: more films right, then a smaller loss."""
        return other is None or (self.accuracy, -self.loss) > (other.accuracy, -other.loss)


@dataclass
class TuningState:
    """Everything that changes.

    Attributes:
        network: The weights.
        optimizer: SGD, with its momentum.
        precision: Autocast and the scale of float16 gradients.
        step: Steps done.
        curve: The validations so far.
        best: The one whose weights are kept.
        best_weights: Those weights, on the CPU; empty before the first validation.
    """

    network: ActionNetwork
    optimizer: torch.optim.SGD
    precision: Precision
    step: int = 0
    curve: list[Validation] = field(default_factory=list)
    best: Validation | None = None
    best_weights: dict[str, torch.Tensor] = field(default_factory=dict)

    def note(self, validation: Validation) -> None:
        """Add a validation to the curve, and keep the weights if it is the best so far."""
        self.curve.append(validation)
        if validation.is_better_than(self.best):
            self.best = validation
            weights = self.network.state_dict()
            self.best_weights = {name: value.cpu().clone() for name, value in weights.items()}

    def apply_best(self) -> None:
        """Put the weights of the best validation into the network, if there was one."""
        if self.best_weights:
            self.network.load_state_dict(self.best_weights)


def _momenta(state: TuningState) -> Iterator[tuple[str, torch.Tensor]]:
    for name, parameter in state.network.named_parameters():
        value = state.optimizer.state.get(parameter, {}).get(_MOMENTUM)
        if value is not None:
            yield name, value


def save_state(state: TuningState, folder: Path, key: str) -> None:
    """Write a state, in the place of the one before.

    Args:
        state: What to save.
        folder: Its own; whole or absent.
        key: What tells this training from others, which must not go on with it.
    """
    tensors = {f"network.{name}": value for name, value in state.network.state_dict().items()}
    tensors |= {f"momentum.{name}": value for name, value in _momenta(state)}
    tensors |= {f"best.{name}": value for name, value in state.best_weights.items()}
    described = {
        "format_version": FORMAT_VERSION,
        "key": key,
        "step": state.step,
        "curve": [asdict(validation) for validation in state.curve],
        "best": asdict(state.best) if state.best else None,
        "precision": state.precision.state(),
    }
    with atomic_folder(folder) as partial:
        write_tensors(partial / TENSORS_FILE, tensors)
        (partial / STATE_FILE).write_text(json.dumps(described, indent=2) + "\n", "utf-8")


def load_state(state: TuningState, folder: Path, key: str) -> None:
    """Put a saved state into a fresh one, in place; nothing is done where there is none.

    Raises:
        UserError: If it is damaged, or of a training of other options, films or version.
    """
    if not folder.is_dir():
        return
    try:
        described = json.loads((folder / STATE_FILE).read_text("utf-8"))
        if (described["format_version"], described["key"]) != (FORMAT_VERSION, key):
            raise UserError(
                f"{folder} is of a fine-tuning with other options, films or another version; give "
                "the ones it began with, or another --checkpoints"
            )
        tensors = load_file(folder / TENSORS_FILE)
        state.network.load_state_dict(_below("network.", tensors))
        momenta = _below("momentum.", tensors)
        for name, parameter in state.network.named_parameters():
            if name in momenta:
                placed = torch.empty_like(parameter.detach()).copy_(momenta[name])
                state.optimizer.state[parameter] = {_MOMENTUM: placed}
        state.best_weights = _below("best.", tensors)
        state.curve = [Validation(**entry) for entry in described["curve"]]
        state.best = Validation(**described["best"]) if described["best"] else None
        state.precision.load_state(described["precision"])
        state.step = int(described["step"])
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        first_line = next(iter(str(error).splitlines()), type(error).__name__)
        raise UserError(
            f"the checkpoint {folder} is damaged ({first_line}); remove it and start again"
        ) from error


def _below(prefix: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
