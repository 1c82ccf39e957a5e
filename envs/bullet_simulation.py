"""A described scene in PyBullet: its bodies, its state as one vector, its pictures."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tcn_robot.envs.bullet_client import Connection, bullet_data_folder
from tcn_robot.envs.bullet_model import BODY, KUKA_FOLDER
from tcn_robot.envs.bullet_rendering import BulletRenderer
from tcn_robot.errors import UserError

GRAVITY = 9.81
SOLVER_ITERATIONS = 80
EVERYTHING = 1  # the one collision group; see forget_contacts


@dataclass(frozen=True)
class LoadedBody:
    """A body in the simulation.

    Attributes:
        name: As the description has it.
        id: PyBullet's.
        fixed: Whether its base stands where it was put.
        joints: Indices of the joints that move.
        links: Indices of its links by name; the base is -1.
        colliders: Links that can touch something.
        centre_metres: (3,) centre of mass of the base in its frame; PyBullet's poses are of it.
        centre_quaternion: (x, y, z, w) of the principal axes there.
    """

    name: str
    id: int
    fixed: bool
    joints: tuple[int, ...]
    links: dict[str, int]
    colliders: tuple[int, ...]
    centre_metres: tuple[float, ...]
    centre_quaternion: tuple[float, ...]


class BulletSimulation:
    """Bodies of a description in one PyBullet simulation of their own."""

    def __init__(self, description: dict[str, Any], timestep_seconds: float) -> None:
        """Load the bodies.

        Raises:
            UserError: When PyBullet is not installed.
        """
        self.bullet = bullet = Connection()
        bullet.setGravity(0, 0, -GRAVITY)
        bullet.setPhysicsEngineParameter(
            fixedTimeStep=timestep_seconds,
            numSolverIterations=SOLVER_ITERATIONS,
            deterministicOverlappingPairs=1,
        )
        with tempfile.TemporaryDirectory(prefix="tcn_robot-") as folder:
            for name, text in description["meshes"].items():
                (Path(folder) / name).write_text(text, encoding="utf-8")
            self.bodies = {
                entry["name"]: _load(bullet, entry, Path(folder)) for entry in description["bodies"]
            }
        self.body = self.bodies[BODY]
        links = {name: (self.body.id, link) for name, link in self.body.links.items()}
        self.renderer = BulletRenderer(bullet, description, links)
        self.view_names = tuple(description["cameras"])
        self.extra = np.zeros(0)
        """What a state holds besides the bodies; its size is fixed once."""
        self._moving = [body for body in self.bodies.values() if body.joints or _can_move(body)]

    # Poses --------------------------------------------------------------------------------------

    def pose(self, body: LoadedBody) -> tuple[np.ndarray, np.ndarray]:
        """Return position (3,) and quaternion (w, x, y, z) of the frame of a body's base."""
        at, turn = self.bullet.getBasePositionAndOrientation(body.id)
        inverse = self.bullet.invertTransform(body.centre_metres, body.centre_quaternion)
        at, (x, y, z, w) = self.bullet.multiplyTransforms(at, turn, *inverse)
        return np.array(at), np.array([w, x, y, z])

    def place(
        self,
        body: LoadedBody,
        position: Sequence[float] | np.ndarray,
        quaternion: Sequence[float] | np.ndarray,
    ) -> None:
        """Put a body's base somewhere at rest."""
        w, x, y, z = (float(part) for part in quaternion)
        at, turn = self.bullet.multiplyTransforms(
            [float(part) for part in position],
            (x, y, z, w),
            body.centre_metres,
            body.centre_quaternion,
        )
        self.bullet.resetBasePositionAndOrientation(body.id, at, turn)
        if not body.fixed:
            self.bullet.resetBaseVelocity(body.id, (0, 0, 0), (0, 0, 0))

    def joint_positions(self, body: LoadedBody) -> np.ndarray:
        """Return positions (J,) of a body's joints."""
        states = self.bullet.getJointStates(body.id, body.joints)
        return np.array([state[0] for state in states])

    def set_joints(
        self, body: LoadedBody, positions: np.ndarray, velocities: np.ndarray | None = None
    ) -> None:
        """Put a body's joints somewhere, at rest unless velocities (J,) are given."""
        if velocities is None:
            velocities = np.zeros(len(positions))
        self.bullet.resetJointStatesMultiDof(
            body.id,
            body.joints,
            targetValues=[[float(value)] for value in positions],
            targetVelocities=[[float(value)] for value in velocities],
        )

    def forget_contacts(self) -> None:
        """Let go of every contact that earlier steps found.

        Bullet keeps contacts and their forces from step to step; without them a control step
        depends on the state alone, and the same state has the same future to the last bit.
        """
        for body in self.bodies.values():
            for link in body.colliders:
                # Setting the group, even to what it was, makes the collider anew.
                self.bullet.setCollisionFilterGroupMask(body.id, link, EVERYTHING, EVERYTHING)

    # States -------------------------------------------------------------------------------------

    def get_state(self) -> np.ndarray:
        """Return `extra`, then poses and velocities of bases and joints, float64 (S,)."""
        parts: list[Any] = [self.extra]
        for body in self._moving:
            at, turn = self.bullet.getBasePositionAndOrientation(body.id)
            parts += [at, turn]
            if not body.fixed:
                parts += self.bullet.getBaseVelocity(body.id)
            if body.joints:
                states = self.bullet.getJointStates(body.id, body.joints)
                parts += [[state[0] for state in states], [state[1] for state in states]]
        return np.concatenate(parts).astype(np.float64)

    def set_state(self, state: np.ndarray) -> None:
        """Go to a state that `get_state` returned.

        Raises:
            UserError: When it belongs to another model.
        """
        state = np.array(state, dtype=np.float64)
        expected = len(self.get_state())
        if state.shape != (expected,) or not np.isfinite(state).all():
            raise UserError(
                f"expected a state of {expected} finite numbers, found shape {state.shape}: "
                "it belongs to another model"
            )
        self.extra, rest = state[: len(self.extra)], state[len(self.extra) :].tolist()
        for body in self._moving:
            self.bullet.resetBasePositionAndOrientation(body.id, rest[:3], rest[3:7])
            rest = rest[7:]
            if not body.fixed:
                self.bullet.resetBaseVelocity(body.id, rest[:3], rest[3:6])
                rest = rest[6:]
            if body.joints:
                count = len(body.joints)
                self.set_joints(body, rest[:count], rest[count : 2 * count])
                rest = rest[2 * count :]

    def close(self) -> None:
        """Free the simulation."""
        self.bullet.close()


