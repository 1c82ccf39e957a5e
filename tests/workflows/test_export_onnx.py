"""`export-onnx`: another runtime gives the same embeddings, for any number of frames."""

import importlib.util

import numpy as np
import pytest
import torch

from tcn_robot.cli import main
from tcn_robot.clips import expand_clip
from tcn_robot.errors import UserError
from tcn_robot.models import Foreground
from tcn_robot.policies.algorithms import ALGORITHMS
from tcn_robot.policies.policy import Policy
from tests.models.tiny import frames, tiny
from tests.policies.learners import advance, small_learner

CASES = ["convolutional", "frames", "batch norm", "resnet tcn", "pixels"]


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_another_runtime_gives_the_same_embeddings(case, tmp_path, capsys):
    pytest.importorskip("onnxruntime")
    from tcn_robot.workflows.export_onnx import run_onnx

    bodies = ("hand", "robot") if case == "batch norm" else ()
    encoder = tiny(case, **({"bodies": bodies} if bodies else {})).eval()
    encoder.save(tmp_path / "run" / "encoder")
    out = tmp_path / "folder" / "encoder.onnx"
    body = ["--body", "robot"] if bodies else []
    assert main(["export-onnx", str(tmp_path / "run"), "--out", str(out), *body]) == 0
    assert "differs from torch by at most" in capsys.readouterr().out
    film = frames(7)
    windows = expand_clip(np.arange(7), encoder.num_frames, encoder.config.stride_frames)
    images = film[windows] if encoder.num_frames > 1 else film
    wanted = encoder.embed(film, body="robot" if bodies else None)
    for count in (1, 2, 7):
        found = run_onnx(out, images[:count])
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, wanted[:count], atol=1e-4)
    assert [path.name for path in out.parent.iterdir()] == ["encoder.onnx"]


@pytest.mark.slow
@pytest.mark.parametrize("case", ["convolutional", "frames"])
def test_painting_is_inside_the_file(case, tmp_path):
    pytest.importorskip("onnxruntime")
    from tcn_robot.workflows.export_onnx import run_onnx, write_onnx

    encoder = tiny(case).eval()
    generator = torch.Generator().manual_seed(0)
    backgrounds = torch.randint(0, 256, (2, 32, 32, 3), generator=generator, dtype=torch.uint8)
    shared = torch.rand(16**3, generator=generator) > 0.5
    encoder.foreground = Foreground(backgrounds, shared)
    write_onnx(encoder, tmp_path / "encoder.onnx")
    film = frames(7)
    film[:, :20] = backgrounds[1, :20].numpy()
    windows = expand_clip(np.arange(7), encoder.num_frames, encoder.config.stride_frames)
    images = film[windows] if encoder.num_frames > 1 else film
    found = run_onnx(tmp_path / "encoder.onnx", images)
    np.testing.assert_allclose(found, encoder.embed(film), atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("algo", ALGORITHMS)
def test_another_runtime_acts_the_same(algo, tmp_path, capsys):
    pytest.importorskip("onnxruntime")
    from tcn_robot.policies import load_policy
    from tcn_robot.workflows.export_onnx import run_onnx

    algorithm, learner = small_learner(algo)
    advance(algorithm, learner, 96)
    algorithm.policy_of(learner).save(tmp_path / "run" / "seed_3" / "policy", {})
    out = tmp_path / "folder" / "policy.onnx"
    assert main(["export-onnx", str(tmp_path / "run"), "--out", str(out)]) == 0
    line = capsys.readouterr().out
    assert "observations float32 (N, 4) -> actions float32 (N, 2)" in line
    observations = np.random.default_rng(1).normal(size=(50, 4)).astype(np.float32)
    wanted = load_policy(tmp_path / "run").act(observations)
    for count in (1, 2, 50):
        found = run_onnx(out, observations[:count])
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, wanted[:count], atol=1e-5)
    assert [path.name for path in out.parent.iterdir()] == ["policy.onnx"]


def test_a_policy_has_no_body(tmp_path, capsys):
    Policy(4, 2, (3,)).save(tmp_path / "policy", {})
    out = tmp_path / "policy.onnx"
    assert main(["export-onnx", str(tmp_path), "--out", str(out), "--body", "hand"]) == 2
    assert "--body hand is for encoders" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.slow
def test_not_a_number_is_no_agreement(tmp_path):
    pytest.importorskip("onnxruntime")
    from tcn_robot.workflows.export_onnx import write_policy_onnx

    policy = Policy(4, 2, (3,))
    with torch.no_grad():
        next(policy.parameters()).fill_(float("nan"))
    with pytest.raises(UserError, match="differs from torch by nan"):
        write_policy_onnx(policy, tmp_path / "policy.onnx")
    assert not list(tmp_path.iterdir())


def test_another_ending_is_refused(tmp_path, capsys):
    tiny("convolutional").save(tmp_path / "encoder")
    assert main(["export-onnx", str(tmp_path / "encoder"), "--out", str(tmp_path / "x.pt")]) == 2
    assert "--out must end with .onnx" in capsys.readouterr().err


def test_a_missing_package_is_one_line(tmp_path, monkeypatch):
    from tcn_robot.workflows.export_onnx import write_onnx

    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "onnxruntime" else found(name)
    )
    with pytest.raises(UserError, match=r"pip install 'tcn-robot\[onnx\]'"):
        write_onnx(tiny("convolutional"), tmp_path / "x.onnx")
    assert not list(tmp_path.iterdir())
