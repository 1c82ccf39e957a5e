"""TCC and TCC + TCN as objectives: which films meet, and both losses against their parts."""

import math

import pytest
import torch

from tcn_robot.errors import UserError
from tcn_robot.objectives import OBJECTIVES, Moments, n_pairs
from tcn_robot.objectives.cycle_consistency import (
    cycle_classification,
    cycle_huber_error,
    cycle_logits,
    cycle_squared_error,
    cycle_squared_error_by_variance,
)
from tcn_robot.objectives.tcc import pairs_of_films
from tests.objectives.films import film_moments, moments_of
from tests.objectives.steps import loss_of, losses_of

CYCLE_LOSSES = ["regression_mse_var", "regression_mse", "regression_huber", "classification"]


def randn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def paired_moments(partners: str = "times") -> Moments:
    """Two films of five frames, and a partner two frames before each, or in the other view."""
    frame = torch.tensor([[8, 16, 24, 32, 39]] * 2)
    episode = torch.tensor([[0], [3]]).expand(2, 2, 5)
    if partners == "views":
        both = torch.stack([frame, frame])
        view = torch.tensor([0, 1])[:, None, None].expand_as(both)
        return moments_of(episode, both, 40, view)
    return moments_of(episode, torch.stack([frame, frame - 2]), 40)


# --- which films meet -------------------------------------------------------------------------


def test_pairs_are_ordered_and_never_a_film_with_itself():
    episode = torch.tensor([4, 4, 7, 7])
    found = {
        across: set(zip(*(side.tolist() for side in pairs_of_films(episode, across)), strict=True))
        for across in ("films", "views", "both")
    }
    assert found["views"] == {(0, 1), (1, 0), (2, 3), (3, 2)}
    assert found["films"] == {(a, b) for a in (0, 1) for b in (2, 3)} | {
        (b, a) for a in (0, 1) for b in (2, 3)
    }
    assert found["both"] == found["films"] | found["views"]


@pytest.mark.parametrize("cycle_loss", CYCLE_LOSSES)
def test_the_loss_is_the_mean_over_all_ordered_pairs(cycle_loss):
    e, moments = randn(3, 5, 4), film_moments([2, 0, 5], 5)
    times = moments.frame.reshape(3, 5).double() / 40
    judge = {
        "regression_mse_var": lambda x, t: cycle_squared_error_by_variance(x, t, 0.001),
        "regression_mse": cycle_squared_error,
        "regression_huber": lambda x, t: cycle_huber_error(x, t, 0.1),
        "classification": lambda x, t: cycle_classification(x, t, 0.1),
    }[cycle_loss]
    singles = [
        judge(cycle_logits(e[a][None], e[b][None], "distance", 0.1), times[a][None])
        for a in range(3)
        for b in range(3)
        if a != b
    ]
    found = loss_of("tcc", e.flatten(0, 1), moments, cycle_loss=cycle_loss)
    assert float(found) == pytest.approx(float(sum(singles)) / 6, rel=1e-5)


def test_two_views_of_a_film_meet_only_when_asked():
    e = randn(2, 6, 4).flatten(0, 1)
    moments = film_moments([3, 3], 6, views=[0, 1])
    assert float(loss_of("tcc", e, moments)) == 0
    across_views = losses_of("tcc", e, moments, cycle="views")
    assert float(across_views.terms["cycle"]) != 0
    assert float(loss_of("tcc", e, moments, cycle="both")) == pytest.approx(
        float(across_views.terms["cycle"])
    )


def test_indices_in_frames_or_in_shares_of_the_film():
    e, moments = randn(2, 5, 4).flatten(0, 1), film_moments([0, 1], 5, film_frames=40)
    share = loss_of("tcc", e, moments, cycle_loss="regression_mse")
    frames = loss_of("tcc", e, moments, cycle_loss="regression_mse", normalise_indices=False)
    assert float(frames) == pytest.approx(float(share) * 40**2, rel=1e-5)


def test_figures_of_films_that_are_alike():
    film = 8 * torch.eye(6, dtype=torch.float64)
    figures = losses_of("tcc", film.repeat(3, 1), film_moments([0, 1, 2], 6)).figures
    assert float(figures["cycle_accuracy"]) == 1
    assert float(figures["cycle_error"]) == pytest.approx(0, abs=1e-6)
    same = losses_of("tcc", torch.ones(18, 4), film_moments([0, 1, 2], 6)).figures
    assert float(same["cycle_error"]) > 0.2


def test_shifted_embeddings_and_their_order_change_nothing():
    e, moments = randn(3, 5, 4), film_moments([0, 1, 2], 5)
    loss = float(loss_of("tcc", e.flatten(0, 1), moments))
    assert float(loss_of("tcc", (e + 3).flatten(0, 1), moments)) == pytest.approx(loss)
    assert float(loss_of("tcc", e[[2, 0, 1]].flatten(0, 1), moments)) == pytest.approx(loss)


# --- TCC + TCN ----------------------------------------------------------------------------------


def test_both_losses_are_their_parts():
    e = randn(2, 2, 5, 4)
    moments = paired_moments()
    losses = losses_of("tcc_tcn", e.flatten(0, 2), moments, cycle_weight=0.3, regularisation=0.01)
    alone = loss_of("tcc", e[0].flatten(0, 1), film_moments_of(moments))
    assert float(losses.terms["cycle"]) == pytest.approx(0.3 * float(alone))
    by_film = [
        float(n_pairs(e[0, film], e[1, film], far_apart(moments, film), 0.01)) for film in (0, 1)
    ]
    assert float(losses.terms["npairs"]) == pytest.approx(0.7 * sum(by_film) / 2)


