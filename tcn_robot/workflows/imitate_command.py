"""The command line of a policy run, from its options: what a person types to run it again."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tcn_robot.policies.changed_options import changed_options
from tcn_robot.policies.config import NO_REWARD, ImitateConfig
from tcn_robot.workflows.imitate import RUN_NAMES, parse_options

FLAGS = {field: f"--{flag.replace('_', '-')}" for flag, field in RUN_NAMES.items()}
# Options that several fields make together.
OWN_WORDS = ("task", "reward", "steps", "algo", "encoder", "further_encoders")


def imitate_command(config: ImitateConfig, seeds: Sequence[int], out: Path | str) -> str:
    """Return the command that makes a run once more; options that are defaults are left out.

    Args:
        config: Its options, those filled in by the run included.
        seeds: Its seeds.
        out: Where it goes.
    """
    words = ["tcn-robot", "imitate", config.task]
    words += [] if config.reward == NO_REWARD else ["--reward", config.reward]
    words += ["--algo", config.algo] if config.algo != "sac" else []
    if config.encoder:
        words += ["--encoder", config.encoder, *config.further_encoders]
    words += ["--steps", str(config.steps)]
    for name, value in changed_options(config).items():
        if name not in OWN_WORDS:
            words += _option(FLAGS.get(name, f"--{name.replace('_', '-')}"), value)
    words += ["--seeds", *map(str, seeds), "--out", str(out)]
    return " ".join(map(shlex.quote, words))


def _option(flag: str, value: Any) -> list[str]:
    """Return the words of one option that is not its default."""
    if isinstance(value, bool):
        return [flag if value else f"--no-{flag.removeprefix('--')}"]
    if isinstance(value, dict):
        return [flag, *(f"{name}={_json(one)}" for name, one in value.items())]
    if isinstance(value, (list, tuple)):
        return [flag, *map(str, value)]
    return [flag, str(value)]


def _json(value: Any) -> str:
    """Return a value as `parse_options` reads it back."""
    if not isinstance(value, str):
        return json.dumps(value)
    return value if parse_options((f"x={value}",)) == {"x": value} else json.dumps(value)
