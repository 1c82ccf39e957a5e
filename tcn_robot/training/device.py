"""Where to compute and in which precision."""

from __future__ import annotations

import torch

from tcn_robot.errors import UserError


def choose_device(name: str) -> torch.device:
    """Return the device of that name; "auto" is CUDA where there is one.

    Raises:
        UserError: If there is no such device here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UserError(f"unknown device {name!r}; use auto, cpu or cuda") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise UserError(f"device {name!r} asked for, but torch sees no GPU; use --device cpu")
    return device


def has_fast_bf16(device: torch.device) -> bool:
    """Return whether the device multiplies bfloat16 in hardware.

    On a CPU with AVX512-BF16 or AMX, bf16 trains the small encoder faster than
    fp32; elsewhere it is emulated and slower.
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    # Private, but the only place where torch says it; absent means slow.
    ask = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(device.type == "cpu" and ask is not None and ask())


def copy_without_waiting(values: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Return values of the CPU on a device; on a GPU without waiting for what it is doing.

    Only a copy out of pinned memory lets the CPU go on; any other one waits for the step before.

    Args:
        values: On the CPU.
        device: Where they are wanted.
    """
    if device.type == "cuda":
        values = values.pin_memory()
    return values.to(device, non_blocking=True)