def _can_move(body: LoadedBody) -> bool:
    """Whether a body's base can: physics moves what is not fixed, tasks what they call a thing."""
    return body.name not in ("table", "floor")


def _load(bullet: Connection, entry: dict[str, Any], folder: Path) -> LoadedBody:
    """Load one body of a description; `folder` holds its text while PyBullet reads it."""
    text = entry["urdf"]
    if f'filename="{KUKA_FOLDER}/' in text:
        meshes = f"{bullet_data_folder()}/{KUKA_FOLDER}/"
        text = text.replace(f'filename="{KUKA_FOLDER}/', f'filename="{meshes}')
    path = folder / f"{entry['name']}.urdf"
    path.write_text(text, encoding="utf-8")
    w, x, y, z = entry["quaternion"]
    flags = bullet.URDF_USE_INERTIA_FROM_FILE | bullet.URDF_ENABLE_CACHED_GRAPHICS_SHAPES
    body = bullet.loadURDF(
        str(path), entry["at_metres"], (x, y, z, w), useFixedBase=entry["fixed"], flags=flags
    )
    joints, links = [], {bullet.getBodyInfo(body)[0].decode(): -1}
    for index in range(bullet.getNumJoints(body)):
        info = bullet.getJointInfo(body, index)
        links[info[12].decode()] = index
        if info[2] != bullet.JOINT_FIXED:
            joints.append(index)
            # Loading leaves a motor that brakes.
            bullet.setJointMotorControl2(body, index, bullet.VELOCITY_CONTROL, force=0)
    colliders = tuple(
        link for link in links.values() if len(bullet.getCollisionShapeData(body, link))
    )
    dynamics = bullet.getDynamicsInfo(body, -1)
    return LoadedBody(
        entry["name"],
        body,
        bool(entry["fixed"]),
        tuple(joints),
        links,
        colliders,
        tuple(dynamics[3]),
        tuple(dynamics[4]),
    )
