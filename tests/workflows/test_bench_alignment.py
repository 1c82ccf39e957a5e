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
    assert (
        "3 held-out episodes, views front top; 2 untrained encoders; probes learn on nothing: that "
        "needs 4 held-out episodes with labels" in printed
    )
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


@pytest.fixture(scope="module")
def rendered(recording):
    """The recording in drawn scenes, and those with the tongs from a camera of its own."""
    looks, hard = (recording.parent / name for name in ("looks", "hard"))
    common = ["--size", "32"]
    drawn = ["--randomise", "light", "colour", "--no-proof", "--out", str(looks)]
    assert main(["rerender", str(recording), *common, *drawn]) == 0
    paired = ["--embodiment", "tongs", "--views", "corner", "--out", str(hard)]
    assert main(["rerender", str(looks), *common, *paired]) == 0
    return looks, hard


def test_the_hard_split_is_found_by_where_films_come_from(
    recording, run, rendered, tmp_path, capsys
):
    out, page = tmp_path / "figures.json", tmp_path / "page.html"
    arguments = ["--untrained-seeds", "1", "--out", str(out), "--report", str(page)]
    seen = ["--seen-bodies", "robot", "--seen-views", "front", "top"]
    # The look between the recorded episodes and the hard ones is not given, and not needed.
    paths = [str(run), str(recording), str(rendered[1])]
    assert main(["bench", "alignment", *paths, *seen, *arguments]) == 0
    assert capsys.readouterr().out.startswith("hard split (tongs from corner in drawn scenes")
    result = json.loads(out.read_text("utf-8"))
    assert result["headline"]["state"] == "measured"
    [split] = result["splits"]
    assert split["episodes"] == 3
    assert split["rows"]["frame_counter"]["error"] == 0.0
    assert "Hard split (tongs from corner" in page.read_text("utf-8")
    assert main(["bench", "alignment", *paths, "--untrained-seeds", "0"]) == 0
    assert capsys.readouterr().out.startswith("hard split: unknown")


def test_several_encoders_are_compared(recording, run, tmp_path, capsys):
    other = tmp_path / "other"
    config = ConvolutionalConfig(image_size_px=32, dimension=8)
    ConvolutionalEncoder(config, seeded_generator(5)).save(other / "encoder")
    out = tmp_path / "out.json"
    paths = [str(run), str(recording), str(other)]
    options = ["--untrained-seeds", "0", "--out", str(out), "--views", "front"]
    assert main(["bench", "alignment", *paths, *options]) == 0
    assert f"{run} less {other}" in capsys.readouterr().out
    result = json.loads(out.read_text("utf-8"))
    [gap] = result["differences"]
    [encoder] = result["encoders"]
    expected = result["trained"]["tau_a"] - encoder["trained"]["tau_a"]
    assert gap["ordinary"]["tau_a"] == pytest.approx(expected)
    assert result["seeds"][0]["encoder"] != encoder["seeds"][0]["encoder"]


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
        (["alignment", str(run), str(run), str(recording)], "found the same weights in"),
        (["alignment", str(run), str(recording), "--split", "valid"], "record some with"),
        (["alignment", str(run), str(recording), "--split", "tets"], "did you mean 'test'"),
        (["alignment", str(run), str(recording), "--views", "fron"], "did you mean 'front'"),
        (["alignment", str(run), str(recording), "--tolerances", "-1"], "must be at least 0"),
        (["alignment", str(run), str(recording), "--out", str(recording)], "found the folder"),
        (["alignment", str(run), "x", "--out", str(bad / "a.json")], "is a file; name another"),
        (["alignment", str(run), str(recording), "--seen-views", "a"], "pass --seen-bodies too"),
        (
            ["alignment", "--embeddings", str(pickled), str(pickled)],
            "cannot be read as embeddings (no plain numbers)",
        ),
        (["alignment", "--embeddings", str(bad), str(bad)], "NaN"),
        (["alignment", "--embeddings", "no.npy", "no.npy"], "no such file"),
    ]:
        assert main(["bench", *arguments]) == 2
        error = capsys.readouterr().err
        assert message in error
        assert "Traceback" not in error
        assert len([line for line in error.splitlines() if not line.startswith("read ")]) == 1


@pytest.mark.parametrize("option", ["--seed", "--untrained-seeds"])
def test_numbers_below_zero_are_refused_in_one_line(option, tmp_path, capsys):
    assert main(["bench", "alignment", "push-tcn", str(tmp_path), option, "-1"]) == 2
    assert f"{option} must be at least 0, found -1" in capsys.readouterr().err
