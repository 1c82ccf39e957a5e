"""The losses of `tcn` against slow loops from their papers and against pytorch-metric-learning."""

import math

import pytest
import torch
import torch.nn.functional as F

from tcn_robot.objectives import info_nce, n_pairs, negative_squared_distances
from tcn_robot.objectives.contrastive import contrastive, pair_distances
from tcn_robot.objectives.distances import distances, squared_distances
from tcn_robot.objectives.info_nce import share_found
from tcn_robot.objectives.lifted import lifted_structure, lifted_terms
from tcn_robot.objectives.triplet import mine_triplets, triplet_loss
from tests.objectives.steps import randn, random_mask


def symmetric_masks(count: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Positives and negatives that exclude each other; some pairs are neither."""
    drawn = torch.rand(count, count, generator=torch.Generator().manual_seed(seed)).triu(1)
    drawn = drawn + drawn.T
    off = ~torch.eye(count, dtype=torch.bool)
    return off & (drawn < 0.3), off & (drawn > 0.5)


def label_masks(labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    same = labels[:, None] == labels[None, :]
    return same & ~torch.eye(len(labels), dtype=torch.bool), ~same


def triplet(e, positives, negatives, margin, mining="semi_hard"):
    return triplet_loss(*mine_triplets(e, positives, negatives, mining), margin, mining)


def lifted(e, positives, negatives, margin=1.0):
    return lifted_structure(lifted_terms(e, positives, negatives, margin))


def contrastive_of(e, positives, negatives, margin=1.0):
    return contrastive(*pair_distances(e, positives, negatives), margin)


# --- loops from the papers -----------------------------------------------------------------


def cosine(u, v):
    return float(u @ v) / 0.1


def minus_squared_distance(u, v):
    return -sum((float(x) - float(y)) ** 2 for x, y in zip(u, v, strict=True))


def loop_info_nce(a, p, negatives, similarity):
    total = 0.0
    for rows, columns, mask in ((a, p, negatives), (p, a, negatives.T)):
        for i in range(len(rows)):
            own = math.exp(similarity(rows[i], columns[i]))
            others = sum(
                math.exp(similarity(rows[i], columns[j]))
                for j in range(len(columns))
                if j != i and mask[i, j]
            )
            total += -math.log(own / (own + others)) / len(rows) / 2
    return total


def loop_n_pairs(a, p, negatives, regularisation):
    total = 0.0
    for i in range(len(a)):
        excess = sum(
            math.exp(float(a[i] @ p[j] - a[i] @ p[i]))
            for j in range(len(p))
            if j != i and negatives[i, j]
        )
        total += math.log(1 + excess)  # Sohn 2016, eq. 7
    lengths = sum(float(v @ v) for v in (*a, *p))
    return total / len(a) + 0.25 * regularisation * lengths / len(a)


def loop_triplet(e, positives, negatives, margin, mining):
    def distance(i, j):
        return -minus_squared_distance(e[i], e[j])

    losses = []
    for a in range(len(e)):
        candidates = [distance(a, n) for n in range(len(e)) if negatives[a, n]]
        for p in range(len(e)):
            if not positives[a, p] or not candidates:
                continue
            further = [d for d in candidates if d > distance(a, p)]
            chosen = {
                "all": candidates,
                "hard": [min(candidates)],
                "semi_hard": [min(further) if further else max(candidates)],
            }[mining]
            losses += [max(0.0, margin + distance(a, p) - d) for d in chosen]
    counted = [loss for loss in losses if loss > 0] if mining == "all" else losses
    return sum(counted) / len(counted)


def loop_lifted(e, positives, negatives, margin):
    """Oh Song et al. 2016, eq. 4, with D the distance itself."""

    def distance(i, j):
        return math.sqrt(-minus_squared_distance(e[i], e[j]))

    total, pairs = 0.0, 0
    for i in range(len(e)):
        for j in range(i + 1, len(e)):
            pushed = sum(
                math.exp(margin - distance(end, k))
                for end in (i, j)
                for k in range(len(e))
                if negatives[end, k]
            )
            if positives[i, j] and pushed > 0:
                total += max(0.0, math.log(pushed) + distance(i, j)) ** 2
                pairs += 1
    return total / (2 * pairs)


def loop_contrastive(e, positives, negatives, margin):
    pulled, pushed = [], []
    for i in range(len(e)):
        for j in range(i):
            distance = math.sqrt(-minus_squared_distance(e[i], e[j]))
            if positives[i, j]:
                pulled.append(0.5 * distance**2)
            if negatives[i, j]:
                pushed.append(0.5 * max(0.0, margin - distance) ** 2)
    return sum(pulled) / len(pulled) + sum(pushed) / len(pushed)


@pytest.mark.parametrize("seed", range(5))
def test_info_nce_equals_the_loop(seed):
    a, p = (F.normalize(randn(9, 4, seed=10 * seed + k), dim=1) for k in (1, 2))
    mask = random_mask(9, 9, seed)
    assert float(info_nce(a @ p.T / 0.1, mask)) == pytest.approx(loop_info_nce(a, p, mask, cosine))
    a, p = 2 * randn(9, 4, seed=10 * seed + 1), 2 * randn(9, 4, seed=10 * seed + 2)
    loss = info_nce(negative_squared_distances(a, p), mask)
    assert float(loss) == pytest.approx(loop_info_nce(a, p, mask, minus_squared_distance))


@pytest.mark.parametrize("seed", range(5))
def test_n_pairs_equals_the_loop(seed):
    a, p = randn(9, 4, seed=10 * seed + 1), randn(9, 4, seed=10 * seed + 2)
    mask = random_mask(9, 9, seed)
    assert float(n_pairs(a, p, mask, 0.02)) == pytest.approx(loop_n_pairs(a, p, mask, 0.02))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("mining", ["semi_hard", "hard", "all"])
def test_triplets_equal_the_loop(mining, seed):
    e = F.normalize(randn(12, 3, seed=seed), dim=1)
    masks = symmetric_masks(12, seed)
    expected = loop_triplet(e, *masks, 0.2, mining)
    assert float(triplet(e, *masks, 0.2, mining)) == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("loss", "loop"), [(lifted, loop_lifted), (contrastive_of, loop_contrastive)]
)
def test_losses_of_pairs_equal_the_loop(loss, loop, seed):
    e = 0.7 * randn(12, 3, seed=seed)
    masks = symmetric_masks(12, seed)
    for margin in (0.5, 1.0, 2.0):
        assert float(loss(e, *masks, margin)) == pytest.approx(loop(e, *masks, margin))


# --- an independent library, where its definitions are ours ------------------------------------


def library_distance(power: int = 1):
    from pytorch_metric_learning.distances import LpDistance

    return LpDistance(power=power, normalize_embeddings=False)


LABELS = torch.tensor([0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 4, 5, 6])
CROWDED = torch.tensor([0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 3, 4, 4])


def test_info_nce_is_the_librarys_nt_xent_between_anchors_and_positives():
    from pytorch_metric_learning.losses import NTXentLoss

    a, p = randn(7, 4, seed=1), randn(7, 4, seed=2)
    labels, everyone = torch.arange(7), torch.ones(7, 7, dtype=torch.bool)
    cosines = F.normalize(a, dim=1) @ F.normalize(p, dim=1).T
    for similarities, options in (
        (cosines / 0.2, {"temperature": 0.2}),
        (negative_squared_distances(a, p), {"temperature": 1.0, "distance": library_distance(2)}),
    ):
        theirs = NTXentLoss(**options)
        both = [
            theirs(u, labels, ref_emb=v, ref_labels=labels.clone()) for u, v in ((a, p), (p, a))
        ]
        assert float(info_nce(similarities, everyone)) == pytest.approx(float(sum(both)) / 2)


def test_n_pairs_is_the_librarys_without_length_term():
    from pytorch_metric_learning.distances import DotProductSimilarity
    from pytorch_metric_learning.losses import NPairsLoss

    e = randn(14, 4)
    theirs = NPairsLoss(distance=DotProductSimilarity(normalize_embeddings=False))(e, LABELS)
    everyone = torch.ones(7, 7, dtype=torch.bool)
    # The library takes either of a label's two frames for the anchor: here both orders.
    ours = [
        float(n_pairs(e[:7], e[7:], everyone, 0.0)),
        float(n_pairs(e[7:], e[:7], everyone, 0.0)),
    ]
    assert any(float(theirs) == pytest.approx(loss) for loss in ours)


@pytest.mark.parametrize("labels", [LABELS, CROWDED])
def test_all_triplets_are_the_librarys(labels):
    from pytorch_metric_learning.losses import TripletMarginLoss

    e = 0.4 * randn(14, 4)
    theirs = TripletMarginLoss(margin=0.3, distance=library_distance(2))(e, labels)
    assert float(triplet(e, *label_masks(labels), 0.3, "all")) == pytest.approx(float(theirs))


def test_hard_triplets_are_the_librarys_where_each_anchor_has_one_positive():
    """Its batch-hard miner takes the furthest positive too, ours takes each positive."""
    from pytorch_metric_learning.losses import TripletMarginLoss
    from pytorch_metric_learning.miners import BatchHardMiner
    from pytorch_metric_learning.reducers import MeanReducer

    e = 0.4 * randn(14, 4)
    distance = library_distance(2)
    mined = BatchHardMiner(distance=distance)(e, LABELS)
    loss = TripletMarginLoss(margin=0.3, distance=distance, reducer=MeanReducer())
    theirs = loss(e, LABELS, mined)
    assert float(triplet(e, *label_masks(LABELS), 0.3, "hard")) == pytest.approx(float(theirs))


@pytest.mark.parametrize("labels", [LABELS, CROWDED])
def test_lifted_structure_is_the_librarys(labels):
    from pytorch_metric_learning.losses import LiftedStructureLoss
    from pytorch_metric_learning.reducers import MeanReducer

    e = 0.7 * randn(14, 4)
    library = LiftedStructureLoss(neg_margin=1, distance=library_distance(), reducer=MeanReducer())
    assert float(lifted(e, *label_masks(labels))) == pytest.approx(float(library(e, labels)))


@pytest.mark.parametrize("labels", [LABELS, CROWDED])
def test_contrastive_is_half_of_the_librarys(labels):
    """Its default averages over the pairs that are not 0; Hadsell's eq. 4 halves the squares."""
    from pytorch_metric_learning.losses import ContrastiveLoss
    from pytorch_metric_learning.reducers import MeanReducer

    class Squared(ContrastiveLoss):
        def get_per_pair_loss(self, *arguments):
            return super().get_per_pair_loss(*arguments).square()

    e = 0.7 * randn(14, 4)
    library = Squared(neg_margin=1, distance=library_distance(), reducer=MeanReducer())
    ours = contrastive_of(e, *label_masks(labels))
    assert float(ours) == pytest.approx(float(library(e, labels)) / 2)


# --- closed forms --------------------------------------------------------------------------


def test_equal_embeddings_have_the_losses_of_nothing_learnt():
    same = F.normalize(torch.ones(6, 3, dtype=torch.float64), dim=1)
    everyone = torch.ones(6, 6, dtype=torch.bool)
    assert float(info_nce(same @ same.T / 0.1, everyone)) == pytest.approx(math.log(6))
    alike = negative_squared_distances(same, same)
    assert float(info_nce(alike, everyone)) == pytest.approx(math.log(6))
    assert float(n_pairs(same, same, everyone, 0.0)) == pytest.approx(math.log(6))
    masks = label_masks(torch.tensor([0, 0, 1, 1, 2, 2]))
    for mining in ("semi_hard", "hard", "all"):
        assert float(triplet(same, *masks, 0.2, mining)) == pytest.approx(0.2)
    # Four negatives at each end, all at distance 0: J = log(8 e), halved square.
    assert float(lifted(same, *masks)) == pytest.approx((math.log(8) + 1) ** 2 / 2, rel=1e-5)
    assert float(contrastive_of(same, *masks)) == pytest.approx(0.5, rel=1e-5)


def test_embeddings_far_apart_with_partners_together_cost_nothing():
    unit = torch.eye(6, dtype=torch.float64)
    everyone = torch.ones(6, 6, dtype=torch.bool)
    assert float(info_nce(unit @ unit.T / 0.05, everyone)) < 1e-7
    assert float(info_nce(negative_squared_distances(5 * unit, 5 * unit), everyone)) < 1e-7
    assert float(n_pairs(30 * unit, 30 * unit, everyone, 0.0)) < 1e-7
    twice = 20 * torch.cat([unit, unit])
    masks = label_masks(torch.arange(6).repeat(2))
    for mining in ("semi_hard", "hard", "all"):
        assert float(triplet(twice, *masks, 0.2, mining)) == 0.0
    assert float(lifted(twice, *masks)) == 0.0
    assert float(contrastive_of(twice, *masks)) < 1e-10


def test_a_collapsed_embedding_finds_nobody():
    same = torch.ones(5, 5, dtype=torch.float64)
    everyone = torch.ones(5, 5, dtype=torch.bool)
    assert share_found(same, everyone) == 0
    assert share_found(torch.eye(5), everyone) == 1
    assert share_found(torch.eye(5), torch.zeros_like(everyone)) == 0


def test_triplet_takes_the_nearest_negative_that_is_further_than_the_positive():
    line = torch.tensor([[0.0], [1.0], [0.5], [1.1], [3.0]], dtype=torch.float64)
    positives, negatives = torch.zeros(2, 5, 5, dtype=torch.bool)
    positives[0, 1] = True
    negatives[0, 2:] = True
    assert float(triplet(line, positives, negatives, 0.5)) == pytest.approx(0.5 + 1.0 - 1.21)
    # None further than the positive: the furthest of all.
    negatives[0, 3:] = False
    assert float(triplet(line, positives, negatives, 0.5)) == pytest.approx(0.5 + 1.0 - 0.25)


def test_hard_mining_takes_the_nearest_negative_and_its_gradient():
    """TCE's released mining never used a hard negative; here it alone is pushed."""
    line = torch.tensor([[0.0], [1.0], [0.5], [1.1], [3.0]], dtype=torch.float64)
    line.requires_grad_()
    positives, negatives = torch.zeros(2, 5, 5, dtype=torch.bool)
    positives[0, 1] = True
    negatives[0, 2:] = True
    loss = triplet(line, positives, negatives, 0.5, "hard")
    assert float(loss.detach()) == pytest.approx(0.5 + 1.0 - 0.25)
    loss.backward()
    assert (line.grad[2] < 0).all()  # descending moves it away from the anchor
    assert torch.equal(line.grad[3:], torch.zeros_like(line.grad[3:]))


# --- digits --------------------------------------------------------------------------------


def test_squared_distances_keep_their_digits_where_anchor_and_positive_meet():
    """In float32 the expanded square of two points 1e-3 apart at length 100 is all rounding."""
    a = torch.full((1, 4), 50.0)
    expected = -4 * (torch.tensor(50.0) - torch.tensor(50.001)).square()
    found = negative_squared_distances(a, a + 0.001)
    torch.testing.assert_close(found, expected.reshape(1, 1), rtol=1e-6, atol=0)


def test_all_distances_do_not_mind_where_the_origin_is():
    e = randn(20, 8).float()
    far_away = squared_distances(e + 1000.0)
    torch.testing.assert_close(far_away, torch.cdist(e, e).square(), rtol=1e-2, atol=1e-2)
    close = e[:2] + 1e-4 * torch.eye(2, 8)[:, [3]]  # two near pairs in a wide cloud
    everyone = torch.cat([e, close])
    expected = (everyone[:2] - close).double().square().sum(dim=1).float()
    found = squared_distances(everyone)[[0, 1], [20, 21]]
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=0)
    assert torch.equal(far_away.diagonal(), torch.zeros(20))
    assert torch.equal(far_away, far_away.T)


def test_the_gradient_of_a_distance_of_0_is_0_and_not_nan():
    e = torch.ones(4, 3, requires_grad=True)
    distances(e).sum().backward()
    assert torch.equal(e.grad, torch.zeros_like(e))
