"""`tcn-robot bench` from end to end: a simulator's recording and a real encoder."""

import json

import numpy as np
import pytest

from tcn_robot.cli import main
from tcn_robot.models import ConvolutionalConfig, ConvolutionalEncoder, seeded_generator


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench") / "reach"
    arguments = ["--episodes", "3", "--split", "test", "--size", "32", "--views", "front", "top"]
    assert main(["record", "MujocoReach-v0", "--out", str(folder), *arguments]) == 0
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench") / "run"
    config = ConvolutionalConfig(image_size_px=32, dimension=8)
    ConvolutionalEncoder(config, seeded_generator(0)).save(folder / "encoder")
    return folder


def test_alignment(recording, run, tmp_path, capsys):
    out = tmp_path / "figures" / "alignment.json"
    arguments = ["bench", "alignment", str(run), str(recording), "--out", str(out)]
    assert main([*arguments, "--untrained-seeds", "2"]) == 0
    printed = capsys.readouterr().out
    for row in ("trained", "untrained", "collapsed", "frame counter", "chance", "ceiling"):
        assert row in printed
    result = json.loads(out.read_text())
    assert result["episodes"] == 3
    assert result["views"] == ["front", "top"]
    assert result["untrained_seeds"] == 2
    assert result["tasks"] == ["tcn_robot/MujocoReach-v0"]
    assert result["trained_with"] is None
    assert result["versions"]["torch"]
    assert result["collapsed"]["error"] == pytest.approx(result["chance"]["error"])
    assert result["ceiling"]["accuracy_1"] > 0.5
    first = out.read_text()
    assert main([*arguments, "--untrained-seeds", "2"]) == 0
    assert out.read_text() == first


def test_embeddings_from_files(tmp_path, capsys):
    generator = np.random.default_rng(0)
    files = [str(tmp_path / name) for name in ("a.npy", "b.npy")]
    for file in files:
        np.save(file, generator.normal(size=(20, 4)))
    out = tmp_path / "out.json"
    assert main(["bench", "alignment", "--embeddings", *files, "--out", str(out)]) == 0
    assert "frame counter" in capsys.readouterr().out
    assert json.loads(out.read_text())["frames"] == [20, 20]


def test_bad_input_is_one_line_and_exit_code_2(recording, run, tmp_path, capsys):
    pickled = tmp_path / "objects.npy"
    np.save(pickled, np.array([{"code": "runs"}], dtype=object))
    bad = tmp_path / "nan.npy"
    np.save(bad, np.full((5, 2), np.nan))
    for arguments, message in [
        (["aligment", str(run), str(recording)], "did you mean 'alignment'"),
        (["alignment", str(run)], "expected a run and one recording"),
        (["alignment", str(tmp_path / "none"), str(recording)], "no run at"),
        (["alignment", str(run), str(tmp_path / "none")], "no dataset at"),
        (["alignment", str(run), str(recording), "--split", "valid"], "record some with"),
        (["alignment", str(run), str(recording), "--split", "tets"], "did you mean 'test'"),
        (["alignment", str(run), str(recording), "--views", "fron"], "did you mean 'front'"),
        (["alignment", "--embeddings", str(pickled), str(pickled)], "expected one array"),
        (["alignment", "--embeddings", str(bad), str(bad)], "NaN"),
        (["alignment", "--embeddings", "no.npy", "no.npy"], "no such file"),
    ]:
        assert main(["bench", *arguments]) == 2
        error = capsys.readouterr().err
        assert message in error
        assert "Traceback" not in error
        assert len([line for line in error.splitlines() if "read " not in line]) == 1


@pytest.mark.parametrize("option", ["--seed", "--untrained-seeds"])
def test_numbers_below_zero_are_refused_in_one_line(option, tmp_path, capsys):
    assert main(["bench", "alignment", "push-tcn", str(tmp_path), option, "-1"]) == 2
    assert f"{option} must be at least 0, found -1" in capsys.readouterr().err
