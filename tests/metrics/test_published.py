"""Published figures against their definitions, and what fools them beside ours that is not."""

import itertools

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import kendalltau

from tcn_robot.errors import UserError
from tcn_robot.metrics import (
    alignment_accuracy,
    alignment_error,
    chance_alignment_accuracy,
    chance_alignment_error,
    kendall_tau,
    published_alignment_error,
    published_cycle_consistency,
    published_delft_accuracy,
    published_kendall_tau,
    two_way_cycle_consistency,
)

RNG = np.random.default_rng(0)
EPISODES = [RNG.normal(size=(length, 3)) for length in (9, 12, 7)]
COLLAPSED = np.full((40, 8), 0.5)
LINE = np.linspace(0, 1, 40)[:, None]
ARC = np.stack([np.cos(LINE[:, 0]), np.sin(LINE[:, 0])], axis=1)  # an ordered film, by angle


def test_alignment_error_equals_the_loop():
    u, v = RNG.normal(size=(2, 15, 4))
    gaps = [abs(t - int(((v - u[t]) ** 2).sum(axis=1).argmin())) / 15 for t in range(15)]
    assert published_alignment_error(u, v) == pytest.approx(np.mean(gaps), abs=1e-12)


def test_alignment_error_never_asks_for_half_the_frames():
    """Every second frame of v is nowhere near u: what u looks for is one frame away."""
    v = np.where(np.arange(40)[:, None] % 2, 100.0, LINE)
    assert published_alignment_error(LINE, v) == pytest.approx(0.5 / 40)
    # Those frames find u's last one, t frames before the end: 38, 36, ... 0 of 40.
    assert alignment_error(LINE, v) == pytest.approx((0.5 / 40 + 19 / 2 / 40) / 2)


def test_alignment_error_of_a_collapse_depends_on_memory():
    assert published_alignment_error(COLLAPSED, COLLAPSED) == pytest.approx(39 / 80)
    assert alignment_error(COLLAPSED, COLLAPSED) == pytest.approx(chance_alignment_error(40))
    # All that is left of v is its middle frame: better than chance, and nothing is known.
    middle = np.where(np.arange(40)[:, None] == 20, COLLAPSED, COLLAPSED + 1)
    assert published_alignment_error(COLLAPSED, middle) == pytest.approx(0.25)
    assert alignment_accuracy(COLLAPSED, middle) < 0.1


def test_kendall_tau_equals_the_definition():
    for stride, distance in itertools.product((1, 2), ("euclidean", "cosine")):
        metric = {"euclidean": "sqeuclidean", "cosine": "cosine"}[distance]
        taus = []
        for u, v in itertools.permutations([e[::stride] for e in EPISODES], 2):
            found = cdist(u, v, metric).argmin(axis=1)
            taus.append(kendalltau(np.arange(len(found)), found).statistic)
        found = published_kendall_tau(EPISODES, stride, distance=distance)
        assert found == pytest.approx(np.mean(taus), abs=1e-12)


def test_kendall_tau_leaves_out_what_collapsed():
    """Two episodes in order and four that are all alike: 1, where most of it is unknown."""
    episodes = [LINE, LINE + 1e-3, *[np.full((30, 1), 0.5)] * 4]
    assert published_kendall_tau(episodes) == pytest.approx(1)
    ours = [kendall_tau(u, v).tau_b for u, v in itertools.permutations(episodes, 2)]
    assert np.mean(ours) == pytest.approx(2 / 30)
    assert published_kendall_tau([COLLAPSED] * 3) == 0


def test_kendall_tau_of_four_states_is_the_headline_of_a_paper():
    states = np.floor(np.arange(100) / 25)[:, None]
    assert published_kendall_tau([states, states]) == pytest.approx(0.870, abs=6e-4)
    ours = kendall_tau(states, states)
    assert ours.tau_a == pytest.approx(0.758, abs=6e-4)
    assert ours.effective_states == pytest.approx(4)


def cycle_by_loop(episodes, ways, stride):
    """Frame by frame, in the code's own terms."""
    strided = [list(e[::stride]) for e in episodes]
    scores = []
    for names in itertools.permutations(range(len(episodes)), ways):
        closed = []
        for t, truth in enumerate(np.arange(len(episodes[names[0]]))[::stride]):
            ends = []
            for rest in {names[1:], names[:0:-1]}:
                index, here = t, names[0]
                for there in (*rest, names[0]):
                    query = strided[here][index]
                    index = int(np.argmin([((query - x) ** 2).sum() for x in strided[there]]))
                    here = there
                ends.append(abs(index - truth) <= 1)
            closed.append(all(ends))
        scores.append(np.mean(closed))
    return np.mean(scores)


@pytest.mark.parametrize("ways", [2, 3])
@pytest.mark.parametrize("stride", [1, 2])
def test_cycles_equal_the_loop(ways, stride):
    found = published_cycle_consistency(EPISODES, ways, stride)
    assert found == pytest.approx(cycle_by_loop(EPISODES, ways, stride), abs=1e-12)


def test_cycles_are_fooled_by_order_and_by_their_stride():
    assert published_cycle_consistency([LINE, LINE[::-1]]) == 1
    assert kendall_tau(LINE, LINE[::-1]).tau_a == -1
    # A stride of 2: frame t of those left is compared with frame 2t.
    assert published_cycle_consistency([LINE, LINE], stride=2) == pytest.approx(2 / 20)
    assert two_way_cycle_consistency(LINE[::2], LINE[::2]) == 1


@pytest.mark.parametrize(
    ("film", "distance", "tolerance", "expected"),
    [
        (COLLAPSED, "euclidean", 0, 1.0),
        (COLLAPSED, "euclidean", 1, 1.0),
        (COLLAPSED, "cosine", 1, 39 / 40),
        (ARC, "cosine", 1, 39 / 40),
        (ARC, "cosine", 0, 0.0),
    ],
)
def test_delft_accuracy_of_collapsed_and_ordered_films(film, distance, tolerance, expected):
    """What its own code gives for these films of 40 frames."""
    found = published_delft_accuracy(film, tolerance, distance=distance)
    assert found == pytest.approx(expected, abs=1e-12)
    ours = alignment_accuracy(film, film, tolerance, distance=distance)
    chance = chance_alignment_accuracy(40, tolerance)
    assert ours == pytest.approx(chance if film is COLLAPSED else 1.0)


def test_delft_accuracy_of_a_random_film_is_low():
    for distance in ("cosine", "euclidean"):
        assert published_delft_accuracy(RNG.normal(size=(40, 32)), 1, distance=distance) < 0.3


def test_bad_input_is_one_line():
    with pytest.raises(UserError, match="2 episodes or more, found 1"):
        published_kendall_tau([LINE])
    with pytest.raises(UserError, match="3 episodes or more, found 2"):
        published_cycle_consistency([LINE, LINE], 3)
    with pytest.raises(UserError, match="2 or 3 ways, found 4"):
        published_cycle_consistency([LINE, LINE], 4)
    with pytest.raises(UserError, match="one dimension"):
        published_kendall_tau([LINE, ARC])
    with pytest.raises(UserError, match="stride of 1 or more, found 0"):
        published_kendall_tau([LINE, LINE], 0)
    with pytest.raises(UserError, match="one length"):
        published_alignment_error(LINE, LINE[1:])
    with pytest.raises(UserError, match="finite"):
        published_delft_accuracy(np.full((3, 2), np.nan))
