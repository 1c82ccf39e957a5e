"""A regulariser is added to any objective, and pays attention to the length of embeddings."""

import pytest
import torch

from tcn_robot.objectives import regulariser_terms
from tcn_robot.training import make_config
from tcn_robot.training.loop import forward, open_batches
from tcn_robot.training.parts import prepare, start
from tests.data.films import dot_films, store_of

SMALL = {"steps": 3, "image_size_px": 16, "batch_frames": 16, "precision": "fp32"}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    films = dot_films(seed=0, train=3, length=12, size_px=16)
    return store_of(films, tmp_path_factory.mktemp("films") / "store", size_px=16)


@pytest.mark.parametrize("loss", ["infonce", "triplet"])
def test_terms_are_those_of_the_embeddings_that_the_objective_saw(store, tmp_path, loss):
    config = make_config("tcn", loss=loss, covariance_weight=0.5, variance_weight=2.0, **SMALL)
    parts = prepare(config, store)
    state = start(config, parts, tmp_path)
    with open_batches(config, parts) as batches:
        step, losses = forward(config, parts, state, batches)
    expected = regulariser_terms(
        step.seen, config.regulariser, state.objective_rng, unit_length=loss == "triplet"
    )
    assert losses.terms.keys() == {loss, "variance", "covariance"}
    for name, value in expected.items():
        assert torch.equal(losses.terms[name], value)
    losses.terms["covariance"].backward()
    assert any(weights.grad.abs().sum() > 0 for weights in state.encoder.parameters())


def test_without_weights_there_is_nothing_to_add(store, tmp_path):
    config = make_config("tcn", **SMALL)
    parts = prepare(config, store)
    state = start(config, parts, tmp_path)
    before = state.objective_rng.get_state()
    with open_batches(config, parts) as batches:
        assert forward(config, parts, state, batches)[1].terms.keys() == {"infonce"}
    assert torch.equal(state.objective_rng.get_state(), before)
