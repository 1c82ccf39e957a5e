"""Applies a gap to a run: looks at what was shown and at what acts, then sets its options."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tcn_robot.errors import UserError, unknown_name

if TYPE_CHECKING:
    from tcn_robot.policies.config import ImitateConfig


def bridged(config: ImitateConfig) -> ImitateConfig:
    """Return the options of a run with what follows from its gap.

    Raises:
        UserError: An unknown gap, one without effect, no demonstrations, or such as do not show it.
    """
    from tcn_robot.policies.environments import make_env
    from tcn_robot.policies.gaps import GAPS, Acting, Shown, refuse_gap_without_effect
    from tcn_robot.recordings import open_recording
    from tcn_robot.workflows.learned_reward import successful_demos

    if config.gap not in GAPS:
        raise unknown_name("gap", str(config.gap), GAPS)
    refuse_gap_without_effect(config)
    if config.demos is None:
        raise UserError(f"gap {config.gap} is one to demonstrations: it needs --demos DIR")
    recording = open_recording(Path(config.demos))
    fitting, _ = successful_demos(recording)
    bodies = tuple(sorted({episode.embodiment for episode in fitting}))
    shown = Shown(recording.task, bodies, tuple(fitting[0].views))
    env = make_env(config)
    task: Any = env.unwrapped
    try:
        acting = Acting(
            str(getattr(task, "embodiment", "")), tuple(getattr(task, "view_names", ()))
        )
    finally:
        env.close()
    return GAPS[config.gap](config, shown, acting)
