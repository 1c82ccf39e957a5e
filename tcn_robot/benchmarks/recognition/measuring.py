"""A probe on the features of one encoder, split by split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tcn_robot.benchmarks.recognition.clips import Clip, Split
from tcn_robot.benchmarks.recognition.few_labels import (
    draw_per_class,
    draw_share,
    few_label_scores,
)
from tcn_robot.benchmarks.recognition.probes import (
    Features,
    Labels,
    Standardisation,
    choose,
    scores_of,
)
from tcn_robot.benchmarks.recognition.scores import confusion_matrix, top_k_hits
from tcn_robot.benchmarks.recognition.validation import validation_clips


@dataclass(frozen=True)
class SplitArrays:
    """A split as positions into an array of all clips.

    Attributes:
        number: Of the split.
        train: int (N,), positions of the training clips.
        test: int (M,), of the test clips.
        train_labels: int (N,).
        test_labels: int (M,).
        train_groups: (N,) names, "" where unknown.
        test_groups: (M,) likewise.
        validates: bool (N,), training clips that hyper-parameters are chosen with.
        num_classes: C.
    """

    number: int
    train: NDArray[np.int64]
    test: NDArray[np.int64]
    train_labels: Labels
    test_labels: Labels
    train_groups: tuple[str, ...]
    test_groups: tuple[str, ...]
    validates: NDArray[np.bool_]
    num_classes: int


def split_arrays(split: Split, place: Mapping[str, int], seed: int) -> SplitArrays:
    """Return a split as positions.

    Args:
        split: The split.
        place: Position of each clip by its name.
        seed: Draws which training clips validate, together with the split's number.
    """

    def positions(clips: Sequence[Clip]) -> NDArray[np.int64]:
        return np.array([place[clip.name] for clip in clips], np.int64)

    labels = split.labels(split.train)
    groups = tuple(clip.group for clip in split.train)
    validates = validation_clips(
        labels,
        groups,
        np.random.default_rng((seed, split.number)),
    )
    return SplitArrays(
        split.number,
        positions(split.train),
        positions(split.test),
        labels,
        split.labels(split.test),
        groups,
        tuple(clip.group for clip in split.test),
        validates,
        len(split.classes),
    )


@dataclass(frozen=True)
class Outcome:
    """What a probe got right.

    Attributes:
        top1: By split float (M,): how probably each test clip is right.
        top5: Likewise among the five best.
        confusion: float (C, C), summed over splits: rows are classes, columns what they were
            taken for.
        chosen: By split the hyper-parameter of each seed or draw.
        draws: Accuracy of each draw of labels, the mean over splits; empty without draws.
        num_labels: Training clips whose label was used, the mean over splits.
    """

    top1: Mapping[int, NDArray[np.float64]]
    top5: Mapping[int, NDArray[np.float64]]
    confusion: NDArray[np.float64]
    chosen: Mapping[int, tuple[float, ...]]
    draws: tuple[float, ...] = ()
    num_labels: float = 0.0


def averaged(outcomes: Sequence[Outcome]) -> Outcome:
    """Return the mean of outcomes on the same clips, such as those of several seeds."""
    first = outcomes[0]
    draws = np.mean([one.draws for one in outcomes], axis=0) if first.draws else ()
    return Outcome(
        {n: np.mean([one.top1[n] for one in outcomes], axis=0) for n in first.top1},
        {n: np.mean([one.top5[n] for one in outcomes], axis=0) for n in first.top5},
        np.mean([one.confusion for one in outcomes], axis=0),
        {n: tuple(c for one in outcomes for c in one.chosen[n]) for n in first.chosen},
        tuple(float(one) for one in draws),
        first.num_labels,
    )


def measure_probe(
    probe: str, features: Mapping[int, Features], splits: Sequence[SplitArrays]
) -> Outcome:
    """Choose on validation clips, learn from the whole training half, score the test clips.

    Args:
        probe: "knn" or "linear".
        features: By split float (clips, F), of all clips.
        splits: The splits.
    """
    scores: dict[int, Features] = {}
    chosen: dict[int, tuple[float, ...]] = {}
    for split in splits:
        train, test = features[split.number][split.train], features[split.number][split.test]
        best = choose(train, split.train_labels, split.validates, split.num_classes, probe)
        fitted = Standardisation.fit(train)
        scores[split.number] = scores_of(
            probe,
            fitted.apply(train),
            split.train_labels,
            fitted.apply(test),
            split.num_classes,
            best,
        )
        chosen[split.number] = (best,)
    return _outcome(scores, splits, chosen)


@dataclass(frozen=True)
class LabelBudget:
    """How many training clips keep their label.

    Attributes:
        name: As it is shown, such as "5" or "10%".
        per_class: So many of each class; None for a share.
        share: A share of each class, at least one clip.
    """

    name: str
    per_class: int | None = None
    share: float = 1.0

    @property
    def is_all(self) -> bool:
        """Whether every training clip keeps its label."""
        return self.per_class is None and self.share >= 1.0

    def draw(self, labels: Labels, generator: np.random.Generator) -> NDArray[np.int64]:
        """Return which clips keep their label, positions in `labels`."""
        if self.per_class is not None:
            return draw_per_class(labels, self.per_class, generator)
        return draw_share(labels, self.share, generator)


def measure_few_labels(
    budget: LabelBudget,
    features: Mapping[int, Features],
    splits: Sequence[SplitArrays],
    num_draws: int,
    seed: int,
) -> Outcome:
    """Return what a linear probe reaches with few labels, the mean over draws.

    Every encoder gets the same labels: draws depend on the seed, the split and the budget alone.

    Args:
        budget: How many labels.
        features: By split float (clips, F), of all clips.
        splits: The splits.
        num_draws: Draws of labels.
        seed: Of the draws.
    """
    outcomes = []
    labelled_counts = []
    halves = {}
    for split in splits:
        of_split = features[split.number]
        fitted = Standardisation.fit(of_split[split.train])
        halves[split.number] = (
            fitted.apply(of_split[split.train]),
            fitted.apply(of_split[split.test]),
        )
    for draw in range(num_draws):
        scores = {}
        for split in splits:
            key = (seed, split.number, draw, *budget.name.encode())
            generator = np.random.default_rng(key)
            labelled = budget.draw(split.train_labels, generator)
            labelled_counts.append(len(labelled))
            train, test = halves[split.number]
            scores[split.number] = few_label_scores(
                train,
                split.train_labels,
                split.train_groups,
                labelled,
                test,
                split.num_classes,
                generator,
            )
        outcomes.append(_outcome(scores, splits, {}))
    mean = averaged(outcomes)
    of_draws = [float(np.mean([np.mean(v) for v in one.top1.values()])) for one in outcomes]
    return Outcome(
        mean.top1, mean.top5, mean.confusion, {}, tuple(of_draws), float(np.mean(labelled_counts))
    )


def _outcome(
    scores: Mapping[int, Features], splits: Sequence[SplitArrays], chosen: Mapping[int, Any]
) -> Outcome:
    labels = {split.number: split.test_labels for split in splits}
    confusion = np.sum(
        [confusion_matrix(scores[number], labels[number]) for number in scores], axis=0
    )
    return Outcome(
        {number: top_k_hits(scores[number], labels[number], 1) for number in scores},
        {number: top_k_hits(scores[number], labels[number], 5) for number in scores},
        confusion,
        chosen,
        num_labels=float(np.mean([len(split.train) for split in splits])),
    )
