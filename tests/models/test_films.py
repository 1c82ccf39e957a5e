"""Several frames of a film: look-back, what stands before the start, streams, the joining layer."""

import numpy as np
import pytest
import torch

from tcn_robot.clips import expand_clip
from tcn_robot.errors import UserError
from tcn_robot.models.convolutional import JoinFrames
from tcn_robot.models.films import look_back, windows
from tcn_robot.models.planes import (
    HALF,
    IMAGENET,
    Normalise,
    frame_differences,
    scaled_planes,
    stacked,
)
from tests.models.tiny import frames, tiny


@pytest.mark.parametrize(("num_frames", "stride"), [(1, 1), (1, 5), (3, 1), (4, 2), (6, 7)])
@pytest.mark.parametrize("length", [1, 2, 5, 20])
def test_windows_look_back_and_repeat_the_first_frame(num_frames, stride, length):
    indices = expand_clip(np.arange(length), num_frames, stride)
    for t in range(length):
        wanted = [max(0, t - k * stride) for k in range(num_frames - 1, -1, -1)]
        assert indices[t].tolist() == wanted
    film = frames(length, 2, 2)
    streamed = list(windows(iter(film), num_frames, stride))
    assert np.array_equal(np.stack(streamed), film[indices])
    assert look_back(num_frames, stride) == (num_frames - 1) * stride


def test_a_stream_keeps_no_more_than_its_window():
    kept = []

    def film():
        for index in range(50):
            frame = np.zeros((2, 2, 3), np.uint8)
            kept.append(index)
            yield frame

    stream = windows(film(), 3, 2)
    for count in range(1, 11):
        assert next(stream).shape == (3, 2, 2, 3)
        assert len(kept) == count  # nothing is read ahead


def test_a_stream_may_come_in_one_memory_that_is_written_again():
    film = frames(6, 32, 32)

    def reused():
        memory = np.empty_like(film[0])
        for frame in film:
            memory[:] = frame
            yield memory

    encoder = tiny("frames").eval()
    streamed = np.stack(list(encoder.embed_stream(reused())))
    np.testing.assert_allclose(streamed, encoder.embed(film), atol=1e-6)


@pytest.mark.parametrize("batch_frames", [0, -1])
def test_a_batch_of_no_frames_is_refused(batch_frames):
    with pytest.raises(UserError, match=f"batch_frames of 1 or more, found {batch_frames}"):
        tiny("frames").embed(frames(3), batch_frames=batch_frames)


@pytest.mark.parametrize("case", ["frames", "differences", "resnet frames", "pixels frames"])
def test_a_film_is_embedded_from_its_windows(case):
    encoder = tiny(case).eval()
    film = frames(7)
    indices = expand_clip(np.arange(7), encoder.num_frames, encoder.config.stride_frames)
    with torch.inference_mode():
        wanted = encoder(torch.from_numpy(film[indices])).numpy()
    np.testing.assert_allclose(encoder.embed(film, batch_frames=2), wanted, atol=1e-5)


def test_an_embedding_of_several_frames_tells_directions_of_motion_apart():
    encoder = tiny("frames")
    film = frames(5)
    there, back = encoder.embed(film)[-1], encoder.embed(film[::-1].copy())[-3 - 2]
    assert not np.allclose(there, back, atol=1e-3)
    # What comes later is not looked at.
    np.testing.assert_allclose(encoder.embed(film)[2], encoder.embed(film[:3])[2], atol=1e-6)


def test_differences_are_each_frame_minus_the_next():
    planes = torch.rand(2, 6, 3, 4, 4)
    found = stacked(frame_differences(planes))
    assert found.shape == (2, 15, 4, 4)
    for k in range(5):
        torch.testing.assert_close(found[:, 3 * k : 3 * k + 3], planes[:, k] - planes[:, k + 1])
    assert not stacked(frame_differences(planes[:, :1].expand(-1, 6, -1, -1, -1))).any()


def test_normalised_planes_equal_a_loop():
    images = torch.from_numpy(frames(2, 4, 4))
    for mean, std in (HALF, IMAGENET):
        found = Normalise(mean, std)(images)
        assert found.is_contiguous(memory_format=torch.channels_last)
        for colour in range(3):
            wanted = (images[..., colour].double() / 255 - mean[colour]) / std[colour]
            torch.testing.assert_close(found[:, colour].double(), wanted, atol=1e-5, rtol=0)
    torch.testing.assert_close(scaled_planes(images), Normalise(*HALF)(images))
    normalise = Normalise(*IMAGENET)
    assert torch.equal(normalise(images[None])[0], normalise(images))
    assert not normalise.state_dict()  # the config says it


def test_frames_are_joined_by_a_3d_convolution_as_long_as_the_window():
    layer = JoinFrames(num_channels=4, num_frames=3)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        layer.convolution.weight.copy_(torch.rand(4, 12, 3, 3, generator=generator))
        layer.convolution.bias.copy_(torch.rand(4, generator=generator))
    planes = torch.rand(2, 3, 4, 5, 5, generator=generator)
    kernel = layer.convolution.weight.unflatten(1, (3, 4)).transpose(1, 2)  # (O, C, T, 3, 3)
    wanted = torch.nn.functional.conv3d(
        planes.transpose(1, 2), kernel, layer.convolution.bias, padding=(0, 1, 1)
    )
    torch.testing.assert_close(layer(planes), wanted[:, :, 0], atol=1e-5, rtol=1e-5)


def test_a_stream_of_something_else_is_refused():
    with pytest.raises(UserError, match="embed_stream expects uint8 frames"):
        next(tiny("convolutional").embed_stream([np.zeros((8, 8, 3), np.float32)]))
