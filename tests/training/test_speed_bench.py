"""`scripts/bench_training.py`: it compares like with like, and needs little to run."""

import dataclasses
import importlib
import json
import subprocess
import sys

import pytest
import torch

from tcn_robot.models import ConvolutionalConfig, build_encoder, seeded_generator
from tcn_robot.objectives.distances import negative_squared_distances
from tcn_robot.objectives.info_nce import info_nce
from tcn_robot.training import make_config
from tests.support.source_files import ROOT

NOT_NEEDED = [
    *("av", "cv2", "pyarrow", "mujoco", "pybullet", "gymnasium", "stable_baselines3", "scipy"),
    *("tensorboard", "matplotlib", "jinja2", "tyro", "psutil", "tqdm", "transformers", "kornia"),
]


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    return importlib.import_module


def test_the_plain_network_is_the_default_one(script):
    plain = script("plain_training").PlainEncoder(16)
    config = ConvolutionalConfig(image_size_px=16, unit_length=False)
    encoder = build_encoder("convolutional", config, seeded_generator(0))
    plain.load_state_dict(encoder.state_dict())
    images = torch.rand(5, 16, 16, 3, generator=seeded_generator(1)) * 255
    found = plain(images.permute(0, 3, 1, 2).contiguous())
    torch.testing.assert_close(found, encoder(images), atol=1e-4, rtol=1e-4)


def test_the_plain_loss_is_that_of_all_negatives(script):
    embeddings = torch.randn(12, 4, generator=seeded_generator(0), dtype=torch.float64)
    similarities = negative_squared_distances(*embeddings.chunk(2))
    expected = info_nce(similarities, torch.ones(6, 6, dtype=torch.bool))
    torch.testing.assert_close(script("plain_training").plain_loss(embeddings), expected)


def test_work_is_counted(script):
    one, other = torch.ones(8, 16), torch.ones(16, 4)
    work = script("roofline").count_work(lambda: (one @ other).reshape(4, 8))
    assert work.flops == 2 * 8 * 16 * 4
    assert work.bytes == 4 * (8 * 16 + 16 * 4 + 8 * 4)
    least = script("roofline").Peaks(1e3, 1e2).seconds(work)
    assert least == {"compute": pytest.approx(1.024), "memory": pytest.approx(8.96)}


@pytest.mark.slow
def test_it_runs_with_torch_numpy_and_safetensors_alone(tmp_path):
    out = tmp_path / "deep" / "speed.json"
    code = (
        "import runpy, sys\n"
        f"for name in {NOT_NEEDED}: sys.modules[name] = None  # importing it now fails\n"
        f"sys.argv = ['bench_training.py', '--quick', '--out', {str(out)!r}]\n"
        f"sys.path.insert(0, {str(ROOT / 'scripts')!r})\n"
        f"runpy.run_path({str(ROOT / 'scripts' / 'bench_training.py')!r}, run_name='__main__')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert "| CPU, ours over plain |" in done.stdout
    figures = json.loads(out.read_text())
    assert figures["cpu"]["ratio"]["median"] > 0
    assert figures["cpu"]["data_share"]["median"] > 0
    if not torch.cuda.is_available():
        assert figures["gpu"] == "not measured: no CUDA here"
        assert done.stdout.count("not measured: no CUDA here") == 3


def test_what_is_wanted_of_a_gpu_is_what_the_bench_times(script):
    xirl, small, large = script("bench_training").GPU_CASES
    configs = [make_config("tcn", **case.options) for case in (xirl, small, large)]
    assert [config.batch.batch_frames for config in configs] == [60, 1024, 256]
    assert [config.image_size_px for config in configs] == [112, 112, 224]
    assert [config.encoder_options.depth for config in configs] == [18, 18, 50]
    assert (xirl.steps, xirl.wanted_seconds, small.wanted) == (4000, 15.0, 50_000)


@pytest.mark.slow
def test_what_is_timed_on_a_gpu_can_be_timed_anywhere(script, tmp_path):
    bench = script("bench_training")
    case = bench.Case(
        "small", {"encoder": "resnet", "image_size_px": 32, "batch_frames": 8}, steps=2, wanted=1.0
    )
    found = bench.measure_case(case, tmp_path, torch.device("cpu"), quick=True)
    assert found["batch_frames"] == 8
    assert found["frames_per_second"] > 0
    assert found["roofline"]["gigaflops"] > 0
    words = script("training_speed_table")._gpu_row(
        {"card": "H1", "small": found}, dataclasses.asdict(case)
    )
    assert words[0] == "GPU, small"
    assert "of the measured peak" in words[1]
    assert words[2] == "≥ 1 frames/s"
