"""Policies that see embeddings: the same in training, evaluation and films, never a pixel kept."""

import numpy as np
import pytest

from tcn_robot.errors import UserError
from tcn_robot.policies.config import load_config
from tcn_robot.policies.environments import make_env, make_training_env
from tcn_robot.policies.evaluation import evaluate, watch
from tcn_robot.policies.seeing import (
    SIGHT_LIMIT,
    Filming,
    LoneObserver,
    Observer,
    Remembering,
    Seeing,
    Sight,
    fit_sight,
    rendered,
)
from tcn_robot.policies.seeing_wrappers import VecFilms
from tests.models.tiny import tiny as tiny_encoder
from tests.policies.point_task import GOAL_TASK, HORIZON, PointReach
from tests.policies.test_learned_reward import BlueCentre

SIZE_PX = 32
VIEWS = {"front": "front", "top": "top"}
ACTIONS = np.random.default_rng(5).uniform(-1, 1, (3 * HORIZON, 2)).astype(np.float32)


def sight_of(encoder, cameras=VIEWS, size_px=SIZE_PX):
    width = len(encoder.embed(np.zeros((1, size_px, size_px, 3), np.uint8))[0])
    centre = np.linspace(0.1, 0.2, width * len(cameras), dtype=np.float32)
    return Sight(encoder, cameras, size_px, centre, 0.5)


class MovingCentre(BlueCentre):
    """Looks at two frames: where the square is, and how far it has moved since two steps."""

    num_frames = 2

    class config:
        stride_frames = 2

    def embed(self, frames):
        before = frames[np.maximum(np.arange(len(frames)) - 2, 0)]
        return self.embed_windows(np.stack([before, frames], axis=1))

    def embed_windows(self, windows):
        now, before = super().embed(windows[:, 1]), super().embed(windows[:, 0])
        return np.concatenate([now, now - before], axis=1)


class Clock:
    """Pays nothing and remembers how long the episode goes, as any reward may."""

    views = ("top",)
    image_size_px = SIZE_PX
    memory_size = 1

    def reset(self, mask, next_frame=0):
        mask = np.asarray(mask)
        if getattr(self, "counts", np.zeros(0)).shape != mask.shape:
            self.counts = np.zeros(mask.shape)
        self.counts[mask] = next_frame

    def step(self, frames):
        self.counts += 1
        return np.zeros(len(frames["top"]), np.float32)

    def memory(self):
        return (self.counts[:, None] / 100).astype(np.float32)

    def score_episode(self, frames):
        return np.zeros(len(frames["top"]), np.float32)


def film_of_actions(seed):
    """Frames of an episode played with ACTIONS, {view: (T + 1, H, W, 3)}, and the points."""
    env = PointReach(fixed_target=True)
    env.reset(seed=seed)
    frames, points = [env.render_views(("front", "top"), (SIZE_PX, SIZE_PX))], [env.point.copy()]
    for action in ACTIONS[:HORIZON]:
        env.step(action)
        frames.append(env.render_views(("front", "top"), (SIZE_PX, SIZE_PX)))
        points.append(env.point.copy())
    return {view: np.stack([one[view] for one in frames]) for view in VIEWS}, np.array(points)


def expected_seen(sight, film):
    embedded = np.concatenate([sight.encoder.embed(film[view]) for view in sight.views], axis=1)
    return np.clip((embedded - sight.centre) / sight.scale, -SIGHT_LIMIT, SIGHT_LIMIT)


@pytest.mark.parametrize("encoder", [BlueCentre(), MovingCentre(), tiny_encoder("frames").eval()])
def test_training_sees_what_a_film_of_the_episode_shows(tiny, encoder):
    """One env against its film: the first frame, every next one, and the last before a reset."""
    sight = sight_of(encoder)
    venv = make_training_env(tiny(task=GOAL_TASK, num_envs=2), None, sight)
    venv.seed(3)
    film, points = film_of_actions(3)
    expected = np.concatenate([points, expected_seen(sight, film)], axis=1)
    seen = venv.reset()
    np.testing.assert_allclose(seen[0], expected[0], atol=1e-5)
    for step, action in enumerate(ACTIONS[:HORIZON], start=1):
        seen, _, dones, infos = venv.step(np.stack([action, -action]))
        now = infos[0]["terminal_observation"] if dones[0] else seen[0]
        np.testing.assert_allclose(now, expected[step], atol=1e-5)
        assert venv.observation_space.contains(now)
        assert not any("views" in info for info in infos)
    assert dones.all()
    # After the reset: the next episode's first frame, of which nothing else is known.
    twin = venv.envs[0].unwrapped
    fresh = {view: frame[None] for view, frame in twin.render_views(tuple(VIEWS), (32, 32)).items()}
    first = np.concatenate([twin.point[None], expected_seen(sight, fresh)], axis=1)[0]
    np.testing.assert_allclose(seen[0], first, atol=1e-5)


