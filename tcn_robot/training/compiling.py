"""The encoder's arithmetic compiled by torch, where there is a compiler.

Off unless asked for: compiling takes minutes on a CPU, and its convolutions are the same ones.
"""

from __future__ import annotations

import importlib.util
import os
import shutil

import torch

from tcn_robot.models import Encoder


class CompiledEncoder:
    """An encoder as objectives see it, computed by compiled functions on the same weights."""

    def __init__(self, encoder: Encoder) -> None:
        """Compile nothing yet: that happens with the first batch, and once per shape."""
        self._encoder = encoder
        self.features = torch.compile(encoder.features)
        self.project = torch.compile(encoder.project)

    @property
    def dimension(self) -> int:
        """Length D of an embedding."""
        return self._encoder.dimension

    @property
    def feature_width(self) -> int:
        """Length F of the features."""
        return self._encoder.feature_width

    def normalise(self, embeddings: torch.Tensor) -> torch.Tensor:
        """Scale embeddings (N, D) to length 1, if the encoder does."""
        return self._encoder.normalise(embeddings)


def missing_compiler(device: torch.device) -> str | None:
    """Return what torch would need to compile for a device and does not find; None if nothing.

    For a CPU that is a C++ compiler, for a GPU Triton and a C compiler.
    """
    if device.type == "cuda" and importlib.util.find_spec("triton") is None:
        return "the package triton"
    c, cpp = ("gcc", "cc", "clang"), ("g++", "clang++", "c++")
    name, compilers, variable = ("C", c, "CC") if device.type == "cuda" else ("C++", cpp, "CXX")
    given = os.environ.get(variable)
    if not any(map(shutil.which, (given,) if given else compilers)):
        return f"a {name} compiler"
    return None


def choose_compiling(wanted: bool, device: torch.device) -> tuple[bool, tuple[str, ...]]:
    """Return whether to compile, and what there is to say about it.

    Args:
        wanted: Whether the user asked for it.
        device: Where the encoder runs.
    """
    missing = missing_compiler(device) if wanted else None
    if missing is None:
        return wanted, ()
    return False, (f"--compile needs {missing}, found none; training without it",)
