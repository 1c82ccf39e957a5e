"""TCE as a whole, against a slow loop, and every fault of the released code."""

import functools
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tcn_robot.data.sampling import BatchOptions
from tcn_robot.errors import UserError
from tcn_robot.objectives import Encoded, Moments, Setting
from tcn_robot.objectives.curriculum import mining_threshold
from tcn_robot.objectives.tce import Tce, TceOptions
from tests.data.test_samplers import films_of

PAPER = {"bank_slots": 1, "bank_negatives": 8192}
SIZE_PX, DIMENSION, WIDTH = 4, 6, 10


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class LinearEncoder(nn.Module):
    """The smallest encoder there is: pixels of the last frame, one layer, one head."""

    dimension, feature_width = DIMENSION, WIDTH

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.body, self.head = nn.Linear(SIZE_PX**2 * 3, WIDTH), nn.Linear(WIDTH, DIMENSION)
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=0.3, generator=generator(seed))

    def features(self, images: torch.Tensor) -> torch.Tensor:
        frames = images if images.ndim == 4 else images[:, -1]
        return torch.tanh(self.body(frames.flatten(1) / 255))

    def project(self, features: torch.Tensor) -> torch.Tensor:
        return F.normalize(self.head(features), dim=1)


@dataclass
class PictureStep:
    """A step over given pictures."""

    images: torch.Tensor
    moments: Moments
    encoder: LinearEncoder
    progress: float = 0.0
    first: bool = True
    generator: torch.Generator = field(default_factory=generator)
    encodings: int = 0

    def encode(self, change: Any = None, network: Any = None) -> Encoded:
        self.encodings += 1
        rows = torch.arange(len(self.images))
        images = self.images if change is None else change(self.images, rows)
        features = self.encoder.features(images)
        return Encoded(features, self.encoder.project(features))


def adjacent_moments(films: list[int], frames: list[int], film_frames: int = 10) -> Moments:
    episode, frame = torch.tensor(films).repeat(2), torch.tensor(frames)
    frame = torch.cat([frame, frame + 1])
    count = len(films)
    return Moments(
        episode=episode,
        view=torch.zeros(2 * count, dtype=torch.int64),
        moment=torch.arange(count).repeat(2),
        time_seconds=frame.double() * 0.1,
        frame=frame,
        film_frames=torch.full((2 * count,), film_frames),
        episode_seconds=torch.full((2 * count,), (film_frames - 1) * 0.1).double(),
        shape=(2, count),
    )


def scene(seed=0, films=12, anchors=5, views=1, film_frames=None, **options: Any):
    """An objective and a step whose batch has an anchor of some of the films."""
    encoder = LinearEncoder(seed)
    told = TceOptions(**PAPER | options)
    if film_frames is None:
        film_frames = np.full((films, views), 1000)
    objective = Tce(told, Setting(encoder, film_frames, generator(seed + 1)))
    chosen = torch.randperm(films, generator=generator(seed + 2))[:anchors].tolist()
    moments = adjacent_moments(chosen, [index % 8 for index in range(anchors)])
    images = torch.randint(
        0, 256, (2 * anchors, SIZE_PX, SIZE_PX, 3), generator=generator(seed + 3)
    ).float()
    return objective, PictureStep(images, moments, encoder)


def loop_nce(entries, embeddings, moments, options, progress, order, num_negatives):
    """The contrast of a first batch, written out: choice, normaliser, loss, all in float64."""
    count, size = moments.shape[1], len(entries)
    temperature = options.nce_temperature
    threshold = mining_threshold(
        options.mining_low, options.mining_high, options.mining_rate, progress
    )
    cosines = [[float(embeddings[i] @ entry) for entry in entries] for i in range(count)]
    others = [[j for j in range(size) if j != int(moments.episode[i])] for i in range(count)]
    values = [math.exp(cosines[i][j] / temperature) for i in range(count) for j in others[i]]
    z = size * sum(values) / len(values)
    noise = num_negatives / size
    total = 0.0
    for i in range(count):
        hard = [j for j in others[i] if cosines[i][j] < threshold] if options.mining else []
        hard = sorted(hard, key=lambda j, i=i: -cosines[i][j])[:num_negatives]
        rest = sorted((j for j in others[i] if j not in hard), key=lambda j: -float(order[j]))
        positive = math.exp(float(embeddings[i] @ embeddings[count + i]) / temperature) / z
        total -= math.log(positive / (positive + noise))
        for j in (hard + rest)[:num_negatives]:
            negative = math.exp(cosines[i][j] / temperature) / z
            total -= math.log(1 - negative / (negative + noise))
    return total / count


