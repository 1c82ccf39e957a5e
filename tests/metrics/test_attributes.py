"""Nearest-neighbour error of attributes: a loop, the published fault, the controls."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcn_robot.errors import UserError
from tcn_robot.metrics import attribute_error


def by_loop(positions, values, episodes):
    """(error, published), frame by frame."""
    recalls = {}
    for i, value in enumerate(values):
        others = [j for j in range(len(values)) if episodes[j] != episodes[i]]
        least = min(abs(positions[i] - positions[j]) for j in others)
        near = [j for j in others if abs(positions[i] - positions[j]) == least]
        hits = sum(values[j] == value for j in near) / len(near)
        recalls.setdefault(value, []).append(hits)
    means = [np.mean(found) for found in recalls.values()]
    kept = [mean for mean in means if mean > 0]
    return 1 - np.mean(means), 1 - np.mean(kept) if kept else 1.0


FRAME = st.tuples(st.integers(0, 6), st.integers(0, 2), st.integers(0, 3))


@given(st.lists(FRAME, min_size=2, max_size=20).filter(lambda x: len({f[2] for f in x}) > 1))
def test_equal_to_a_loop(frames):
    positions, values, episodes = zip(*frames, strict=True)
    found = attribute_error(np.array(positions, float)[:, None], values, episodes)
    error, published = by_loop(positions, values, episodes)
    assert found.error == pytest.approx(error, abs=1e-12)
    assert found.published == pytest.approx(published, abs=1e-12)


def test_a_value_that_is_never_found_counts():
    """TCN's code drops it: one of three values is always mistaken, and it says no error."""
    values, episodes = [0, 1, 2, 0, 1, 2], [0, 0, 0, 1, 1, 1]
    # The third value lies where the first one is, in both episodes from the other side.
    embedding = np.array([[0.0], [5.0], [0.4], [0.0], [5.0], [-0.4]])
    found = attribute_error(embedding, values, episodes)
    assert found.recalls == {"0": 1.0, "1": 1.0, "2": 0.0}
    assert found.error == pytest.approx(1 / 3)
    assert found.published == 0


def test_a_collapsed_embedding_scores_chance():
    generator = np.random.default_rng(0)
    values, episodes = generator.integers(0, 3, 60), np.repeat(range(6), 10)
    found = attribute_error(np.ones((60, 4), np.float32), values, episodes)
    assert found.error == pytest.approx(found.chance, abs=1e-12)
    balanced = attribute_error(np.ones((8, 1)), [0, 1] * 4, np.repeat(range(4), 2))
    assert balanced.chance == pytest.approx(0.5)


def test_an_embedding_of_the_attribute_has_no_error_and_its_own_film_is_no_help():
    values, episodes = [0, 0, 1, 1, 0, 1], [0, 0, 0, 1, 1, 1]
    assert attribute_error(np.array(values)[:, None], values, episodes).error == 0
    # Frames of one film lie together, and the other film says the opposite.
    embedding = np.array([[0.0], [0.1], [9.0], [9.1]])
    assert attribute_error(embedding, [0, 0, 1, 1], [0, 0, 1, 1]).error == 1


def test_cosine_forgets_lengths():
    embedding = np.array([[1.0, 0.0], [0.0, 1.0], [0.1, 0.0], [0.0, 50.0]])
    found = attribute_error(embedding, ["a", "b", "a", "b"], [0, 0, 1, 1], distance="cosine")
    assert found.error == 0
    assert attribute_error(embedding, ["a", "b", "a", "b"], [0, 0, 1, 1]).error > 0


def test_bad_input_is_one_line():
    with pytest.raises(UserError, match="2 episodes or more, found 1"):
        attribute_error(np.ones((3, 1)), [0, 1, 1], [4, 4, 4])
    with pytest.raises(UserError, match=r"values: expected one per frame, \(3,\), found \(2,\)"):
        attribute_error(np.ones((3, 1)), [0, 1], [0, 1, 1])
    with pytest.raises(UserError, match="leave frames without a label out"):
        attribute_error(np.ones((3, 1)), [0, np.nan, 1], [0, 1, 1])
