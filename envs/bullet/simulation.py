"""A described scene in PyBullet: its bodies, its state as one vector, its pictures."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tcn_robot.envs.bullet.client import Connection, bullet_data_folder
from tcn_robot.envs.bullet.meshes import with_steady_normals
from tcn_robot.envs.bullet.model import BODY, KUKA_FOLDER
from tcn_robot.envs.bullet.randomisation import BulletRandomisation
from tcn_robot.envs.bullet.rendering import BulletRenderer
from tcn_robot.errors import UserError

GRAVITY = 9.81
SOLVER_ITERATIONS = 40
ARM_MESHES = f"{KUKA_FOLDER}/meshes"
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
            # Always all iterations: when they end early depends on episodes before.
            solverResidualThreshold=0.0,
        )
        with tempfile.TemporaryDirectory(prefix="tcn_robot-") as folder:
            _write_meshes(Path(folder), description)
            self.bodies = {
                entry["name"]: _load(bullet, entry, Path(folder) / f"{index}.urdf")
                for index, entry in enumerate(description["bodies"])
            }
        self.body = self.bodies[BODY]
        links = {name: (self.body.id, link) for name, link in self.body.links.items()}
        self.renderer = BulletRenderer(bullet, description, links)
        self.view_names = tuple(description["cameras"])
        self.commands = np.zeros(1 + len(self.body.joints))
        """The world's clock in seconds, then the targets of the body's joints: part of a state."""
        self.randomisation = BulletRandomisation(self)
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

    def joint_velocities(self, body: LoadedBody) -> np.ndarray:
        """Return velocities (J,) of a body's joints, in rad/s or m/s."""
        states = self.bullet.getJointStates(body.id, body.joints)
        return np.array([state[1] for state in states])

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
        """Return `commands`, then poses and velocities of bases and joints, float64 (S,)."""
        parts: list[Any] = [self.commands]
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
        self.commands, rest = state[: len(self.commands)], state[len(self.commands) :].tolist()
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


def _write_meshes(folder: Path, description: dict[str, Any]) -> None:
    """Put the meshes where the bodies look for them: the description's own, and the arm's."""
    for name, text in description["meshes"].items():
        # Names come with the dataset: never a way out of the folder.
        (folder / Path(name).name).write_text(text, encoding="utf-8")
    named = "".join(entry["urdf"] for entry in description["bodies"])
    (folder / ARM_MESHES).mkdir(parents=True)
    for name in set(re.findall(rf'filename="{ARM_MESHES}/(\w+\.obj)"', named)):
        (folder / ARM_MESHES / name).write_text(_arm_mesh(name), encoding="utf-8")


@cache
def _arm_mesh(name: str) -> str:
    text = (bullet_data_folder() / ARM_MESHES / name).read_text("utf-8")
    return with_steady_normals(text)


def _load(bullet: Connection, entry: dict[str, Any], path: Path) -> LoadedBody:
    """Load one body of a description by way of a file, which must be new: PyBullet keeps texts."""
    path.write_text(entry["urdf"], encoding="utf-8")
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
