"""Normalisation: frozen statistics, statistics per body, independence of the batch."""

import numpy as np
import pytest
import torch
from torch import nn

from tcn_robot.errors import UserError
from tcn_robot.models.norms import BodyBatchNorm, FrozenBatchNorm, make_norm
from tests.models.tiny import frames, tiny


def planes(count=6, seed=0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    return (torch.randn(count, 4, 3, 3, generator=generator) * 3 + 1).to(dtype)


def trained_batch_norm():
    norm = nn.BatchNorm2d(4)
    for seed in range(5):
        norm(planes(seed=seed))
    with torch.no_grad():
        norm.weight.uniform_(0.5, 2, generator=torch.Generator().manual_seed(0))
        norm.bias.uniform_(-1, 1, generator=torch.Generator().manual_seed(1))
    return norm.eval()


def test_frozen_statistics_equal_batch_norm_in_evaluation():
    norm, frozen = trained_batch_norm(), FrozenBatchNorm(4)
    frozen.load_state_dict({k: v for k, v in norm.state_dict().items() if "tracked" not in k})
    frozen.train()
    torch.testing.assert_close(frozen(planes()), norm(planes()), atol=1e-5, rtol=1e-5)
    assert not list(frozen.parameters())
    assert torch.equal(frozen.running_mean, norm.running_mean)


@pytest.mark.parametrize("channels", [1, 3, 8, 48, 64])
def test_groups_divide_any_number_of_channels(channels):
    norm = make_norm("group", channels)
    one = norm(torch.rand(1, channels, 2, 2))
    assert one.shape == (1, channels, 2, 2)


def test_group_norm_does_not_look_at_the_batch():
    norm = make_norm("group", 4)
    torch.testing.assert_close(norm(planes())[:1], norm(planes()[:1]))


def test_statistics_per_body_equal_a_batch_norm_for_each():
    mine, others = BodyBatchNorm(4, 3), [nn.BatchNorm2d(4) for _ in range(3)]
    body = torch.tensor([0, 2, 0, 2, 2, 0])  # none is of body 1
    for seed in range(3):
        values = planes(seed=seed)
        found = mine(values, body)
        for index in (0, 2):
            torch.testing.assert_close(found[body == index], others[index](values[body == index]))
    mine.eval()
    mixed = torch.tensor([2, 1, 0, 0, 1, 2])
    found = mine(planes(seed=9), mixed)
    for place, index in enumerate(mixed.tolist()):
        wanted = others[index].eval()(planes(seed=9)[place : place + 1])
        torch.testing.assert_close(found[place : place + 1], wanted, atol=1e-5, rtol=1e-5)
    assert not mine.running_mean[1].any()


def test_statistics_per_body_have_gradients():
    norm = BodyBatchNorm(4, 2).double()
    values = planes(4, dtype=torch.float64).requires_grad_()
    body = torch.tensor([0, 1, 0, 1])
    assert torch.autograd.gradcheck(lambda x: norm(x, body), values)


def test_bodies_take_their_difference_out():
    """A film and the same film with more contrast, each as its body's, become one."""
    encoder = tiny("batch norm", bodies=("hand", "robot"))
    contrast = frames(16).astype(int) - 128
    film, other = ((128 + contrast // share).astype(np.uint8) for share in (4, 1))
    body = torch.arange(32) % 2
    images = torch.from_numpy(np.stack([film, other], axis=1).reshape(32, 32, 32, 3))
    for _ in range(60):
        encoder.features(images, body=body)
    gap = np.abs(encoder.embed(film, body="hand") - encoder.embed(other, body="robot")).mean()
    mistaken = np.abs(encoder.embed(film, body="hand") - encoder.embed(other, body="hand")).mean()
    assert gap < 0.1 * mistaken


def test_bodies_differ():
    with pytest.raises(UserError, match="--bodies must differ, found hand hand"):
        tiny("batch norm", bodies=("hand", "hand"))


def test_whose_frames_they_are_must_be_said():
    encoder = tiny("batch norm", bodies=("hand", "robot"))
    with pytest.raises(UserError, match="say whose frames"):
        encoder.embed(frames())
    with pytest.raises(UserError, match="did you mean 'robot'"):
        encoder.embed(frames(), body="robto")
    one = tiny("batch norm", bodies=("hand",))
    assert np.array_equal(one.embed(frames()), one.embed(frames(), body="hand"))
    plain = tiny("batch norm")
    assert np.array_equal(plain.embed(frames()), plain.embed(frames(), body="hand"))


def test_a_body_encoder_is_saved_and_loaded(tmp_path):
    from tcn_robot.models import load_encoder

    encoder = tiny("batch norm", bodies=("hand", "robot"))
    encoder.features(torch.from_numpy(frames(4)), body=torch.tensor([0, 1, 1, 0]))
    encoder.save(tmp_path / "encoder")
    loaded = load_encoder(tmp_path / "encoder")
    assert loaded.bodies == ("hand", "robot")
    for body in loaded.bodies:
        assert np.array_equal(loaded.embed(frames(), body=body), encoder.embed(frames(), body=body))
