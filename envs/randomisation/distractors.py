"""Things that have nothing to do with the task: they lie about beside the workspace.

They touch nothing, are parked under the floor until an episode draws them, and exist in the model
of an environment only when it was made with them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tcn_robot.envs.cameras import FIXED_CAMERAS, fixed_camera_pose
from tcn_robot.envs.things import Kind, Shape, Thing, Vector, quaternion_product, turn_about
from tcn_robot.envs.world import Scene

GREY = (0.5, 0.5, 0.5, 1.0)
PARKED_METRES = -5.0
# On the table, and not where the arm stands.
LOW_METRES = np.array([0.15, -0.56])
HIGH_METRES = np.array([0.97, 0.56])
MARGIN_METRES = 0.05
"""Between what a distractor covers and the workspace: things reach that far beyond it."""
NUM_TRIES = 200

# (kind, size, radius around it seen from above, height of its middle, its top), in metres.
_FORMS: tuple[tuple[Kind, tuple[float, ...], float, float, float], ...] = (
    ("box", (0.022, 0.022, 0.022), 0.032, 0.022, 0.044),
    ("cylinder", (0.024, 0.026), 0.024, 0.026, 0.052),
    ("sphere", (0.026,), 0.026, 0.026, 0.052),
    ("box", (0.034, 0.018, 0.014), 0.039, 0.014, 0.028),
    ("capsule", (0.016, 0.028), 0.044, 0.016, 0.032),
    ("cylinder", (0.038, 0.010), 0.038, 0.010, 0.020),
)


def _distractor(index: int) -> Thing:
    kind, size, *_ = _FORMS[index]
    name = f"distractor{index + 1}"
    shape = Shape(kind, size, GREY, collides=False)
    return Thing(name, (shape,), (0.15 * index, 0.0, PARKED_METRES))


DISTRACTORS: tuple[Thing, ...] = tuple(_distractor(index) for index in range(len(_FORMS)))
_LYING = {"capsule": turn_about((0.0, 1.0, 0.0), np.pi / 2)}


def draw_distractors(
    generator: np.random.Generator,
    count: int,
    scene: Scene,
    low_metres: np.ndarray,
    high_metres: np.ndarray,
) -> dict[str, dict[str, Any]]:
    """Return poses of distractors by name: `at_metres` (3,), `quaternion` (w, x, y, z).

    None covers any of the workspace in any fixed camera as described, and each is seen by one.
    Those for which no place is found are left out.

    Args:
        generator: Randomness.
        count: How many to put on the table.
        scene: Whose cameras count.
        low_metres: (3,) the workspace's lower corner.
        high_metres: (3,) its upper corner.
    """
    poses = [fixed_camera_pose(view, scene.camera_target_metres) for view in FIXED_CAMERAS]
    drawn: dict[str, dict[str, Any]] = {}
    taken: list[tuple[np.ndarray, float]] = []
    for index in generator.permutation(len(DISTRACTORS))[:count]:
        kind, _, radius, middle, top = _FORMS[index]
        turn = turn_about((0.0, 0.0, 1.0), float(generator.uniform(-np.pi, np.pi)))
        for place in generator.uniform(LOW_METRES, HIGH_METRES, (NUM_TRIES, 2)):
            apart = all(np.linalg.norm(place - other) > radius + its for other, its in taken)
            if not apart or not _is_free(place, radius, top, poses, low_metres, high_metres):
                continue
            point = (float(place[0]), float(place[1]), middle)
            if any(_sees(view, scene, point) for view in FIXED_CAMERAS):
                taken.append((place, radius))
                turned = quaternion_product(turn, _LYING.get(kind, (1.0, 0.0, 0.0, 0.0)))
                drawn[DISTRACTORS[index].name] = {
                    "at_metres": list(point),
                    "quaternion": list(turned),
                }
                break
    return drawn


def _is_free(
    place: np.ndarray,
    radius_metres: float,
    top_metres: float,
    poses: list[tuple[np.ndarray, np.ndarray]],
    low_metres: np.ndarray,
    high_metres: np.ndarray,
) -> bool:
    """Whether neither the thing nor what it covers, on the table and above, is in the workspace."""
    low = low_metres[:2] - MARGIN_METRES - radius_metres
    high = high_metres[:2] + MARGIN_METRES + radius_metres
    for at, _ in poses:
        # A ray over the top goes on downwards and meets the table here, or something before that.
        covered = (place - at[:2]) * top_metres / (at[2] - top_metres)
        ways = place + np.linspace(0.0, 1.0, 8)[:, None] * covered
        if ((ways > low) & (ways < high)).all(axis=1).any():
            return False
    return True


def _sees(view: str, scene: Scene, point: Vector) -> bool:
    """Whether a fixed camera has a point well inside its square picture."""
    at, rotation = fixed_camera_pose(view, scene.camera_target_metres)
    right, up, back = (np.array(point) - at) @ rotation
    half = 0.9 * np.tan(np.radians(FIXED_CAMERAS[view].fovy_degrees) / 2)
    return bool(max(abs(right), abs(up)) < half * -back)
