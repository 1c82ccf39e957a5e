"""Training learns: on films nobody could align without it, judged with fixed seeds."""

import dataclasses

import numpy as np
import pytest

from tcn_robot.models import untrained_encoder
from tcn_robot.training import RunDescription, TrainConfig, create_run, train
from tcn_robot.training.validation import measure_alignment
from tests.data.films import dot_films, store_of

CONFIG = TrainConfig(
    steps=120,
    image_size_px=32,
    batch_frames=64,
    episodes_per_batch=2,
    shift_px=1,
    warmup_steps=10,
    validate_every_steps=1000,
)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    films = dot_films(seed=0, train=24, valid=4)
    return store_of(films, tmp_path_factory.mktemp("films") / "store")


def errors(store, folder, **options) -> tuple[float, float]:
    """Cross-view alignment error on held-out films: trained, untrained."""
    config = dataclasses.replace(CONFIG, **options)
    create_run(folder, RunDescription(config, (), ""))
    trained = train(config, store, folder)
    held_out = store.split("valid")
    measured = [
        measure_alignment(encoder, held_out)["validation/alignment_error"]
        for encoder in (trained, untrained_encoder(trained, seed=1))
    ]
    return measured[0], measured[1]


def test_infonce_finds_the_same_moment_in_the_other_view(store, tmp_path):
    trained, untrained = errors(store, tmp_path / "run")
    assert trained < 0.1
    assert untrained > 0.2


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["tcn_cosine", "tcn_npairs", "tcn_triplet"])
def test_other_multi_view_objectives_learn_too(store, tmp_path, objective):
    trained, untrained = errors(store, tmp_path / "run", objective=objective, steps=400)
    assert trained < 0.5 * untrained


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["svtcn", "svtcn_infonce"])
def test_single_view_objectives_put_time_in_order(store, tmp_path, objective):
    """Near in time must be near in the embedding, on films that were never seen."""
    config = dataclasses.replace(CONFIG, objective=objective, steps=200)
    create_run(tmp_path / "run", RunDescription(config, (), ""))
    encoder = train(config, store, tmp_path / "run")
    for film in store.split("valid"):
        embedded = encoder.embed(film.frames("front"))
        gaps = np.square(embedded[:, None] - embedded[None]).sum(axis=2)
        near = np.mean([np.diagonal(gaps, k).mean() for k in (1, 2)])
        far = np.mean([np.diagonal(gaps, k).mean() for k in range(5, 12)])
        assert near < 0.4 * far
