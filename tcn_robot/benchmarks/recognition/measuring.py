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
    """What a probe got right, of S trainings of an encoder with D draws of labels.

    Attributes:
        top1: By split float (S, D, M): how probably each test clip is right.
        top5: Likewise among the five best.
        confusion: float (C, C), summed over splits, the mean over trainings and draws: rows are
            classes, columns what they were taken for.
        chosen: By split the hyper-parameter of each training; empty with few labels.
        num_labels: Training clips whose label was used, the mean over splits.
    """

    top1: Mapping[int, NDArray[np.float64]]
    top5: Mapping[int, NDArray[np.float64]]
    confusion: NDArray[np.float64]
    chosen: Mapping[int, tuple[float, ...]]
    num_labels: float = 0.0


def joined(outcomes: Sequence[Outcome], axis: int = 0) -> Outcome:
    """Return outcomes on the same clips as one: of several trainings, or of draws of labels.

    Args:
        outcomes: One or more.
        axis: 0 for trainings, 1 for draws.
    """
    first = outcomes[0]
    return Outcome(
        {n: np.concatenate([one.top1[n] for one in outcomes], axis) for n in first.top1},
        {n: np.concatenate([one.top5[n] for one in outcomes], axis) for n in first.top5},
        np.mean([one.confusion for one in outcomes], axis=0),
        {n: tuple(c for one in outcomes for c in one.chosen[n]) for n in first.chosen},
        float(np.mean([one.num_labels for one in outcomes])),
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
    return _outcome(scores, splits, chosen, [len(split.train) for split in splits])


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
    """Return what a linear probe reaches with few labels, draw by draw.

    Every encoder gets the same labels: draws depend on the seed, the split and the budget alone.

    Args:
        budget: How many labels.
        features: By split float (clips, F), of all clips.
        splits: The splits.
        num_draws: Draws of labels.
        seed: Of the draws.
    """
    outcomes = []
    halves = {}
    for split in splits:
        of_split = features[split.number]
        fitted = Standardisation.fit(of_split[split.train])
        halves[split.number] = (
            fitted.apply(of_split[split.train]),
            fitted.apply(of_split[split.test]),
        )
    for draw in range(num_draws):
        scores, counts = {}, []
        for split in splits:
            key = (seed, split.number, draw, *budget.name.encode())
            generator = np.random.default_rng(key)
            labelled = budget.draw(split.train_labels, generator)
            counts.append(len(labelled))
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
        outcomes.append(_outcome(scores, splits, {}, counts))
    return joined(outcomes, axis=1)


def _outcome(
    scores: Mapping[int, Features],
    splits: Sequence[SplitArrays],
    chosen: Mapping[int, Any],
    num_labels: Sequence[int],
) -> Outcome:
    """Return what one training with one draw of labels got right."""
    labels = {split.number: split.test_labels for split in splits}
    confusion = np.sum(
        [confusion_matrix(scores[number], labels[number]) for number in scores], axis=0
    )
    top1, top5 = (
        {number: top_k_hits(scores[number], labels[number], k)[None, None] for number in scores}
        for k in (1, 5)
    )
    return Outcome(top1, top5, confusion, chosen, float(np.mean(num_labels)))
