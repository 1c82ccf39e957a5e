"""Encoders of several frames in rewards: each environment has a past of its own."""

import numpy as np
import pytest

from tcn_robot.errors import UserError
from tcn_robot.rewards import REWARDS
from tcn_robot.rewards.beginning import SeesBeginnings
from tcn_robot.rewards.history import FrameHistory
from tests.models.tiny import frames, tiny

VIEWS = ("front", "left")


@pytest.fixture(scope="module")
def encoder():
    return tiny("frames").eval()


def film(seed, length=9):
    return {view: frames(length, 16, 16, seed=2 * seed + i) for i, view in enumerate(VIEWS)}


@pytest.mark.parametrize("name", REWARDS)
def test_steps_of_several_environments_equal_their_films(encoder, name):
    reward = REWARDS[name].fit(encoder, [film(0), film(1), film(2)])
    films = [film(seed) for seed in (5, 6, 7)]
    reward.reset(np.ones(3, dtype=bool))
    together = np.stack(
        [
            reward.step({view: np.stack([one[view][t] for one in films]) for view in VIEWS})
            for t in range(9)
        ],
        axis=1,
    )
    alone = np.stack([reward.score_episode(one) for one in films])
    np.testing.assert_allclose(together, alone, atol=1e-4)


@pytest.mark.parametrize("name", REWARDS)
def test_an_environment_that_starts_anew_forgets_and_disturbs_nobody(encoder, name):
    reward = REWARDS[name].fit(encoder, [film(0), film(1)])
    first, second, third = film(5, 6), film(6, 6), film(7, 3)
    reward.reset(np.ones(2, dtype=bool))
    scores = []
    for t in range(6):
        if t == 3:
            reward.reset(np.array([True, False]))
        now = third if t >= 3 else first
        shown = {v: np.stack([now[v][t % 3 if t >= 3 else t], second[v][t]]) for v in VIEWS}
        scores.append(reward.step(shown))
    found = np.stack(scores, axis=1)  # (2, 6)
    np.testing.assert_allclose(found[1], reward.score_episode(second), atol=1e-4)
    np.testing.assert_allclose(found[0, 3:], reward.score_episode(third), atol=1e-4)


def test_scoring_a_film_leaves_the_environments_alone(encoder):
    reward = REWARDS["goal"].fit(encoder, [film(0)])
    episode = film(5)
    reward.reset(np.ones(1, dtype=bool))
    scores = []
    for t in range(9):
        scores.append(reward.step({view: episode[view][t : t + 1] for view in VIEWS})[0])
        reward.score_episode(film(8))
    np.testing.assert_allclose(scores, reward.score_episode(episode), atol=1e-4)


def test_another_number_of_environments_needs_a_reset(encoder):
    history = FrameHistory(encoder, VIEWS)
    history.embed({view: frames(2, 16, 16) for view in VIEWS})
    with pytest.raises(UserError, match="expected frames of 2 environments"):
        history.embed({view: frames(3, 16, 16) for view in VIEWS})
    with pytest.raises(UserError, match="expected frames of 2 environments in every view"):
        history.embed({"front": frames(2, 16, 16), "left": frames(3, 16, 16)})
    history.reset(np.ones(3, dtype=bool))
    assert history.embed({view: frames(3, 16, 16) for view in VIEWS})["left"].shape == (3, 8)


def test_windows_of_another_length_are_refused(encoder):
    with pytest.raises(UserError, match="embed_windows expects uint8"):
        encoder.embed_windows(np.zeros((2, 2, 8, 8, 3), np.uint8))


@pytest.mark.parametrize("name", REWARDS)
def test_the_frames_of_resets_are_looked_back_at(encoder, name):
    """Begun with its first frame, an environment sees what the film's scorer sees."""
    reward = REWARDS[name].fit(encoder, [film(0), film(1), film(2)])
    if not isinstance(getattr(reward, "inner", reward), SeesBeginnings):
        pytest.skip("this reward does not look at beginnings")
    films = [film(seed) for seed in (5, 6)]
    expected = np.stack([reward.score_episode(one) for one in films])

    def shown(*moments):
        return {v: np.stack([films[env][v][t] for env, t in moments]) for v in VIEWS}

    reward.begin(shown((0, 0), (1, 0)), np.ones(2, dtype=bool))
    for t in range(1, 4):
        np.testing.assert_allclose(reward.step(shown((0, t), (1, t))), expected[:, t], atol=1e-4)
    reward.begin(shown((1, 0)), np.array([False, True]))
    for t in range(1, 5):
        scores = reward.step(shown((0, t + 3), (1, t)))
        np.testing.assert_allclose(scores, [expected[0, t + 3], expected[1, t]], atol=1e-4)
