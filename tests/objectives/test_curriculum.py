"""The curriculum goes the paper's way: thresholds stay cosines, hard negatives come late."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tcn_robot.objectives.curriculum import choose_negatives, masked_share, mining_threshold
from tcn_robot.objectives.memory_bank import random_directions

COSINES = st.floats(-1, 1)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def scene(anchors: int = 6, entries: int = 40, seed: int = 0):
    """Cosines, excluded entries (each anchor's own), and a random order."""
    cosines = (
        random_directions(anchors, 4, generator(seed))
        @ random_directions(entries, 4, generator(seed + 1)).T
    )
    excluded = torch.zeros(anchors, entries, dtype=torch.bool)
    excluded[torch.arange(anchors), torch.arange(anchors)] = True
    return cosines, excluded, torch.rand(entries, generator=generator(seed + 2))


@given(low=COSINES, width=st.floats(0, 1), rate=st.floats(0, 1e3), progress=st.floats(0, 1))
def test_threshold_never_leaves_its_range(low, width, rate, progress):
    high = low + (1 - low) * width
    threshold = mining_threshold(low, high, rate, progress)
    assert low <= threshold <= high + 1e-12
    assert -1 <= threshold <= 1 + 1e-12


def test_threshold_rises_where_the_released_code_falls():
    thresholds = [mining_threshold(-1, 1, 5, progress / 100) for progress in range(101)]
    assert thresholds == sorted(thresholds)
    assert thresholds[0] == -1
    assert thresholds[20] == pytest.approx(-1 + 2 * (1 - math.exp(-1)))
    assert 0.98 < thresholds[-1] < 1
    without_the_minus = -1 + 2 * (1 - math.exp(5 * 1.0))
    assert without_the_minus < -290  # the bug, as it was found


def loop_choice(cosines, excluded, threshold, count, order):
    chosen = []
    for i in range(len(cosines)):
        possible = [j for j in range(cosines.shape[1]) if not excluded[i, j]]
        fair = [j for j in possible if threshold is not None and cosines[i, j] < threshold]
        hard = sorted(fair, key=lambda j: -float(cosines[i, j]))[:count]
        rest = sorted((j for j in possible if j not in hard), key=lambda j: -float(order[j]))
        chosen.append(set((hard + rest)[:count]))
    return chosen


@pytest.mark.parametrize("threshold", [None, -1.0, -0.6, 0.0, 0.5, 0.95, 1.0])
@pytest.mark.parametrize("count", [1, 8, 39])
def test_choice_equals_a_loop(threshold, count):
    cosines, excluded, order = scene()
    chosen = choose_negatives(cosines, excluded, threshold, count, order)
    expected = loop_choice(cosines, excluded, threshold, count, order)
    assert [set(row) for row in chosen.tolist()] == expected
    assert all(len(set(row)) == count for row in chosen.tolist())


def test_hardest_late_and_random_early():
    cosines, excluded, order = scene(entries=200)
    hardest = cosines.masked_fill(excluded, -2).topk(10, dim=1).indices
    late = choose_negatives(cosines, excluded, mining_threshold(-1, 1, 5, 0.999), 10, order)
    early = choose_negatives(cosines, excluded, mining_threshold(-1, 1, 5, 0.0), 10, order)

    def shared(chosen):
        return (
            sum(
                len(set(a) & set(b)) for a, b in zip(chosen.tolist(), hardest.tolist(), strict=True)
            )
            / chosen.numel()
        )

    assert shared(late) > 0.8  # all but those above .987
    assert shared(early) < 0.2
    assert late.tolist() != early.tolist()
    assert float(cosines.gather(1, late).mean()) > float(cosines.gather(1, early).mean()) + 0.5


def test_what_is_too_hard_yet_is_left_out_while_there_is_enough_else():
    cosines, excluded, order = scene(entries=200)
    chosen = choose_negatives(cosines, excluded, 0.3, 10, order)
    picked = cosines.gather(1, chosen)
    assert float(picked.max()) < 0.3
    assert float(picked.min()) > 0.0


def test_own_entry_is_never_a_negative():
    cosines, excluded, order = scene()
    cosines[excluded] = 0.99  # as hard as can be, and what the released code takes first
    for threshold in (None, -1.0, 0.5, 1.0):
        chosen = choose_negatives(cosines, excluded, threshold, 39, order)
        assert not excluded.gather(1, chosen).any()


def test_without_mining_every_entry_is_as_likely():
    cosines, excluded, _ = scene(anchors=2, entries=10)
    counts = torch.zeros(2, 10)
    rng = generator(5)
    for _ in range(600):
        chosen = choose_negatives(cosines, excluded, None, 3, torch.rand(10, generator=rng))
        counts.scatter_add_(1, chosen, torch.ones(2, 3))
    assert not counts[excluded].any()
    assert torch.allclose(counts[~excluded] / 600, torch.tensor(1 / 3), atol=0.08)


def test_inputs_are_not_changed_and_no_gradient_is_needed():
    cosines, excluded, order = scene()
    copies = cosines.clone(), excluded.clone(), order.clone()
    choose_negatives(cosines.requires_grad_(), excluded, 0.2, 5, order)
    for now, before in zip((cosines, excluded, order), copies, strict=True):
        assert torch.equal(now, before)


def test_masked_share_counts_what_is_too_hard():
    cosines, excluded, _ = scene()
    expected = [
        bool(cosines[i, j] >= 0.1) for i in range(6) for j in range(40) if not excluded[i, j]
    ]
    share = float(masked_share(cosines, excluded, 0.1))
    assert share == pytest.approx(sum(expected) / len(expected))
    assert float(masked_share(cosines, excluded, -1.0)) == 1
    assert float(masked_share(cosines, excluded, None)) == 0
