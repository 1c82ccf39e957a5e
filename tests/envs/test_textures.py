"""Patterns of the table that PyBullet is given."""

from __future__ import annotations

import numpy as np
import pytest

import tcn_robot.envs as envs
from tcn_robot.envs.bullet.meshes import slab
from tcn_robot.envs.bullet.textures import CELL_PX, DARK, LIGHT, pattern, texture_picture
from tcn_robot.envs.randomisation.table import TEXTURES


@pytest.mark.parametrize("name", TEXTURES)
def test_every_pattern_has_light_and_dark_and_repeats(name):
    cell = pattern(name)
    assert cell.dtype == np.uint8
    assert cell.max() - cell.min() > 0.8 * (LIGHT - DARK)
    picture = texture_picture(name, 3)
    assert picture.shape == (3 * CELL_PX, 3 * CELL_PX)
    np.testing.assert_array_equal(picture[CELL_PX:, CELL_PX:], picture[:-CELL_PX, :-CELL_PX])


def test_the_slab_is_a_closed_cube_that_looks_outwards():
    lines = slab().splitlines()
    points = np.array([line.split()[1:] for line in lines if line.startswith("v ")], float)
    normals = np.array([line.split()[1:] for line in lines if line.startswith("vn ")], float)
    faces = [line.split()[1:] for line in lines if line.startswith("f ")]
    assert len(faces) == 12
    volume = 0.0
    for face in faces:
        corners = points[[int(part.split("/")[0]) - 1 for part in face]]
        normal = normals[int(face[0].split("/")[2]) - 1]
        across = np.cross(corners[1] - corners[0], corners[2] - corners[0])
        np.testing.assert_allclose(across / np.linalg.norm(across), normal)
        volume += np.linalg.det(corners) / 6
    assert volume == pytest.approx(8.0)


def test_textures_are_laid_and_taken_away_in_pybullet():
    pytest.importorskip("pybullet")
    env = envs.make_task("BulletReach-v0").unwrapped
    env.reset(seed=0)

    def shown(drawn: dict) -> np.ndarray:
        env.reset(seed=0, options={"randomisation": drawn})
        return env.render_views(("top",), (84, 84))["top"].astype(int)

    plain = shown({})
    pictures = [shown({"texture": {"table": name, "repeat": 4.2}}) for name in TEXTURES]
    assert all(np.abs(picture - plain).mean() > 1.0 for picture in pictures)
    assert np.abs(pictures[0] - shown({"texture": {"table": TEXTURES[0], "repeat": 9.0}})).any()
    np.testing.assert_array_equal(shown({}), plain)
    env.close()
