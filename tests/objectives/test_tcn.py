"""`tcn` as a whole: which frames it compares, with every loss, in every pairing."""

import dataclasses
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tcn_robot.data.sampling import BatchOptions, MultiViewSampler, SingleViewSampler
from tcn_robot.errors import UserError
from tcn_robot.objectives.moments import Moments
from tcn_robot.objectives.tcn import Tcn, TcnOptions, time_contrastive_loss
from tests.data.films import blank_film
from tests.objectives.steps import loss_of, losses_of, pair_moments, randn

LOSSES = {
    "distance": {},
    "cosine": {"similarity": "cosine"},
    "npairs": {"loss": "npairs", "regularisation": 0.0},
    "semi-hard": {"loss": "triplet"},
    "hard": {"loss": "triplet", "mining": "hard"},
    "all": {"loss": "triplet", "mining": "all"},
    "lifted": {"loss": "lifted"},
    "contrastive": {"loss": "contrastive"},
}
PAIRINGS = {
    "views": {},
    "times": {"pairing": "times"},
    "frames": {"pairing": "times", "positive_radius_frames": 2},
}
VARIANTS = [
    pytest.param(loss | pairing, id=f"{loss_name}-{pairing_name}")
    for loss_name, loss in LOSSES.items()
    for pairing_name, pairing in PAIRINGS.items()
]


def tcn(e: torch.Tensor, moments: Moments, **options) -> torch.Tensor:
    return loss_of("tcn", e, moments, **options)


def one_view_moments(episodes: list[int], seed: int = 0) -> Moments:
    """Pairs of one view a frame or two apart, anchors every 5 frames at 10 fps."""
    count = len(episodes)
    later = torch.randint(1, 3, (count,), generator=torch.Generator().manual_seed(seed))
    frame = torch.cat([5 * torch.arange(count), 5 * torch.arange(count) + later])
    return Moments(
        episode=torch.tensor(episodes).repeat(2),
        view=torch.zeros(2 * count, dtype=torch.int64),
        moment=torch.arange(count).repeat(2),
        time_seconds=frame.double() * 0.1,
        frame=frame,
        film_frames=torch.full((2 * count,), 5 * count + 3),
        episode_seconds=torch.full((2 * count,), 0.5 * count + 0.2).double(),
        shape=(2, count),
    )


def moments_for(options: dict, episodes: list[int]) -> Moments:
    return (one_view_moments if "pairing" in options else pair_moments)(episodes)


# --- the default -------------------------------------------------------------------------


def test_the_default_is_info_nce_over_squared_distances_within_the_film():
    """The numbers of a loop: what `tcn` has been from the beginning."""
    e = randn(12, 4)
    moments = pair_moments([0, 0, 0, 1, 1, 1])
    total = 0.0
    for here, there in ((e[:6], e[6:]), (e[6:], e[:6])):
        for i in range(6):
            scores = [
                math.exp(-float(((here[i] - there[j]) ** 2).sum()))
                for j in range(6)
                if (i < 3) == (j < 3)
            ]
            own = math.exp(-float(((here[i] - there[i]) ** 2).sum()))
            total -= math.log(own / sum(scores)) / 12
    assert float(tcn(e, moments)) == pytest.approx(total)


def test_both_similarities_are_one_on_the_sphere():
    """|a - p|^2 = 2 - 2 a . p for unit vectors: with T = 1/2 nothing but a constant differs."""
    e = F.normalize(randn(12, 4), dim=1)
    moments = pair_moments([0] * 6)
    cosines = tcn(e, moments, similarity="cosine", temperature=0.5)
    assert float(tcn(e, moments)) == pytest.approx(float(cosines))


def test_number_of_candidates_follows_the_scope():
    same = torch.ones(12, 3, dtype=torch.float64)
    moments = pair_moments([0, 0, 0, 1, 1, 1])
    for scope, candidates in (("episode", 3), ("others", 4), ("all", 6)):
        for options in ({}, {"loss": "npairs", "regularisation": 0.0}):
            loss = tcn(same, moments, negatives=scope, **options)
            assert float(loss) == pytest.approx(math.log(candidates))


@pytest.mark.parametrize(
    ("options", "unit"),
    [
        ({}, False),
        ({"similarity": "cosine"}, True),
        ({"loss": "triplet"}, True),
        ({"loss": "npairs"}, False),
        ({"loss": "lifted"}, False),
        ({"loss": "contrastive"}, True),
    ],
)
def test_embeddings_have_the_length_that_the_official_configuration_gives_them(options, unit):
    assert Tcn.unit_length(TcnOptions(**options)) is unit


def test_margins_are_the_customary_ones_unless_given():
    same = torch.ones(12, 3, dtype=torch.float64)
    moments = pair_moments([0] * 6)
    assert float(tcn(same, moments, loss="triplet")) == pytest.approx(0.2)
    assert float(tcn(same, moments, loss="triplet", margin=0.5)) == pytest.approx(0.5)
    assert float(tcn(same, moments, loss="contrastive")) == pytest.approx(0.5, rel=1e-5)


