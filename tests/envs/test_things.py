"""Descriptions of things: turns, vessels."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from tcn_robot.envs.things import (
    cup_shapes,
    quaternion_of,
    quaternion_product,
    rotation_matrix,
    turn_about,
)


def random_quaternions(count: int) -> np.ndarray:
    drawn = np.random.default_rng(0).normal(size=(count, 4))
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def test_rotations_are_those_of_scipy():
    for quaternion in random_quaternions(20):
        expected = Rotation.from_quat(quaternion, scalar_first=True).as_matrix()
        np.testing.assert_allclose(rotation_matrix(quaternion), expected, atol=1e-12)


def test_a_rotation_gives_its_quaternion_back():
    half_turns = [turn_about(axis, np.pi) for axis in ((1, 0, 0), (0, 1, 0), (0, 0, 1))]
    for quaternion in [*random_quaternions(50), *half_turns, (1.0, 0.0, 0.0, 0.0)]:
        back = np.array(quaternion_of(rotation_matrix(quaternion)))
        assert min(np.abs(back - quaternion).max(), np.abs(back + quaternion).max()) < 1e-9


def test_a_product_turns_by_the_second_first():
    first, second = random_quaternions(2)
    product = rotation_matrix(quaternion_product(tuple(first), tuple(second)))
    np.testing.assert_allclose(product, rotation_matrix(first) @ rotation_matrix(second))


@pytest.mark.parametrize("taper", [0.0, 0.4])
def test_a_vessel_stands_on_its_floor_and_is_closed_all_round(taper):
    floor, *walls = cup_shapes(0.03, 0.08, 0.003, (1, 1, 1, 1), mass_kg=0.1, taper=taper)
    assert floor.at_metres[2] - floor.size_metres[1] == pytest.approx(0.0)
    assert sum(shape.mass_kg for shape in (floor, *walls)) == pytest.approx(0.1)
    # A point half way up at any angle lies inside some wall at the walls' own radius.
    centres = np.array([wall.at_metres for wall in walls])
    turns = [rotation_matrix(wall.quaternion) for wall in walls]
    for angle in np.linspace(0, 2 * np.pi, 100):
        ray = np.array([np.cos(angle), np.sin(angle), 0.0])
        hits = []
        for centre, turn, wall in zip(centres, turns, walls, strict=True):
            points = np.linspace(0.02, 0.06, 200)[:, None] * ray + [0, 0, centre[2]]
            inside = np.abs((points - centre) @ turn) <= np.array(wall.size_metres) + 1e-9
            hits.append(inside.all(axis=1).any())
        assert any(hits), angle
