"""PyBullet: the same scene and meaning as in MuJoCo, exact states, nothing left behind."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

import tcn_robot.envs as envs
from tcn_robot.envs.bodies import make_body
from tcn_robot.envs.bullet.client import missing_bullet
from tcn_robot.envs.stored_model import open_stored_model
from tcn_robot.envs.things import Shape, Slide, Thing, cup_shapes
from tcn_robot.envs.world import Scene
from tcn_robot.errors import UserError
from tcn_robot.recordings import episode_seeds
from tests.envs.support import BODIES, NEEDS_BULLET, rollout

pytestmark = NEEDS_BULLET

BLOCK = Thing(
    "block",
    (Shape("box", (0.04, 0.04, 0.02), (0.9, 0.1, 0.1, 1.0), mass_kg=0.2, friction=0.5),),
    (0.55, 0.1, 0.02),
    motion="free",
)


def make_world(*things: Thing, simulator: str = "bullet", tool: str = "down", body: str = "hand"):
    """Return a world with these things on the table, its body out of the way."""
    from tcn_robot.envs.bullet.world import BulletWorld
    from tcn_robot.envs.mujoco.world import MujocoWorld

    scene = Scene(things, make_body(body, tool), tool, (0.56, 0.0, 0.05), 10.0)
    world = (BulletWorld if simulator == "bullet" else MujocoWorld)(scene)
    world.clear()
    carrier = scene.body.carrier
    world.stand(carrier.solve(carrier.home(tool), np.array([0.4, -0.25, 0.2]), 0.0, tool, 60), 1.0)
    return world


def pass_time(world, steps: int) -> None:
    for _ in range(steps):
        world.command(world.joint_targets, world.opening_target)


@pytest.mark.parametrize("tool", ["down", "forward"])
@pytest.mark.parametrize("body", [*BODIES, "kuka"])
def test_joints_mean_the_same_in_numpy_mujoco_and_bullet(body, tool):
    worlds = [make_world(body=body, tool=tool, simulator=name) for name in ("bullet", "mujoco")]
    carrier = worlds[0].scene.body.carrier
    generator = np.random.default_rng(0)
    for _ in range(10):
        joints = generator.uniform(carrier.low, carrier.high)
        tip, roll = carrier.tip(joints, tool)
        for world in worlds:
            world.stand(joints, 0.3)
            np.testing.assert_allclose(world.joints, joints, atol=1e-9)
            np.testing.assert_allclose(world.tip_metres, tip, atol=1e-6)
            turned = np.angle(np.exp(1j * (world.roll_radians - roll)))
            assert abs(turned) < 1e-6
            assert world.opening == pytest.approx(0.3)


@pytest.mark.parametrize("task", ["BulletPush-v0", "BulletPickPlace-v0"])
def test_a_state_has_one_future_to_the_last_bit(task):
    """In the middle of a grasp too: no step depends on what earlier contacts left behind."""
    env = envs.make_task(task, embodiment="hand").unwrapped
    env.reset(seed=1)
    states, actions = [env.get_state()], []
    for action in envs.scripted_policy(f"tcn_robot/{task}", "expert")(
        env, np.random.default_rng(1)
    ):
        env.step(action)
        actions.append(action)
        states.append(env.get_state())
    for start in range(0, len(actions), 5):
        env.set_state(states[start])
        np.testing.assert_array_equal(env.get_state(), states[start])
        for action, after in zip(actions[start:], states[start + 1 : start + 4], strict=False):
            env.step(action)
            np.testing.assert_array_equal(env.get_state(), after)
    env.close()


def test_an_episode_does_not_depend_on_those_before():
    """With ends of iterations left to the solver, this one did."""
    task, expert = (
        "BulletDishRack-v0",
        envs.scripted_policy("tcn_robot/BulletDishRack-v0", "expert"),
    )

    def last_state(env, episode_id: int) -> np.ndarray:
        seed, generator = episode_seeds(0, "train", episode_id)
        env.reset(seed=seed)
        for action in expert(env, generator):
            if env.step(action)[3]:
                break
        return env.get_state()

    env, fresh = (envs.make_task(task).unwrapped for _ in range(2))
    last_state(env, 0)
    np.testing.assert_array_equal(last_state(env, 1), last_state(fresh, 1))
    env.close()
    fresh.close()


def test_pictures_do_not_depend_on_those_before():
    """TinyRenderer changes normals in place: see bullet_meshes."""
    first = envs.make_task("BulletPickPlace-v0").unwrapped
    rollout(first, 0, 5)
    state = first.get_state()
    pictures = [first.world.render(("left",), (240, 320))["left"] for _ in range(4)]
    other = envs.make_task("BulletPickPlace-v0").unwrapped
    other.world.render(("top",), (84, 84))
    other.set_state(state)
    pictures.append(other.world.render(("left",), (240, 320))["left"])
    for picture in pictures[1:]:
        np.testing.assert_array_equal(picture, pictures[0])


@pytest.mark.parametrize("task", ["Push", "PickPlace", "Reach"])
def test_both_simulators_show_the_same_scene(task):
    views = ("front", "left", "right", "top", "corner", "wrist")
    shown = {}
    for simulator in ("Mujoco", "Bullet"):
        env = envs.make_task(f"{simulator}{task}-v0", embodiment="hand").unwrapped
        env.reset(seed=2)
        shown[simulator] = env.render_views(views, (84, 84))
        for view in views:
            shown[simulator, view] = env.camera_parameters(view, (84, 84))
        env.close()
    for view in views:
        first, second = (shown[name][view].astype(float) for name in ("Mujoco", "Bullet"))
        assert np.abs(first - second).mean() < 4.0, view
        for name in ("intrinsics", "extrinsics"):
            expected, found = (shown[name_, view][name] for name_ in ("Mujoco", "Bullet"))
            np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("simulator", ["bullet", "mujoco"])
def test_a_block_slides_as_far_as_its_friction_lets_it(simulator):
    world = make_world(BLOCK, simulator=simulator)
    pass_time(world, 2)
    start = world.position("block")
    state = world.get_state()
    speed = 0.6
    (place,) = np.flatnonzero(np.isclose(state, start[0], atol=1e-12))
    # Velocities follow the base's pose in one vector, all positions in the other.
    if simulator == "bullet":
        state[place + 7] = speed
        world.set_state(state)
    else:
        world.data.joint("block").qvel[0] = speed
    pass_time(world, 8)
    way = world.position("block")[0] - start[0]
    assert way == pytest.approx(speed**2 / (2 * 0.5 * 9.81), rel=0.25)
    assert np.abs(world.velocity("block")).max() < 1e-3


def test_what_is_placed_is_at_rest_and_counts_as_a_change():
    world = make_world(BLOCK)
    world.place("block", [0.5, 0.0, 0.3])
    pass_time(world, 1)
    assert world.velocity("block")[2] < -0.5
    version = world.version
    world.place("block", [0.6, 0.1, 0.02], [0.0, 0.0, 0.0, 1.0])
    assert world.version > version
    np.testing.assert_allclose(world.position("block"), [0.6, 0.1, 0.02], atol=1e-12)
    np.testing.assert_allclose(np.abs(world.quaternion("block")), [0, 0, 0, 1], atol=1e-12)
    np.testing.assert_array_equal(world.velocity("block"), np.zeros(3))
    world.place("block", [0.6, 0.0, 0.02])
    np.testing.assert_allclose(np.abs(world.quaternion("block")), [0, 0, 0, 1], atol=1e-12)


def test_a_lopsided_thing_stands_where_it_was_put():
    """PyBullet's poses are of centres of mass, ours of frames."""
    shapes = (
        Shape("box", (0.05, 0.02, 0.02), (1, 0, 0, 1), (0.05, 0.0, 0.02), mass_kg=0.3),
        Shape("sphere", (0.01,), (1, 1, 0, 1), (0.0, 0.0, 0.05), mass_kg=0.01),
    )
    thing = Thing("thing", shapes, (0.5, 0.1, 0.0), (0.9238795, 0.0, 0.0, 0.3826834), "free")
    world = make_world(thing)
    np.testing.assert_allclose(world.position("thing"), [0.5, 0.1, 0.0], atol=1e-7)
    np.testing.assert_allclose(world.quaternion("thing"), thing.quaternion, atol=1e-6)
    pass_time(world, 5)
    np.testing.assert_allclose(world.position("thing"), [0.5, 0.1, 0.0], atol=2e-3)


