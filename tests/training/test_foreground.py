"""A training on painted frames: what the network sees, what is stored, and resuming."""

from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

from tcn_robot.data.frame_store import FrameStore
from tcn_robot.errors import UserError
from tcn_robot.models import load_encoder
from tcn_robot.training import RunDescription, create_run, train
from tcn_robot.training.config import config_from_dict, make_config
from tcn_robot.training.parts import prepare
from tests.data.films import store_of_two_bodies

OPTIONS = {"steps": 4, "image_size_px": 16, "batch_frames": 16, "checkpoint_every_steps": 2}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return store_of_two_bodies(tmp_path_factory.mktemp("films") / "store")


def trained(store, folder, on_step=None):
    config = make_config("tcn", **OPTIONS, foreground=True)
    if not folder.exists():
        create_run(folder, RunDescription(config, (), ""))
    return train(config, store, folder, on_step)


def test_batches_are_painted_before_they_are_seen(store):
    config = make_config("tcn", **OPTIONS, foreground=True)
    parts = prepare(config, store)
    plain = prepare(replace(config, foreground=False), store)
    batch = parts.sampler.draw(np.random.default_rng(0))
    assert parts.foreground is not None
    assert plain.foreground is None
    raw = plain.frames.gather(batch)
    assert torch.equal(parts.frames.gather(batch), parts.foreground(raw))
    assert not torch.equal(parts.frames.gather(batch), raw)


def test_the_encoder_takes_it_along_and_a_resumed_run_is_the_same(store, tmp_path):
    whole = trained(store, tmp_path / "whole")

    def stop(step, note):
        if step >= 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(store, tmp_path / "stopped", stop)
    resumed = trained(store, tmp_path / "stopped")
    film = store.episodes[0].frames("front")
    assert whole.foreground is not None
    loaded = load_encoder(tmp_path / "whole")
    for other in (resumed, loaded):
        assert torch.equal(other.foreground.backgrounds, whole.foreground.backgrounds)
        assert np.array_equal(other.embed(film), whole.embed(film))
    loaded.foreground = None
    assert not np.array_equal(loaded.embed(film), whole.embed(film))


def test_one_body_alone_is_refused(store):
    alone = FrameStore(store.size_px, store.episodes[::2])
    with pytest.raises(UserError, match="films of two bodies or more, found hand"):
        prepare(make_config("tcn", **OPTIONS, foreground=True), alone)


def test_a_run_from_before_painting_is_read_as_without():
    config = make_config("tcn", **OPTIONS)
    values = asdict(config)
    del values["foreground"]
    assert config_from_dict(values, "config.json") == config
    del values["seed"]
    with pytest.raises(UserError, match="lacks seed"):
        config_from_dict(values, "config.json")
