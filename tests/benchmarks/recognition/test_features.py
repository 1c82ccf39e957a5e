"""Clips to features: sampled in the middle of parts, decoded once, by threads or not."""

import numpy as np
import pytest

from tcn_robot.benchmarks.recognition.clips import Clip
from tcn_robot.benchmarks.recognition.encoders import frame_encoder, pixel_encoder
from tcn_robot.benchmarks.recognition.features import FrameEncoder, embed_clips, windows_of
from tcn_robot.errors import UserError
from tcn_robot.models import ConvolutionalConfig, ConvolutionalEncoder, seeded_generator
from tests.support.action_sets import action_film, clip_name, write_picture


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """40 clips, more than are decoded at once."""
    folder = tmp_path_factory.mktemp("clips")
    made = []
    for group in range(1, 21):
        for label, body in (("RedLeft", "hand"), ("BlueRight", "robot")):
            name = clip_name(label, group, 1)
            path = folder / name.removesuffix(".avi")
            for index, frame in enumerate(action_film(label, group, 1)):
                write_picture(path / f"{index}.png", frame)
            made.append(Clip(name, label, f"g{group:02d}", path, body))
    return made


def brightness(windows, body):
    """A feature per window that can be followed by hand."""
    return {"mean": windows.reshape(len(windows), -1).mean(axis=1, keepdims=True)}


def test_windows_are_those_of_the_whole_film(clips):
    film = action_film("RedLeft", 1, 1)
    found = windows_of(clips[0], {(24, 1, 1), (24, 3, 2)}, 4)
    np.testing.assert_array_equal(found[24, 1, 1][:, 0], film[[1, 3, 5, 7]])
    np.testing.assert_array_equal(found[24, 3, 2][1], film[[0, 1, 3]])
    np.testing.assert_array_equal(found[24, 3, 2][0], film[[0, 0, 1]])  # before the start


def test_clips_keep_their_order_whatever_the_threads(clips):
    encoders = {"a": FrameEncoder(brightness, 24), "b": FrameEncoder(brightness, 12, 3, 2)}
    found = embed_clips(clips, encoders, 4)
    assert found["a"]["mean"].shape == (40, 4, 1)
    for index, clip in enumerate(clips):
        film = action_film(clip.label, int(clip.group[1:]), 1)
        expected = film[[1, 3, 5, 7]].reshape(4, -1).mean(axis=1)
        np.testing.assert_allclose(found["a"]["mean"][index, :, 0], expected, rtol=1e-6)
    again = embed_clips(clips, encoders, 4, workers=3)
    for name in encoders:
        np.testing.assert_array_equal(found[name]["mean"], again[name]["mean"])


def test_films_of_different_bodies_are_embedded_apart(clips):
    seen = []

    def embed(windows, body):
        seen.append(body)
        return {"body": np.full((len(windows), 1), len(body), np.float32)}

    found = embed_clips(clips, {"a": FrameEncoder(embed, 12, per_body=True)}, 2)["a"]["body"]
    assert set(seen) == {"hand", "robot"}
    assert found[:, 0, 0].tolist() == [len(clip.embodiment) for clip in clips]


def test_encoders_and_pixels_are_embedded_together(clips):
    config = ConvolutionalConfig(image_size_px=24, dimension=5)
    encoder = ConvolutionalEncoder(config, seeded_generator(0))
    looking = {"run": frame_encoder(encoder, ("features", "embedding")), "p": pixel_encoder(24)}
    found = embed_clips(clips[:3], looking, 2)
    assert found["run"]["embedding"].shape == (3, 2, 5)
    assert found["run"]["features"].shape == (3, 2, 128)
    assert found["p"]["embedding"].shape == (3, 2, 768)
    film = action_film(clips[0].label, 1, 1)
    np.testing.assert_allclose(found["run"]["embedding"][0], encoder.embed(film[[2, 6]]), atol=1e-6)


def test_an_encoder_that_gives_no_numbers_is_named(clips):
    def broken(windows, body):
        return {"embedding": np.full((len(windows), 2), np.nan, np.float32)}

    with pytest.raises(UserError, match="runs/a gives NaN or infinity"):
        embed_clips(clips, {"runs/a": FrameEncoder(broken, 12)}, 2)


def test_a_clip_that_is_damaged_is_named(clips, tmp_path):
    broken = Clip("a", "RedLeft", "", tmp_path / "none.avi")
    with pytest.raises(UserError, match=r"none\.avi"):
        embed_clips([*clips, broken], {"a": FrameEncoder(brightness, 12)}, 2, workers=2)
