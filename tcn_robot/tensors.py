"""Tensors on disk, as safetensors and never a pickle.

A leaf that every part may import.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def write_tensors(path: Path, tensors: Mapping[str, torch.Tensor]) -> None:
    """Write named tensors, from any device, into one file.

    By an ordinary write: safetensors' own reports a full disk as an error of its format, which
    nobody can tell from a damaged file.

    Raises:
        OSError: The disk is full, or the file cannot be written.
    """
    from safetensors.torch import save

    on_cpu = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    path.write_bytes(save(on_cpu))
