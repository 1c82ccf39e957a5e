"""Pictures of batches, and what TensorBoard's projector reads."""

import numpy as np
import pytest
import torch

from tcn_robot.models import ConvolutionalConfig, ConvolutionalEncoder, seeded_generator
from tcn_robot.projector_files import square_sheet
from tcn_robot.training import projector
from tcn_robot.training.embedded import embed_episodes
from tcn_robot.training.pictures import batch_picture, shrink
from tcn_robot.training.projector import points_of, write_projector
from tests.data.films import dot_films, store_of


@pytest.fixture(scope="module")
def episodes(tmp_path_factory):
    films = dot_films(seed=0, train=0, valid=2, length=9, size_px=16)
    return store_of(films, tmp_path_factory.mktemp("films") / "s", size_px=16).split("valid")


@pytest.fixture(scope="module")
def encoder():
    config = ConvolutionalConfig(image_size_px=16, dimension=5)
    return ConvolutionalEncoder(config, seeded_generator(0))


def numbered(count, size=2):
    return torch.arange(count)[:, None, None, None].expand(count, size, size, 3).float()


def test_anchors_stand_above_their_positives():
    picture = batch_picture(numbered(6), (2, 3))
    assert picture.shape == (4, 6, 3)
    assert picture.dtype == np.uint8
    assert picture[0, ::2, 0].tolist() == [0, 1, 2]
    assert picture[2, ::2, 0].tolist() == [3, 4, 5]


def test_large_batches_and_films_are_shown_in_part():
    picture = batch_picture(numbered(200), (2, 100))
    assert picture.shape == (4, 24, 3)
    assert picture[0, 0, 0] == 0
    assert picture[0, -1, 0] == 99
    assert batch_picture(numbered(60), (20, 3)).shape == (16, 6, 3)


def test_of_several_frames_the_last_is_shown_and_values_are_kept_in_range():
    clips = torch.stack([numbered(4), numbered(4) - 50, numbered(4) + 254], dim=1)
    assert batch_picture(clips, (2, 2))[::2, ::2, 0].tolist() == [[254, 255], [255, 255]]


def test_a_sheet_is_square_and_in_order():
    sheet = square_sheet(numbered(5).numpy().astype(np.uint8))
    assert sheet.shape == (6, 6, 3)
    assert sheet[::2, ::2, 0].tolist() == [[0, 1, 2], [3, 4, 0], [0, 0, 0]]


def test_shrinking_averages():
    frames = np.zeros((1, 4, 4, 3), np.uint8)
    frames[0, 0, 0] = 200
    assert shrink(frames, 2)[0, :, :, 0].tolist() == [[50, 0], [0, 0]]


def test_points_are_all_frames_with_their_episode_view_and_time(encoder, episodes):
    points = points_of(embed_episodes(encoder, episodes))
    assert points.embeddings.shape == (2 * 2 * 9, 5)
    assert points.thumbnails.shape == (36, 32, 32, 3)
    assert points.view[:18] == ["front"] * 9 + ["side"] * 9
    assert points.episode.tolist() == [episodes[0].id] * 18 + [episodes[1].id] * 18
    np.testing.assert_array_equal(points.time_seconds[:9], episodes[0].timestamps("front"))
    np.testing.assert_array_equal(
        points.embeddings[9:18], encoder.embed(episodes[0].frames("side"))
    )


def test_many_frames_are_thinned_evenly(encoder, episodes, monkeypatch):
    monkeypatch.setattr(projector, "MOST_POINTS", 12)
    points = points_of(embed_episodes(encoder, episodes))
    assert len(points.embeddings) == 12
    np.testing.assert_array_equal(
        points.time_seconds[:3], episodes[0].timestamps("front")[[0, 4, 8]]
    )


def test_tensorboard_reads_what_is_written(encoder, episodes, tmp_path):
    points = points_of(embed_episodes(encoder, episodes))
    for step in (20, 100, 20):  # a resumed training writes a step again
        write_projector(tmp_path, step, points)
    messages = pytest.importorskip("tensorboard.plugins.projector.projector_config_pb2")
    text_format = pytest.importorskip("google.protobuf.text_format")
    config = messages.ProjectorConfig()
    text_format.Parse((tmp_path / "projector_config.pbtxt").read_text(), config)
    names = [entry.tensor_name for entry in config.embeddings]
    assert names == ["validation episodes, step 00000100", "validation episodes, step 00000020"]
    entry = config.embeddings[0]
    assert list(entry.tensor_shape) == [36, 5]
    vectors = np.loadtxt(tmp_path / entry.tensor_path, delimiter="\t")
    np.testing.assert_allclose(vectors, points.embeddings, rtol=1e-4, atol=1e-6)
    lines = (tmp_path / entry.metadata_path).read_text().splitlines()
    assert lines[0] == "episode\tview\ttime_seconds"
    assert lines[1] == "0\tfront\t0.000"
    assert len(lines) == 37
    image_module = pytest.importorskip("PIL.Image")
    sheet = np.asarray(image_module.open(tmp_path / entry.sprite.image_path))
    assert sheet.shape == (6 * 32, 6 * 32, 3)
    assert list(entry.sprite.single_image_dim) == [32, 32]
    np.testing.assert_array_equal(sheet[32:64, 64:96], points.thumbnails[6 + 2])


def test_a_view_cannot_break_the_table(encoder, episodes, tmp_path):
    points = points_of(embed_episodes(encoder, episodes[:1]))
    points.view[0] = "a\tb\nc"
    write_projector(tmp_path, 1, points)
    lines = (tmp_path / "projector/step_00000001/metadata.tsv").read_text().splitlines()
    assert lines[1].split("\t")[1] == "a b c"
    assert len(lines) == len(points.view) + 1
