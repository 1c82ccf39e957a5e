"""A trained run as demonstrator: `tcn-robot record TASK --policy RUN`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tcn_robot.errors import UserError

if TYPE_CHECKING:
    from tcn_robot.policies.seeing import Seeing
    from tcn_robot.recordings import Policy

_SHOWN_DIGITS = 12


def is_run(name: str) -> bool:
    """Return whether a policy's name is the folder of a run; scripted policies come first.

    `--policy play --out play` makes a folder of that name: "./play" says that a run is meant.
    """
    from tcn_robot.envs.scripted import is_scripted

    return Path(name).is_dir() and not is_scripted(name)


def run_policy(name: str) -> Policy:
    """Return a demonstrator that acts as the trained policy does, without noise.

    Args:
        name: Folder of a run, of one of its seeds or of its policy; of a run the first finished
            seed is taken.

    Raises:
        UserError: If there is no whole policy; when it acts, if the task has other observations or
            actions, or does not say what it observes.
    """
    from tcn_robot.policies.policy import find_policies, load_policy

    policy = load_policy(name)
    seeing: Seeing | None = None
    if policy.metadata.get("seen"):
        from tcn_robot.workflows.policy_sight import seeing_of

        seeing = seeing_of(find_policies(Path(name))[0], policy)

    def act(source: Any, randomness: np.random.Generator) -> Iterator[np.ndarray]:
        if not hasattr(source, "observe"):
            raise UserError(
                f"--policy {name}: this task does not say what a policy observes (no `observe`); "
                "use module:function"
            )
        size = int(np.prod(source.action_space.shape))
        if size != policy.action_size:
            raise UserError(
                f"--policy {name} was trained on a task with {policy.action_size} actions, this "
                f"one has {size} ({policy.metadata.get('task')} was its task)"
            )
        observe = _observer(seeing, source)
        while True:
            yield policy.act(observe(source.observe()))

    return act


def _observer(seeing: Seeing | None, source: Any) -> Callable[[np.ndarray], np.ndarray]:
    """Return what makes a policy's observation of a task's own, once per step."""
    if seeing is None:
        return np.asarray
    from tcn_robot.policies.seeing import LoneObserver

    return LoneObserver(seeing, source)


def describe_run(name: str) -> str:
    """Return what `episode.json` says of a run: its name, its seed, and which weights.

    Not its path, which means nothing elsewhere.
    """
    from tcn_robot.policies.policy import WEIGHTS_FILE, find_policies
    from tcn_robot.recordings.format import file_hash

    folder = find_policies(Path(name))[0].resolve()
    parts = [part.name for part in (folder.parent.parent, folder.parent) if part.name]
    return f"{'/'.join(parts)} sha256:{file_hash(folder / WEIGHTS_FILE)[:_SHOWN_DIGITS]}"
