"""What is particular to stacking, the drawer and the button; the sweeps cover the rest."""

from __future__ import annotations

import numpy as np
import pytest

import tcn_robot.envs as envs
from tcn_robot.envs.bodies import make_body
from tcn_robot.envs.scripted import policies_of, recording_horizon
from tcn_robot.envs.tasks.button import PRESSED_SHARE, TRAVEL_METRES
from tcn_robot.envs.tasks.drawer import GAP_METRES, OPEN_METRES
from tcn_robot.envs.tasks.stack import CUBE_HALF_METRES, OFF_METRES

NAMES = ("Stack", "Drawer", "Button")
BODIES = ("robot", "hand", "tongs")
MOVED_THINGS = {"Stack": ("red", "green"), "Drawer": ("drawer",), "Button": ("button",)}


def made(name: str, body: str = "robot", policy: str = "expert"):
    task = envs.task_id(f"Mujoco{name}-v0")
    horizon = recording_horizon(task, policy) or envs.TASKS[task][2]
    return envs.make_task(task, embodiment=body, horizon=horizon).unwrapped


def demonstrate(env, name: str, policy: str, seed: int) -> list[dict]:
    task = envs.task_id(f"Mujoco{name}-v0")
    moments = [env.reset(seed=seed)[1]]
    for action in envs.scripted_policy(task, policy)(env, np.random.default_rng(seed)):
        assert env.action_space.contains(action)
        *_, truncated, info = env.step(action)
        moments.append(info)
        if truncated:
            break
    return moments


def wait(env, steps: int = 3) -> dict:
    for _ in range(steps):
        info = env.step(np.zeros(env.action_space.shape))[-1]
    return info


def project(env, view: str, point_metres: np.ndarray, size_px: int) -> np.ndarray:
    """Return where a point (3,) appears in a square picture, (column, row) in px."""
    parameters = env.camera_parameters(view, (size_px, size_px))
    seen = np.array(parameters["extrinsics"]) @ np.append(point_metres, 1.0)
    pixel = np.array(parameters["intrinsics"]) @ seen[:3]
    return pixel[:2] / pixel[2]


# Every one of the three -------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_every_number_of_the_observation_moves_between_starts(name):
    env = made(name)
    starts = np.array([env.reset(seed=seed)[0] for seed in range(20)])
    assert (starts.std(axis=0) > 0.03).all()
    assert np.abs(starts).max() < 6.0
    env.close()


@pytest.mark.parametrize("name", NAMES)
def test_fixed_cameras_see_what_the_task_is_about(name):
    env = made(name)
    for seed in range(20):
        env.reset(seed=seed)
        for thing in env.task.seen:
            for view in env.fixed_views:
                place = project(env, view, env.world.position(thing), 64)
                assert ((place > 1) & (place < 63)).all(), (thing, view, seed)
    env.close()


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("name", NAMES)
def test_experts_of_every_body_go_forward_to_success(name, body):
    env = made(name, body)
    for seed in range(3):
        moments = demonstrate(env, name, "expert", seed)
        progress = np.array([moment["progress"] for moment in moments])
        assert moments[-1]["success"]
        assert progress[-1] == 1.0
        # A second attempt falls back, but never to the beginning.
        assert (np.maximum.accumulate(progress) - progress).max() < 0.3
        assert (np.diff(progress) > -0.03).mean() > 0.85
    env.close()


@pytest.mark.parametrize("name", NAMES)
def test_success_and_progress_come_back_with_the_state(name):
    env, other = made(name), made(name)
    for body_seed in range(2):
        info = demonstrate(env, name, "expert", body_seed)[-1]
        other.reset(seed=body_seed)  # what an episode draws is not part of the state
        other.set_state(env.get_state())
        labels = other.task.labels()
        assert labels["success"]
        assert labels["progress"] == info["progress"]
        assert labels["contact"] == info["contact"]
        np.testing.assert_array_equal(other.task.observe(), env.task.observe())
    env.close()
    other.close()


@pytest.mark.parametrize("body", ["robot", "hand"])
@pytest.mark.parametrize("name", NAMES)
def test_play_moves_things_and_leaves_the_task_undone(name, body):
    env = made(name, body, "play")
    finals = []
    for seed in range(2):
        moments = demonstrate(env, name, "play", seed)
        assert len(moments) == 241
        assert sum(moment["success"] for moment in moments) == 0
        poses = [f"pose_{thing}" for thing in MOVED_THINGS[name]]
        places = np.array([[moment[pose][:3] for pose in poses] for moment in moments])
        assert np.linalg.norm(np.diff(places, axis=0), axis=2).sum() > 0.3
        finals.append(moments[-1]["progress"])
    assert np.mean(finals) < 0.7
    env.close()