@pytest.mark.parametrize("simulator", ["bullet", "mujoco"])
def test_a_sliding_thing_has_spring_and_friction(simulator):
    shapes = (Shape("box", (0.02, 0.02, 0.02), (1, 0, 0, 1), (0, 0, 0.2), mass_kg=0.1),)
    sprung = Slide((1.0, 0.0, 0.0), -0.1, 0.1, stiffness=200.0, damping=4.0)
    rough = Slide((0.0, 0.0, 1.0), 0.0, 0.1, friction_newton=3.0)
    things = (
        Thing("sprung", shapes, (0.5, 0.1, 0.0), motion="slide", slide=sprung),
        Thing("rough", shapes, (0.6, 0.2, 0.0), motion="slide", slide=rough),
    )
    world = make_world(*things, simulator=simulator)
    world.place("sprung", [0.5, 0.15, 0.0])
    world.set_slide("sprung", 0.05)
    world.set_slide("rough", 0.06)
    np.testing.assert_allclose(world.position("sprung"), [0.55, 0.15, 0.0], atol=1e-6)
    pass_time(world, 8)
    assert abs(world.slide("sprung")) < 2e-3
    assert world.slide("rough") == pytest.approx(0.06, abs=0.01)  # 1 N pulls, 3 N hold
    np.testing.assert_allclose(world.velocity("rough"), np.zeros(3), atol=0.02)


