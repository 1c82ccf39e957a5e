"""`tcn-robot bench segmentation` from end to end, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from tcn_robot.cli import main
from tcn_robot.models import ConvolutionalConfig, PixelsConfig, build_encoder, seeded_generator
from tcn_robot.recordings import DatasetWriter, open_recording
from tcn_robot.workflows.segmented_films import Segmentation
from tests.support.short_recordings import record_short


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    config = ConvolutionalConfig(
        image_size_px=32, channels=(8, 8), strides=(2, 1), hidden=8, map_channels=2, dimension=4
    )
    build_encoder("convolutional", config, seeded_generator(0)).save(folder / "encoder")
    return folder


@pytest.fixture(scope="module", params=["MujocoPush-v0", "BulletPush-v0"])
def recording(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recording") / "push"
    return record_short(folder, "--split", "test", "--episodes", 5, task=request.param)


def test_rows_and_picture(
    run: Path, recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, picture = tmp_path / "out.json", tmp_path / "picture.png"
    command = ["bench", "segmentation", str(run), str(recording), "--untrained-seeds", "1"]
    command += ["--frames", "2", "--pixels", "600", "--stages", "convolution1", "last"]
    assert main([*command, "--out", str(out), "--picture", str(picture)]) == 0
    printed = capsys.readouterr().out
    for row in ("trained", "untrained", "pixels", "coarse pixels", "majority", "divided"):
        assert row in printed
    result = json.loads(out.read_text())
    assert set(result["classes"]) == {"background", "body", "zone", "block"}
    assert result["stages"] == ["convolution1", "convolution2"]
    assert result["episodes"] == {"fit": 2, "valid": 1, "test": 2}
    rows = result["rows"]
    assert rows["pixels"]["mean_iou"] > rows["majority"]["mean_iou"]
    drawn = cv2.imread(str(picture))
    assert drawn is not None
    assert drawn.std() > 10
    first = out.read_text()
    assert main([*command, "--out", str(out)]) == 0
    assert json.loads(out.read_text())["rows"] == json.loads(first)["rows"]


def test_masks_fit_the_films(recording: Path) -> None:
    opened = open_recording(recording)
    segmentation = Segmentation(lambda film, frames: film[frames][:, None], frames_per_film=3)
    films = segmentation.films(opened, opened[0], None)
    segmentation.close()
    assert [film.view for film in films] == ["front", "top"]
    block = segmentation.classes.index("block")
    for film in films:
        assert film.masks.shape == film.frames.shape[:3] == (3, 32, 32)
        inside = film.frames[film.masks == block].astype(float)
        outside = film.frames[film.masks == 0].astype(float)
        apart = np.abs(inside.mean(axis=0) - outside.mean(axis=0)).max()
        assert apart > inside.std(axis=0).mean() / 2


def test_bad_input_is_one_line(
    run: Path, recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    films = tmp_path / "films"
    with DatasetWriter(films, "pouring", "lossless", kind="film") as writer:
        for _ in range(5):
            with writer.episode(frame_rate_hz=10.0) as episode:
                episode.metadata.update(split="test", clock={"name": "monotonic"})
                for frame in range(3):
                    episode.add_frames(frame / 10, {"front": np.zeros((32, 32, 3), np.uint8)})
    pixels = tmp_path / "pixels"
    config = PixelsConfig(image_size_px=32)
    build_encoder("pixels", config, seeded_generator(0)).save(pixels / "encoder")
    for arguments, said in (
        ([run], "expected a run and one recording"),
        ([run, films], "no simulator model"),
        ([pixels, recording], "has no maps"),
        ([run, recording, "--stages", "convolution9"], "did you mean"),
        ([run, recording, "--views", "fronts"], "did you mean 'front'"),
        ([run, recording, "--pixels", "1"], "--pixels must be at least 100"),
        ([run, recording, "--picture", tmp_path], "found the folder"),
        ([run, recording, "--picture", tmp_path / "a.jpg"], "--picture must end with .png"),
    ):
        assert main(["bench", "segmentation", *map(str, arguments)]) == 2
        error = capsys.readouterr().err
        assert said in error
        assert error.count("tcn-robot: error:") == 1
