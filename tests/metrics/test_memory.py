"""No metric holds anything of T * S: with small blocks less than a matrix of single bytes."""

import tracemalloc

import numpy as np
import pytest

from tcn_robot.metrics import (
    alignment_accuracy,
    alignment_error,
    attribute_error,
    blockwise,
    class_recall,
    cycles,
    kendall_tau,
    moment_recall,
    nearest_neighbours,
    progress_error,
    three_way_cycle_consistency,
    two_way_cycle_consistency,
)

FRAMES = 1500
TIMES = {"times_u": np.arange(FRAMES) / 20, "times_v": np.arange(FRAMES) / 20}
LABELS, EPISODES = np.arange(FRAMES) % 3, np.arange(FRAMES) % 2
METRICS = {
    "error": alignment_error,
    "accuracy": alignment_accuracy,
    "accuracy in seconds": lambda u, v: alignment_accuracy(u, v, tolerance_seconds=0.1, **TIMES),
    "cosine": lambda u, v: alignment_error(u, v, distance="cosine"),
    "tau": kendall_tau,
    "progress": lambda u, v: progress_error(u, v, LABELS, LABELS),
    "moments": moment_recall,
    "classes": lambda u, v: class_recall(u, LABELS, EPISODES),
    "attribute": lambda u, v: attribute_error(u, LABELS, EPISODES),
    "two ways": two_way_cycle_consistency,
    "three ways": lambda u, v: three_way_cycle_consistency(u, v, u),
}


def peak_bytes(metric, u, v):
    tracemalloc.start()
    try:
        metric(u, v)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch):
    for module in (blockwise, cycles):
        monkeypatch.setattr(module, "BLOCK_ELEMENTS", 2**13)
    monkeypatch.setattr(blockwise, "_FEWEST_ROWS", 1)
    monkeypatch.setattr(blockwise, "_EXACT_ELEMENTS", 2**13)


@pytest.mark.parametrize("kind", ["walk", "collapsed"])
@pytest.mark.parametrize("name", METRICS)
def test_memory_is_that_of_a_block(name, kind):
    u = np.full((FRAMES, 2), 0.3)
    if kind == "walk":
        u = np.cumsum(np.random.default_rng(0).normal(size=(FRAMES, 2)), axis=0)
    assert peak_bytes(METRICS[name], u, u + 0.0) < FRAMES**2 / 1.5


def test_a_dense_matrix_is_noticed():
    u = np.random.default_rng(0).normal(size=(FRAMES, 2))
    assert peak_bytes(nearest_neighbours, u, u) > FRAMES**2
