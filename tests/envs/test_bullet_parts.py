"""The writers of URDF and meshes, against slow or independent ways of saying the same."""

from __future__ import annotations

import numpy as np
import pytest

from tcn_robot.envs.bullet.meshes import ball, disc, steady_normals, tube, with_steady_normals
from tcn_robot.envs.bullet.urdf import angles_of, inertia_of, mass_properties
from tcn_robot.envs.things import Shape, quaternion_of, rotation_matrix, turn_about

GREY = (0.5, 0.5, 0.5, 1.0)


def inside(shape: Shape, points: np.ndarray) -> np.ndarray:
    """Return which points (N, 3) lie in a shape at the origin."""
    size = shape.size_metres
    if shape.kind == "box":
        return (np.abs(points) < size).all(axis=1)
    if shape.kind == "sphere":
        return np.linalg.norm(points, axis=1) < size[0]
    z = points[:, 2]
    beyond = np.zeros_like(z) if shape.kind == "cylinder" else np.clip(np.abs(z) - size[1], 0, None)
    within = np.abs(z) < size[1] + (size[0] if shape.kind == "capsule" else 0.0)
    return within & (points[:, 0] ** 2 + points[:, 1] ** 2 + beyond**2 < size[0] ** 2)


@pytest.mark.parametrize(
    ("kind", "size"),
    [
        ("box", (0.1, 0.2, 0.3)),
        ("sphere", (0.2,)),
        ("cylinder", (0.1, 0.3)),
        ("capsule", (0.1, 0.2)),
    ],
)
def test_inertia_is_that_of_many_small_grains(kind, size):
    shape = Shape(kind, size, GREY, mass_kg=2.0)
    points = np.random.default_rng(0).uniform(-0.31, 0.31, (400_000, 3))
    grains = points[inside(shape, points)]
    squares = np.square(grains)
    expected = 2.0 * (squares.sum(axis=1, keepdims=True) - squares).mean(axis=0)
    np.testing.assert_allclose(inertia_of(shape), expected, rtol=0.02)


def test_masses_of_several_shapes_add_up():
    """Cutting a box in two and turning the whole changes nothing but the axes."""
    turn = turn_about((0.0, 0.0, 1.0), 0.4)
    rotation = rotation_matrix(turn)
    halves = [
        Shape("box", (0.1, 0.1, 0.2), GREY, tuple(rotation @ [x, 0.0, 0.5]), turn, mass_kg=1.0)
        for x in (-0.1, 0.1)
    ]
    mass, centre, axes, moments = mass_properties(halves)
    whole = inertia_of(Shape("box", (0.2, 0.1, 0.2), GREY, mass_kg=2.0))
    assert mass == 2.0
    np.testing.assert_allclose(centre, [0.0, 0.0, 0.5], atol=1e-12)
    np.testing.assert_allclose(
        axes @ np.diag(moments) @ axes.T, rotation @ np.diag(whole) @ rotation.T, atol=1e-12
    )
    assert np.linalg.det(axes) == pytest.approx(1.0)


def test_angles_make_the_same_turn_straight_up_too():
    generator = np.random.default_rng(1)
    quaternions = generator.normal(size=(50, 4))
    turns = [rotation_matrix(q / np.linalg.norm(q)) for q in quaternions]
    turns += [rotation_matrix(turn_about((0.0, 1.0, 0.0), sign * np.pi / 2)) for sign in (1, -1)]
    for turn in turns:
        roll, pitch, yaw = angles_of(turn)
        again = np.eye(3)
        for axis, angle in (((0, 0, 1), yaw), ((0, 1, 0), pitch), ((1, 0, 0), roll)):
            again = again @ rotation_matrix(turn_about(axis, angle))
        np.testing.assert_allclose(again, turn, atol=1e-9)
        assert np.dot(quaternion_of(again), quaternion_of(turn)) == pytest.approx(1.0)


def read(wavefront: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return points (V, 3), normals (V, 3) and triangles (F, 3) of a mesh."""
    rows = [line.split() for line in wavefront.splitlines()]
    points, normals = (
        np.array([[float(part) for part in row[1:]] for row in rows if row[0] == kind])
        for kind in ("v", "vn")
    )
    faces = [[int(part.split("//")[0]) - 1 for part in row[1:]] for row in rows if row[0] == "f"]
    return points, normals, np.array(faces)


@pytest.mark.parametrize("mesh", [ball, disc, tube])
def test_meshes_face_outwards(mesh):
    points, normals, faces = read(mesh())
    corners = points[faces]  # (F, 3, 3)
    facing = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(facing, axis=1)
    facing, faces = facing[area > 1e-9], faces[area > 1e-9]  # the ball's poles
    assert (np.einsum("fi,fki->fk", facing, normals[faces]) > 0).all()
    assert np.linalg.norm(points, axis=1).max() <= np.sqrt(2) + 1e-6


def test_steady_normals_stay_when_their_length_is_made_one_again():
    wanted = np.random.default_rng(0).normal(size=(5000, 3))
    normals = steady_normals(wanted)
    assert normals.dtype == np.float32
    directions = wanted / np.linalg.norm(wanted, axis=1, keepdims=True)
    np.testing.assert_allclose(normals, directions, atol=5e-7)
    x, y, z = np.square(normals).T
    length = np.sqrt(x + y + z)
    assert length.dtype == np.float32
    np.testing.assert_array_equal(normals * (np.float32(1) / length)[:, None], normals)


def test_a_mesh_keeps_all_but_normals_and_materials():
    text = "mtllib a.mtl\nv 0 0 1\nvn 0.6 0.7 0.3\nusemtl None\nf 1//1 1//1 1//1\n"
    lines = with_steady_normals(text).splitlines()
    assert lines[0] == "v 0 0 1"
    assert lines[2] == "f 1//1 1//1 1//1"
    normal = np.array([float(part) for part in lines[1].split()[1:]])
    np.testing.assert_allclose(normal, np.array([0.6, 0.7, 0.3]) / np.sqrt(0.94), atol=1e-6)
