"""Any Gymnasium environment: MuJoCo ones by their model, others by `render`, or a clear refusal."""

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env

from tcn_robot import cli, envs
from tcn_robot.envs.adapters import adapted_spec
from tcn_robot.envs.adapters.adapted_env import AdaptedEnv
from tcn_robot.errors import UserError
from tcn_robot.policies.config import ImitateConfig
from tcn_robot.policies.environments import make_env
from tcn_robot.recordings import open_recording

needs_imageio = pytest.mark.skipif(
    find_spec("imageio") is None, reason="Gymnasium's MuJoCo tasks need imageio (extra adapters)"
)
needs_pygame = pytest.mark.skipif(
    find_spec("pygame") is None, reason="the extra classic-control is not installed"
)
OWN = """
import gymnasium, numpy as np
from gymnasium.envs.registration import EnvSpec


class Blink(gymnasium.Env):
    metadata = {"render_modes": ["rgb_array"], "render_fps": 5}
    observation_space = gymnasium.spaces.Box(0, 255, (1,))
    action_space = gymnasium.spaces.Box(-1, 1, (1,))

    def __init__(self, render_mode=None):
        self.render_mode = render_mode

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.grey = int(self.np_random.integers(50))
        return np.array([self.grey], np.float32), {}

    def step(self, action):
        self.grey += 10
        over = self.grey > 70
        return np.array([self.grey], np.float32), 1.0, over, False, {"is_success": over}

    def render(self):
        return np.full((20, 40, 3), self.grey, np.uint8)


class Blind(Blink):
    metadata = {"render_modes": []}


class Half(Blink):
    def render_views(self, views, size):
        return {}


gymnasium.register("Half-v0", entry_point=Half)
gymnasium.register("Blink-v0", entry_point=Blink, max_episode_steps=12)
gymnasium.register("Blind-v0", entry_point=Blind)
gymnasium.register(
    "Low-v0",
    entry_point="tcn_robot.envs.adapters.adapted_env:AdaptedEnv",
    kwargs={
        "task": "Pusher-v5",
        "cameras": {"low": {"at_metres": (1.5, 0, 0.3), "target_metres": (0.4, -0.2, -0.2)}},
    },
)
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A module of the user's own with environments."""
    (tmp_path / "own_envs.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "own_envs", raising=False)
    yield "own_envs"
    for name in ("Blink-v0", "Blind-v0", "Low-v0", "Half-v0"):
        gymnasium.registry.pop(name, None)


@needs_imageio
def test_mujoco_by_its_model() -> None:
    env = envs.make_task("Pusher-v5", horizon=30).unwrapped
    check_env(env, skip_render_check=True)
    assert env.simulator == "mujoco"
    assert env.view_names == ("front", "left", "right", "corner", "top")
    assert env.control_hz == 20.0
    first, _ = env.reset(seed=4)
    for _ in range(5):
        env.step(np.full(7, 0.5, np.float32))
    assert env.simulation_time_seconds == pytest.approx(env._scene._simulation.data.time)
    state = env.get_state()
    pictures = env.render_views(("front", "top"), (48, 64))
    assert pictures["front"].shape == (48, 64, 3)
    assert pictures["front"].std() > 5
    ahead = [env.step(np.ones(7, np.float32))[0] for _ in range(3)]
    env.set_state(state)
    np.testing.assert_array_equal(env.get_state(), state)
    np.testing.assert_array_equal(
        env.render_views(("front",), (48, 64))["front"], pictures["front"]
    )
    np.testing.assert_array_equal([env.step(np.ones(7, np.float32))[0] for _ in range(3)], ahead)
    np.testing.assert_array_equal(env.reset(seed=4)[0], first)
    assert not np.array_equal(env.reset()[0], first)
    env.close()


@needs_imageio
def test_unseeded_episodes_follow_from_the_first_seed() -> None:
    env = envs.make_task("Reacher-v5").unwrapped

    def starts() -> list:
        return [env.reset(seed=3)[0].tolist(), env.reset()[0].tolist(), env.reset()[0].tolist()]

    first = starts()
    assert first == starts()
    assert first[1] != first[2]
    env.close()


@needs_imageio
def test_filming_does_not_disturb_the_simulation() -> None:
    seen = []
    for film in (False, True):
        env = envs.make_task("Pusher-v5").unwrapped
        env.reset(seed=1)
        for _ in range(10):
            if film:
                env.render_views(("front", "left"), (32, 32))
            env.step(np.ones(7, np.float32))
        seen.append(env.get_state())
        env.close()
    np.testing.assert_array_equal(*seen)


@needs_imageio
def test_record_and_render_again(tmp_path: Path) -> None:
    task = ["Pusher-v5", "--policy", "random", "--views", "left", "--size", "32", "--lossless"]
    assert cli.main(["record", *task, "--out", str(tmp_path / "a"), "--episodes", "1"]) == 0
    views = ["--views", "left", "--size", "32", "--lossless"]
    assert cli.main(["rerender", str(tmp_path / "a"), "--out", str(tmp_path / "b"), *views]) == 0
    assert cli.main(["check", str(tmp_path / "a")]) == 0
    film = Path("episode_000000") / "left.mp4"
    assert (tmp_path / "a" / film).read_bytes() == (tmp_path / "b" / film).read_bytes()


@needs_imageio
def test_cameras_by_position_from_a_module_of_ones_own(own: str) -> None:
    env = envs.make_task(f"{own}:Low-v0").unwrapped
    assert isinstance(env, AdaptedEnv)
    assert env.view_names[0] == "low"
    env.reset(seed=0)
    assert env.render_views(("low",), (32, 32))["low"].std() > 5
    env.close()


@needs_imageio
def test_an_adapted_task_travels_to_other_processes_as_json() -> None:
    env = envs.make_task("Pusher-v5", horizon=7)
    assert env.spec is not None
    json.loads(env.spec.to_json())
    again = EnvSpec.from_json(env.spec.to_json()).make()
    np.testing.assert_array_equal(again.reset(seed=2)[0], env.reset(seed=2)[0])
    assert again.unwrapped.horizon == 7
    env.close()
    again.close()


@needs_pygame
def test_what_only_renders_has_one_view_and_no_states(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task = ["CartPole-v1", "--policy", "random", "--size", "32", "--out", str(tmp_path / "a")]
    assert cli.main(["record", *task, "--episodes", "1"]) == 0
    episode = open_recording(tmp_path / "a")[0]
    assert episode.views == ("render",)
    frames = episode.frames("render")
    assert len(frames) == 501  # the fallen pole is filmed to the end
    assert frames.std() > 5
    np.testing.assert_array_equal(frames[-1], frames[-2])
    command = ["rerender", str(tmp_path / "a"), "--out", str(tmp_path / "b"), "--views", "render"]
    assert cli.main(command) == 2
    assert "CartPole-v1 cannot be rendered again" in capsys.readouterr().err


def test_an_own_environment_gets_one_length_and_its_shape(own: str) -> None:
    name = envs.task_id(f"{own}:Blink-v0")
    env = envs.make_task(name).unwrapped
    assert (env.horizon, env.control_hz, env.view_names) == (12, 5.0, ("render",))
    _, info = env.reset(seed=0)
    assert info["success"] is False
    rows = [env.step(np.zeros(1)) for _ in range(12)]
    assert [row[3] for row in rows] == [False] * 11 + [True]
    assert rows[-1][4]["success"] is True
    assert rows[-1][4]["reward_sparse"] == 1.0
    assert rows[-1][4]["reward_dense"] == 0.0
    picture = env.render_views(size=(40, 40))["render"]
    assert picture[:10].max() == 0  # twice as wide as high: black above and below, not squeezed
    assert picture[20].min() == picture.max() > 70
    with pytest.raises(UserError, match="can only render"):
        env.set_state(np.zeros(0))
    with pytest.raises(UserError, match="unknown view 'front'"):
        env.render_views(("front",))


def test_what_nothing_can_film_is_refused(own: str) -> None:
    with pytest.raises(UserError, match="neither a MuJoCo model"):
        envs.make_task(envs.task_id(f"{own}:Blind-v0"))
    with pytest.raises(UserError, match="takes no cameras"):
        AdaptedEnv("Blink-v0", cameras={"a": {"at_metres": (1, 0, 1), "target_metres": (0, 0, 0)}})


def test_what_has_views_of_its_own_must_have_the_rest_too(
    own: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["record", f"{own}:Half-v0", "--policy", "random", "--out", str(tmp_path / "d")]
    assert cli.main([*command, "--episodes", "1"]) == 2
    assert "lacks 'view_names'" in capsys.readouterr().err
    assert not (tmp_path / "d").exists()


def test_a_missing_drawing_library_is_told_before_anything_is_recorded(
    own: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = envs.task_id(f"{own}:Blink-v0")

    def render(self: gymnasium.Env) -> None:
        raise gymnasium.error.DependencyNotInstalled("pencil is not installed")

    monkeypatch.setattr(sys.modules[own].Blink, "render", render)
    with pytest.raises(UserError, match="cannot be filmed: pencil is not installed"):
        envs.make_task(name)


def test_names_and_options_of_tasks_from_elsewhere(own: str) -> None:
    with pytest.raises(UserError, match="did you mean 'Pusher-v5'"):
        envs.task_id("Puser-v5")
    name = envs.task_id(f"{own}:Blink-v0")
    with pytest.raises(UserError, match="unknown embodiment 'hand'"):
        envs.make_task(name, embodiment="hand")
    with pytest.raises(UserError, match="did you mean 'sparse'"):
        envs.make_task(name, reward="spars")
    with pytest.raises(UserError, match="refused the options"):
        envs.make_task(name, horizn=3)
    with pytest.raises(UserError, match=r"'play' \(known: random\)"):
        envs.scripted_policy(name, "play")


def test_tasks_of_our_own_are_not_adapted() -> None:
    assert adapted_spec("tcn_robot/MujocoPush-v0") is None


@needs_pygame
def test_a_learner_refuses_actions_that_it_cannot_learn() -> None:
    with pytest.raises(UserError, match=r"CartPole-v1 has actions Discrete\(2\)"):
        make_env(ImitateConfig(task="CartPole-v1", reward="dense", steps=10))
