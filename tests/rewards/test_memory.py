"""Progress that never falls, and the state of a reward as a policy is shown it."""

import numpy as np
import pytest

from tcn_robot.errors import UserError
from tcn_robot.rewards import ProgressReward, load_reward, memory_of, memory_size_of


@pytest.fixture
def monotone(encoder, demos):
    return ProgressReward.fit(encoder, demos, views=("front",), monotone=True)


@pytest.fixture
def plain(encoder, demos):
    return ProgressReward.fit(encoder, demos, views=("front",))


def test_never_falls_and_is_the_highest_so_far(monotone, plain, film):
    """There and back: by the running maximum of a loop, and blind to the way back."""
    there = np.stack([np.linspace(0, 250, 20), np.full(20, 6), np.zeros(20)], axis=1)
    episode = {"front": film(np.concatenate([there, there[::-1]]))}
    single = plain.score_episode(episode)
    expected, highest = [], 0.0
    for score in single:
        highest = max(highest, float(score))
        expected.append(highest)
    found = monotone.score_episode(episode)
    np.testing.assert_array_equal(found, np.array(expected, dtype=np.float32))
    assert single[-1] < 0.1 < 0.7 < found[-1]
    # A scene that only looks near through a closed gate does not count as having been there.
    assert monotone.score_episode({"front": film([[250, 255, 255]] * 2)})[-1] < 0.1
    np.testing.assert_array_equal(monotone.explain(episode).gate, plain.explain(episode).gate)


def test_memory_is_the_highest_of_each_environment_since_its_reset(monotone, plain, film):
    assert monotone.memory_size == 1
    generator = np.random.default_rng(0)
    frames = generator.integers(0, 256, size=(12, 3, 3))  # (T, N, 3)
    monotone.reset(np.ones(3, dtype=bool))
    np.testing.assert_array_equal(monotone.memory(), np.zeros((3, 1)))
    highest = np.zeros(3)
    for t in range(12):
        if t in (4, 9):
            mask = np.array([False, True, t == 9])
            monotone.reset(mask)
            highest[mask] = 0.0
            np.testing.assert_allclose(monotone.memory()[:, 0], highest, atol=1e-7)
        now = {"front": film(frames[t])}
        highest = np.maximum(highest, plain.step(now))
        np.testing.assert_allclose(monotone.step(now), highest, atol=1e-7)
        found = memory_of(monotone, 3)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found[:, 0], highest, atol=1e-7)


def test_scoring_a_film_leaves_the_memory(monotone, film):
    monotone.reset(np.ones(2, dtype=bool))
    monotone.step({"front": film([[200, 6, 0], [10, 6, 0]])})
    before = monotone.memory()
    monotone.score_episode({"front": film([[250, 6, 0]] * 4)})
    np.testing.assert_array_equal(monotone.memory(), before)
    assert 1.0 >= before[0, 0] > before[1, 0] >= 0.0


def test_another_number_of_environments_needs_a_reset(monotone, film):
    monotone.step({"front": film([[1, 2, 3]])})  # a first step needs none
    with pytest.raises(UserError, match="1 environments, found 2; call reset"):
        monotone.step({"front": film([[1, 2, 3], [4, 5, 6]])})
    with pytest.raises(UserError, match="expected the memory of 2 environments"):
        memory_of(monotone, 2)


def test_rewards_without_state_have_an_empty_memory(plain):
    assert memory_of(plain, 4).shape == (4, 0)
    assert memory_of(object(), 4).shape == (4, 0)  # a plug-in that says nothing of it
    assert memory_size_of(object()) == 0


def test_a_plug_ins_memory_is_checked():
    class Wild:
        memory_size = 2

        def memory(self):
            return np.array([[0.5, 1.5]])

    with pytest.raises(UserError, match=r"memory in \[0, 1\], Wild gave 0.5 to 1.5"):
        memory_of(Wild(), 1)


def test_comes_back_from_the_disk(monotone, encoder, film, tmp_path):
    monotone.save(tmp_path / "reward")
    loaded = load_reward(tmp_path / "reward", encoder)
    assert loaded.config == monotone.config
    assert loaded.memory_size == 1


def test_true_and_false_are_no_numbers(encoder, demos):
    with pytest.raises(UserError, match="'monotone' of the progress reward expects true or false"):
        ProgressReward.fit(encoder, demos, monotone=1)