def test_no_pixel_and_no_object_reaches_the_buffer(tiny):
    from stable_baselines3 import SAC

    sight = sight_of(BlueCentre(), {"top": "top"})
    venv = make_training_env(tiny(task=GOAL_TASK), None, sight)
    assert venv.observation_space.shape == (2 + 2,)
    agent = SAC("MlpPolicy", venv, learning_starts=1000, buffer_size=100, seed=0)
    agent.learn(40)
    assert agent.replay_buffer.observations.shape == (50, 2, 4)
    assert agent.replay_buffer.observations.dtype == np.float32
    # The target's place is in the state (at 2:4) and constant; here everything moves.
    assert (agent.replay_buffer.observations[:20].std(axis=(0, 1)) > 0.01).all()


def test_frames_are_rendered_once_and_embedded_once(tiny, monkeypatch):
    from tcn_robot.rewards import GoalReward

    encoder = BlueCentre()
    calls = []
    embed = BlueCentre.embed
    monkeypatch.setattr(BlueCentre, "embed", lambda self, f: calls.append(len(f)) or embed(self, f))
    shared = Remembering(encoder)
    film, _ = film_of_actions(0)
    reward = GoalReward.fit(shared, [film], views=["top"])
    sight = sight_of(shared, {"top": "top"})
    filming = Filming(reward, ("top",), SIZE_PX)
    films = []
    config = tiny(task=GOAL_TASK, reward="goal", encoder="e", demos="d", views=("top",))
    venv = make_training_env(config, filming, sight, lambda *film: films.append(film))
    venv.film_next(64)
    venv.seed(0)  # Some starts end at a wall, where frames are the same and asked for once.
    venv.reset()
    calls.clear()
    for action in ACTIONS[: HORIZON - 1]:
        venv.step(np.stack([action, action]))
    assert calls == [2] * (HORIZON - 1)
    assert [env.unwrapped.frames_rendered for env in venv.envs] == [HORIZON] * 2
    venv.step(np.stack([ACTIONS[HORIZON - 1]] * 2))  # ends both, and both begin anew
    assert calls[-2:] == [2, 2]
    [(first_step, shown)] = films
    assert first_step == 64
    assert shown["top"].shape == (HORIZON + 1, SIZE_PX, SIZE_PX, 3)


def test_a_film_of_training_is_of_the_episode_asked_for(tiny):
    taken = []
    sight = sight_of(BlueCentre(), {"top": "top"})
    venv = make_training_env(
        tiny(task=GOAL_TASK), None, sight, lambda step, film: taken.append((step, film))
    )
    assert isinstance(venv.venv, VecFilms)
    for start in (0, 32):
        venv.seed(3)
        if start == 32:
            venv.film_next(32)
        venv.reset()
        for action in ACTIONS[: 2 * HORIZON]:
            venv.step(np.stack([action, action]))
    [(step, film)] = taken
    assert step == 32
    np.testing.assert_array_equal(film["top"], film_of_actions(3)[0]["top"])


@pytest.mark.parametrize("remembering", [False, True])
@pytest.mark.parametrize("encoder", [BlueCentre(), MovingCentre()])
def test_evaluation_sees_what_training_sees(tiny, encoder, remembering):
    """The same actions from the same start: the observations of both, step by step."""
    sight = sight_of(encoder)
    filming = Filming(Clock(), ("top",), SIZE_PX) if remembering else None
    seeing = Seeing(sight, filming)
    config = tiny(task=GOAL_TASK)
    venv = make_training_env(config, filming, sight)
    venv.seed(7)
    trained = [venv.reset()]
    for action in ACTIONS[: HORIZON - 1]:
        trained.append(venv.step(np.stack([action, action]))[0])
    evaluated = []

    def act(observations):
        evaluated.append(observations.copy())
        return np.stack([ACTIONS[len(evaluated) - 1]] * len(observations))

    evaluate(act, lambda: make_env(config), [7, 8], None, seeing)
    assert len(evaluated) == HORIZON
    np.testing.assert_allclose(evaluated, trained, atol=1e-5)
    assert venv.observation_space.shape == (seeing.size_in(make_env(config)),)
    if remembering:
        np.testing.assert_allclose(np.array(evaluated)[:, 0, -1], np.arange(1, 17) / 100)