@pytest.mark.parametrize("mining", [True, False])
@pytest.mark.parametrize("progress", [0.0, 0.1, 0.6])
def test_loss_equals_a_loop_from_the_paper(mining, progress):
    objective, step = scene(bank_negatives=4, mining=mining, rotation_weight=0.0)
    step.progress = progress
    entries = objective.bank.entries.double().clone()
    order = torch.rand(12, generator=generator())  # what the step's generator will give
    embeddings = step.encode().embeddings.detach().double()
    loss = objective(step).terms["nce"]
    expected = loop_nce(entries, embeddings, step.moments, objective._options, progress, order, 4)
    assert float(loss.detach()) == pytest.approx(expected, rel=1e-4)


def test_rotation_is_cross_entropy_of_the_turns_that_were_made():
    objective, step = scene(rotation_weight=0.7, mining=False)
    losses = objective(step)
    rng = generator()
    torch.rand(12, generator=rng)  # the order of the entries comes first
    turns = torch.randint(4, (10,), generator=rng)
    pictures = [
        torch.rot90(image, int(turn), dims=(0, 1))
        for image, turn in zip(step.images, turns, strict=True)
    ]
    features = step.encoder.features(torch.stack(pictures))
    scores = objective.rotation_head(features).detach().double()  # batch statistics, as in training
    expected = -sum(float(scores[i, turns[i]] - scores[i].logsumexp(0)) for i in range(10)) / 10
    assert float(losses.terms["rotation"].detach()) == pytest.approx(0.7 * expected, rel=1e-5)
    right = sum(int(scores[i].argmax()) == int(turns[i]) for i in range(10)) / 10
    assert float(losses.figures["rotation_accuracy"]) == pytest.approx(right)


def test_gradients_reach_encoder_and_head():
    objective, step = scene()
    losses = objective(step)
    sum(losses.terms.values()).backward()
    for module in (step.encoder, objective):
        for name, parameter in module.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.abs().sum() > 0, name
    assert not objective.bank.entries.requires_grad


def test_both_frames_of_a_pair_are_moved():
    objective, step = scene(rotation_weight=0.0)
    embeddings = step.encode().embeddings.detach().requires_grad_()
    step.encode = lambda change=None, network=None: Encoded(embeddings, embeddings)
    objective(step).terms["nce"].backward()
    assert (embeddings.grad.norm(dim=1) > 0).all()


# --- faults of the released code ------------------------------------------------------------


def test_hard_negatives_are_used_late_and_not_early():
    figures = {}
    for progress in (0.0, 0.99):
        objective, step = scene(films=200, bank_negatives=10, rotation_weight=0.0)
        step.progress = progress
        figures[progress] = objective(step).figures
    figures = {at: {k: v.detach() for k, v in found.items()} for at, found in figures.items()}
    assert float(figures[0.99]["negative_cosine"]) > float(figures[0.0]["negative_cosine"]) + 0.4
    assert float(figures[0.0]["mining_threshold"]) == -1
    assert -1 < float(figures[0.99]["mining_threshold"]) < 1
    assert float(figures[0.0]["masked_share"]) == 1
    assert float(figures[0.99]["masked_share"]) < 0.05