# --- films do not mix, and nobody near is pushed away ---------------------------------------


@pytest.mark.parametrize("options", LOSSES.values(), ids=LOSSES)
def test_two_films_in_one_batch_are_two_batches(options):
    """The official code repeats labels over sequences and so makes false positives."""
    e = F.normalize(randn(2, 6, 4), dim=2)  # (anchors and positives, films of 3, D)
    if options.get("mining") == "all":  # the mean over active ones only, of equally many here
        e[:, 3:] = e[:, :3]
    both = tcn(e.flatten(0, 1), pair_moments([0, 0, 0, 1, 1, 1]), **options)
    first = tcn(e[:, :3].flatten(0, 1), pair_moments([0, 0, 0]), **options)
    second = tcn(e[:, 3:].flatten(0, 1), pair_moments([0, 0, 0]), **options)
    assert float(both) == pytest.approx(float(first + second) / 2)


def test_frames_within_the_exclusion_are_never_pushed():
    """TU Delft's `pn <= i + 2 & pn >= i - 2` let the neighbours through by precedence."""
    close = pair_moments([0, 0, 0])  # 0.1 s between moments
    e = randn(6, 4)
    for exclusion in ({"exclusion_seconds": 0.2}, {"exclusion_frames": 2}):
        assert float(tcn(e, close, **exclusion)) == 0.0
    for exclusion in ({"exclusion_seconds": 0.1}, {"exclusion_frames": 1}):
        # Only the first and the last are further apart.
        ends = tcn(e[[0, 2, 3, 5]], pair_moments([0, 0]))
        assert float(tcn(e, close, **exclusion)) == pytest.approx(float(ends) * 2 / 3)


def test_single_view_negatives_begin_at_twice_the_positive_radius():
    for options, seconds, frames in (
        ({}, 0.4, None),
        ({"positive_radius_seconds": 0.3}, 0.6, None),
        ({"positive_radius_frames": 6}, 0.4, 12),
        ({"positive_radius_frames": 6, "exclusion_frames": 9}, 0.0, 9),
    ):
        excluded = TcnOptions(pairing="times", **options).excluded
        assert excluded.frames == frames
        assert frames is not None or excluded.seconds == pytest.approx(seconds)
    assert TcnOptions().excluded.seconds == 0.0


def test_frames_and_seconds_are_one_at_an_even_rate():
    moments = one_view_moments([0] * 8)
    e = F.normalize(randn(16, 4), dim=1)
    for loss in ({}, {"loss": "triplet"}):
        in_seconds = tcn(e, moments, pairing="times", **loss)
        in_frames = tcn(e, moments, pairing="times", positive_radius_frames=2, **loss)
        assert float(in_seconds) == pytest.approx(float(in_frames))


# --- every variant ---------------------------------------------------------------------------


@pytest.mark.parametrize("options", VARIANTS)
def test_order_of_the_pairs_does_not_matter(options):
    moments = moments_for(options, [0] * 8)
    e = F.normalize(randn(16, 4), dim=1)
    order = torch.randperm(8, generator=torch.Generator().manual_seed(3))
    both = torch.cat([order, order + 8])
    columns = {
        field.name: getattr(moments, field.name)[both]
        for field in dataclasses.fields(Moments)
        if field.name != "shape"
    }
    shuffled = Moments(**columns, shape=(2, 8))
    loss = float(tcn(e, moments, **options))
    assert loss > 0
    assert loss == pytest.approx(float(tcn(e[both], shuffled, **options)))


@pytest.mark.parametrize("options", VARIANTS)
def test_gradients_are_those_of_finite_differences(options):
    moments = moments_for(options, [0, 0, 0, 0, 0, 0, 1, 1])
    e = F.normalize(randn(16, 3), dim=1).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: tcn(x, moments, **options), (e,))


@pytest.mark.parametrize("options", VARIANTS)
@pytest.mark.parametrize("episodes", [[0], [0, 1, 2]])
def test_without_negatives_the_backward_pass_works(options, episodes):
    """One moment per film: only what pulls partners together is left."""
    e = F.normalize(randn(2 * len(episodes), 3), dim=1).requires_grad_()
    loss = tcn(e, moments_for(options, episodes), **options)
    loss.backward()
    if options.get("loss") == "contrastive":
        assert torch.isfinite(e.grad).all()
    else:
        assert loss.item() == 0.0
        assert torch.equal(e.grad, torch.zeros_like(e))


@pytest.mark.parametrize("options", VARIANTS)
def test_bfloat16_is_near_float64(options):
    moments = moments_for(options, [0] * 16)
    e = F.normalize(randn(32, 8), dim=1)
    low = tcn(e.bfloat16(), moments, **options)
    assert low.dtype == torch.float32
    assert float(low) == pytest.approx(float(tcn(e, moments, **options)), rel=0.03, abs=0.02)


