"""A linear classifier of each place of frozen maps, spread out to the pixels of the frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tcn_robot.benchmarks.recognition.probes import Standardisation, linear_scores
from tcn_robot.benchmarks.segmentation.films import Maps, MapsOf, SegmentedFilm, SegmentedSet
from tcn_robot.benchmarks.segmentation.places import at_pixels, spread_out
from tcn_robot.metrics import mean_iou, pixel_confusion

COSTS = (0.001, 0.1, 10.0)
# Ended earlier, colours lose what is small, and a control must not be weaker than it could be.
LARGEST_GRADIENT = 1e-4
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SegmentationProbe:
    """A 1 x 1 convolution of maps, whose logits are spread out to the frame.

    Spreading out and the convolution can change places, so that it is learnt at sampled pixels, as
    a logistic regression, and applied to whole maps.

    Attributes:
        weights: float64 (F, K), of the channels of all maps behind each other.
        biases: float64 (K,); -inf for a class that was never seen.
    """

    weights: Floats
    biases: Floats

    def logits(self, maps: Maps, height: int, width: int) -> Floats:
        """Return float64 (N, K, height, width)."""
        total = np.zeros((len(maps[0]), len(self.biases), height, width))
        start = 0
        for each in maps:
            stop = start + each.shape[1]
            local = np.einsum("nchw,ck->nkhw", each, self.weights[start:stop], optimize=True)
            total += spread_out(local, height, width)
            start = stop
        return total + self.biases[:, None, None]

    def masks(self, maps: Maps, height: int, width: int) -> NDArray[np.uint8]:
        """Return the likeliest class of each pixel, uint8 (N, height, width)."""
        return self.logits(maps, height, width).argmax(axis=1).astype(np.uint8)


@dataclass(frozen=True)
class FittedProbe:
    """A probe as it was chosen.

    Attributes:
        probe: The classifier.
        cost: C of scikit-learn that did best on the validation episodes.
        valid_iou: Mean IoU there.
    """

    probe: SegmentationProbe
    cost: float
    valid_iou: float


def fit_probe(
    films: SegmentedSet,
    maps_of: MapsOf,
    num_pixels: int,
    generator: np.random.Generator,
    costs: Sequence[float] = COSTS,
) -> FittedProbe:
    """Fit a probe for each cost on sampled pixels, and take the one that validates best.

    Args:
        films: Of which those to fit and to validate are looked at.
        maps_of: The frozen maps of a film.
        num_pixels: Pixels to learn from, evenly from all films and anywhere in their frames.
        generator: Draws the pixels.
        costs: Inverse weights of the penalty to choose from.
    """
    features, labels = sampled(films.films["fit"], maps_of, num_pixels, generator)
    num_classes = len(films.classes)
    valid = [(film, maps_of(film)) for film in films.films["valid"]]
    best: FittedProbe | None = None
    for cost in costs:
        probe = linear_probe(features, labels, num_classes, cost)
        table = np.sum([_confusion(probe, film, maps, num_classes) for film, maps in valid], axis=0)
        iou = float(mean_iou(table))
        if best is None or iou > best.valid_iou:
            best = FittedProbe(probe, cost, iou)
    assert best is not None, "expected one cost or more"
    return best


def sampled(
    films: Sequence[SegmentedFilm],
    maps_of: MapsOf,
    num_pixels: int,
    generator: np.random.Generator,
) -> tuple[Floats, NDArray[np.int64]]:
    """Return features float64 (P, F) and classes int64 (P,) of pixels drawn from films."""
    features, labels = [], []
    for film in films:
        count = -(-num_pixels // len(films))
        height, width = film.masks.shape[1:]
        place = generator.integers(film.masks.size, size=count)
        frame, row, column = np.unravel_index(place, film.masks.shape)
        found = [at_pixels(each, (height, width), frame, row, column) for each in maps_of(film)]
        features.append(np.concatenate(found, axis=1))
        labels.append(film.masks[frame, row, column].astype(np.int64))
    return np.concatenate(features), np.concatenate(labels)


def linear_probe(
    features: Floats, labels: NDArray[np.int64], num_classes: int, cost: float
) -> SegmentationProbe:
    """Return a logistic regression on features (P, F), as weights of what is not standardised."""
    fitted = Standardisation.fit(features)
    width = features.shape[1]
    # Scores are affine: at the origin they are the biases, at unit vectors the weights beside them.
    asked = np.concatenate([np.zeros((1, width)), np.eye(width)])
    scores = linear_scores(  # (1 + F, K)
        fitted.apply(features), labels, asked, num_classes, cost, LARGEST_GRADIENT
    )
    known = np.isfinite(scores[0])
    weights = np.zeros((width, num_classes))
    weights[:, known] = (scores[1:, known] - scores[0, known]) / fitted.spread[:, None]
    return SegmentationProbe(weights, scores[0] - fitted.mean @ weights)


def confusions(
    fitted: FittedProbe, films: SegmentedSet, maps_of: MapsOf
) -> dict[str, NDArray[np.int64]]:
    """Return a table of pixels (K, K) of each test episode, of all its views together."""
    tables: dict[str, NDArray[np.int64]] = {}
    for film in films.films["test"]:
        table = _confusion(fitted.probe, film, maps_of(film), len(films.classes))
        tables[film.episode] = tables.get(film.episode, np.zeros_like(table)) + table
    return tables


def _confusion(
    probe: SegmentationProbe, film: SegmentedFilm, maps: Maps, num_classes: int
) -> NDArray[np.int64]:
    height, width = film.masks.shape[1:]
    return pixel_confusion(film.masks, probe.masks(maps, height, width), num_classes)
