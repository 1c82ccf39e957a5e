"""`import-weights`: what it writes, what it says, and that training can start from it."""

import json

import numpy as np
import pytest
import torch

from tcn_robot import load_encoder
from tcn_robot.cli import main
from tests.models.tiny import frames, tiny


@pytest.fixture
def published(tmp_path):
    encoder = tiny("resnet", seed=5)
    state = {f"module.{k[9:]}": v for k, v in encoder.state_dict().items() if k[:9] == "backbone."}
    state["module.fc.weight"] = torch.zeros(10, 128)
    state["module.odd"] = torch.zeros(1)
    torch.save({"state_dict": state}, tmp_path / "weights.pth")
    return tmp_path / "weights.pth"


SMALL = ["--stages", "2", "--image-size-px", "32", "--dimension", "8"]


def test_a_published_network_becomes_an_encoder(published, tmp_path, capsys):
    out = tmp_path / "encoder"
    assert main(["import-weights", str(published), "--out", str(out), *SMALL]) == 0
    said = capsys.readouterr().out
    assert "tensors of" in said
    assert "freshly drawn: head.embedding.bias, head.embedding.weight" in said
    assert "not needed, layers behind the ones taken: backbone.fc.weight" in said
    assert "not known, not used: backbone.odd" in said
    assert f"--encoder resnet --weights {out}" in said
    loaded = load_encoder(out)
    assert loaded.kind == "resnet"
    with torch.inference_mode():
        images = torch.from_numpy(frames())
        wanted = tiny("resnet", seed=5).eval().features(images)
        assert torch.equal(loaded.features(images), wanted)
    start = tiny("resnet", weights=str(out))
    assert np.array_equal(start.embed(frames()), loaded.embed(frames()))


def test_faults_are_one_line_and_leave_nothing(published, tmp_path, capsys):
    out = tmp_path / "encoder"
    (tmp_path / "map.json").write_text(json.dumps({"module.conv1.": None, "module.": "backbone."}))
    for arguments, said in [
        ([str(tmp_path / "nothing.pth")], "no weights at"),
        ([str(published), "--encoder", "resnext"], "did you mean 'resnet'"),
        ([str(published), "--encoder", "inception"], "none of the"),
        ([str(published), "--depth", "50"], "of another shape"),
        ([str(published), "--key-map", str(tmp_path / "map.json")], "lacks 1 tensors"),
    ]:
        extra = SMALL if "--encoder" not in arguments else []
        assert main(["import-weights", *arguments, "--out", str(out), *extra]) == 2
        error = capsys.readouterr().err
        assert said in error
        assert error.count("\n") == 1
        assert not out.exists()


def test_an_existing_folder_is_left_alone(published, tmp_path, capsys):
    (tmp_path / "encoder").mkdir()
    assert main(["import-weights", str(published), "--out", str(tmp_path / "encoder"), *SMALL]) == 2
    assert "exists already" in capsys.readouterr().err


def test_help_shows_the_options_of_the_named_kind(capsys):
    with pytest.raises(SystemExit):
        main(["import-weights", "--encoder", "inception", "--help"])
    shown = capsys.readouterr().out
    assert "--head-hidden" in shown
    assert "--depth" not in shown