@pytest.mark.parametrize("name", NAMES)
def test_in_play_the_unseen_hand_moves_things_while_the_tool_rests(name):
    env = made(name, "hand", "play")
    by_tool = by_hand = 0
    for seed in range(3):
        tips, places = [], []
        env.reset(seed=seed)
        task = envs.task_id(f"Mujoco{name}-v0")
        for action in envs.scripted_policy(task, "play")(env, np.random.default_rng(seed)):
            truncated = env.step(action)[3]
            tips.append(env.world.tip_metres)
            places.append([env.world.position(thing) for thing in MOVED_THINGS[name]])
            if truncated:
                break
        moved = np.linalg.norm(np.diff(places, axis=0), axis=2).max(axis=1) > 0.003
        resting = np.linalg.norm(np.diff(tips, axis=0), axis=1) < 0.003
        by_tool += int((moved & ~resting).sum())
        by_hand += int((moved & resting).sum())
    assert by_tool > 15
    assert by_hand > 15
    env.close()


@pytest.mark.parametrize("name", NAMES)
def test_failures_are_labelled_and_end_without_success(name):
    kinds = [kind for kind in policies_of(envs.task_id(f"Mujoco{name}-v0")) if "failure-" in kind]
    assert {"failure-miss", "failure-stop", "failure-undo"} <= set(kinds)
    env = made(name, "robot", "failure")
    for kind in kinds:
        for seed in range(2):
            moments = demonstrate(env, name, kind, seed)
            assert env.demonstration["failure"] == kind.removeprefix("failure-")
            assert not moments[-1]["success"], (kind, seed)
            # What is undone was done before; nothing else was.
            assert any(moment["success"] for moment in moments) == (kind == "failure-undo")
    env.close()


@pytest.mark.slow
@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("name", NAMES)
def test_experts_of_every_body_succeed_on_95_of_100_seeds(name, body):
    env = made(name, body)
    successes = [demonstrate(env, name, "expert", seed)[-1]["success"] for seed in range(100)]
    assert sum(successes) >= 95
    env.close()


# Stack ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("off_metres", "stacked"),
    [
        ((0.0, 0.0, 2 * CUBE_HALF_METRES), True),
        ((0.5 * OFF_METRES, -0.5 * OFF_METRES, 2 * CUBE_HALF_METRES), True),
        ((1.5 * OFF_METRES, 0.0, 2 * CUBE_HALF_METRES), False),  # falls off
        ((0.055, 0.0, 0.0), False),  # beside it
        ((0.15, 0.0, 0.0), False),
    ],
)
def test_red_has_to_rest_on_green(off_metres, stacked):
    env = made("Stack")
    env.reset(seed=0)
    # Clear of where the tool stands.
    env.world.place("green", [0.50, 0.15, CUBE_HALF_METRES], (1.0, 0.0, 0.0, 0.0))
    red = np.array([0.50, 0.15, CUBE_HALF_METRES + 0.001]) + off_metres
    env.world.place("red", red, (1.0, 0.0, 0.0, 0.0))
    assert wait(env, 8)["success"] == stacked
    env.close()


def test_green_on_red_a_held_cube_and_a_falling_one_are_no_success():
    env = made("Stack")
    env.reset(seed=0)
    env.world.place("red", [0.50, 0.15, CUBE_HALF_METRES], (1.0, 0.0, 0.0, 0.0))
    env.world.place("green", [0.50, 0.15, 3 * CUBE_HALF_METRES], (1.0, 0.0, 0.0, 0.0))
    assert not wait(env)["success"]
    env.world.place("green", [0.50, 0.15, CUBE_HALF_METRES])
    env.world.place("red", [0.50, 0.15, 0.25])
    for _ in range(6):
        info = env.step(np.zeros(4))[-1]
        high = info["pose_red"][2] > 3 * CUBE_HALF_METRES + 0.01
        assert not (high and info["success"])
    env.close()


