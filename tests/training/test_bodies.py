"""An encoder with batch statistics per body: trained, measured and embedded by each film's body."""

import numpy as np
import pytest
import torch

from tcn_robot.errors import UserError
from tcn_robot.models import load_encoder
from tcn_robot.models.bodies import body_indices, embed_film, for_body
from tcn_robot.training import RunDescription, create_run, read_metrics, train
from tcn_robot.training.config import make_config
from tests.data.films import store_of_two_bodies

OPTIONS = {"steps": 2, "image_size_px": 16, "batch_frames": 16, "norm": "batch"}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return store_of_two_bodies(tmp_path_factory.mktemp("films") / "store")


def trained(store, folder, **options):
    config = make_config("tcn", **OPTIONS, **options)
    create_run(folder, RunDescription(config, (), ""))
    return train(config, store, folder)


def test_each_body_gets_statistics_of_its_own(store, tmp_path):
    encoder = trained(store, tmp_path / "run", bodies=("hand", "robot"))
    means = encoder.norms[0].running_mean
    assert not torch.allclose(means[0], means[1])
    assert means.abs().sum(dim=1).min() > 0
    assert "validation/alignment_error" in read_metrics(tmp_path / "run")[-1]
    loaded = load_encoder(tmp_path / "run")
    film = store.episodes[0].frames("front")
    hand, robot = (embed_film(loaded, film, body) for body in ("hand", "robot"))
    assert not np.allclose(hand, robot, atol=1e-3)
    assert np.array_equal(hand, loaded.embed(film, body="hand"))


def test_a_body_that_is_not_named_is_refused_in_one_line(store, tmp_path):
    with pytest.raises(UserError, match="found episodes of robot; name every body"):
        trained(store, tmp_path / "run", bodies=("hand",))
    with pytest.raises(UserError, match="no named body"):
        body_indices(("hand",), ["hand", ""])


def test_places_follow_the_encoders_order():
    assert body_indices(("b", "a"), ["a", "b", "b"]).tolist() == [1, 0, 0]


def test_an_encoder_of_one_body_embeds_as_the_one_of_all(store, tmp_path):
    encoder = trained(store, tmp_path / "run", bodies=("hand", "robot"))
    film = store.episodes[0].frames("front")
    for body in encoder.bodies:
        alone = for_body(encoder, body)
        assert alone.bodies == (body,)
        assert np.array_equal(alone.embed(film), encoder.embed(film, body=body))
        alone.save(tmp_path / body)
        assert np.array_equal(load_encoder(tmp_path / body).embed(film), alone.embed(film))
    with pytest.raises(UserError, match="unknown body of the encoder 'arm'"):
        for_body(encoder, "arm")
    without = trained(store, tmp_path / "without")
    assert for_body(without, "arm") is without


def test_a_film_of_no_named_body_is_that_of_the_only_one(store, tmp_path):
    encoder = trained(store, tmp_path / "run", bodies=("hand", "robot"))
    film = store.episodes[0].frames("front")
    alone = for_body(encoder, "robot")
    assert np.array_equal(embed_film(alone, film, ""), alone.embed(film))
    with pytest.raises(UserError, match="say whose frames they are"):
        embed_film(encoder, film, "")
