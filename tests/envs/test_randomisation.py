"""What is drawn stays in its range, changes what it says and nothing else, and can be set again."""

from __future__ import annotations

import functools
import itertools
import json
import pickle  # noqa: TID251 - how worker processes get their environments
import warnings

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from stable_baselines3.common.env_checker import check_env as check_env_for_sb3

import tcn_robot.envs as envs
from tcn_robot.envs.bodies.hand import SKINS
from tcn_robot.envs.cameras import VIEW_NAMES
from tcn_robot.envs.randomisation.distractors import DISTRACTORS, MARGIN_METRES
from tcn_robot.envs.randomisation.drawing import draw
from tcn_robot.envs.randomisation.table import RANGES, TEXTURES
from tcn_robot.errors import UserError
from tests.envs.support import ALL_IDS, NEEDS_BULLET, project

PUSHES = ["MujocoPush-v0", pytest.param("BulletPush-v0", marks=NEEDS_BULLET)]
SEEN, FELT = ("light", "colour", "texture", "camera", "distractors"), ("friction", "mass")


def make(task: str, **options):
    return envs.make_task(task, **options).unwrapped


def pictures(env, size_px: int = 48) -> np.ndarray:
    """Return (V, H, W, 3) of every view."""
    return np.stack(list(env.render_views(VIEW_NAMES, (size_px, size_px)).values()))


def shove(env, seed: int, **options) -> np.ndarray:
    """Return the observations of a reset and of an episode in which the block is pushed."""
    seen = [env.reset(seed=seed, **options)[0]]
    expert = envs.scripted_policy(env.spec.id, "expert")
    for action in itertools.islice(expert(env, np.random.default_rng(seed)), 30):
        seen.append(env.step(action)[0])
    return np.array(seen)


def draw_many(task: str, count: int = 40) -> list[dict]:
    env = make(task, randomise="all")
    drawn = [env.reset(seed=seed)[1]["randomisation"] for seed in range(count)]
    env.close()
    return drawn


def test_every_number_lies_in_its_range_and_uses_it():
    drawn = draw_many("MujocoPush-v0")
    tilts = [np.arccos(-one["light"]["direction"][2]) for one in drawn]
    numbers = {
        ("light", "tilt"): tilts,
        ("light", "ambient"): [one["light"]["ambient"] for one in drawn],
        ("light", "headlight"): [one["light"]["headlight"] for one in drawn],
        ("light", "strength"): [one["light"]["diffuse"][1] for one in drawn],
        ("colour", "hue"): [one["colour"]["things"]["block"][0] for one in drawn],
        ("colour", "saturation"): [one["colour"]["body"][1] for one in drawn],
        ("colour", "ground_value"): [max(one["colour"]["table"]) for one in drawn],
        ("texture", "repeat"): [one["texture"]["repeat"] for one in drawn],
        ("camera", "at"): [one["camera"]["front"]["at_metres"][1] for one in drawn],
        ("friction", "factor"): [one["friction"]["things"]["block"] for one in drawn],
        ("mass", "factor"): [one["mass"]["things"]["block"] for one in drawn],
        ("distractors", "count"): [len(one["distractors"]) for one in drawn],
    }
    for (name, part), values in numbers.items():
        span = RANGES[name][part]
        assert span.low - 1e-9 <= min(values), (name, part)
        assert max(values) <= span.high, (name, part)
        assert np.ptp(values) > 0.6 * (span.high - span.low), (name, part)
    assert {one["texture"]["table"] for one in drawn} == set(TEXTURES)
    assert all(set(one) == set(RANGES) for one in drawn)


def test_a_name_draws_the_same_alone_and_in_company():
    world = make("MujocoPush-v0", embodiment="hand").world
    workspace = (np.array([0.36, -0.32, 0.0]), np.array([0.76, 0.32, 0.1]))

    def drawn(names, moving=False):
        return draw(np.random.default_rng(3), names, world.scene, workspace, moving)

    together = drawn(tuple(RANGES))
    for name in RANGES:
        assert drawn((name,)) == {"skin": together["skin"], name: together[name]}
    assert drawn(tuple(RANGES), moving=True).keys() == together.keys()
    assert drawn(()) == {"skin": together["skin"]}
    assert json.loads(json.dumps(together)) == together


@pytest.mark.parametrize("task", ALL_IDS)
def test_starts_do_not_depend_on_it(task):
    plain, random = make(task), make(task, randomise="all", moving_cameras=True)
    for seed in (0, 1, None):
        start, info = plain.reset(seed=seed)
        other, with_more = random.reset(seed=seed)
        np.testing.assert_array_equal(start, other)
        assert info["randomisation"] == {}
        assert set(with_more["randomisation"]) == set(random.randomise)
    plain.close()
    random.close()


