"""Sets what was drawn for an episode in a PyBullet simulation, and takes it back.

Worlds and stored scenes share it. A pattern of the table is repeated whole times, so that each
picture is loaded once.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tcn_robot.envs.bodies.hand import SKINS
from tcn_robot.envs.bullet.model import BODY
from tcn_robot.envs.bullet.textures import texture_picture
from tcn_robot.envs.randomisation.colours import is_skin, shifted_colour
from tcn_robot.envs.randomisation.distractors import DISTRACTORS
from tcn_robot.envs.randomisation.drawing import Drawn, check_drawn
from tcn_robot.envs.randomisation.table import RANGES, SKIN

if TYPE_CHECKING:
    from tcn_robot.envs.bullet.simulation import BulletSimulation, LoadedBody

BULLET_RANDOMISATIONS = tuple(RANGES)

GROUNDS = ("table", "floor")
NO_TEXTURE = -1

Rgba = Sequence[float]


@dataclass(frozen=True)
class _Link:
    """What a link of a body is as it was loaded; `rgba` of each of its shapes, in their order."""

    body: int
    link: int
    rgba: tuple[Rgba, ...]
    friction: float
    mass_kg: float
    inertia: tuple[float, ...]


class BulletRandomisation:
    """What was drawn, in one simulation."""

    def __init__(self, simulation: BulletSimulation) -> None:
        """Remember everything that may change."""
        self._simulation, self._bullet = simulation, simulation.bullet
        self._now: dict[tuple[int, int, str], Any] = {}
        self._texture: tuple[str, int] | None = None
        self._textures: dict[tuple[str, int], int] = {}
        """Numbers that PyBullet gave to patterns, by name and how often they repeat."""
        self._links = {name: self._links_of(body) for name, body in simulation.bodies.items()}
        self._drawn_distractors: dict[str, Any] = {}
        self._distractors = {
            thing.name: simulation.pose(simulation.bodies[thing.name])
            for thing in DISTRACTORS
            if thing.name in simulation.bodies
        }

    def apply(self, drawn: Drawn) -> None:
        """Set what was drawn; what it does not name is as it was loaded.

        Raises:
            UserError: For names that the scene has not, or what cannot be set here.
        """
        check_drawn(drawn, self._links, self._simulation.view_names)
        renderer = self._simulation.renderer
        renderer.light, renderer.drawn_cameras = drawn.get("light"), drawn.get("camera", {})
        for name, links in self._links.items():
            for link in links:
                self._set(link, "colours", link.rgba, self._colours(name, link, drawn))
                friction = _friction_factor(name, drawn) * link.friction
                self._set(link, "friction", link.friction, friction)
                mass = drawn.get("mass", {}).get("things", {}).get(name, 1.0)
                self._set(link, "mass", 1.0, mass)
        self._set_texture(drawn.get("texture"))
        self._drawn_distractors = drawn.get("distractors", {})
        self.put_distractors()

    def put_distractors(self) -> None:
        """Put distractors where they were drawn, also after a state that has them elsewhere."""
        for name, (at, quaternion) in self._distractors.items():
            entry = self._drawn_distractors.get(name)
            if entry is not None:
                at, quaternion = entry["at_metres"], entry["quaternion"]
            self._simulation.place(self._simulation.bodies[name], at, quaternion)

    def _links_of(self, body: LoadedBody) -> list[_Link]:
        shapes: dict[int, list[Rgba]] = {}
        for shape in self._bullet.getVisualShapeData(body.id):
            shapes.setdefault(shape[1], []).append(shape[7])
        links = []
        for link in sorted(set(body.links.values())):
            dynamics = self._bullet.getDynamicsInfo(body.id, link)
            rgba = tuple(shapes.get(link, ()))
            links.append(_Link(body.id, link, rgba, dynamics[1], dynamics[0], dynamics[2]))
        return links

    def _set(self, link: _Link, what: str, described: Any, value: Any) -> None:
        """Change something of a link when it is not so already: most episodes change nothing."""
        key = (link.body, link.link, what)
        if self._now.get(key, described) == value:
            return
        self._now[key] = value
        if what == "colours":
            # Ascending: setting the first colours all of a link.
            for index, rgba in enumerate(value):
                self._bullet.changeVisualShape(
                    link.body, link.link, shapeIndex=index, rgbaColor=rgba
                )
        elif what == "friction":
            self._bullet.changeDynamics(link.body, link.link, lateralFriction=value)
        else:
            inertia = [value * part for part in link.inertia]
            self._bullet.changeDynamics(
                link.body, link.link, mass=value * link.mass_kg, localInertiaDiagonal=inertia
            )

    def _set_texture(self, drawn: Drawn | None) -> None:
        """Lay a pattern over the table, or None."""
        wanted = None if drawn is None else (drawn["table"], max(1, round(drawn["repeat"])))
        if wanted == self._texture:
            return
        self._texture = wanted
        (table,) = self._links["table"]
        number = NO_TEXTURE if wanted is None else self._texture_number(*wanted)
        self._bullet.changeVisualShape(table.body, table.link, textureUniqueId=number)

    def _texture_number(self, name: str, repeat: int) -> int:
        if (name, repeat) not in self._textures:
            import cv2

            with tempfile.TemporaryDirectory(prefix="tcn_robot-") as folder:
                path = str(Path(folder) / "texture.png")
                cv2.imwrite(path, texture_picture(name, repeat))
                self._textures[name, repeat] = self._bullet.loadTexture(path)
        return self._textures[name, repeat]

    def _colours(self, name: str, link: _Link, drawn: Drawn) -> tuple[Rgba, ...]:
        """Return the colours of the shapes of a link."""
        colours, distractors = drawn.get("colour", {}), drawn.get("distractors", {})
        shift = colours.get("body") if name == BODY else colours.get("things", {}).get(name)
        shown = []
        for rgba in link.rgba:
            rgb = list(rgba[:3])
            if name == BODY and SKIN in drawn and is_skin(np.array(rgba), SKINS):
                rgb = drawn[SKIN]
            elif shift is not None:
                rgb = shifted_colour(rgb, shift)
            elif name in GROUNDS and colours:
                rgb = colours[name]
            elif name in distractors:
                rgb = distractors[name]["rgb"]
            shown.append((*rgb, rgba[3]))
        return tuple(shown)


def _friction_factor(name: str, drawn: Drawn) -> float:
    factors = drawn.get("friction", {"body": 1.0, "things": {}})
    return float(factors["body"] if name == BODY else factors["things"].get(name, 1.0))
