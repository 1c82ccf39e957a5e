"""Several processes that train one encoder: what the loop sees of them, and the case of one.

Every process draws the same batch and the same augmentation, embeds only its rows, and gathers all
embeddings; the loss is computed on the whole batch everywhere. So negatives come from all
processes, objectives know nothing of processes, and the gradient is that of one process:

    process r holds the rows B_r, L is the loss of the whole batch, E_r its embeddings of B_r.
    backward through the gathering adds up what all W processes send to E_r: W dL/dE_r.
    The encoder's gradient on r is then W sum_{i in B_r} dL/dE_i dE_i/dw; averaged over the
    processes: sum_i dL/dE_i dE_i/dw. Heads see the whole batch, their gradients are equal
    everywhere, and averaging leaves them as they are.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Protocol

import torch

from tcn_robot.errors import UserError
from tcn_robot.training.device import choose_device


class Processes(Protocol):
    """The processes of one training, seen from one of them.

    Every method but `rows` must be called by all processes, in the same order.
    """

    @property
    def device(self) -> torch.device:
        """Where this process computes."""

    @property
    def rank(self) -> int:
        """Number of this process, from 0."""

    @property
    def world_size(self) -> int:
        """Number of processes, on all machines together."""

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and talks."""

    def rows(self, count: int) -> torch.Tensor:
        """Return which rows of a batch of `count` this process embeds, (R,) int64 on the CPU."""

    def gather(self, values: torch.Tensor, count: int) -> torch.Tensor:
        """Return the rows of all processes as (count, ...), with gradients to where they were made.

        Args:
            values: (R, ...) in the order of `rows(count)`.
            count: Rows of the whole batch.
        """

    def average_gradients(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Replace gradients by their mean over all processes; those that are None stay so."""

    def average_buffers(self, module: torch.nn.Module) -> None:
        """Replace a module's running statistics by their mean over all processes."""

    def any_of(self, flag: bool) -> bool:
        """Return whether the flag is set in any process."""

    def first_of(self, text: str | None) -> str | None:
        """Return the text of the first process that has one, None if none has."""

    def barrier(self) -> None:
        """Wait for all processes."""


class SingleProcess:
    """One process with everything: nothing is gathered, nothing is waited for."""

    def __init__(self, device: torch.device) -> None:
        """Compute on a device."""
        self._device = device

    @property
    def device(self) -> torch.device:
        """Where this process computes."""
        return self._device

    @property
    def rank(self) -> int:
        """Always 0."""
        return 0

    @property
    def world_size(self) -> int:
        """Always 1."""
        return 1

    @property
    def is_main(self) -> bool:
        """Always True."""
        return True

    def rows(self, count: int) -> torch.Tensor:
        """Return all rows."""
        return torch.arange(count)

    def gather(self, values: torch.Tensor, count: int) -> torch.Tensor:
        """Return the values as they are."""
        return values

    def average_gradients(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Leave the gradients as they are."""

    def average_buffers(self, module: torch.nn.Module) -> None:
        """Leave the buffers as they are."""

    def any_of(self, flag: bool) -> bool:
        """Return the flag."""
        return flag

    def first_of(self, text: str | None) -> str | None:
        """Return the text."""
        return text

    def barrier(self) -> None:
        """Wait for nobody."""


def rows_of(rank: int, world_size: int, count: int) -> torch.Tensor:
    """Return the rows of a batch that one process embeds.

    Blocks are contiguous and equally long, so that one gathering puts them together; where the
    batch ends before the last block does, its last row is repeated, and dropped after gathering.

    Args:
        rank: Number of the process.
        world_size: Number of processes.
        count: Rows of the batch, at least 1.

    Returns:
        (ceil(count / world_size),) int64.
    """
    size = -(-count // world_size)
    return (rank * size + torch.arange(size)).clamp(max=count - 1)


def running_statistics(module: torch.nn.Module) -> list[torch.Tensor]:
    """Return the running means and variances that a training changes: not those of frozen norms.

    Each process normalises by the statistics of its own rows, so they differ between processes.
    """
    norms = (part for part in module.modules() if hasattr(part, "momentum") and part.training)
    found = (
        getattr(norm, name, None) for norm in norms for name in ("running_mean", "running_var")
    )
    return [values for values in found if values is not None]


def launched_processes() -> int:
    """Return how many processes torchrun has started; 1 without it.

    Raises:
        UserError: If WORLD_SIZE is no number.
    """
    text = os.environ.get("WORLD_SIZE", "1")
    if not text.isdigit():
        raise UserError(
            f"WORLD_SIZE is expected to be the number of processes, found {text!r}; start with "
            "torchrun, which sets it, or unset it"
        )
    return max(int(text), 1)


def is_main_process() -> bool:
    """Return whether this process is the one that writes, before any of them have met."""
    return launched_processes() == 1 or os.environ.get("RANK", "0") == "0"


def leaves_talking(known_to_all: bool) -> bool:
    """Return whether another process says what this one has found, so that it is said once.

    Before the processes have met, one on each machine speaks, for they may differ; afterwards the
    main one, and every process whose fault is its own.

    Args:
        known_to_all: Whether all processes that have met know of the fault.
    """
    if is_main_process():
        return False
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return known_to_all
    return os.environ.get("LOCAL_RANK", "0") != "0"


def join_processes(device_name: str) -> Processes:
    """Return the processes that torchrun started, or this one alone.

    Args:
        device_name: auto, cpu or cuda; with several processes each gets a GPU of its own.

    Raises:
        UserError: If there is no such device, or Lightning Fabric is needed and missing.
    """
    device = choose_device(device_name)
    if launched_processes() == 1:
        return SingleProcess(device)
    try:
        from tcn_robot.training.fabric_processes import FabricProcesses
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("lightning_fabric"):
            raise
        raise UserError(
            "training in several processes needs Lightning Fabric, which is not installed; "
            "pip install 'tcn-robot[distributed]'"
        ) from error
    return FabricProcesses(device.type)