def test_episodes_differ_and_the_same_seed_draws_the_same():
    env = make("MujocoReach-v0", randomise="all")
    drawn = [env.reset(seed=seed)[1]["randomisation"] for seed in (5, None, None, 5, None)]
    assert drawn[0] == drawn[3]
    assert drawn[1] == drawn[4]
    for name in RANGES:
        assert len({json.dumps(one[name]) for one in drawn[:3]}) == (1 if name == "mass" else 3)
    assert "randomisation" not in env.step(np.zeros(3))[-1]
    drawn[4].clear()
    assert env.randomisation  # what a caller does with his copy is his business
    env.close()


@pytest.mark.parametrize("task", PUSHES)
def test_nothing_drawn_is_exactly_the_default(task):
    plain, random = make(task), make(task, randomise="all", moving_cameras=True)
    plain.reset(seed=2)
    random.reset(seed=1)
    assert (pictures(random) != pictures(plain)).any()
    nothing = {"options": {"randomisation": {}}}
    random.reset(seed=2, **nothing)
    np.testing.assert_array_equal(pictures(random), pictures(plain))
    np.testing.assert_array_equal(shove(random, 2, **nothing), shove(plain, 2))
    for view in VIEW_NAMES:
        size = (48, 48)
        assert random.camera_parameters(view, size) == plain.camera_parameters(view, size)
    plain.close()
    random.close()


@pytest.mark.parametrize("task", PUSHES)
def test_what_was_drawn_is_set_again_in_another_environment(task):
    first = make(task, randomise="all", moving_cameras=True, embodiment="hand")
    _, info = first.reset(seed=4)
    before = pictures(first)
    stored = json.loads(json.dumps(info["randomisation"]))
    other = make(task, randomise=["distractors"], embodiment="hand")
    other.reset(seed=9)
    other.reset(seed=4, options={"randomisation": stored})
    np.testing.assert_array_equal(pictures(other), before)
    assert other.randomisation == stored
    options = {"options": {"randomisation": stored}}
    np.testing.assert_array_equal(shove(other, 4, **options), shove(first, 4))
    copy = pickle.loads(pickle.dumps(other))
    np.testing.assert_array_equal(pictures(copy), pictures(other))
    for env in (first, other, copy):
        env.close()


@functools.cache
def as_described(task: str) -> tuple[np.ndarray, list[dict], np.ndarray]:
    """Return pictures, cameras and observations when nothing is drawn."""
    env = make(task)
    env.reset(seed=1)
    shown, cameras = pictures(env), [env.camera_parameters(view, (8, 8)) for view in VIEW_NAMES]
    seen = shove(env, 1)
    env.close()
    return shown, cameras, seen


@pytest.mark.parametrize("task", PUSHES)
@pytest.mark.parametrize("name", RANGES)
def test_each_name_changes_what_it_says_and_nothing_else(task, name):
    plain_pictures, plain_cameras, plain_seen = as_described(task)
    random = make(task, randomise=[name])
    random.reset(seed=1)
    same_pictures = (pictures(random) == plain_pictures).all(axis=(1, 2, 3))  # by view
    fixed = same_pictures[:-1]
    assert fixed.all() if name in FELT else not fixed.any() or name == "distractors"
    assert name in FELT or not same_pictures.all()
    cameras = [random.camera_parameters(view, (8, 8)) for view in VIEW_NAMES]
    assert (cameras == plain_cameras) == (name != "camera")
    assert np.array_equal(shove(random, 1), plain_seen) == (name in SEEN)
    random.close()


@pytest.mark.parametrize("task", [f"Mujoco{name}-v0" for name in ("Push", "Reach", "Drawer")])
def test_distractors_stay_out_of_the_way(task):
    """Neither in the workspace nor, from any fixed camera, before what lies on its table."""
    env = make(task, randomise=["distractors"])
    low, high = env.task.workspace_low_metres[:2], env.task.workspace_high_metres[:2]
    x, y = np.meshgrid(np.linspace(low[0], high[0], 9), np.linspace(low[1], high[1], 9))
    table = np.stack([x.ravel(), y.ravel(), np.zeros(x.size)], axis=1)
    for seed in range(8):
        drawn = env.reset(seed=seed)[1]["randomisation"]["distractors"]
        with_them = env.render_views(env.fixed_views, (64, 64))
        assert drawn.keys() <= {thing.name for thing in DISTRACTORS}
        for thing, entry in drawn.items():
            at = np.array(entry["at_metres"][:2])
            np.testing.assert_allclose(env.world.position(thing), entry["at_metres"])
            assert ((at < low - MARGIN_METRES) | (at > high + MARGIN_METRES)).any()
        env.reset(seed=seed, options={"randomisation": {}})
        without = env.render_views(env.fixed_views, (64, 64))
        changed = {view: (with_them[view] != without[view]).any(axis=2) for view in without}
        assert sum(mask.sum() for mask in changed.values()) > 10
        for view, mask in changed.items():
            places = np.array([project(env, view, point, 64) for point in table]).astype(int)
            inside = places[((places >= 0) & (places < 64)).all(axis=1)]
            assert not mask[inside[:, 1], inside[:, 0]].any(), (view, seed)
    env.close()


