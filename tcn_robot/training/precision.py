"""In which numbers the forward pass computes, and how float16 gradients keep from vanishing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import torch

from tcn_robot.errors import UserError
from tcn_robot.training.device import has_fast_bf16

PrecisionName = Literal["auto", "fp32", "bf16", "fp16"]
_TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def choose_precision(name: PrecisionName, device: torch.device) -> torch.dtype:
    """Return the type of the forward pass.

    Args:
        name: "auto" is bf16 where the device multiplies it in hardware, else fp32.
        device: Where it will run.

    Raises:
        UserError: If fp16 is asked for on a CPU, where nothing is gained by it.
    """
    if name == "auto":
        return torch.bfloat16 if has_fast_bf16(device) else torch.float32
    if name == "fp16" and device.type != "cuda":
        raise UserError("--precision fp16 needs a GPU; use bf16, fp32 or auto on a CPU")
    return _TYPES[name]


class Precision:
    """Autocast, and the scaling of gradients that float16 needs (Micikevicius et al. 2018, 3.2).

    float16 has no numbers below 6e-8: the loss is scaled up before the backward pass, gradients
    down after it. A step whose gradients are no longer finite is left out and the scale lowered;
    for bf16 and fp32 nothing of that happens.
    """

    def __init__(self, dtype: torch.dtype, device: torch.device) -> None:
        """Compute the forward pass in `dtype` on `device`; weights stay float32."""
        self.dtype = dtype
        self._device = device
        self._scaler = torch.amp.GradScaler(device.type, enabled=dtype == torch.float16)

    def autocast(self) -> torch.autocast:
        """Return the context of a forward pass."""
        enabled = self.dtype != torch.float32
        dtype = self.dtype if enabled else torch.bfloat16
        return torch.autocast(self._device.type, dtype, enabled=enabled)

    def backward(self, loss: torch.Tensor) -> None:
        """Add the gradients of a loss, scaled for float16, to those that are there."""
        self._scaler.scale(loss).backward()

    def unscale(self, optimizer: torch.optim.Optimizer) -> None:
        """Bring an optimiser's gradients to their true size, before they are clipped."""
        self._scaler.unscale_(optimizer)

    def step(self, optimizer: torch.optim.Optimizer) -> None:
        """Change the weights, unless float16 gradients have left its range."""
        self._scaler.step(optimizer)
        self._scaler.update()

    @property
    def skips_steps(self) -> bool:
        """Whether a gradient that is not finite is dealt with here and no fault of the run."""
        return self._scaler.is_enabled()

    def state(self) -> dict[str, float]:
        """Return what a resumed training needs; empty without scaling."""
        return {key: float(value) for key, value in self._scaler.state_dict().items()}

    def load_state(self, state: dict[str, float]) -> None:
        """Go on with the scale of a checkpoint."""
        if self._scaler.is_enabled():
            counts = ("growth_interval", "_growth_tracker")
            self._scaler.load_state_dict(
                {key: int(value) if key in counts else value for key, value in state.items()}
            )


def all_finite(tensors: Iterable[torch.Tensor]) -> torch.Tensor:
    """Return a bool scalar, on the tensors' device: whether every number is finite."""
    flags = [tensor.isfinite().all() for tensor in tensors]
    return torch.stack(flags).all() if flags else torch.tensor(True)
