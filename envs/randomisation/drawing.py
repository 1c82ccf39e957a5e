"""Draws what is new in an episode, as `table` says, as plain JSON data.

`draw` needs no simulator; worlds apply what it returns. Everything is drawn by a generator of its
own, so that one name does not change what another draws.
"""

from __future__ import annotations

import colorsys
from collections.abc import Callable, Collection
from typing import Any

import numpy as np

from tcn_robot.envs.cameras import FIXED_CAMERAS, VIEW_NAMES
from tcn_robot.envs.randomisation.camera_poses import NUM_WAVES, described_camera, shifted_camera
from tcn_robot.envs.randomisation.distractors import DISTRACTORS, draw_distractors
from tcn_robot.envs.randomisation.table import (
    RANGES,
    SKIN,
    TEXTURES,
    WAVE_AT,
    WAVE_HZ,
    WAVE_TARGET,
)
from tcn_robot.envs.world import Scene
from tcn_robot.errors import UserError, unknown_name

Drawn = dict[str, Any]

# New ones go to the end: each place has its generator.
_ORDER = (SKIN, "moving", *RANGES)


def separate_generator(generator: np.random.Generator) -> np.random.Generator:
    """Return a generator that follows from another one's state and leaves that as it is."""
    ahead = np.random.Generator(type(generator.bit_generator)())
    ahead.bit_generator.state = generator.bit_generator.state
    words = ahead.integers(2**32, size=4, dtype=np.uint64)
    return np.random.default_rng(words.tolist())  # hashed: nothing in common with what comes there


def draw(
    generator: np.random.Generator,
    names: Collection[str],
    scene: Scene,
    workspace_metres: tuple[np.ndarray, np.ndarray],
    moving_cameras: bool = False,
) -> Drawn:
    """Return what is drawn for one episode, by name: numbers, texts, lists and dictionaries.

    Args:
        generator: Randomness.
        names: Names of `RANGES`.
        scene: What there is.
        workspace_metres: Lower and upper corner (3,) of what distractors leave free.
        moving_cameras: Whether the fixed cameras drift.
    """
    seeds = generator.integers(2**63, size=len(_ORDER))
    generators = {
        name: np.random.default_rng(int(seed)) for name, seed in zip(_ORDER, seeds, strict=True)
    }
    drawn: Drawn = {}
    if scene.body.skin:
        drawn[SKIN] = _draw_skin(generators[SKIN], scene)
    for name in RANGES:
        if name in names and name != "distractors":
            drawn[name] = _DRAWERS[name](generators[name], scene)
    if "distractors" in names:
        drawn["distractors"] = _draw_distractors(
            generators["distractors"], scene, *workspace_metres
        )
    if moving_cameras:
        cameras = drawn.setdefault(
            "camera", {view: described_camera(view, scene) for view in FIXED_CAMERAS}
        )
        for view in FIXED_CAMERAS:
            waves = [_draw_wave(generators["moving"]) for _ in range(NUM_WAVES)]
            cameras[view] = {**cameras[view], "waves": waves}
    return drawn


def check_drawn(drawn: Drawn, things: Collection[str], cameras: Collection[str]) -> None:
    """Raise a UserError for what a model cannot be set to.

    Args:
        drawn: What `draw` returned, or somebody else wrote.
        things: Names of the things there are.
        cameras: Names of the cameras there are.
    """
    if not isinstance(drawn, dict):
        raise UserError(f"expected a dictionary of what was drawn, found {drawn!r}")
    for name in drawn:
        if name not in _ORDER:
            raise unknown_name("randomisation", name, _ORDER)
    if any(thing not in things for thing in drawn.get("distractors", {})):
        raise UserError(
            "the model has no distractors to be set: make the environment with "
            "randomise=('distractors',)"
        )
    for name in ("colour", "friction", "mass"):
        for thing in drawn.get(name, {}).get("things", {}):
            if thing not in things:
                raise unknown_name(f"thing of the drawn {name}", thing, tuple(things))
    for view in drawn.get("camera", {}):
        if view not in cameras:
            raise unknown_name("drawn camera", view, tuple(cameras))


