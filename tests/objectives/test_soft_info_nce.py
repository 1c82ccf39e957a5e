"""Soft targets in time: against a loop over all pairs, and what they make of distances."""

import math

import pytest
import torch
from torch.nn.functional import cross_entropy

from tcn_robot.objectives import info_nce, negative_squared_distances
from tcn_robot.objectives.info_nce import soft_info_nce
from tcn_robot.objectives.moments import Moments, nearness_in_time
from tcn_robot.objectives.tcn import TcnOptions, time_contrastive_loss
from tests.objectives.steps import randn, random_mask

PAIRS = 9


def film(times_seconds, episodes=None) -> Moments:
    """Pairs of two views, one at each time."""
    count = len(times_seconds)
    times = torch.tensor(times_seconds, dtype=torch.float64).repeat(2)
    episode = torch.tensor(episodes or [0] * count).repeat(2)
    view = torch.arange(2).repeat_interleave(count)
    moment = torch.arange(count).repeat(2)
    lengths, spans = torch.full((2 * count,), count), torch.full((2 * count,), 9.0)
    return Moments(episode, view, moment, times, moment, lengths, spans, (2, count))


def loop_soft_info_nce(similarities, negatives, nearness):
    total = 0.0
    count = len(similarities)
    for s, mask, near in (
        (similarities, negatives, nearness),
        (similarities.T, negatives.T, nearness.T),
    ):
        for i in range(count):
            candidates = [j for j in range(count) if j == i or mask[i, j]]
            all_found = sum(math.exp(float(s[i, j])) for j in candidates)
            all_wanted = sum(float(near[i, j]) for j in candidates)
            for j in candidates:
                found = math.exp(float(s[i, j])) / all_found
                total -= float(near[i, j]) / all_wanted * math.log(found) / count / 2
    return total


def drawn(seed: int):
    similarities = randn(PAIRS, PAIRS, seed=seed).double()
    nearness = torch.rand(PAIRS, PAIRS, generator=torch.Generator().manual_seed(seed)).double()
    return similarities, random_mask(PAIRS, PAIRS, seed=seed), nearness + torch.eye(PAIRS)


@pytest.mark.parametrize("seed", range(4))
def test_equals_a_loop_over_all_pairs(seed):
    similarities, negatives, nearness = drawn(seed)
    loss = soft_info_nce(similarities, negatives, nearness)
    assert float(loss) == pytest.approx(
        loop_soft_info_nce(similarities, negatives, nearness), rel=1e-12
    )


def test_equals_torch_where_everything_is_a_candidate():
    similarities, _, nearness = drawn(7)
    everything = torch.ones(PAIRS, PAIRS, dtype=torch.bool)
    rows = cross_entropy(similarities, nearness / nearness.sum(1, keepdim=True))
    columns = cross_entropy(similarities.T, (nearness / nearness.sum(0)).T)
    loss = soft_info_nce(similarities, everything, nearness)
    assert float(loss) == pytest.approx(float(rows + columns) / 2, rel=1e-12)


def test_is_info_nce_where_nothing_else_is_near():
    similarities, negatives, _ = drawn(3)
    alone = torch.eye(PAIRS, dtype=torch.float64)
    loss = soft_info_nce(similarities, negatives, alone)
    assert float(loss) == pytest.approx(float(info_nce(similarities, negatives)), rel=1e-12)


def test_closed_forms():
    alike = torch.zeros(PAIRS, PAIRS, dtype=torch.float64)
    nearness = torch.ones(PAIRS, PAIRS, dtype=torch.float64)
    everything = torch.ones(PAIRS, PAIRS, dtype=torch.bool)
    assert float(soft_info_nce(alike, everything, nearness)) == pytest.approx(math.log(PAIRS))
    assert float(soft_info_nce(alike, ~everything, nearness)) == 0.0  # nothing to tell apart


def test_what_is_no_candidate_gets_no_gradient():
    similarities, _, nearness = drawn(1)
    similarities.requires_grad_()
    negatives = torch.zeros(PAIRS, PAIRS, dtype=torch.bool)
    negatives[0, 1] = negatives[1, 0] = True
    soft_info_nce(similarities, negatives, nearness).backward()
    touched = similarities.grad != 0
    expected = negatives | torch.eye(PAIRS, dtype=torch.bool)
    expected[range(2, PAIRS), range(2, PAIRS)] = False  # alone with itself: no choice
    assert torch.equal(touched, expected)


def test_nearness_is_a_bell_within_an_episode():
    moments = film([0.0, 0.1, 0.7, 0.1], episodes=[0, 0, 0, 1])
    nearness = nearness_in_time(moments, 0.2)
    for i in range(len(moments)):
        for j in range(len(moments)):
            gap = float(moments.time_seconds[i] - moments.time_seconds[j])
            same = bool(moments.episode[i] == moments.episode[j])
            expected = math.exp(-(gap**2) / 0.08) if same else 0.0
            assert float(nearness[i, j]) == pytest.approx(expected, abs=1e-7)


def test_a_line_in_time_is_the_best_embedding():
    """With squared distances and targets of width w, a step of time dt costs dt / (w sqrt 2)."""
    times = [0.1 * t for t in range(20)]
    moments, options = film(times), TcnOptions(target_width_seconds=0.4)

    def loss(scale: float) -> float:
        line = torch.tensor(times, dtype=torch.float64).repeat(2)[:, None] * scale
        [value] = time_contrastive_loss(line, moments, options).terms.values()
        return float(value)

    best = 1 / (0.4 * math.sqrt(2))
    assert loss(best) < min(loss(0.9 * best), loss(1.1 * best), loss(0.0))


def test_of_a_whole_batch_equals_the_loop():
    moments = film([0.0, 0.3, 0.5, 0.2, 0.6], episodes=[0, 0, 0, 1, 1])
    embeddings = randn(10, 3, seed=5)
    options = TcnOptions(target_width_seconds=0.25, negatives="all")
    [value] = time_contrastive_loss(embeddings, moments, options).terms.values()
    similarities = negative_squared_distances(*embeddings.chunk(2))
    nearness = nearness_in_time(moments, 0.25)[:5, 5:]
    everything = ~torch.eye(5, dtype=torch.bool)
    expected = loop_soft_info_nce(similarities, everything, nearness)
    assert float(value) == pytest.approx(expected, rel=1e-5)
