"""The meshes of KUKA's arm in MuJoCo: they show and change nothing else."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import tcn_robot.envs as envs
from tcn_robot.envs.stored_model import open_stored_model
from tests.envs.support import NEEDS_BULLET, rollout

TASK = "MujocoPickPlace-v0"

WITHOUT = """
import sys
sys.modules["pybullet_data"] = None
from tcn_robot.cli import main
arguments = ["--out", sys.argv[1], "--episodes", "1", "--embodiment", "kuka"]
code = main(["record", "MujocoReach-v0", *arguments])
sys.exit(code)
"""


@NEEDS_BULLET
def test_it_moves_as_the_robot_does_to_the_last_bit():
    robot, kuka = (envs.make_task(TASK, embodiment=body).unwrapped for body in ("robot", "kuka"))
    np.testing.assert_array_equal(
        robot.world.model.body_mass, kuka.world.model.body_mass, strict=True
    )
    for first, second in zip(rollout(robot, 0, 15), rollout(kuka, 0, 15), strict=True):
        np.testing.assert_array_equal(first, second)


@NEEDS_BULLET
def test_it_looks_like_bullets_arm():
    pictures = {}
    for name, body in ((TASK, "kuka"), (TASK, "robot"), ("BulletPickPlace-v0", "robot")):
        env = envs.make_task(name, embodiment=body).unwrapped
        env.reset(seed=0)
        pictures[name, body] = env.render_views(("corner",), (120, 120))["corner"].astype(float)
        env.close()
    bullet = pictures["BulletPickPlace-v0", "robot"]
    kuka, robot = (np.abs(pictures[TASK, body] - bullet).mean() for body in ("kuka", "robot"))
    assert kuka < 0.6 * robot


@NEEDS_BULLET
def test_its_text_is_complete_in_itself():
    env = envs.make_task(TASK, embodiment="kuka").unwrapped
    rollout(env, 1, 3)
    assert "file=" not in env.model_xml
    stored = open_stored_model(env.model_xml)
    stored.set_state(env.get_state())
    np.testing.assert_array_equal(
        stored.render_views(("left",), (48, 48))["left"],
        env.render_views(("left",), (48, 48))["left"],
    )
    stored.close()
    env.close()


@NEEDS_BULLET
@pytest.mark.parametrize("index", range(8))
def test_every_link_has_its_mesh_inside_its_bounds(index):
    from tcn_robot.envs.bodies.kuka_meshes import FOLDER, read_mesh
    from tcn_robot.envs.bullet.client import bullet_data_folder

    vertices, faces = read_mesh(bullet_data_folder() / FOLDER / "meshes" / f"link_{index}.stl")
    assert len(np.unique(vertices, axis=0)) == len(vertices)
    assert faces.min() == 0
    assert faces.max() == len(vertices) - 1
    assert np.abs(vertices).max() < 0.4


def test_without_pybullet_one_line_says_how_to_get_it(tmp_path):
    command = [sys.executable, "-c", WITHOUT, str(tmp_path / "data")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "the meshes of KUKA's arm come with PyBullet" in done.stderr
