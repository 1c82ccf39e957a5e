"""The probe of maps against torch and scikit-learn, on films whose masks are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.linear_model import LogisticRegression

from tcn_robot.benchmarks.recognition.probes import linear_scores
from tcn_robot.benchmarks.segmentation.controls import (
    coarse_pixel_maps,
    majority_confusions,
    pixel_maps,
    place_maps,
)
from tcn_robot.benchmarks.segmentation.films import SegmentedFilm, SegmentedSet, roles_of
from tcn_robot.benchmarks.segmentation.places import at_pixels, between, spread_out
from tcn_robot.benchmarks.segmentation.probe import (
    LARGEST_GRADIENT,
    SegmentationProbe,
    confusions,
    fit_probe,
    linear_probe,
)
from tcn_robot.benchmarks.segmentation.summary import summarised
from tcn_robot.benchmarks.segmentation.table import segmentation_table
from tcn_robot.errors import UserError
from tcn_robot.metrics import mean_iou, pixel_confusion

COLOURS = np.array([[90, 90, 90], [200, 30, 30], [30, 30, 200]], np.uint8)


def film(episode: int, view: str = "front", size: tuple[int, int] = (24, 32)) -> SegmentedFilm:
    """Return four frames with two coloured boxes that lie anywhere."""
    generator = np.random.default_rng(episode)
    masks = np.zeros((4, *size), np.uint8)
    for mask in masks:
        for label in (1, 2):
            top, left = generator.integers(0, size[0] - 8), generator.integers(0, size[1] - 8)
            mask[top : top + 8, left : left + 8] = label
    noise = generator.integers(0, 10, (4, *size, 3)).astype(np.uint8)
    return SegmentedFilm(f"episode {episode}", view, (COLOURS[masks] + noise)[:, None], masks)


@pytest.fixture(scope="module")
def films() -> SegmentedSet:
    roles = {"fit": (film(0), film(1)), "valid": (film(2),), "test": (film(3), film(4), film(5))}
    return SegmentedSet(("background", "red", "blue"), roles, is_divided=False)  # type: ignore[arg-type]


@pytest.mark.parametrize(("source", "target"), [(6, 24), (5, 24), (24, 24), (1, 7), (9, 6)])
def test_places_are_spread_out_as_torch_does(source: int, target: int) -> None:
    maps = np.random.default_rng(0).normal(size=(2, 3, source, source + 1))
    expected = F.interpolate(torch.from_numpy(maps), size=(target, 20), mode="bilinear")
    found = spread_out(maps, target, 20)
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-12)
    np.testing.assert_allclose(between(source, target).sum(axis=1), 1, atol=1e-12)
    generator = np.random.default_rng(1)
    frame, row, column = (generator.integers(0, high, 50) for high in (2, target, 20))
    some = at_pixels(maps, (target, 20), frame, row, column)
    np.testing.assert_allclose(some, found[frame, :, row, column], atol=1e-12)


def test_the_classifier_may_come_before_or_after_spreading_out() -> None:
    generator = np.random.default_rng(2)
    maps = [generator.normal(size=(2, 3, 4, 5)), generator.normal(size=(2, 2, 8, 10))]
    weights, biases = generator.normal(size=(5, 3)), generator.normal(size=3)
    found = SegmentationProbe(weights, biases).logits(maps, 16, 20)  # type: ignore[arg-type]
    stacked = np.concatenate([spread_out(each, 16, 20) for each in maps], axis=1)
    for frame, row, column in ((0, 0, 0), (1, 7, 13), (1, 15, 19)):
        expected = stacked[frame, :, row, column] @ weights + biases
        np.testing.assert_allclose(found[frame, :, row, column], expected, atol=1e-12)


def test_the_probe_is_a_logistic_regression() -> None:
    generator = np.random.default_rng(3)
    features = generator.normal(3, 5, (300, 4))
    labels = (features @ generator.normal(size=(4, 3))).argmax(axis=1)
    probe = linear_probe(features, labels, 4, 0.1)  # the last class never comes
    scaled = (features - features.mean(axis=0)) / features.std(axis=0)
    expected = LogisticRegression(C=0.1, max_iter=1000).fit(scaled, labels)
    ours = features @ probe.weights + probe.biases
    theirs = expected.decision_function(scaled)
    np.testing.assert_allclose(ours[:, :3], theirs, atol=1e-2)
    same = linear_scores(scaled, labels, scaled, 4, 0.1, LARGEST_GRADIENT)
    np.testing.assert_allclose(ours[:, :3], same[:, :3], atol=1e-9)
    assert (ours[:, 3] == -np.inf).all()


def test_colours_that_differ_are_told_apart(films: SegmentedSet) -> None:
    fitted = fit_probe(films, pixel_maps, 2000, np.random.default_rng(0))
    tables = confusions(fitted, films, pixel_maps)
    assert list(tables) == ["episode 3", "episode 4", "episode 5"]
    assert float(mean_iou(sum(tables.values()))) > 0.99
    again = confusions(
        fit_probe(films, pixel_maps, 2000, np.random.default_rng(0)), films, pixel_maps
    )
    assert all(np.array_equal(tables[name], again[name]) for name in tables)
    blind = fit_probe(films, lambda one: [place_maps(one)], 2000, np.random.default_rng(0))
    assert (
        float(mean_iou(sum(confusions(blind, films, lambda one: [place_maps(one)]).values()))) < 0.5
    )


def test_coarse_colours_are_means_over_places() -> None:
    one = film(0)
    colours, place = coarse_pixel_maps(one, (6, 8))
    assert colours.shape == (4, 3, 6, 8)
    assert place.shape == (4, 5, 24, 32)
    expected = one.frames[2, 4:8, 8:12].reshape(-1, 3).mean(axis=0) / 255
    np.testing.assert_allclose(colours[2, :, 1, 2], expected, atol=1e-6)


def test_what_a_summary_says(films: SegmentedSet) -> None:
    fitted = fit_probe(films, pixel_maps, 2000, np.random.default_rng(0))
    tables = confusions(fitted, films, pixel_maps)
    rows = {"trained": [tables], "majority": [majority_confusions(films)]}
    found = summarised(rows, films.classes, seed=0)
    share = np.mean([(one.masks == 0).mean() for one in films.films["test"]])
    assert found["majority"]["pixel_accuracy"] == pytest.approx(share)
    assert found["majority"]["class_iou"]["red"] == 0.0
    assert found["majority"]["mean_iou"] == pytest.approx(share / 3)
    above = found["majority"]["above_mean_iou"]
    assert above == pytest.approx(found["trained"]["mean_iou"] - share / 3)
    low, high = found["majority"]["above_mean_iou_interval"]
    assert low <= above <= high
    assert "majority" in segmentation_table(found, films.classes)
    # One episode: nothing to draw from.
    alone = {"trained": [{"episode 3": tables["episode 3"]}]}
    row = summarised(alone, films.classes, seed=0)["trained"]
    assert row["mean_iou_interval"] == [row["mean_iou"]] * 2


def test_several_seeds_have_the_mean_of_their_figures() -> None:
    generator = np.random.default_rng(4)
    truth, first, second = generator.integers(0, 3, (3, 5, 40))
    seeds = [
        {str(place): pixel_confusion(truth[place], found[place], 3) for place in range(5)}
        for found in (first, second)
    ]
    row = summarised({"untrained": seeds}, "abc", seed=0)["untrained"]
    each = [float(mean_iou(sum(tables.values()))) for tables in seeds]
    assert row["mean_iou"] == pytest.approx(np.mean(each))


def test_what_episodes_are_for() -> None:
    generator = np.random.default_rng(0)
    assert roles_of(["train", "test", "valid", "play"], generator) == ["fit", "test", "valid", None]
    roles = roles_of(["train", *["test"] * 10], generator)
    assert roles[0] is None
    assert [roles.count(role) for role in ("fit", "valid", "test")] == [4, 2, 4]
    with pytest.raises(UserError, match="found 4 of test"):
        roles_of(["test"] * 4 + ["train"], generator)