@pytest.mark.parametrize("task", ["MujocoPush-v0", "MujocoPickPlace-v0"])
def test_the_object_is_seen_in_every_draw(task):
    env = make(task, randomise="all", moving_cameras=True)
    thing = env.task.seen[0]
    for seed in range(12):
        env.reset(seed=seed)
        shown = env.render_views(env.fixed_views, (64, 64))
        env.world.place(thing, (0.0, 0.0, -5.0))
        hidden = env.render_views(env.fixed_views, (64, 64))
        differ = [
            (np.abs(shown[view].astype(int) - hidden[view]).max(axis=2) > 25).sum()
            for view in env.fixed_views
        ]
        assert sum(count >= 6 for count in differ) >= 3, (seed, differ)
    env.close()


@pytest.mark.parametrize("task", PUSHES)
def test_skin_varies_from_episode_to_episode(task):
    env = make(task, embodiment="hand")
    env.reset(seed=0)
    before = pictures(env)
    skins = [env.reset(seed=seed)[1]["randomisation"]["skin"] for seed in range(20)]
    assert len({tuple(skin) for skin in skins}) == 20
    assert (np.ptp(skins, axis=0) > 0.6 * np.ptp(SKINS, axis=0)).all()
    env.reset(seed=0, options={"randomisation": {"skin": list(SKINS[-1])}})
    assert (pictures(env) != before).any()
    env.close()


@pytest.mark.parametrize("embodiment", ["robot", "hand"])
@pytest.mark.parametrize("task", PUSHES)
def test_checkers_find_nothing_with_every_option(task, embodiment):
    env = make(
        task,
        randomise="all",
        moving_cameras=True,
        embodiment=embodiment,
        render_mode="rgb_array",
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env)
        check_env_for_sb3(env)
    env.close()


def test_reset_to_a_stored_state():
    env = make("MujocoPush-v0", randomise="all", moving_cameras=True)
    shove(env, 3)
    state, drawn, before = env.get_state(), env.randomisation, pictures(env)
    env.reset(seed=8)
    options = {"state": state, "randomisation": drawn}
    observation, _ = env.reset(seed=3, options=options)
    np.testing.assert_array_equal(pictures(env), before)
    # MuJoCo's guess at the next accelerations is made anew.
    np.testing.assert_allclose(env.get_state(), state, rtol=0, atol=1e-9)
    assert observation.shape == env.observation_space.shape
    with pytest.raises(UserError, match="another model"):
        make("MujocoPickPlace-v0").reset(options={"state": state[:-1]})
    env.close()


@pytest.mark.parametrize(
    ("drawn", "told"),
    [
        ({"ligth": {}}, "did you mean 'light'"),
        ({"distractors": {"distractor1": {}}}, "randomise=\\('distractors',\\)"),
        ({"mass": {"things": {"blok": 1.0}}}, "did you mean 'block'"),
        ({"camera": {"frnt": {}}}, "did you mean 'front'"),
        ([], "expected a dictionary"),
    ],
)
def test_what_cannot_be_set_is_told_in_one_line(drawn, told):
    env = make("MujocoPush-v0")
    with pytest.raises(UserError, match=told):
        env.reset(seed=0, options={"randomisation": drawn})


def test_unknown_names_get_the_nearest():
    with pytest.raises(UserError, match="did you mean 'light'"):
        make("MujocoPush-v0", randomise=("lights",))
    with pytest.raises(UserError, match="did you mean 'state'"):
        make("MujocoPush-v0").reset(options={"states": []})
    assert make("MujocoPush-v0", randomise=("mass", "light")).randomise == ("light", "mass")


@pytest.mark.parametrize("task", PUSHES)
def test_pictures_do_not_depend_on_the_episodes_before(task):
    """What an episode shows follows from its seed alone, so that any worker may record it.

    MuJoCo's contexts kept the texture repeats of the first episode that they showed.
    """

    def shown(seeds: tuple[int, ...]) -> list[np.ndarray]:
        env = make(task, randomise="all", moving_cameras=True)
        found = []
        for seed in seeds:
            env.reset(seed=seed)
            found.append(pictures(env))
        env.close()
        return found

    for seed, picture in zip((1, 2, 3), shown((1, 2, 3)), strict=True):
        np.testing.assert_array_equal(picture, shown((seed,))[0])