def film_moments_of(moments: Moments) -> Moments:
    """Return the first half of paired moments: the films without their partners."""
    half = len(moments) // 2
    shape = moments.shape[1:]
    return moments_of(
        moments.episode[:half].reshape(shape), moments.frame[:half].reshape(shape), 40
    )


def far_apart(moments: Moments, film: int, window: int = 5) -> torch.Tensor:
    frame = moments.frame.reshape(moments.shape)[:, film]
    return torch.tensor([[abs(int(a) - int(p)) > window for p in frame[1]] for a in frame[0]])


def test_partners_in_other_views_are_told_by_the_moment():
    """A repeated frame is the same moment, so it is no negative of itself."""
    e = randn(2, 2, 5, 4)
    moments = paired_moments("views")
    options = {"partners": "views", "cycle_weight": 0.0, "regularisation": 0.0}
    loss = loss_of("tcc_tcn", e.flatten(0, 2), moments, **options)
    others = ~torch.eye(5, dtype=torch.bool)
    by_film = [float(n_pairs(e[0, film], e[1, film], others, 0.0)) for film in (0, 1)]
    assert float(loss) == pytest.approx(sum(by_film) / 2)
    repeated = moments_of(
        moments.episode.reshape(2, 2, 5),
        torch.full((2, 2, 5), 7),
        40,
        moments.view.reshape(2, 2, 5),
    )
    assert float(loss_of("tcc_tcn", e.flatten(0, 2), repeated, **options)) == 0


def test_frames_within_the_window_are_no_negatives():
    """The released code pushes apart what its own window calls the same."""
    frame = torch.tensor([[10, 11, 12, 13, 14]] * 2)
    episode = torch.tensor([[0], [1]]).expand(2, 2, 5)
    moments = moments_of(episode, torch.stack([frame, frame - 1]), 40)
    options = {"cycle_weight": 0.0, "regularisation": 0.0}
    assert float(loss_of("tcc_tcn", randn(20, 4), moments, **options)) == 0


# --- gradients, degenerate batches, precision -----------------------------------------------------

CASES = [("tcc", film_moments([0, 1], 5), {"cycle_loss": loss}) for loss in CYCLE_LOSSES] + [
    ("tcc", film_moments([0, 1], 5), {"similarity": "cosine"}),
    ("tcc_tcn", paired_moments(), {}),
    ("tcc_tcn", paired_moments("views"), {"partners": "views"}),
]


@pytest.mark.parametrize(("name", "moments", "options"), CASES)
def test_gradients_are_those_of_finite_differences(name, moments, options):
    e = randn(len(moments), 3).requires_grad_()
    # Indices are float32; so is what they add to rounding.
    assert torch.autograd.gradcheck(lambda x: loss_of(name, x, moments, **options), (e,))


@pytest.mark.parametrize(("name", "moments", "options"), CASES)
def test_bfloat16_is_near_float64(name, moments, options):
    e = randn(len(moments), 8)
    exact = float(loss_of(name, e, moments, **options))
    found = float(loss_of(name, e.bfloat16(), moments, **options))
    assert found == pytest.approx(exact, rel=0.05, abs=0.02)


@pytest.mark.parametrize(("name", "moments", "options"), CASES)
def test_inputs_are_not_changed(name, moments, options):
    e = randn(len(moments), 4)
    before = e.clone()
    loss_of(name, e, moments, **options)
    assert torch.equal(e, before)


@pytest.mark.parametrize(("name", "moments", "options"), CASES)
def test_collapsed_embeddings_are_finite_with_a_working_backward_pass(name, moments, options):
    e = torch.ones(len(moments), 4, dtype=torch.float64, requires_grad=True)
    loss = loss_of(name, e, moments, **options)
    loss.backward()
    assert math.isfinite(loss.item())
    assert torch.isfinite(e.grad).all()


def test_one_film_alone_is_zero_with_a_working_backward_pass():
    e = randn(5, 4).requires_grad_()
    loss = loss_of("tcc", e, film_moments([3], 5))
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(e.grad, torch.zeros_like(e))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("tcc", {"temperature": 0.0}),
        ("tcc", {"huber_delta": -1.0}),
        ("tcc", {"label_smoothing": 1.0}),
        ("tcc_tcn", {"cycle_weight": 1.1}),
        ("tcc_tcn", {"temperature": float("nan")}),
    ],
)
def test_options_that_cannot_work_are_named(name, options):
    option = next(iter(options)).replace("_", "-")
    moments = paired_moments() if name == "tcc_tcn" else film_moments([0, 1], 5)
    with pytest.raises(UserError, match=f"--{option}"):
        loss_of(name, randn(len(moments), 4), moments, **options)


def test_length_of_embeddings():
    tcc = OBJECTIVES["tcc"]
    assert not tcc.unit_length(tcc.Options())
    assert tcc.unit_length(tcc.Options(similarity="cosine"))
    assert not OBJECTIVES["tcc_tcn"].unit_length(OBJECTIVES["tcc_tcn"].Options())
