"""The reward that a command names: fitted by an earlier run, or fitted now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tcn_robot.errors import UserError

if TYPE_CHECKING:
    from tcn_robot.rewards import Reward


def given_reward(
    fitted: Path | None,
    encoders: Sequence[Path],
    demos: Path | None,
    name: str,
    views: tuple[str, ...],
    options: dict[str, Any] | None = None,
) -> Callable[[str], Reward]:
    """Return the reward for a body; one for all where the encoder does not tell them apart.

    Args:
        fitted: A run of `tcn-robot imitate`, or the folder of its reward; then nothing else.
        encoders: What it is fitted on; several make an ensemble.
        demos: Dataset with the demonstrations that it is fitted to.
        name: A learned reward.
        views: Views that it looks through; the first of the demonstrations when empty.
        options: Options of the reward.

    Raises:
        UserError: Something is missing, or too much.
    """
    from tcn_robot.models import load_encoder
    from tcn_robot.rewards import load_reward
    from tcn_robot.workflows.learned_reward import fit_reward

    if fitted is not None:
        if encoders or demos or views or options:
            raise UserError("--fitted has encoder and demonstrations: leave the other options out")
        loaded = load_reward(fitted_folder(fitted))
        return lambda body: loaded
    if not encoders or demos is None:
        missing = "--encoder" if not encoders else "--demos"
        raise UserError(
            f"a reward is fitted on an encoder and demonstrations, {missing} is missing; give "
            "--encoder RUN --demos DIR, or --fitted RUN"
        )
    shown = demos
    tells_bodies = any(load_encoder(encoder).bodies for encoder in encoders)
    rewards: dict[str, Reward] = {}

    def by_body(body: str) -> Reward:
        key = body if tells_bodies else ""
        if key not in rewards:
            rewards[key] = fit_reward(name, encoders, shown, views, options, acting=key)
        return rewards[key]

    return by_body


def fitted_folder(named: Path) -> Path:
    """Return where a fitted reward lies: in a run of `tcn-robot imitate`, or right there."""
    return named / "reward" if (named / "reward").is_dir() else named