def test_the_mining_flag_works_both_ways():
    figures = {}
    for mining in (True, False):
        objective, step = scene(films=200, bank_negatives=10, rotation_weight=0.0, mining=mining)
        step.progress = 0.9
        figures[mining] = objective(step).figures
    assert "mining_threshold" in figures[True]
    assert "mining_threshold" not in figures[False]
    assert float(figures[False]["masked_share"]) == 0
    assert float(figures[True]["negative_cosine"]) > float(figures[False]["negative_cosine"]) + 0.4


def test_an_anchors_own_entry_is_no_negative_however_hard():
    objective, step = scene(rotation_weight=0.0)
    step.progress = 0.999
    anchors = step.encode().embeddings[:5].detach()
    with torch.no_grad():
        objective.bank.entries.copy_(-anchors[:1])
        objective.bank.entries[step.moments.episode[:5]] = anchors
    others = {}
    for own in (1.0, -1.0):  # turning the own entry round changes nothing for its anchor
        single, fresh = scene(rotation_weight=0.0)
        fresh.moments = adjacent_moments([int(step.moments.episode[0])], [0])
        fresh.images = step.images[[0, 5]]
        with torch.no_grad():
            single.bank.entries.copy_(objective.bank.entries)
            single.bank.entries[step.moments.episode[0]] *= own
        others[own] = float(single(fresh).terms["nce"].detach())
    assert others[1.0] == others[-1.0]


def test_bank_moves_by_its_momentum_in_training_only():
    for momentum in (0.0, 0.5):
        objective, step = scene(bank_momentum=momentum, rotation_weight=0.0)
        before = objective.bank.entries.clone()
        anchors = step.encode().embeddings[:5].detach()
        objective.eval()
        objective(step)
        assert torch.equal(objective.bank.entries, before)
        assert not bool(objective.bank.is_measured)
        objective.train()
        objective(step)
        films = step.moments.episode[:5]
        moved = F.normalize(momentum * before[films] + (1 - momentum) * anchors, dim=1)
        assert torch.allclose(objective.bank.entries[films], moved, atol=1e-6)
        untouched = [film for film in range(12) if film not in films.tolist()]
        assert torch.equal(objective.bank.entries[untouched], before[untouched])


# --- what a training needs ------------------------------------------------------------------


def test_normaliser_is_of_the_first_batch_and_follows_by_its_momentum():
    for momentum in (0.0, 0.7, 1.0):
        objective, step = scene(rotation_weight=0.0, normaliser_momentum=momentum)
        objective(step)
        assert bool(objective.bank.is_measured)
        first = math.exp(float(objective.bank.log_normaliser))
        alone, other = scene(rotation_weight=0.0)
        alone.bank.entries.copy_(objective.bank.entries)
        alone(other)
        second = math.exp(float(alone.bank.log_normaliser))
        objective(step)
        expected = momentum * first + (1 - momentum) * second
        assert math.exp(float(objective.bank.log_normaliser)) == pytest.approx(expected, rel=1e-4)
        assert second != pytest.approx(first, rel=1e-3)


def test_a_resumed_objective_goes_on_bit_for_bit():
    objective, step = scene()
    objective(step)
    copy, other = scene(seed=9)
    other.images, other.moments, other.encoder = step.images, step.moments, step.encoder
    copy.load_state_dict(objective.state_dict())
    other.generator.set_state(step.generator.get_state())
    first, second = objective(step), copy(other)
    for name, term in first.terms.items():
        assert torch.equal(term, second.terms[name])
    for name, value in objective.state_dict().items():
        assert torch.equal(value, copy.state_dict()[name]), name


def test_clips_are_taken_as_frames_are():
    objective, step = scene()
    still = step.images[:, None].expand(-1, 3, -1, -1, -1).contiguous()
    single = objective(step).terms["rotation"]
    again, clips = scene()
    clips.images = still
    assert torch.allclose(again(clips).terms["rotation"], single)


