"""Camera poses as plain data: as described, drawn for an episode, or slowly moving.

A moving camera drifts like a phone in somebody's hand. Its pose is a function of what was drawn
and of the time alone, so that a stored state is rendered again exactly. An entry is what goes into
JSON: `at_metres`, `target_metres`, `up`, `fovy_degrees` and `waves`, a list of `hz`, `radians`,
`at_metres`, `target_metres`. The wrist's is in the palm's frame, all others in the world's.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tcn_robot.envs.cameras import (
    FIXED_CAMERAS,
    WRIST,
    WRIST_AT_METRES,
    WRIST_FOVY_DEGREES,
    WRIST_UP,
    fixed_camera_target,
    look_at,
)
from tcn_robot.envs.world import Scene

CameraEntry = dict[str, Any]

NUM_WAVES = 3


def described_camera(view: str, scene: Scene) -> CameraEntry:
    """Return the entry of a camera as it stands when nothing is drawn."""
    if view == WRIST:
        at, target, up = WRIST_AT_METRES, (0.0, 0.0, scene.body.effector.tip_metres), WRIST_UP
        fovy = WRIST_FOVY_DEGREES
    else:
        camera = FIXED_CAMERAS[view]
        at, up, fovy = camera.at_metres, camera.up, camera.fovy_degrees
        target = fixed_camera_target(view, scene.camera_target_metres)
    return {
        "at_metres": list(at),
        "target_metres": list(target),
        "up": list(up),
        "fovy_degrees": fovy,
        "waves": [],
    }


def shifted_camera(
    entry: CameraEntry,
    at_metres: np.ndarray,
    target_metres: np.ndarray,
    up: np.ndarray,
    widening: float,
) -> CameraEntry:
    """Return the entry of a camera that stands and looks a little differently.

    Args:
        entry: What it is compared to.
        at_metres: (3,) added to where it stands.
        target_metres: (3,) added to where it looks.
        up: (3,) added to the direction that is up in its pictures: it is tilted.
        widening: Factor on the field of view.
    """
    return {
        **entry,
        "at_metres": (np.array(entry["at_metres"]) + at_metres).tolist(),
        "target_metres": (np.array(entry["target_metres"]) + target_metres).tolist(),
        "up": (np.array(entry["up"]) + up).tolist(),
        "fovy_degrees": float(entry["fovy_degrees"] * widening),
    }


def is_moving(entry: CameraEntry) -> bool:
    """Whether a camera drifts."""
    return bool(entry["waves"])


def camera_pose(entry: CameraEntry, time_seconds: float) -> tuple[np.ndarray, np.ndarray]:
    """Return position (3,) and rotation (3, 3) of a camera at a time of the simulation's clock."""
    at = np.array(entry["at_metres"], dtype=np.float64)
    target = np.array(entry["target_metres"], dtype=np.float64)
    for wave in entry["waves"]:
        sine = np.sin(2 * np.pi * wave["hz"] * time_seconds + wave["radians"])
        at += sine * np.array(wave["at_metres"])
        target += sine * np.array(wave["target_metres"])
    x, y, z = entry["up"]
    return at, look_at(at, target, (x, y, z))
