"""How fast a training step could be: its arithmetic and its memory traffic against the machine's.

The time of the arithmetic is the number of operations over the peak that a large matrix product
reaches here; the time of the memory is what every operator reads and writes, once each, over the
bandwidth that a large copy reaches here. No step is faster than the larger of the two without
fusing operators.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

# Dense bf16 peak (TFLOP/s) and memory bandwidth (GB/s) of cards, from their data sheets.
DATA_SHEETS = {
    "H200": (989, 4800),
    "H100 PCIe": (756, 2000),
    "H100": (989, 3350),
    "A100": (312, 1555),
    "L40S": (362, 864),
    "RTX 4090": (165, 1008),
}
# Operators that only look at memory in another way.
_VIEWS = ("view", "reshape", "permute", "transpose", "expand", "t.", "slice", "detach", "select")
_VIEWS += ("unsqueeze", "squeeze", "alias", "as_strided", "split", "unbind", "chunk")


@dataclass(frozen=True)
class Work:
    """What a step does.

    Attributes:
        flops: Floating-point operations of convolutions and matrix products.
        bytes: What all operators read and write.
    """

    flops: float
    bytes: float


@dataclass(frozen=True)
class Peaks:
    """What the machine can do.

    Attributes:
        flops_per_second: Of a large matrix product in the training's precision.
        bytes_per_second: Read and written by a large copy.
    """

    flops_per_second: float
    bytes_per_second: float

    def seconds(self, work: Work) -> dict[str, float]:
        """Return the least seconds for the arithmetic and for the memory."""
        return {
            "compute": work.flops / self.flops_per_second,
            "memory": work.bytes / self.bytes_per_second,
        }


class _Traffic(TorchDispatchMode):
    """Adds up the bytes of all tensors that operators take and give."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        name = str(func).removeprefix("aten.")
        if not name.startswith(_VIEWS):
            for leaf in tree_leaves((args, kwargs, result)):
                if isinstance(leaf, torch.Tensor):
                    self.bytes += leaf.numel() * leaf.element_size()
        return result


def count_work(step: Callable[[], Any]) -> Work:
    """Return what a step does, backward pass and optimiser included."""
    flops = FlopCounterMode(display=False)
    with flops:
        step()
    with _Traffic() as traffic:
        step()
    return Work(flops.get_total_flops(), traffic.bytes)


def measure_peaks(device: torch.device, dtype: torch.dtype, small: bool = False) -> Peaks:
    """Measure a large matrix product and a large copy.

    Args:
        device: Where.
        dtype: Of the matrix product.
        small: Finish quickly; for tests.
    """
    side = 256 if small else 8192 if device.type == "cuda" else 2048
    one = torch.ones(side, side, device=device, dtype=dtype)
    other, product = torch.ones_like(one), torch.empty_like(one)
    multiply = best_seconds(lambda: torch.mm(one, other, out=product), device)
    source = torch.ones((1 << 20) if small else (1 << 28 if device.type == "cuda" else 1 << 26))
    source = source.to(device)
    target = torch.empty_like(source)
    copy = best_seconds(lambda: target.copy_(source), device)
    return Peaks(2 * side**3 / multiply, 2 * source.numel() * source.element_size() / copy)


def best_seconds(work: Callable[[], Any], device: torch.device, rounds: int = 8) -> float:
    """Return the shortest time that something took, after one round that does not count."""
    work()
    found = []
    for _ in range(rounds):
        synchronise(device)
        start_seconds = time.perf_counter()
        work()
        synchronise(device)
        found.append(time.perf_counter() - start_seconds)
    return min(found)


def synchronise(device: torch.device) -> None:
    """Wait until a GPU has done what it was asked; a CPU has."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def data_sheet(device: torch.device) -> dict[str, float] | None:
    """Return the card's dense bf16 peak and bandwidth as its maker says; None if not known."""
    if device.type != "cuda":
        return None
    name = torch.cuda.get_device_name(device)
    for card, (teraflops, gigabytes) in DATA_SHEETS.items():
        if all(word in name for word in card.split()):
            return asdict(Peaks(teraflops * 1e12, gigabytes * 1e9))
    return None
