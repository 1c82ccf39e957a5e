"""Meshes for TinyRenderer: round primitives, and normals that it leaves alone.

Its own cylinders and capsules have no edges. These are as finely cut as MuJoCo's
(assets/scene.xml), so that pictures are alike and quick.

TinyRenderer makes the length of a normal 1 each time it draws it, in place and in single precision:
normals of most lengths go back and forth between two values, and once in millions of pixels two
pictures of the same state differ. A normal of which it computes the length 1 stays as it is.
"""

from __future__ import annotations

import itertools

import numpy as np

SLICES, STACKS = 12, 8


def primitive_meshes() -> dict[str, str]:
    """Return Wavefront texts by file name, each of radius 1 and, along z, half length 1."""
    return {"ball.obj": ball(), "disc.obj": disc(), "slab.obj": slab(), "tube.obj": tube()}


def slab() -> str:
    """Return a cube over each side of which a texture lies once; the renderer's own cuts it up."""
    lines = [f"vt {u} {v}" for u, v in ((0, 0), (1, 0), (1, 1), (0, 1))]
    faces = []
    for axis, end in itertools.product(range(3), (1, -1)):
        # Counter-clockwise, seen from outside.
        across = [(-1, -1), (1, -1), (1, 1), (-1, 1)][::end]
        for first, second in across:
            corner = [0, 0, 0]
            corner[axis], corner[(axis + 1) % 3], corner[(axis + 2) % 3] = end, first, second
            lines.append("v {} {} {}".format(*corner))
        normal = [0, 0, 0]
        normal[axis] = end
        lines.append("vn {} {} {}".format(*normal))
        side = 2 * axis + (end < 0)
        for corners in ((0, 1, 2), (0, 2, 3)):
            faces.append("f " + " ".join(f"{4 * side + c + 1}/{c + 1}/{side + 1}" for c in corners))
    return "\n".join([*lines, *faces]) + "\n"


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


def with_steady_normals(wavefront: str) -> str:
    """Return the text of a mesh with such normals, and without the names of its materials."""
    lines = [line for line in wavefront.splitlines() if not line.startswith(("mtllib", "usemtl"))]
    places = [index for index, line in enumerate(lines) if line.startswith("vn ")]
    normals = np.array([[float(part) for part in lines[index].split()[1:4]] for index in places])
    for index, line in zip(places, _normal_lines(normals.reshape(-1, 3)), strict=True):
        lines[index] = line
    return "\n".join(lines) + "\n"


def steady_normals(normals: np.ndarray) -> np.ndarray:
    """Return float32 (N, 3) near the given directions, whose length in single precision is 1."""
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    wanted = (normals / np.maximum(lengths, 1e-12)).astype(np.float32)
    steady = wanted.copy()
    steps = np.spacing(np.abs(wanted))
    for move in sorted(
        itertools.product(range(-3, 4), repeat=3), key=lambda move: np.abs(move).sum()
    ):
        left = ~_has_length_one(steady)
        if not left.any():
            break
        steady[left] = wanted[left] + steps[left] * np.array(move, np.float32)
    return steady


def _has_length_one(normals: np.ndarray) -> np.ndarray:
    """Return which rows (N, 3), float32, have length 1 in whatever order squares are added."""
    x, y, z = np.square(normals).T
    one = np.float32(1.0)
    return (np.sqrt((x + y) + z) == one) & (np.sqrt((z + y) + x) == one)


def _normal_lines(normals: np.ndarray) -> list[str]:
    return [f"vn {x:.9g} {y:.9g} {z:.9g}" for x, y, z in steady_normals(normals)]


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
    lines += _normal_lines(normals)
    lines += ["f " + " ".join(f"{corner + 1}//{corner + 1}" for corner in face) for face in faces]
    return "\n".join(lines) + "\n"
