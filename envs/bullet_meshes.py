"""Round primitives as meshes: TinyRenderer's own smooth the edges of cylinders and capsules away.

As finely cut as MuJoCo's (assets/scene.xml), so that pictures are alike and quick.
"""

from __future__ import annotations

import numpy as np

SLICES, STACKS = 12, 8


def primitive_meshes() -> dict[str, str]:
    """Return Wavefront texts by file name, each of radius 1 and, along z, half length 1."""
    return {"ball.obj": ball(), "disc.obj": disc(), "tube.obj": tube()}


def ball() -> str:
    """Return a sphere."""
    polar = np.linspace(0.0, np.pi, STACKS + 1)
    rings = [_ring(float(np.sin(angle)), float(np.cos(angle))) for angle in polar]
    points = np.concatenate(rings)
    faces = [face for stack in range(STACKS) for face in _band(stack * SLICES, SLICES)]
    return _wavefront(points, points, faces)


def tube() -> str:
    """Return the round side of a cylinder."""
    points = np.concatenate([_ring(1.0, 1.0), _ring(1.0, -1.0)])
    return _wavefront(points, points * [1.0, 1.0, 0.0], _band(0, SLICES))


def disc() -> str:
    """Return the two ends of a cylinder."""
    ends: list[np.ndarray] = []
    normals: list[np.ndarray] = []
    faces: list[tuple[int, int, int]] = []
    for end in (1.0, -1.0):
        first = len(ends) * SLICES
        ends.append(_ring(1.0, end))
        normals.append(np.tile([0.0, 0.0, end], (SLICES, 1)))
        for index in range(1, SLICES - 1):
            pair = (index, index + 1) if end > 0 else (index + 1, index)
            faces.append((first, first + pair[0], first + pair[1]))
    return _wavefront(np.concatenate(ends), np.concatenate(normals), faces)


def _ring(radius: float, height: float) -> np.ndarray:
    """Return points (SLICES, 3) on a circle about z."""
    angles = 2 * np.pi * np.arange(SLICES) / SLICES
    return np.stack(
        [radius * np.cos(angles), radius * np.sin(angles), np.full(SLICES, height)], axis=1
    )


def _band(first: int, count: int) -> list[tuple[int, int, int]]:
    """Return the triangles between a ring of points and the lower one that follows it."""
    faces = []
    for index in range(count):
        left, right = first + index, first + (index + 1) % count
        faces += [(left, left + count, right), (right, left + count, right + count)]
    return faces


def _wavefront(points: np.ndarray, normals: np.ndarray, faces: list[tuple[int, int, int]]) -> str:
    lines = [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in points]
    lines += [f"vn {x:.6f} {y:.6f} {z:.6f}" for x, y, z in normals]
    lines += ["f " + " ".join(f"{corner + 1}//{corner + 1}" for corner in face) for face in faces]
    return "\n".join(lines) + "\n"
