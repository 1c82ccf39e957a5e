"""Every action of the recognition set is done by every body; mirrors share their moments."""

from __future__ import annotations

import numpy as np
import pytest

import tcn_robot.envs as envs
from tcn_robot.envs.actions import ACTIONS, NotAchieved, film_clip
from tcn_robot.envs.actions.action import Action, moment
from tcn_robot.envs.actions.filming import LEAST_FRAMES, MOST_FRAMES
from tcn_robot.envs.demonstrators.motion import Style, pause
from tests.envs.support import BODIES

MIRRORED = sorted(name for name, action in ACTIONS.items() if action.mirror)


def film(name: str, body: str, seed: int, view: str = "front", size_px: int = 8):
    env = envs.make_task(f"Mujoco{ACTIONS[name].task}-v0", embodiment=body).unwrapped
    try:
        generator = np.random.default_rng(seed)
        return film_clip(env, ACTIONS[name], seed, generator, view, (size_px, size_px))
    finally:
        env.close()


def moments_of(name: str, seed: int) -> list[dict]:
    """Return the moments of a first attempt."""
    action = ACTIONS[name]
    env = envs.make_task(f"Mujoco{action.task}-v0").unwrapped
    generator = np.random.default_rng(seed)
    info, style = env.reset(seed=seed)[1], Style.draw(generator, slowest=0.55)
    for move in action.prepares(env, style, generator) if action.prepares else ():
        info = env.step(move)[4]
    moments = [moment(env, info)]
    for move in action.does(env, style, generator):
        moments.append(moment(env, env.step(move)[4]))
    env.close()
    return moments


def test_there_are_enough_and_mirrors_know_each_other():
    assert len(ACTIONS) >= 12
    assert len(MIRRORED) >= 12
    for name in MIRRORED:
        assert ACTIONS[ACTIONS[name].mirror].mirror == name
        assert ACTIONS[ACTIONS[name].mirror].task == ACTIONS[name].task
    assert list(ACTIONS) == sorted(ACTIONS)


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("name", ACTIONS)
def test_every_body_achieves_every_action(name, body):
    clip = film(name, body, 1)
    assert clip.attempts <= 2
    assert LEAST_FRAMES <= len(clip.frames) <= MOST_FRAMES
    assert clip.frames.dtype == np.uint8


@pytest.mark.slow
@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("name", ACTIONS)
def test_first_attempts_mostly_succeed(name, body):
    attempts = [film(name, body, seed).attempts for seed in range(20)]
    assert np.mean(attempts) < 1.3


@pytest.mark.parametrize("name", MIRRORED)
def test_no_action_counts_as_its_mirror(name):
    """Seen backwards it is the mirror, but for beads, which do not run back into the cup."""
    moments = moments_of(name, 3)
    action, mirror = ACTIONS[name], ACTIONS[ACTIONS[name].mirror]
    assert action.achieved(moments)
    assert not mirror.achieved(moments)
    assert mirror.achieved(moments[::-1]) or name == "PourBack"
    assert not action.achieved(moments[::-1])


def test_where_a_push_starts_does_not_tell_its_direction():
    """The middle of the way and the tool's side are drawn alike."""
    starts = {
        name: [moments_of(name, seed) for seed in range(12)] for name in ("PushLeft", "PushRight")
    }
    for name, side in (("PushLeft", 1), ("PushRight", -1)):
        for moments in starts[name]:
            way = moments[-1]["pose_block"][1] - moments[0]["pose_block"][1]
            assert side * way > 0.05
        beyond = [moments[0]["tip"][1] > moments[0]["pose_block"][1] for moments in starts[name]]
        assert 2 <= sum(beyond) <= 10, name


def test_the_same_seed_gives_the_same_film_and_another_scene_another():
    first, second, other = (film("Lift", "hand", seed, size_px=24) for seed in (2, 2, 3))
    np.testing.assert_array_equal(first.frames, second.frames)
    assert first.randomisation == second.randomisation
    assert first.randomisation != other.randomisation  # the hand's skin at least


def test_what_is_not_achieved_is_never_kept():
    def idles(env, style, generator):
        yield from pause(env, 20)

    action = Action("Idle", "Reach", idles, lambda moments: False, "nothing happens")
    env = envs.make_task("MujocoReach-v0").unwrapped
    with pytest.raises(NotAchieved, match="Idle by robot was not achieved in 8 attempts"):
        film_clip(env, action, 0, np.random.default_rng(0), "front", (8, 8))
    env.close()
