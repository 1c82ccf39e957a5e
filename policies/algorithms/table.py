"""All algorithms by name, and the checks of what a user gives them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from tcn_robot.errors import UserError, unknown_name
from tcn_robot.policies.algorithms.cloning import Cloning
from tcn_robot.policies.algorithms.crossq import Crossq
from tcn_robot.policies.algorithms.interface import Algorithm
from tcn_robot.policies.algorithms.ppo import Ppo
from tcn_robot.policies.algorithms.sac import Sac
from tcn_robot.policies.algorithms.td3 import Td3
from tcn_robot.policies.algorithms.tqc import Tqc
from tcn_robot.typed_options import fitting_value

ALGORITHMS: dict[str, type[Sac] | type[Ppo] | type[Td3] | type[Tqc] | type[Crossq]] = {
    "sac": Sac,
    "ppo": Ppo,
    "td3": Td3,
    "tqc": Tqc,
    "crossq": Crossq,
}
# What learns from recorded actions, without a learner in an env.
CLONING: dict[str, type[Cloning]] = {"bc": Cloning}
_KINDS = {**ALGORITHMS, **CLONING}
# Options that a run has by name; all others are given as `algo_options`.
SHARED_OPTIONS = (
    "learning_rate",
    "discount",
    "batch_size",
    "hidden_units",
    "learning_starts_steps",
)


def make_algorithm(
    name: str, shared: Mapping[str, Any], further: Mapping[str, Any]
) -> Algorithm | Cloning:
    """Return an algorithm with its options.

    Args:
        name: A key of `ALGORITHMS` or `CLONING`.
        shared: Values of `SHARED_OPTIONS`; None: the algorithm's own.
        further: Values of its other options; those left out keep the algorithm's own.

    Raises:
        UserError: For an unknown algorithm or option (with the nearest one), an option of another
            algorithm, or a value that cannot work.
    """
    if name not in _KINDS:
        raise unknown_name("algorithm", name, _KINDS)
    kind = _KINDS[name]
    known = _option_names(kind)
    given = {}
    for option, value in shared.items():
        if value is not None:
            if option not in known:
                raise UserError(f"{name} has no {option}; leave it out ({_others(option)})")
            given[option] = fitting_value(kind, option, value)
    for option, value in further.items():
        given[option] = _fitting(name, option, value)
    return kind(**given)


def further_options(algorithm: Algorithm | Cloning) -> dict[str, Any]:
    """Return the options of an algorithm that a run does not have by name."""
    return {
        field.name: getattr(algorithm, field.name)
        for field in dataclasses.fields(algorithm)  # type: ignore[arg-type]
        if field.name not in SHARED_OPTIONS
    }


def _fitting(name: str, option: str, value: Any) -> Any:
    """Return the value of one of the further options as its field has it."""
    if option in SHARED_OPTIONS:
        raise UserError(f"{option} is no further option of {name}: it is an option of its own")
    kind = _KINDS[name]
    own = [known for known in _option_names(kind) if known not in SHARED_OPTIONS]
    if option not in own:
        if others := _others(option):
            raise UserError(
                f"{option} is not an option of {name} ({others}); {name} has {', '.join(own)}"
            )
        raise unknown_name(f"option of {name}", option, own)
    return fitting_value(kind, option, value)


def _others(option: str) -> str:
    """Return which algorithms have an option, in words; empty where none has."""
    having = [name for name, kind in _KINDS.items() if option in _option_names(kind)]
    return f"it is for {', '.join(having)}" if having else ""


def _option_names(kind: type) -> list[str]:
    return [field.name for field in dataclasses.fields(kind)]