def test_films_and_recordings_see_it_too(tiny):
    sight = sight_of(MovingCentre())
    seeing = Seeing(sight, Filming(Clock(), ("top",), SIZE_PX))
    config = tiny(task=GOAL_TASK)
    evaluated, watched = [], []

    def act_into(kept):
        def act(observations):
            kept.append(np.atleast_2d(observations)[0])
            action = ACTIONS[len(kept) - 1]
            return action if observations.ndim == 1 else action[None]

        return act

    evaluate(act_into(evaluated), lambda: make_env(config), [7], None, seeing)
    list(watch(act_into(watched), make_env(config), 7, ("front",), (8, 8), seeing))
    np.testing.assert_array_equal(watched, evaluated)


def test_envs_that_end_earlier_do_not_disturb_the_others():
    sight = sight_of(MovingCentre())
    horizons = iter([3, 9])
    seen = {}

    def act_as(name):
        def act(observations):
            seen.setdefault(name, []).append(observations[-1])
            return np.stack([ACTIONS[len(seen[name])]] * len(observations))

        return act

    together = evaluate(act_as(2), lambda: PointReach(next(horizons)), [1, 2], None, Seeing(sight))
    alone = evaluate(act_as(1), lambda: PointReach(9), [2], None, Seeing(sight))
    assert together[1] == alone[0]
    np.testing.assert_allclose(seen[2], seen[1], atol=1e-6)


def test_centre_and_scale_bring_embeddings_of_any_length_to_unit_scale():
    class Far(BlueCentre):
        def embed(self, frames):
            return 300 + 40 * super().embed(frames)

    films = [film_of_actions(seed)[0] for seed in range(5)]
    sight = fit_sight(Far(), VIEWS, SIZE_PX, films)
    seen = np.concatenate([expected_seen(sight, film) for film in films])
    np.testing.assert_allclose(seen.mean(axis=0), 0, atol=1e-3)
    assert np.sqrt(np.square(seen).mean()) == pytest.approx(1, abs=1e-3)
    # An encoder that has collapsed gives zeros, not a division by zero.
    flat = type("Flat", (), {"embed": lambda self, frames: np.ones((len(frames), 2), np.float32)})
    assert fit_sight(flat(), VIEWS, SIZE_PX, films).scale == 1.0


def test_another_camera_stands_in(tiny):
    sight = sight_of(BlueCentre(), {"top": "front"})
    env = make_env(tiny(task=GOAL_TASK))
    env.reset(seed=1)
    shown = rendered(Seeing(sight), env)
    front = env.unwrapped.render_views(("front",), (SIZE_PX, SIZE_PX))["front"]
    np.testing.assert_array_equal(shown["top"], front)
    config = tiny(observation="embedding", encoder="e", views=("top",), scored_views=("front",))
    assert config.cameras == {"top": "front"}


def test_the_state_alone_needs_no_frame():
    env = PointReach()
    state, _ = env.reset(seed=0)
    np.testing.assert_array_equal(LoneObserver(Seeing(), env)(state), state)
    assert env.frames_rendered == 0
    assert Observer(Seeing(), [env]).begin(state[None], [{}]).dtype == np.float32


def test_a_task_without_proprioception_is_one_line():
    class Numb(PointReach):
        def __init__(self):
            super().__init__()
            del self.proprioception_space

    with pytest.raises(UserError, match="Numb has no proprioception") as error:
        Seeing(sight_of(BlueCentre())).size_in(Numb())
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"observation": "embeding", "encoder": "e"}, "did you mean 'embedding'"),
        ({"observation": "embedding"}, "needs --encoder"),
        ({"training_films": 2}, "looks at none"),
        ({"training_films": -1}, "0 or more"),
        ({"scored_views": ("left",)}, "for each of the 0 views"),
        ({"max_demos": 0}, "max_demos must be above 0"),
    ],
)
def test_options_that_cannot_work_are_one_line(tiny, options, line):
    with pytest.raises(UserError, match=line) as error:
        tiny(**options)
    assert "\n" not in str(error.value)


def test_a_run_from_before_these_options_reads_as_it_was(tiny, tmp_path):
    import json

    values = json.loads(tiny().to_json())
    for name in ("observation", "scored_views", "max_demos", "randomise", "training_films"):
        del values[name]
    (tmp_path / "config.json").write_text(json.dumps(values))
    assert load_config(tmp_path) == tiny()
