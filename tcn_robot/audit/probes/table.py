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

Advance = Callable[[], None]


@dataclass(frozen=True)
class Probe:
    """One probe.

    Attributes:
        asks: What it asks, in one line.
        run: Makes it; `advance` is called for each rollout of a long one.
    """

    asks: str
    run: Callable[[Material, Advance], Finding]


def _short(run: Callable[[Material], Finding]) -> Callable[[Material, Advance], Finding]:
    return lambda material, advance: run(material)


PROBES: dict[str, Probe] = {
    "separation": Probe("do successes earn more than failures?", _short(separation)),
    "order": Probe("does the reward rise along a success?", _short(order)),
    "stall": Probe("does standing still pay?", _short(stall)),
    "failing": Probe("how much of a success's return do failures earn?", _short(failing)),
    "stop": Probe("does stopping half-way pay?", _short(half_way_stop)),
    "loop": Probe("does going back and forth pay?", _short(loop)),
    "reverse": Probe("does a success played backwards lose?", _short(reverse)),
    "mimicry": Probe("does the motion pay without the object?", _short(mimicry)),
    "thrown": Probe("does throwing the object away pay?", _short(thrown)),
    "adversary": Probe("what does a search for unearned reward find?", adversary),
    "body": Probe("does it hold for another body?", _short(unseen_body)),
    "occlusion": Probe("does it hold with a part covered?", _short(occlusion)),
    "camera": Probe("does it hold with moved cameras?", _short(camera)),
    "light": Probe("does it hold in another light?", _short(light)),
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
