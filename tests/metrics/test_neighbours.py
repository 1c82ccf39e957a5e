"""Blockwise search against all distances at once, with the ties that rounding makes and breaks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from tcn_robot.errors import UserError
from tcn_robot.metrics import blockwise, mean_over_neighbours, nearest_neighbours, neighbour_pairs


def ties_at_once(u, v, distance="euclidean"):
    """The definition: as near as the nearest, within 8 roundings of the largest norm."""
    epsilon = max(np.finfo(u.dtype).eps, np.finfo(v.dtype).eps)
    u, v = u.astype(float), v.astype(float)
    if distance == "cosine":
        u, v = (x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-300) for x in (u, v))
    distances = cdist(u, v)
    largest = max(np.linalg.norm(u, axis=1).max(), np.linalg.norm(v, axis=1).max())
    return distances <= distances.min(axis=1, keepdims=True) + 8 * epsilon * largest


def embeddings(seed, kind, dtype, offset, num_rows, num_cols, dimension):
    """Two embeddings of a kind, far from the origin or not."""
    rng = np.random.default_rng(seed)
    shape = (num_rows + num_cols, dimension)
    both = {
        "normal": lambda: rng.normal(size=shape),
        "grid": lambda: rng.integers(0, 3, shape).astype(float),
        "states": lambda: rng.normal(size=(3, dimension))[rng.integers(0, 3, shape[0])],
        "collapsed": lambda: np.tile(rng.normal(size=dimension), (shape[0], 1)),
        "noise": lambda: 1 + 1e-7 * rng.normal(size=shape),
        "outlier": lambda: (
            rng.normal(size=shape) * np.where(rng.random(shape[0]) < 0.2, 1e7, 1)[:, None]
        ),
        "walk": lambda: np.cumsum(rng.normal(size=shape), axis=0),
    }[kind]()
    both = (both + offset).astype(dtype)
    return both[:num_rows], both[num_rows:]


KINDS = st.sampled_from(["normal", "grid", "states", "collapsed", "noise", "outlier", "walk"])
CASES = st.builds(
    embeddings,
    st.integers(0, 10_000),
    KINDS,
    st.sampled_from([np.float32, np.float64]),
    st.sampled_from([0.0, 0.3, 1e3, 1e6]),
    st.integers(1, 12),
    st.integers(1, 12),
    st.sampled_from([1, 2, 5, 40]),
)


@settings(max_examples=300, deadline=None)
@given(CASES, st.sampled_from([1, 7, 2**19]), st.sampled_from(["euclidean", "cosine"]))
def test_the_same_ties_as_all_distances_at_once(case, block_elements, distance):
    u, v = case
    expected = ties_at_once(u, v, distance)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blockwise, "BLOCK_ELEMENTS", block_elements)
        patch.setattr(blockwise, "_FEWEST_ROWS", 1)
        patch.setattr(blockwise, "_EXACT_ELEMENTS", 8 * block_elements)
        np.testing.assert_array_equal(nearest_neighbours(u, v, distance=distance), expected)
        weights = np.random.default_rng(0).normal(size=expected.shape)
        means = mean_over_neighbours(u, v, lambda r, c: weights[r, c], distance=distance)
    np.testing.assert_allclose(
        means, (expected * weights).sum(axis=1) / expected.sum(axis=1), rtol=0, atol=1e-12
    )


def test_long_episodes_of_many_blocks():
    """Rows of several blocks, with duplicates, against all distances at once."""
    rng = np.random.default_rng(0)
    u = np.repeat(rng.normal(size=(350, 16)), 3, axis=0)
    v = np.concatenate([u[::2], rng.normal(size=(700, 16))])
    assert len(u) * len(v) > 2 * blockwise.BLOCK_ELEMENTS
    expected = ties_at_once(u, v)
    assert expected.sum() > len(u)  # there are ties
    np.testing.assert_array_equal(nearest_neighbours(u, v), expected)
    rows, cols = (np.concatenate(x) for x in zip(*neighbour_pairs(u, v), strict=True))
    np.testing.assert_array_equal(np.stack([rows, cols]), np.nonzero(expected))


def test_several_values_at_once():
    u, v = np.random.default_rng(0).integers(0, 2, size=(2, 9, 2)).astype(float)
    both = mean_over_neighbours(u, v, lambda r, c: np.stack([r - c, c], axis=1))
    assert both.shape == (9, 2)
    np.testing.assert_array_equal(both[:, 0], mean_over_neighbours(u, v, lambda r, c: r - c))
    np.testing.assert_array_equal(both[:, 1], mean_over_neighbours(u, v, lambda r, c: c))


@pytest.mark.parametrize("scale", [1e-300, 1e-170, 1e170, 1e300])
def test_numbers_whose_squares_are_no_numbers(scale):
    """Squares overflow or vanish: every frame would tie with every other."""
    u, v = np.random.default_rng(0).normal(size=(2, 20, 3))
    expected = ties_at_once(u, v)
    np.testing.assert_array_equal(nearest_neighbours(scale * u, scale * v), expected)
    cosine = nearest_neighbours(scale * u, v, distance="cosine")
    np.testing.assert_array_equal(cosine, ties_at_once(u, v, "cosine"))


def test_cosine_forgets_lengths_and_a_row_of_zeros_has_no_direction():
    u = np.array([[1.0, 0.0], [0.0, 5.0], [0.0, 0.0]])
    v = np.array([[0.0, 0.1], [90.0, 0.0], [0.0, 0.0]])
    np.testing.assert_array_equal(
        nearest_neighbours(u, v, distance="cosine"),
        [[False, True, False], [True, False, False], [False, False, True]],
    )
    # Without other rows of zeros every direction is as far: no guess.
    assert nearest_neighbours(u, v[:2], distance="cosine")[2].all()
    assert not nearest_neighbours(u, v[:2])[2].all()
    with pytest.raises(UserError, match="euclidean or cosine, found 'manhattan'"):
        nearest_neighbours(u, v, distance="manhattan")


def test_mixed_dtypes_tie_by_the_coarser():
    u, v = np.ones((1, 3)), (1 + 1e-7 * np.arange(3.0))[:, None] * np.ones(3)
    assert nearest_neighbours(u, v).sum() == 1
    assert nearest_neighbours(u.astype(np.float32), v).all()
