"""Views fused against a slow loop; views that know nothing; one view."""

import numpy as np
import pytest

from tcn_robot.rewards import ProgressReward
from tcn_robot.rewards.fusion import FUSIONS


def fused_by_loop(name, scores, gates):
    """The score of one moment, from the definitions: a list of scores and gates per view."""
    if name == "mean":
        return sum(scores) / len(scores)
    if name == "minimum":
        return min(scores)
    total = sum(gates)
    return sum(g * s for g, s in zip(gates, scores, strict=True)) / total if total else 0.0


@pytest.mark.parametrize("name", FUSIONS)
@pytest.mark.parametrize("views", [1, 2, 5])
def test_equals_the_loop(name, views):
    generator = np.random.default_rng(views)
    gates = generator.uniform(size=(views, 40))
    scores = gates * generator.uniform(size=(views, 40))
    weights = FUSIONS[name](scores, gates)
    np.testing.assert_allclose(weights.sum(axis=0), 1.0)
    expected = [fused_by_loop(name, scores[:, n], gates[:, n]) for n in range(40)]
    np.testing.assert_allclose((weights * scores).sum(axis=0), expected, rtol=1e-12)


@pytest.mark.parametrize("name", FUSIONS)
@pytest.mark.parametrize("gate", [0.0, 1e-320, 1e-200])
def test_where_no_view_knows_the_scene_the_score_is_0(name, gate):
    gates = np.full((3, 2), gate)
    scores = 0.9 * gates
    weights = FUSIONS[name](scores, gates)
    np.testing.assert_allclose(weights.sum(axis=0), 1.0)
    assert (np.abs((weights * scores).sum(axis=0)) <= gate).all()


def fit_all(encoder, demos, **options):
    return {
        name: ProgressReward.fit(encoder, demos, fusion=name, gate="exponential", **options)
        for name in FUSIONS
    }


def test_a_covered_view_counts_less_by_confidence(encoder, film, demos):
    """The end of a demonstration in one view, something never shown in the other."""
    end = {"front": film([[250, 6, 0]]), "left": film([[255, 255, 0]])}
    found = {name: float(r.score_episode(end)[0]) for name, r in fit_all(encoder, demos).items()}
    front = float(ProgressReward.fit(encoder, demos, views=("front",)).score_episode(end)[0])
    assert found["confidence"] > 0.9 * front
    assert found["confidence"] > found["mean"] + 0.2
    assert found["minimum"] < 0.1


def test_one_view_is_the_same_for_all(encoder, film, demos):
    episode = {"front": film(np.random.default_rng(0).integers(0, 256, size=(20, 3)))}
    scores = [r.score_episode(episode) for r in fit_all(encoder, demos, views=("front",)).values()]
    for other in scores[1:]:
        np.testing.assert_array_equal(other, scores[0])


def test_the_parts_are_fused_by_the_same_weights(encoder, film, demos):
    """By the minimum, the parts are those of the view that decides."""
    end = {"front": film([[250, 6, 0]]), "left": film([[0, 6, 120]])}
    parts = fit_all(encoder, demos)["minimum"].explain(end)
    left = ProgressReward.fit(encoder, demos, views=("left",), gate="exponential").explain(end)
    assert parts.reward[0] == pytest.approx(left.reward[0])
    assert parts.progress[0] == pytest.approx(left.progress[0])
    assert parts.distance[0] == pytest.approx(left.distance[0])