@pytest.mark.parametrize("options", VARIANTS)
def test_batches_are_not_changed_and_figures_are_numbers(options):
    moments = moments_for(options, [0] * 6)
    e = F.normalize(randn(12, 4), dim=1).requires_grad_()
    before = e.detach().clone()
    columns = {f.name: getattr(moments, f.name) for f in dataclasses.fields(Moments)}
    copies = {name: c.clone() for name, c in columns.items() if name != "shape"}
    found = losses_of("tcn", e, moments, **options)
    assert torch.equal(e, before)
    assert all(torch.equal(columns[name], copy) for name, copy in copies.items())
    for figure in found.figures.values():
        assert figure.shape == ()
        assert not figure.requires_grad
        assert torch.isfinite(figure)


def test_figures_say_how_hard_it_still_is():
    moments = pair_moments([0] * 6)
    unit = 4 * torch.eye(6, dtype=torch.float64).repeat(2, 1)
    same = torch.ones(12, 3, dtype=torch.float64)

    def figures(e, **options):
        return {k: float(v) for k, v in losses_of("tcn", e, moments, **options).figures.items()}

    assert figures(unit) == {"found": 1.0}
    assert figures(same) == {"found": 0.0}
    assert figures(unit, loss="npairs") == {"found": 1.0, "length": 4.0}
    done = {"active": 0.0, "positive_distance": 0.0, "negative_distance": 32.0}
    assert figures(unit, loss="triplet") == pytest.approx(done)
    assert figures(same, loss="triplet")["active"] == 1.0
    assert figures(same, loss="contrastive")["active"] == 1.0
    assert figures(4 * unit, loss="lifted") == {"active": 0.0}


def test_the_loss_is_a_function_of_embeddings_and_moments():
    e, moments = randn(12, 4), pair_moments([0] * 6)
    again = time_contrastive_loss(e, moments, TcnOptions(loss="lifted"))
    assert float(again.terms["lifted"]) == float(tcn(e, moments, loss="lifted"))


# --- options and samplers --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"similarity": "cosine", "temperature": 0.0}, "--temperature must be above 0"),
        ({"loss": "triplet", "margin": -1.0}, "--margin must be above 0"),
        ({"loss": "npairs", "regularisation": -1.0}, "--regularisation must be at least 0"),
        ({"exclusion_seconds": -1.0}, "--exclusion-seconds must be at least 0"),
        ({"exclusion_seconds": 1.0, "exclusion_frames": 3}, "found both"),
        ({"mining": "hard"}, "--mining hard is for --loss triplet, found --loss infonce"),
        ({"margin": 1.0}, "--margin 1.0 is for --loss triplet or lifted or contrastive"),
        ({"loss": "triplet", "similarity": "cosine"}, "--similarity cosine is for --loss infonce"),
        ({"positive_radius_frames": 2}, "is for --pairing times, found --pairing views"),
        ({"pairing": "times", "positive_radius_seconds": 0.0}, "0 < --positive-radius-seconds"),
        ({"pairing": "times", "exclusion_seconds": 0.1}, "<= --exclusion-seconds"),
        ({"pairing": "times", "exclusion_frames": 4}, "in one unit"),
        ({"window_frames": 1}, "--window-frames must be at least 2"),
    ],
)
def test_options_that_cannot_work_are_named_in_one_line(options, said):
    films = [blank_film({"a": np.arange(30) * 0.1, "b": np.arange(30) * 0.1}, size_px=1)] * 2
    with pytest.raises(UserError) as caught:
        Tcn.sampler(TcnOptions(**options), films, BatchOptions())
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_each_pairing_has_its_sampler():
    films = [blank_film({"a": np.arange(30) * 0.1, "b": np.arange(30) * 0.1}, size_px=1)] * 2
    for pairing, kind in (("views", MultiViewSampler), ("times", SingleViewSampler)):
        for options in ({}, {"window_frames": 8}, {"negatives": "others"}):
            made = Tcn.sampler(TcnOptions(pairing=pairing, **options), films, BatchOptions(16, 2))
            assert isinstance(made, kind)
            assert len(made.draw(np.random.default_rng(0))) == 16


def test_negatives_of_others_need_others():
    film = blank_film({"a": np.arange(30) * 0.1, "b": np.arange(30) * 0.1}, size_px=1)
    for pairing in ("views", "times"):
        options = TcnOptions(pairing=pairing, negatives="others")
        with pytest.raises(UserError, match="at least two usable episodes, found 1"):
            Tcn.sampler(options, [film], BatchOptions())
        with pytest.raises(UserError, match="--episodes-per-batch of at least 2"):
            Tcn.sampler(options, [film, film], BatchOptions(16, 1))
