"""A reward knows the encoder that it was fitted with, and refuses any other."""

import hashlib
import json

import numpy as np
import pytest
import torch

from tcn_robot.errors import UserError
from tcn_robot.models import (
    ConvolutionalConfig,
    ConvolutionalEncoder,
    encoder_digest,
    encoder_sha256,
    load_encoder,
    seeded_generator,
)
from tcn_robot.rewards import REWARDS, EnsembleReward, load_reward
from tcn_robot.rewards.storage import replace_encoder, where_fitted_with


def real_encoder(seed=0):
    config = ConvolutionalConfig(
        image_size_px=16, dimension=4, channels=(4, 4), strides=(2, 1), hidden=8
    )
    return ConvolutionalEncoder(config, seeded_generator(seed)).eval()


@pytest.fixture(params=["progress", "trajectory", "goal"])
def saved(request, demos, tmp_path):
    REWARDS[request.param].fit(real_encoder(), demos).save(tmp_path / "reward")
    return tmp_path / "reward"


def test_the_hash_stands_in_the_file_and_fits(saved, demos):
    document = json.loads((saved / "reward.json").read_text())
    assert document["encoder_sha256"] == encoder_sha256(real_encoder())
    assert len(bytes.fromhex(document["encoder_sha256"])) == hashlib.sha256().digest_size
    assert document["encoder_sha256"].startswith(encoder_digest(real_encoder()))
    stored, handed_in = load_reward(saved), load_reward(saved, real_encoder())
    np.testing.assert_array_equal(stored.score_episode(demos[0]), handed_in.score_episode(demos[0]))


def test_another_encoder_is_refused(saved):
    with pytest.raises(
        UserError, match=r"the encoder handed in has .* weights have changed"
    ) as one:
        load_reward(saved, real_encoder(seed=1))
    assert "\n" not in str(one.value)


def test_an_altered_encoder_is_refused(saved):
    altered = load_encoder(saved)
    with torch.no_grad():
        next(iter(altered.parameters())).mul_(1.001)
    altered.save(saved / "encoder")
    with pytest.raises(UserError, match=r"reward/encoder has .* weights have changed"):
        load_reward(saved)
    with pytest.raises(UserError, match="the encoder handed in"):
        load_reward(saved, altered)
    load_reward(saved, real_encoder())


def test_files_from_before_and_encoders_without_a_hash_still_load(saved, demos, encoder, tmp_path):
    document = json.loads((saved / "reward.json").read_text())
    del document["encoder_sha256"]
    (saved / "reward.json").write_text(json.dumps(document))
    load_reward(saved, real_encoder(seed=1))  # nobody knows which it was
    REWARDS[document["reward"]].fit(encoder, demos).save(tmp_path / "other")
    assert json.loads((tmp_path / "other" / "reward.json").read_text())["encoder_sha256"] is None
    load_reward(tmp_path / "other", encoder)


def test_an_encoder_of_someone_elses_may_have_a_hash_of_its_own(demos, encoder, tmp_path):
    encoder.sha256 = lambda: "a" * 64
    REWARDS["goal"].fit(encoder, demos).save(tmp_path / "reward")
    load_reward(tmp_path / "reward", encoder)
    encoder.sha256 = lambda: "b" * 64
    with pytest.raises(UserError, match="SHA-256 aaaaaaaaaaaa"):
        load_reward(tmp_path / "reward", encoder)


def test_an_encoder_is_replaced_knowingly(saved, demos):
    before = load_reward(saved).score_episode(demos[0])
    replace_encoder(saved, real_encoder(seed=1))
    assert not np.array_equal(load_reward(saved).score_episode(demos[0]), before)
    with pytest.raises(UserError, match="weights have changed"):
        load_reward(saved, real_encoder(seed=0))
    wider = ConvolutionalConfig(
        image_size_px=16, dimension=5, channels=(4, 4), strides=(2, 1), hidden=8
    )
    with pytest.raises(UserError, match="dimension"):
        replace_encoder(saved, ConvolutionalEncoder(wider, seeded_generator(0)))


@pytest.mark.parametrize("name", ["shaping", "mixture"])
def test_the_encoder_of_a_reward_within_is_replaced(name, demos, tmp_path):
    folder, direct = tmp_path / "reward", tmp_path / "direct"
    REWARDS[name].fit(real_encoder(), demos).save(folder)
    REWARDS["progress"].fit(real_encoder(), demos).save(direct)
    before = load_reward(folder).score_episode(demos[0])
    for saved in (folder, direct):
        replace_encoder(saved, real_encoder(seed=1))
    after = load_reward(folder)
    assert not np.array_equal(after.score_episode(demos[0]), before)
    np.testing.assert_array_equal(
        after.inner.score_episode(demos[0]), load_reward(direct).score_episode(demos[0])
    )
    assert encoder_sha256(after.inner.encoder) == encoder_sha256(real_encoder(seed=1))


def test_an_ensemble_has_no_one_encoder_to_replace(demos, tmp_path):
    EnsembleReward([REWARDS["goal"].fit(real_encoder(), demos)]).save(tmp_path / "reward")
    with pytest.raises(UserError, match="holds an ensemble: expected one reward"):
        replace_encoder(tmp_path / "reward", real_encoder(seed=1))


def test_an_encoder_is_shared_where_the_reward_was_fitted_with_it(demos, encoder, tmp_path):
    mine, other = real_encoder(), real_encoder(seed=1)

    def found(reward):
        reward.save(tmp_path / "reward")
        return where_fitted_with(tmp_path / "reward", mine, encoder_sha256(mine))

    for name in REWARDS:
        assert found(REWARDS[name].fit(mine, demos)) is mine
        assert found(REWARDS[name].fit(other, demos)) is None
        assert found(REWARDS[name].fit(encoder, demos)) is None  # nobody knows its hash
    for name in ("goal", "shaping"):
        members = [REWARDS[name].fit(one, demos) for one in (mine, other, mine)]
        assert found(EnsembleReward(members)) == [mine, None, mine]
