"""Quarter turns of frames and clips, and the head that tells them apart."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tcn_robot.objectives.rotation import RotationHead, draw_turns, turned


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(*shape: int) -> torch.Tensor:
    return torch.randint(0, 256, shape, generator=generator()).float()


def test_frames_are_turned_as_numpy_turns_them():
    frames, turns = pictures(9, 6, 6, 3), draw_turns(9, generator(1))
    before = frames.clone()
    result = turned(frames, turns)
    for frame, turn, after in zip(frames.numpy(), turns.tolist(), result.numpy(), strict=True):
        assert np.array_equal(after, np.rot90(frame, turn, axes=(0, 1)))
    assert torch.equal(frames, before)


def test_a_clip_is_turned_as_a_whole():
    clips, turns = pictures(5, 3, 4, 4, 3), torch.tensor([0, 1, 2, 3, 1])
    result = turned(clips, turns)
    for step in range(3):
        assert torch.equal(result[:, step], turned(clips[:, step], turns))


def test_a_turn_and_the_rest_of_the_circle_is_the_picture():
    frames, turns = pictures(8, 5, 5, 3), draw_turns(8, generator(2))
    assert torch.equal(turned(turned(frames, turns), (4 - turns) % 4), frames)


def test_all_turns_are_as_likely_and_from_the_generator():
    turns = draw_turns(4000, generator())
    assert torch.bincount(turns).tolist() == pytest.approx([1000] * 4, rel=0.1)
    assert torch.equal(turns, draw_turns(4000, generator()))


def test_no_frames():
    assert turned(torch.empty(0, 4, 4, 3), torch.empty(0, dtype=torch.int64)).shape == (0, 4, 4, 3)


def test_head_is_the_papers_and_learns():
    head = RotationHead(8, generator())
    shapes = [tuple(layer.weight.shape) for layer in head.layers]
    assert shapes == [(200, 8), (200, 200), (4, 200)]
    labels = torch.arange(64) % 4
    features = F.one_hot(labels, 8).float() + 0.1 * torch.randn(64, 8, generator=generator(1))
    optimizer = torch.optim.SGD(head.parameters(), lr=0.1)
    losses = []
    for _ in range(20):
        loss = F.cross_entropy(head(features), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[0] > 0.5
    assert losses[-1] < 0.1
    assert all(parameter.grad.abs().sum() > 0 for parameter in head.parameters())


def test_head_takes_bf16_features_and_starts_from_its_generator():
    features = torch.randn(6, 8, generator=generator(1))
    first, second = RotationHead(8, generator(3)), RotationHead(8, generator(3))
    assert torch.equal(first(features), second(features))
    assert first(features.bfloat16()).dtype == torch.float32
    assert torch.allclose(first(features.bfloat16()), first(features), atol=0.1)