def _draw_skin(generator: np.random.Generator, scene: Scene) -> list[float]:
    """Return a colour between two neighbouring ones of the body's table."""
    skins = np.array(scene.body.skin)
    place = generator.uniform(0.0, len(skins) - 1)
    below = int(place)
    mixed = skins[below] + (place - below) * (skins[min(below + 1, len(skins) - 1)] - skins[below])
    return [float(part) for part in mixed]


def _draw_light(generator: np.random.Generator, scene: Scene) -> Drawn:
    drawn = {name: span.draw(generator) for name, span in RANGES["light"].items()}
    azimuth, tilt, warmth = drawn["azimuth"], drawn["tilt"], drawn["warmth"]
    direction = -np.array(
        [np.sin(tilt) * np.cos(azimuth), np.sin(tilt) * np.sin(azimuth), np.cos(tilt)]
    )
    tint = drawn["strength"] * np.array([1.0 + warmth, 1.0, 1.0 - warmth])
    return {
        "direction": direction.tolist(),
        "diffuse": tint.tolist(),
        "ambient": drawn["ambient"],
        "headlight": drawn["headlight"],
    }


def _draw_colour(generator: np.random.Generator, scene: Scene) -> Drawn:
    spans = RANGES["colour"]

    def ground() -> list[float]:
        parts = ("ground_hue", "ground_saturation", "ground_value")
        hue, saturation, value = (spans[part].draw(generator) for part in parts)
        return list(colorsys.hsv_to_rgb(hue, saturation, value))

    def shift() -> list[float]:
        return [spans[part].draw(generator) for part in ("hue", "saturation", "value")]

    things = [thing for thing in scene.things if thing not in DISTRACTORS]
    return {
        "table": ground(),
        "floor": ground(),
        "body": shift(),
        "things": {thing.name: shift() for thing in things},
    }


def _draw_texture(generator: np.random.Generator, scene: Scene) -> Drawn:
    repeat = RANGES["texture"]["repeat"].draw(generator)
    return {"table": TEXTURES[int(generator.integers(len(TEXTURES)))], "repeat": repeat}


def _draw_camera(generator: np.random.Generator, scene: Scene) -> Drawn:
    spans = RANGES["camera"]
    drawn = {}
    for view in VIEW_NAMES:
        kind = "" if view in FIXED_CAMERAS else "wrist_"
        drawn[view] = shifted_camera(
            described_camera(view, scene),
            spans[f"{kind}at"].draw_vector(generator),
            spans[f"{kind}target"].draw_vector(generator),
            spans["up"].draw_vector(generator),
            spans["widening"].draw(generator),
        )
    return drawn


def _draw_wave(generator: np.random.Generator) -> Drawn:
    return {
        "hz": WAVE_HZ.draw(generator),
        "radians": float(generator.uniform(-np.pi, np.pi)),
        "at_metres": WAVE_AT.draw_vector(generator).tolist(),
        "target_metres": WAVE_TARGET.draw_vector(generator).tolist(),
    }


def _draw_distractors(
    generator: np.random.Generator, scene: Scene, low_metres: np.ndarray, high_metres: np.ndarray
) -> Drawn:
    spans = RANGES["distractors"]
    count = int(spans["count"].draw(generator))
    drawn = draw_distractors(generator, count, scene, low_metres, high_metres)
    for entry in drawn.values():
        parts = (spans[part].draw(generator) for part in ("hue", "saturation", "value"))
        entry["rgb"] = list(colorsys.hsv_to_rgb(*parts))
    return drawn


def _draw_friction(generator: np.random.Generator, scene: Scene) -> Drawn:
    factor = RANGES["friction"]["factor"]
    touched = [
        thing.name for thing in scene.things if any(shape.collides for shape in thing.shapes)
    ]
    return {
        "body": factor.draw(generator),
        "things": {name: factor.draw(generator) for name in touched},
    }


def _draw_mass(generator: np.random.Generator, scene: Scene) -> Drawn:
    factor = RANGES["mass"]["factor"]
    moved = [thing.name for thing in scene.things if thing.motion != "placed"]
    return {"things": {name: factor.draw(generator) for name in moved}}


_DRAWERS: dict[str, Callable[[np.random.Generator, Scene], Drawn]] = {
    "light": _draw_light,
    "colour": _draw_colour,
    "texture": _draw_texture,
    "camera": _draw_camera,
    "friction": _draw_friction,
    "mass": _draw_mass,
}