def test_weight_nought_leaves_the_rotation_out():
    objective, step = scene(rotation_weight=0.0)
    losses = objective(step)
    assert step.encodings == 1
    assert set(losses.terms) == {"nce"}
    assert not list(objective.parameters())


def test_collapsed_and_bf16_embeddings_give_finite_losses_and_gradients():
    for kind in (torch.float32, torch.bfloat16):
        objective, step = scene(rotation_weight=0.0)
        embeddings = torch.ones(10, DIMENSION, dtype=kind, requires_grad=True)
        step.encode = lambda change=None, network=None, e=embeddings: Encoded(e, e)
        for _ in range(3):
            loss = objective(step).terms["nce"]
            loss.backward()
            assert bool(loss.isfinite())
            assert bool(embeddings.grad.isfinite().all())


def test_the_batch_is_not_changed():
    objective, step = scene()
    images = step.images.clone()
    columns = [getattr(step.moments, name).clone() for name in ("episode", "frame", "moment")]
    objective(step)
    assert torch.equal(step.images, images)
    for name, column in zip(("episode", "frame", "moment"), columns, strict=True):
        assert torch.equal(getattr(step.moments, name), column)


def test_what_other_views_saw_then_is_no_negative_and_each_view_has_its_own_entry():
    objective, step = scene(films=3, anchors=3, views=2, bank_slots=5, rotation_weight=0.0)
    assert len(objective.bank) == 30
    assert objective.num_negatives == 26
    step.moments = adjacent_moments([0, 2, 2], [0, 3, 8])
    step.moments.view.fill_(1)
    own = objective.entries.own(step.moments)
    marked = [row.nonzero().squeeze(1).tolist() for row in own]
    # Entry (episode * 2 + view) * 5 + slot of the anchor's and the positive's slot, in both views.
    assert marked == [[0, 5], [21, 22, 26, 27], [24, 29]]
    before = objective.bank.entries.clone()
    objective(step)
    moved = (objective.bank.entries != before).any(dim=1).nonzero().squeeze(1)
    assert moved.tolist() == [5, 26, 29]


def test_few_films_are_said_aloud():
    films, paper = films_of([[9]] * 12), functools.partial(TceOptions, **PAPER)
    (said,) = Tce.sampler(paper(), films, BatchOptions(8)).notes
    assert "12 entries" in said
    assert "11 negatives instead of 8192" in said
    assert "mining chooses nothing" in said
    (without,) = Tce.sampler(paper(mining=False), films, BatchOptions(8)).notes
    assert "mining" not in without
    (enough,) = Tce.sampler(paper(bank_negatives=11), films, BatchOptions(8)).notes
    assert enough == "the memory bank has 12 entries: an anchor has 11 negatives"
    assert len(Tce.sampler(paper(), [*films, *films_of([[1]])], BatchOptions(8)).notes) == 2
    assert scene(films=12)[0].num_negatives == 11


@pytest.mark.parametrize(
    ("options", "films", "words"),
    [
        ({"mining_low": 0.5, "mining_high": 0.2}, 5, "both are cosines"),
        ({"mining_high": 1.5}, 5, "both are cosines"),
        ({"mining_rate": -5.0}, 5, "--mining-rate must be at least 0"),
        ({"nce_temperature": 0.0}, 5, "--nce-temperature must be above 0"),
        ({"bank_momentum": 1.5}, 5, "--bank-momentum must be from 0 to 1"),
        ({"normaliser_momentum": -0.1}, 5, "--normaliser-momentum must be from 0 to 1"),
        ({"bank_negatives": 0}, 5, "--bank-negatives must be at least 1"),
        ({"rotation_weight": -1.0}, 5, "--rotation-weight must be at least 0"),
        ({"bank_slots": 1}, 1, "record more films"),
        ({"bank_slots": 2}, 1, "record more films"),
    ],
)
def test_what_cannot_work_is_one_line(options, films, words):
    with pytest.raises(UserError, match=words) as caught:
        scene(films=films, anchors=1, **options)
    assert "\n" not in str(caught.value)
