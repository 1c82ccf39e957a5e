"""Configurations with a name: what papers and their code trained with.

To add one: a function that returns a `TrainConfig`, and a line in `PRESETS`.
"""

from __future__ import annotations

from collections.abc import Callable

from tcn_robot.errors import unknown_name
from tcn_robot.training.config import TrainConfig, make_config


def svtcn() -> TrainConfig:
    """Single-view TCN (Sermanet et al. 2018): semi-hard triplets, 0.2 s and 0.4 s, margin 0.2."""
    return make_config("tcn", pairing="times", loss="triplet", margin=0.2)


PRESETS: dict[str, Callable[[], TrainConfig]] = {
    "svtcn": svtcn,
}


def find_preset(name: str) -> TrainConfig:
    """Return the configuration of that name.

    Raises:
        UserError: If there is none; the message has the nearest name.
    """
    if name not in PRESETS:
        raise unknown_name("preset", name, PRESETS)
    return PRESETS[name]()
