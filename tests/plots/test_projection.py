"""Planes: PCA against scikit-learn, t-SNE as TCE has it, and what has no plane."""

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

from tcn_robot.errors import UserError
from tcn_robot.metrics import MetricInputError
from tcn_robot.plots.projection import (
    principal_components,
    project_pca,
    project_tsne,
    reduced_by_pca,
)


@pytest.fixture
def embeddings():
    generator = np.random.default_rng(0)
    return generator.normal(size=(40, 7)) @ np.diag([5, 3, 2, 1, 0.5, 0.2, 0.1])


def up_to_sign(first, second):
    return np.minimum(np.abs(first - second).max(axis=0), np.abs(first + second).max(axis=0))


def test_pca_is_that_of_scikit_learn(embeddings):
    theirs = PCA(n_components=2, svd_solver="full").fit(embeddings)
    ours = project_pca(embeddings)
    assert up_to_sign(ours.points, theirs.transform(embeddings)).max() < 1e-12
    shares = theirs.explained_variance_ratio_
    assert ours.axis_labels[0] == f"component 1 ({100 * shares[0]:.0f} % of the variance)"
    scores, all_shares = principal_components(embeddings)
    full = PCA(svd_solver="full").fit(embeddings)
    np.testing.assert_allclose(all_shares, full.explained_variance_ratio_, atol=1e-14)
    assert up_to_sign(scores, full.transform(embeddings)).max() < 1e-12


def test_the_sign_of_a_component_is_settled(embeddings):
    mean = embeddings.mean(axis=0)
    mirrored = 2 * mean - embeddings
    ours, theirs = project_pca(embeddings).points, project_pca(mirrored).points
    np.testing.assert_allclose(ours, -theirs, atol=1e-12)


def test_the_components_before_tsne_are_scikit_learns(embeddings):
    theirs = PCA(n_components=0.85, svd_solver="full").fit_transform(embeddings)
    ours = reduced_by_pca(embeddings)
    assert ours.shape == theirs.shape
    assert up_to_sign(ours, theirs).max() < 1e-12
    one_direction = np.outer(np.arange(10.0), [1, 2, 3])
    assert reduced_by_pca(one_direction).shape == (10, 2)


def test_tsne_is_scikit_learns_on_these_components(embeddings):
    ours = project_tsne(embeddings, seed=3, perplexity=5)
    with threadpool_limits(limits=1):
        theirs = TSNE(perplexity=5, init="pca", random_state=3).fit_transform(
            reduced_by_pca(embeddings)
        )
    np.testing.assert_array_equal(ours.points, theirs.astype(np.float64))
    assert "perplexity 5, seed 3" in ours.caption


def test_the_same_seed_gives_the_same_points_bit_for_bit(embeddings):
    first, second = (project_tsne(embeddings, seed=1) for _ in range(2))
    np.testing.assert_array_equal(first.points, second.points)


@pytest.mark.parametrize(("count", "perplexity"), [(4, 1), (40, 13), (1000, 30)])
def test_perplexity_is_capped_by_the_number_of_points(count, perplexity, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "sklearn.manifold.TSNE.fit_transform",
        lambda self, x: asked.append(self.perplexity) or np.zeros((len(x), 2), np.float32),
    )
    project_tsne(np.random.default_rng(0).normal(size=(count, 3)))
    assert asked == [perplexity]


@pytest.mark.parametrize("project", [project_pca, project_tsne])
def test_a_collapsed_embedding_is_one_point_and_says_so(project):
    collapsed = np.full((20, 4), 0.37, np.float32) + np.float32(1e-8)
    found = project(collapsed)
    assert found.collapsed
    assert "collapsed" in found.caption
    assert not found.points.any()
    assert not project(np.eye(20)).collapsed


@pytest.mark.parametrize("project", [project_pca, project_tsne])
def test_what_has_no_plane_is_refused(project):
    with pytest.raises(UserError, match="needs 3 points or more, found 2"):
        project(np.eye(2))
    with pytest.raises(MetricInputError, match="NaN"):
        project(np.full((5, 2), np.nan))


def test_one_dimension_is_a_line():
    found = project_pca(np.arange(5.0)[:, None])
    assert not found.points[:, 1].any()
    np.testing.assert_allclose(np.diff(found.points[:, 0]), 1.0)


def test_a_perplexity_of_nothing_is_refused():
    with pytest.raises(UserError, match="above 0"):
        project_tsne(np.eye(5), perplexity=0)