def test_small_balls_stay_in_a_cup_and_come_to_rest():
    beads = [
        Thing(
            f"bead{index}",
            (Shape("sphere", (0.008,), (1, 0.5, 0, 1), mass_kg=0.003, friction=0.3),),
            (0.542 + 0.016 * (index % 2), 0.092 + 0.016 * (index // 2 % 2), 0.03 + 0.02 * index),
            motion="free",
        )
        for index in range(12)
    ]
    cup = Thing(
        "cup", cup_shapes(0.032, 0.09, 0.003, (1, 1, 1, 1), 0.12), (0.55, 0.1, 0), motion="free"
    )
    world = make_world(cup, *beads)
    pass_time(world, 15)
    places = np.array([world.position(bead.name) for bead in beads])
    from_middle = np.linalg.norm(places[:, :2] - world.position("cup")[:2], axis=1)
    assert (from_middle < 0.032).all()
    assert (places[:, 2] > 0.008).all()
    assert (places[:, 2] < 0.08).all()
    assert max(np.linalg.norm(world.velocity(bead.name)) for bead in beads) < 0.02


def test_the_text_alone_shows_a_state_again():
    env = envs.make_task("BulletPickPlace-v0").unwrapped
    rollout(env, 3, 4)
    text, state = env.model_xml, env.get_state()
    description = json.loads(text)
    assert description["simulator"] == "pybullet"
    assert 'filename="kuka_iiwa/meshes/link_0.obj"' in text.replace('\\"', '"')
    stored = open_stored_model(text)
    assert stored.view_names == env.view_names
    stored.set_state(state)
    for view, picture in env.render_views(("front", "wrist"), (64, 64)).items():
        np.testing.assert_array_equal(stored.render_views((view,), (64, 64))[view], picture)
        assert stored.camera_parameters(view, (64, 64)) == env.camera_parameters(view, (64, 64))
    with pytest.raises(UserError, match="do not belong together"):
        stored.set_state(state[:-1])
    stored.close()
    with pytest.raises(UserError, match="another version of tcn_robot"):
        open_stored_model(json.dumps({**description, "format": 99}))


CARELESS = """
import sys
import tcn_robot.envs as envs
env = envs.make_task("BulletReach-v0").unwrapped
other = envs.make_task("BulletPush-v0", embodiment="tongs").unwrapped
env.reset(seed=0)
env.render_views(("front",), (32, 32))
other.reset(seed=0)
del other
env.close()
env.close()
left = envs.make_task("BulletReach-v0").unwrapped
"""


def test_nothing_is_printed_whoever_closes():
    done = subprocess.run([sys.executable, "-c", CARELESS], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_closed_environment_says_so():
    """PyBullet would use its number for the next one."""
    env, other = (envs.make_task("BulletReach-v0").unwrapped for _ in range(2))
    env.reset(seed=0)
    env.close()
    other.reset(seed=0)
    with pytest.raises(UserError, match="has been closed"):
        env.step(np.zeros(3))
    other.close()


WITHOUT = """
import sys
sys.modules["pybullet"] = sys.modules["pybullet_data"] = None
from tcn_robot.cli import main
code = main(["record", "BulletReach-v0", "--out", sys.argv[1], "--episodes", "1"])
sys.exit(code)
"""


def test_without_pybullet_one_line_says_what_to_do(tmp_path, monkeypatch):
    command = [sys.executable, "-c", WITHOUT, str(tmp_path / "data")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "Bullet tasks need PyBullet" in done.stderr
    monkeypatch.setattr(sys, "version_info", (3, 12, 1))
    told = str(missing_bullet("Bullet tasks need PyBullet", "the same task in MuJoCo"))
    assert "up to Python 3.11 only, and this is Python 3.12; use Python 3.11, or the same" in told


@pytest.mark.slow
@pytest.mark.parametrize(("task", "thing"), [("Push", "block"), ("PickPlace", "cube")])
@pytest.mark.parametrize(("embodiment", "share"), [("robot", 0.9), ("hand", 0.7)])
def test_a_demonstration_in_mujoco_does_the_task_in_bullet_too(task, thing, embodiment, share):
    """Open loop: nothing corrects what contacts do differently."""
    near = 0
    for seed in range(20):
        mujoco, bullet = (
            envs.make_task(f"{simulator}{task}-v0", embodiment=embodiment).unwrapped
            for simulator in ("Mujoco", "Bullet")
        )
        starts = [env.reset(seed=seed)[0] for env in (mujoco, bullet)]
        np.testing.assert_allclose(starts[0], starts[1], atol=1e-4)
        expert = envs.scripted_policy(f"tcn_robot/Mujoco{task}-v0", "expert")
        for action in expert(mujoco, np.random.default_rng(seed)):
            bullet.step(action)
            if mujoco.step(action)[3]:
                break
            assert np.linalg.norm(mujoco.world.tip_metres - bullet.world.tip_metres) < 0.03
        apart = np.linalg.norm(mujoco.world.position(thing) - bullet.world.position(thing))
        near += bool(apart < 0.03)
        mujoco.close()
        bullet.close()
    assert near >= share * 20
