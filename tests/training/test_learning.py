"""Training learns: on films nobody could align without it, judged with fixed seeds."""

import pytest

from tcn_robot.models import untrained_encoder
from tcn_robot.training import RunDescription, create_run, make_config, train
from tcn_robot.training.embedded import embed_episodes
from tcn_robot.training.validation import measure_alignment
from tests.data.films import dot_films, store_of

CONFIG = make_config(
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
    config = CONFIG.changed(**options)
    create_run(folder, RunDescription(config, (), ""))
    trained = train(config, store, folder)
    held_out = store.split("valid")
    measured = [
        measure_alignment(embed_episodes(encoder, held_out))["validation/alignment_error"]
        for encoder in (trained, untrained_encoder(trained, seed=1))
    ]
    return measured[0], measured[1]


def test_infonce_finds_the_same_moment_in_the_other_view(store, tmp_path):
    trained, untrained = errors(store, tmp_path / "run")
    assert trained < 0.1
    assert untrained > 0.2
