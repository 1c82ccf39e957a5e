"""tcn_robot: a robot learns a task from films of it, recorded by several cameras."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tcn_robot.models import load_encoder
    from tcn_robot.recordings import open_recording

__version__ = "0.1.0"
__all__ = ["__version__", "load_encoder", "open_recording"]

# Loaded on first use, so that `import tcn_robot` stays quick.
_LAZY = {"load_encoder": "tcn_robot.models", "open_recording": "tcn_robot.recordings"}


def __getattr__(name: str) -> Any:
    """Import a public name from its module when it is first asked for."""
    if name not in _LAZY:
        raise AttributeError(f"module 'tcn_robot' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_LAZY[name]), name)
