"""Policies: Stable-Baselines3 on the tasks, with a learned reward or the task's own."""

from __future__ import annotations

if __name__ != "tcn_robot.policies":
    raise ImportError(
        "import tcn_robot.policies, not policies: the folder is part of the package tcn_robot"
    )

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tcn_robot.policies.policy import Policy, find_policies, load_policy

__all__ = ["Policy", "find_policies", "load_policy"]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for, because it brings torch."""
    if name not in __all__:
        raise AttributeError(f"module 'tcn_robot.policies' has no attribute {name!r}")
    from tcn_robot.policies import policy

    return getattr(policy, name)
