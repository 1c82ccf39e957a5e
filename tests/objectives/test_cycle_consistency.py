"""Temporal cycle consistency against a loop from the paper, in closed form, and at its limits."""

import math

import pytest
import torch

from tcn_robot.objectives.cycle_consistency import (
    VARIANCE_FLOOR,
    cycle_classification,
    cycle_huber_error,
    cycle_logits,
    cycle_squared_error,
    cycle_squared_error_by_variance,
    time_of_return,
)


def randn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def times_of(cycles: int, length: int) -> torch.Tensor:
    rising = torch.rand(
        cycles, length, dtype=torch.float64, generator=torch.Generator().manual_seed(5)
    )
    return rising.cumsum(dim=1) / length


# --- oracles: one frame at a time, in plain Python ------------------------------------------


def minus_distance(x, y, temperature):
    return -sum((a - b) ** 2 for a, b in zip(x, y, strict=True)) / len(x) / temperature


def cosine(x, y, temperature):
    length = math.sqrt(sum(a * a for a in x)) * math.sqrt(sum(b * b for b in y))
    return sum(a * b for a, b in zip(x, y, strict=True)) / length / temperature


def softmax(values):
    powers = [math.exp(v - max(values)) for v in values]
    return [p / sum(powers) for p in powers]


SIMILARITIES = {"distance": minus_distance, "cosine": cosine}


def loop_logits(u, v, similarity, temperature):
    """Eq. 1 and the similarities of eq. 2 for one pair of films, lists of lists."""
    s = SIMILARITIES[similarity]
    rows = []
    for frame in u:
        alpha = softmax([s(frame, other, temperature) for other in v])
        neighbour = [
            sum(a * other[d] for a, other in zip(alpha, v, strict=True)) for d in range(len(frame))
        ]
        rows.append([s(neighbour, back, temperature) for back in u])
    return rows


def loop_terms(u, v, times, similarity, temperature):
    """(log share of the frame of departure, mean of all log shares, t - mu, variance) by frame."""
    terms = []
    for t, row in enumerate(loop_logits(u, v, similarity, temperature)):
        beta = softmax(row)
        mean = sum(b * s for b, s in zip(beta, times, strict=True))
        variance = sum(b * (s - mean) ** 2 for b, s in zip(beta, times, strict=True))
        logs = [math.log(b) for b in beta]
        terms.append((logs[t], sum(logs) / len(logs), times[t] - mean, variance))
    return terms


@pytest.mark.parametrize("similarity", SIMILARITIES)
def test_every_loss_equals_the_loop(similarity):
    u, v = randn(3, 5, 4, seed=1), randn(3, 6, 4, seed=2)
    times = times_of(3, 5)
    logits = cycle_logits(u, v, similarity, 0.3)
    terms = [
        term
        for c in range(3)
        for term in loop_terms(u[c].tolist(), v[c].tolist(), times[c].tolist(), similarity, 0.3)
    ]
    count = len(terms)

    def huber(error):
        return 0.5 * error**2 if abs(error) <= 0.1 else 0.1 * (abs(error) - 0.05)

    expected = {
        "classification": -sum(0.9 * own + 0.1 * every for own, every, _, _ in terms) / count,
        "squared": sum(error**2 for _, _, error, _ in terms) / count,
        "huber": sum(huber(error) for _, _, error, _ in terms) / count,
        "variance": sum(
            math.exp(-math.log(var + VARIANCE_FLOOR)) * error**2
            + 0.001 * math.log(var + VARIANCE_FLOOR)
            for _, _, error, var in terms
        )
        / count,
    }
    found = {
        "classification": cycle_classification(logits, times, 0.1),
        "squared": cycle_squared_error(logits, times),
        "huber": cycle_huber_error(logits, times, 0.1),
        "variance": cycle_squared_error_by_variance(logits, times, 0.001),
    }
    for name, value in expected.items():
        assert float(found[name]) == pytest.approx(value), name


