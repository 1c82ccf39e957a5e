"""What an anchor of `tcn` is compared with, when partners are of one view, and that it is."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from tcn_robot.data.sampling import BatchOptions
from tcn_robot.errors import UserError
from tcn_robot.objectives.moments import Moments
from tcn_robot.objectives.tcn import Tcn, TcnOptions
from tests.data.films import blank_film
from tests.objectives.steps import loss_of, losses_of, one_view_moments, randn


def loop_over_partners(e, moments, scope, score, both_ways):
    """-log of the own partner's share among the partners of anchors that are no neighbours.

    Frame against frame in time: an anchor is compared with what other anchors' partners show.
    """
    half = len(e) // 2

    def may_be_pushed(row, column):
        if moments.episode[row] != moments.episode[column]:
            return scope != "episode"
        gap = abs(float(moments.time_seconds[row] - moments.time_seconds[column]))
        return scope != "others" and row % half != column % half and gap > 0.4 + 1e-6

    total = 0.0
    for anchor in range(2 * half if both_ways else half):
        partner = (anchor + half) % (2 * half)
        first = half if anchor < half else 0
        pushed = [n for n in range(first, first + half) if may_be_pushed(anchor, n)]
        own = math.exp(score(e[anchor], e[partner]))
        total -= math.log(own / (own + sum(math.exp(score(e[anchor], e[n])) for n in pushed)))
    return total / (2 * half if both_ways else half)


@pytest.mark.parametrize("scope", ["episode", "others", "all"])
@pytest.mark.parametrize("seed", range(3))
def test_pairs_of_one_view_equal_a_loop_with_the_exclusion(scope, seed):
    """Anchors 0.1 s apart, so that the exclusion lies otherwise for anchors than for partners."""
    later = torch.randint(1, 3, (10,), generator=torch.Generator().manual_seed(seed))
    frame = torch.cat([torch.arange(10), torch.arange(10) + later])
    moments = dataclasses.replace(
        one_view_moments([0] * 7 + [1] * 3), frame=frame, time_seconds=frame.double() * 0.1
    )
    e = randn(20, 4, seed=seed)

    def minus_square(u, v):
        return -float(((u - v) ** 2).sum())

    def inner(u, v):
        return float(u @ v)

    options = {"pairing": "times", "negatives": scope}
    expected = loop_over_partners(e, moments, scope, minus_square, both_ways=True)
    assert float(loss_of("tcn", e, moments, **options)) == pytest.approx(expected)
    expected = loop_over_partners(e, moments, scope, inner, both_ways=False)
    found = loss_of("tcn", e, moments, loss="npairs", regularisation=0.0, **options)
    assert float(found) == pytest.approx(expected)


def moments_of(batch) -> Moments:
    return Moments(
        episode=torch.from_numpy(batch.episode),
        view=torch.from_numpy(batch.view),
        moment=torch.from_numpy(batch.moment),
        time_seconds=torch.from_numpy(batch.time_seconds),
        frame=torch.from_numpy(batch.frame),
        film_frames=torch.full((len(batch),), 7),
        episode_seconds=torch.full((len(batch),), 0.6).double(),
        shape=batch.shape,
    )


@pytest.mark.parametrize("loss", ["infonce", "npairs", "triplet"])
def test_no_batch_of_short_films_is_without_negatives(loss):
    """Seven frames: only the two ends are strangers, and only some partners of theirs."""
    films = [blank_film({"a": np.arange(7) * 0.1}, size_px=1)] * 3
    options = TcnOptions(pairing="times", loss=loss, positive_radius_frames=2)
    sampler = Tcn.sampler(options, films, BatchOptions(4, 3))
    rng = np.random.default_rng(0)
    for _ in range(50):
        batch = sampler.draw(rng)
        found = losses_of(
            "tcn", randn(4, 3), moments_of(batch), pairing="times", positive_radius_frames=2
        )
        assert loss == "triplet" or float(found.terms["infonce"]) > 0


def test_films_whose_partners_never_are_negatives_are_said():
    """Six frames, radii of 2 and 4: no partner of one end is a stranger to the other."""
    films = [blank_film({"a": np.arange(6) * 0.1}, size_px=1)] * 3
    options = {"pairing": "times", "positive_radius_frames": 2}
    for loss in ("infonce", "npairs"):
        sampler = Tcn.sampler(TcnOptions(loss=loss, **options), films, BatchOptions(12, 3))
        with pytest.raises(UserError, match="expects other anchors' partners") as caught:
            sampler.draw(np.random.default_rng(0))
        assert "\n" not in str(caught.value)
    sampler = Tcn.sampler(TcnOptions(loss="triplet", **options), films, BatchOptions(12, 3))
    assert len(sampler.draw(np.random.default_rng(0))) == 12
