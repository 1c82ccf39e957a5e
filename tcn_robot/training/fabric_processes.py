"""The processes of torchrun, joined by Lightning Fabric; imported only when there are several."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments import TorchElasticEnvironment
from lightning_fabric.strategies import DDPStrategy

from tcn_robot.errors import UserError
from tcn_robot.training.processes import rows_of, running_statistics

# What torchrun tells each process.
_VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


class FabricProcesses:
    """One of several processes, on one or several machines; see `processes.Processes`.

    Fabric finds the device of each process and joins them (gloo on CPUs, NCCL on GPUs). Gradients
    are averaged here, in one piece after the backward pass, not by DistributedDataParallel: a step
    may embed a batch several times, with a second network, or leave a head out, and micro-batches
    need only one exchange.
    """

    def __init__(self, device_type: str) -> None:
        """Join the other processes; waits until all are there.

        Args:
            device_type: cpu or cuda.

        Raises:
            UserError: If the environment is not that of torchrun, or GPUs are too few.
        """
        missing = [name for name in _VARIABLES if name not in os.environ]
        if missing:
            raise UserError(
                f"WORLD_SIZE is above 1 but {missing[0]} is not set; start the processes with "
                "torchrun, or unset WORLD_SIZE"
            )
        here, everywhere = int(os.environ["LOCAL_WORLD_SIZE"]), int(os.environ["WORLD_SIZE"])
        if device_type == "cuda" and torch.cuda.device_count() < here:
            raise UserError(
                f"{here} processes on this machine, but torch sees {torch.cuda.device_count()} "
                "GPUs; give torchrun --nproc-per-node that number, or train with --device cpu"
            )
        backend = "nccl" if device_type == "cuda" else "gloo"
        self._fabric = Fabric(
            accelerator=device_type,
            devices=here,
            num_nodes=everywhere // here,
            strategy=DDPStrategy(process_group_backend=backend),
            plugins=[TorchElasticEnvironment()],
        )
        self._fabric.launch()
        # Flags travel between CPUs: asking a GPU after each step would make it wait.
        self._flags = torch.distributed.new_group(backend="gloo")

    @property
    def device(self) -> torch.device:
        """Where this process computes."""
        return self._fabric.device

    @property
    def rank(self) -> int:
        """Number of this process, from 0."""
        return self._fabric.global_rank

    @property
    def world_size(self) -> int:
        """Number of processes, on all machines together."""
        return self._fabric.world_size

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and talks."""
        return self._fabric.is_global_zero

    def rows(self, count: int) -> torch.Tensor:
        """Return which rows of a batch of `count` this process embeds, (R,) int64 on the CPU."""
        return rows_of(self.rank, self.world_size, count)

    def gather(self, values: torch.Tensor, count: int) -> torch.Tensor:
        """Return the rows of all processes as (count, ...), with gradients to where they were made.

        Args:
            values: (R, ...) in the order of `rows(count)`.
            count: Rows of the whole batch.
        """
        blocks: Any = self._fabric.all_gather(values.contiguous(), sync_grads=True)  # (W, R, ...)
        return blocks.flatten(0, 1)[:count]

    def average_gradients(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Replace gradients by their mean over all processes; those that are None stay so."""
        self._average([p.grad for p in parameters if p.grad is not None])

    def average_buffers(self, module: torch.nn.Module) -> None:
        """Replace a module's running statistics by their mean over all processes."""
        self._average(running_statistics(module))

    @torch.no_grad()
    def _average(self, tensors: list[torch.Tensor]) -> None:
        """Average tensors in place, one exchange for each type of number."""
        for dtype in dict.fromkeys(tensor.dtype for tensor in tensors):
            alike = [tensor for tensor in tensors if tensor.dtype == dtype]
            whole = torch.cat([tensor.flatten() for tensor in alike])
            torch.distributed.all_reduce(whole)
            whole /= self.world_size
            start = 0
            for tensor in alike:
                tensor.copy_(whole[start : start + tensor.numel()].view(tensor.shape))
                start += tensor.numel()

    def any_of(self, flag: bool) -> bool:
        """Return whether the flag is set in any process."""
        raised = torch.tensor(int(flag))
        torch.distributed.all_reduce(raised, torch.distributed.ReduceOp.MAX, group=self._flags)
        return bool(raised)

    def first_of(self, text: str | None) -> str | None:
        """Return the text of the first process that has one, None if none has."""
        own = torch.tensor(list((text or "").encode()), dtype=torch.uint8)
        longest = torch.tensor(len(own))
        torch.distributed.all_reduce(longest, torch.distributed.ReduceOp.MAX, group=self._flags)
        if not longest:
            return None
        padded = torch.zeros(int(longest), dtype=torch.uint8)
        padded[: len(own)] = own
        texts = [torch.zeros_like(padded) for _ in range(self.world_size)]
        torch.distributed.all_gather(texts, padded, group=self._flags)
        first = next(found for found in texts if found.any())
        return bytes(first.tolist()).rstrip(b"\0").decode()

    def barrier(self) -> None:
        """Wait for all processes."""
        torch.distributed.barrier(group=self._flags)
