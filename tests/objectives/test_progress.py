"""Progress as an objective: which distances it asks for, and what its figures say."""

import numpy as np
import pytest
import torch

from tcn_robot.data.film_table import FilmTable
from tcn_robot.data.sampling import Batch, BatchOptions
from tcn_robot.errors import UserError
from tcn_robot.objectives import OBJECTIVES
from tcn_robot.objectives.progress import film_distances
from tcn_robot.objectives.temporal_distance import distance_loss
from tcn_robot.training.step import to_moments
from tests.data.films import blank_film
from tests.objectives.films import moments_of
from tests.objectives.steps import GivenEncoder, GivenStep, loss_of, losses_of, setting_of

FIRST = torch.tensor([0, 39, 10, 20, 7, 5])
SECOND = torch.tensor([39, 0, 20, 10, 7, 30])
EPISODE = torch.tensor([[0, 0, 1, 1, 2, 3], [0, 0, 1, 1, 2, 4]])
PAIRS = moments_of(EPISODE, torch.stack([FIRST, SECOND]), film_frames=40)
DISTANCES = [1.0, -1.0, 10 / 39, -10 / 39, 0.0, 0.0]


def randn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def objective(dimension: int = 4, seed: int = 0, **options):
    made = OBJECTIVES["progress"]
    setting = setting_of(GivenEncoder(dimension), 5, seed=seed)
    return made(made.Options(**options), setting).double()


def test_distances_are_signed_shares_of_the_film_and_none_between_films():
    assert film_distances(PAIRS).tolist() == pytest.approx(DISTANCES)


def test_places_are_on_the_clock_of_the_episode_and_not_on_that_of_a_view():
    """Camera a films from 0 to 4 s, camera b from 2 to 6 s: one moment is at one place."""
    films = FilmTable([[np.arange(5.0), np.arange(2.0, 7.0)]])
    view, frame = np.array([0, 0, 0, 1, 1, 0]), np.array([2, 0, 3, 0, 4, 0])
    episode = np.zeros(6, np.int64)
    times = films.times_seconds[films.positions(episode, view, frame)]
    batch = Batch(episode, view, frame, np.arange(6), times, (2, 3))
    moments = to_moments(batch, films, torch.device("cpu"))
    assert film_distances(moments).tolist() == pytest.approx([0.0, 1.0, -0.5])


def test_films_of_any_rate_count_in_their_own_share():
    """Two views of one episode at different rates: the same moment is at the same place."""
    moments = moments_of(torch.zeros(2, 3, dtype=torch.int64), torch.tensor([[0, 9, 9]] * 2), 10)
    moments.film_frames[3:], moments.time_seconds[3:] = 19, torch.tensor([0.0, 0.45, 0.45])
    assert film_distances(moments).tolist() == pytest.approx([0.0, -0.5, -0.5])


@pytest.mark.parametrize("shift", [0.0, 0.03, 1.0])
def test_pairs_across_views_show_times_that_both_saw(shift):
    """A label never says more than half a frame period of what the first view would have said."""
    films = [blank_film({"a": np.arange(20) * 0.1, "b": shift + np.arange(12) * 0.1})]
    options = OBJECTIVES["progress"].Options(pair_views="any")
    sampler = OBJECTIVES["progress"].sampler(options, films, BatchOptions(2000, 1))
    batch = sampler.draw(np.random.default_rng(0))
    same = OBJECTIVES["progress"].sampler(
        OBJECTIVES["progress"].Options(), films, BatchOptions(2000, 1)
    )
    meant = same.draw(np.random.default_rng(0))  # the pairs before a view is changed
    assert np.abs(batch.time_seconds - meant.time_seconds).max() <= 0.05 + 1e-6
    changed = (batch.view != meant.view)[1000:]
    overlap = (meant.time_seconds >= shift - 0.05) & (meant.time_seconds <= shift + 1.15)
    in_a = meant.view == 0
    seen = np.where(in_a, overlap, meant.time_seconds <= 1.95)[1000:]
    assert np.array_equal(changed, seen)  # always another view, where there is one
    assert changed.any()


def test_a_film_of_one_frame_is_at_its_start():
    moments = moments_of(torch.zeros(2, 1, dtype=torch.int64), torch.zeros(2, 1).long(), 1)
    assert film_distances(moments).tolist() == [0.0]


def test_the_loss_is_that_of_the_head():
    made, e = objective(), randn(12, 4)
    losses = made(GivenStep(e, PAIRS))
    expected = distance_loss(made.head(e[:6], e[6:]), torch.tensor(DISTANCES).double())
    assert losses.terms["distance"].item() == pytest.approx(expected.item(), rel=1e-6)
    assert 0 <= float(losses.figures["within_a_bin"]) <= 1


def test_turning_all_pairs_round_changes_nothing():
    """Antisymmetric for any weights: the other order of a pair says the same."""
    e = randn(2, 6, 4)
    swapped = moments_of(EPISODE.flip(0), torch.stack([SECOND, FIRST]), film_frames=40)
    forward, backward = (
        objective()(GivenStep(x.flatten(0, 1), m)).terms["distance"].item()
        for x, m in ((e, PAIRS), (e.flip(0), swapped))
    )
    assert forward == pytest.approx(backward)


def test_figures_of_embeddings_that_say_nothing():
    """A collapsed embedding predicts 0 for every pair, whatever the head."""
    figures = losses_of("progress", torch.ones(12, 4), PAIRS).figures
    mean = sum(abs(d) for d in DISTANCES) / len(DISTANCES)
    assert float(figures["distance_error"]) == pytest.approx(mean, abs=1e-6)
    assert float(figures["within_a_bin"]) == pytest.approx(2 / 6)


@pytest.mark.slow
def test_the_head_learns_what_the_embedding_knows():
    """Embeddings that are the time itself: the distance is found within a bin."""
    made = objective(dimension=2, head_width=32)
    generator = torch.Generator().manual_seed(1)
    optimiser = torch.optim.Adam(made.parameters(), lr=3e-2)
    for _ in range(100):
        frame = torch.randint(0, 40, (2, 64), generator=generator)
        moments = moments_of(torch.zeros_like(frame), frame, 40)
        time = frame.flatten().double() / 39
        losses = made(GivenStep(torch.stack([time, 1 - time], dim=1), moments))
        optimiser.zero_grad()
        losses.terms["distance"].backward()
        optimiser.step()
    assert float(losses.figures["within_a_bin"]) > 0.95


@pytest.mark.parametrize("options", [{}, {"head_width": 0}, {"num_bins": 2}])
def test_gradients_are_those_of_finite_differences(options):
    e, made = randn(12, 4).requires_grad_(), objective(**options)
    assert torch.autograd.gradcheck(lambda x: made(GivenStep(x, PAIRS)).terms["distance"], (e,))


def test_bfloat16_runs_and_inputs_are_not_changed():
    e = randn(12, 4).float()
    before = e.clone()
    loss = loss_of("progress", e, PAIRS)
    assert torch.equal(e, before)
    with torch.autocast("cpu", torch.bfloat16):
        assert loss_of("progress", e, PAIRS).item() == pytest.approx(loss.item(), rel=0.05)


@pytest.mark.parametrize("options", [{"num_bins": 1}, {"head_width": -1}])
def test_options_that_cannot_work_are_named(options):
    with pytest.raises(UserError, match=r"--(num-bins|head-width)"):
        objective(**options)