def test_red_in_the_fingers_is_not_stacked_until_it_is_let_go():
    env = made("Stack")
    held_on_green = 0
    for seed in range(3):
        for moment in demonstrate(env, "Stack", "expert", seed):
            off = moment["pose_red"][:3] - moment["pose_green"][:3]
            placed = np.abs(off - [0.0, 0.0, 2 * CUBE_HALF_METRES]).max() < 0.005
            held_on_green += int(placed and moment["contact"])
            assert not (moment["contact"] and moment["success"])
    assert held_on_green > 0
    env.close()


# Drawer -----------------------------------------------------------------------------------------


def test_the_drawer_is_open_from_ten_centimetres_and_stays_where_it_is_put():
    env = made("Drawer")
    env.reset(seed=0)
    for opening, is_open in ((0.0, False), (0.095, False), (0.105, True), (0.13, True)):
        env.world.set_slide("drawer", opening)
        info = wait(env)
        assert info["opening_metres"] == pytest.approx(opening, abs=2e-3)
        assert info["success"] == is_open
        assert (info["phase"] == "done") == is_open
    assert OPEN_METRES == 0.10
    env.close()


def test_the_drawer_goes_where_the_cabinet_goes_and_opens_towards_the_right():
    env = made("Drawer")
    env.reset(seed=0)
    env.task.move_cabinet(np.array([0.60, 0.10]))
    env.world.set_slide("drawer", 0.0)
    np.testing.assert_allclose(env.world.position("drawer"), [0.60, 0.10, 0.0], atol=1e-9)
    env.world.set_slide("drawer", 0.05)
    np.testing.assert_allclose(env.world.position("drawer"), [0.60, 0.05, 0.0], atol=1e-9)
    np.testing.assert_allclose(env.world.position("cabinet"), [0.60, 0.10, 0.0], atol=1e-9)
    env.close()


@pytest.mark.parametrize("body", BODIES)
def test_the_gap_has_room_for_the_closed_fingers(body):
    assert 2.5 * make_body(body, "down").effector.radius_metres < GAP_METRES
    env = made("Drawer", body)
    env.reset(seed=0)
    env.world.stand(
        env.world.scene.body.carrier.solve(
            env.world.joints, env.task.hook_metres, 0.0, "down", iterations=60
        ),
        0.0,
    )
    assert not env.world.touching("drawer")
    assert env.task.labels()["phase_index"] == 1
    env.close()


def test_the_way_over_the_bar_pays_more_than_the_way_against_it():
    env = made("Drawer")
    env.reset(seed=0)
    solve = env.world.scene.body.carrier.solve
    rewards = []
    for off in ((0.0, -0.07, 0.0), (0.0, -0.07, 0.05), (0.0, 0.0, 0.05), (0.0, 0.0, 0.0)):
        tip = env.task.hook_metres + np.array(off)
        env.world.stand(solve(env.world.joints, tip, 0.0, "down", iterations=60), 0.0)
        rewards.append(env.task.dense_reward())
    assert rewards == sorted(rewards)
    assert rewards[1] > rewards[0] + 0.01
    env.close()


# Button -----------------------------------------------------------------------------------------


def test_the_button_is_pressed_only_while_something_holds_it():
    env = made("Button")
    env.reset(seed=0)
    for share in (0.0, 0.5, 0.75, 0.85, 1.0):
        env.world.set_slide("button", share * TRAVEL_METRES)
        labels = env.task.labels()
        assert labels["pressed"] == pytest.approx(share)
        assert labels["success"] == (share >= PRESSED_SHARE)
    info = wait(env)  # the spring lifts it again
    assert info["pressed"] < 0.1
    assert not info["success"]
    env.close()


def test_the_button_goes_where_the_box_goes():
    env = made("Button")
    env.reset(seed=0)
    env.task.move_box(np.array([0.5, 0.2]))
    wait(env)
    np.testing.assert_allclose(env.world.position("button")[:2], [0.5, 0.2], atol=1e-6)
    np.testing.assert_allclose(env.world.position("box"), [0.5, 0.2, 0.0], atol=1e-9)
    env.close()


@pytest.mark.parametrize("body", BODIES)
def test_pressing_beside_the_button_does_nothing(body):
    env = made("Button", body, "failure")
    for seed in range(3):
        moments = demonstrate(env, "Button", "failure-miss", seed)
        assert max(moment["pressed"] for moment in moments) < 0.1
    env.close()