# --- closed forms ---------------------------------------------------------------------------


def test_films_that_are_the_same_return_to_the_frame_they_left():
    film = 10 * torch.eye(6, dtype=torch.float64)[None]  # (1, 6, 6)
    times = torch.arange(6, dtype=torch.float64)[None] / 6
    logits = cycle_logits(film, film, "distance", 0.1)
    assert torch.equal(logits.argmax(dim=2), torch.arange(6)[None])
    mean, variance = time_of_return(logits, times)
    torch.testing.assert_close(mean, times)
    assert float(variance.max()) < 1e-9
    assert float(cycle_classification(logits, times, 0.0)) < 1e-9
    assert float(cycle_squared_error(logits, times)) < 1e-9


@pytest.mark.parametrize("similarity", SIMILARITIES)
def test_a_collapsed_embedding_returns_anywhere(similarity):
    """It costs log(T), and the variance of the frames' times: collapse is no way out."""
    film = torch.ones(2, 8, 3, dtype=torch.float64)
    times = torch.arange(8, dtype=torch.float64).expand(2, 8) / 8
    logits = cycle_logits(film, film, similarity, 0.1)
    assert float(cycle_classification(logits, times, 0.1)) == pytest.approx(math.log(8))
    spread = float(times[0].var(correction=0))
    assert float(cycle_squared_error(logits, times)) == pytest.approx(spread)
    by_variance = 1 * spread / (spread + VARIANCE_FLOOR) + 0.001 * math.log(spread + VARIANCE_FLOOR)
    assert float(cycle_squared_error_by_variance(logits, times, 0.001)) == pytest.approx(
        by_variance
    )


def test_frames_that_are_the_same_frame_share_the_target():
    """A film shorter than the row repeats frames; which copy comes back says nothing."""
    film = 10 * torch.eye(3, dtype=torch.float64)[[0, 0, 1, 2]][None]
    times = torch.tensor([[0.0, 0.0, 1.0, 2.0]], dtype=torch.float64)
    logits = cycle_logits(film, film, "distance", 0.01)
    loss = cycle_classification(logits, times, 0.0)
    assert float(loss) == pytest.approx((2 * math.log(2)) / 4)
    assert float(cycle_squared_error(logits, times)) == pytest.approx(0, abs=1e-9)


def test_moving_both_films_changes_no_distance():
    u, v = randn(2, 7, 4, seed=3), randn(2, 7, 4, seed=4)
    near = cycle_logits(u, v, "distance", 0.1).softmax(dim=2)
    far = cycle_logits((u + 1000).float(), (v + 1000).float(), "distance", 0.1).softmax(dim=2)
    torch.testing.assert_close(far.double(), near, atol=2e-3, rtol=0)


def test_a_certain_return_to_the_wrong_frame_stays_finite():
    """The variance underflows: log(0) and a division by it are what the floor is for."""
    logits = torch.full((1, 3, 3), -1e4).index_fill(2, torch.tensor([0]), 1e4).requires_grad_()
    times = torch.tensor([[0.0, 0.5, 1.0]])
    loss = cycle_squared_error_by_variance(logits, times, 0.001)
    loss.backward()
    assert math.isfinite(loss.item())
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("similarity", SIMILARITIES)
def test_gradients_are_those_of_finite_differences(similarity):
    times = times_of(2, 4)

    def total(u, v):
        logits = cycle_logits(u, v, similarity, 0.5)
        return (
            cycle_classification(logits, times, 0.1)
            + cycle_squared_error_by_variance(logits, times, 0.001)
            + cycle_huber_error(logits, times, 0.1)
            + cycle_squared_error(logits, times)
        )

    films = (randn(2, 4, 3, seed=6).requires_grad_(), randn(2, 5, 3, seed=7).requires_grad_())
    assert torch.autograd.gradcheck(total, films)
