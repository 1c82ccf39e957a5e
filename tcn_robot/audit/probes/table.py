"""The table of probes: name, function, and what it asks in one line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tcn_robot.audit.adversary import adversary
from tcn_robot.audit.material import Material
from tcn_robot.audit.probes.cheating import (
    failing,
    half_way_stop,
    loop,
    mimicry,
    reverse,
    thrown,
)
from tcn_robot.audit.probes.telling import order, separation, stall
from tcn_robot.audit.probes.upsetting import camera, light, occlusion, unseen_body
from tcn_robot.audit.verdicts import Finding
from tcn_robot.errors import unknown_name


@dataclass(frozen=True)
class Probe:
    """One probe.

    Attributes:
        asks: What it asks, in one line.
        run: Makes it.
        needs_failures: Whether scripted failures are played for it.
    """

    asks: str
    run: Callable[[Material], Finding]
    needs_failures: bool = False


PROBES: dict[str, Probe] = {
    "separation": Probe("do successes earn more than failures?", separation, True),
    "order": Probe("does the reward rise along a success?", order),
    "stall": Probe("does standing still pay?", stall, True),
    "failing": Probe("how much of a success's return do failures earn?", failing, True),
    "stop": Probe("does stopping half-way pay?", half_way_stop),
    "loop": Probe("does going back and forth pay?", loop),
    "reverse": Probe("does a success played backwards lose?", reverse),
    "mimicry": Probe("does the motion pay without the object?", mimicry),
    "thrown": Probe("does throwing the object away pay?", thrown),
    "adversary": Probe("what does a search for unearned reward find?", adversary),
    "body": Probe("does it hold for another body?", unseen_body),
    "occlusion": Probe("does it hold with a part covered?", occlusion, True),
    "camera": Probe("does it hold with moved cameras?", camera, True),
    "light": Probe("does it hold in another light?", light, True),
}


def chosen_probes(names: Sequence[str]) -> tuple[str, ...]:
    """Return names of probes in the table's order; all of them when none is named.

    Raises:
        UserError: For an unknown name, with the nearest.
    """
    for name in names:
        if name not in PROBES:
            raise unknown_name("probe", name, PROBES)
    return tuple(name for name in PROBES if not names or name in names)
