"""`tcn-robot train` and `tcn-robot embed`, end to end on a small recording."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import tcn_robot
from tcn_robot.cli import main
from tcn_robot.models import encoder_digest
from tcn_robot.objectives.tcn import Tcn
from tcn_robot.training import read_metrics
from tcn_robot.training.run_folder import run_of_encoder
from tests.data.films import dot_films
from tests.data.test_frame_store import record

SMALL = ["--image-size-px", "16", "--batch-frames", "16", "--log-every-steps", "2"]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    films = dot_films(seed=0, train=3, valid=1, length=12, size_px=16)
    return record(tmp_path_factory.mktemp("recorded") / "dots", films)


@pytest.fixture(scope="module")
def run(dataset, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "run"
    arguments = ["train", str(dataset), "--objective", "tcn", "--out", str(out), "--steps", "6"]
    assert main([*arguments, *SMALL, "--seed", "3"]) == 0
    return out


def fails(capsys, *arguments: object) -> str:
    """Run a command that must be refused in one line with exit code 2."""
    capsys.readouterr()
    assert main([str(argument) for argument in arguments]) == 2
    lines = capsys.readouterr().err.splitlines()
    said = [line for line in lines if line.startswith("tcn-robot: error:")]
    assert len(said) == 1
    assert "Traceback" not in "".join(lines)
    return said[0]


def test_train_leaves_a_run_that_loads(run):
    names = {path.name for path in run.iterdir()}
    assert {"config.json", "versions.json", "metrics.jsonl", "encoder", "state"} <= names
    config = json.loads((run / "config.json").read_text())
    assert config["training"] | {"steps": 6, "seed": 3} == config["training"]
    assert config["training"]["encoder_options"]["image_size_px"] == 16
    assert [line["step"] for line in read_metrics(run)] == [2, 4, 6]
    assert "validation/alignment_error" in read_metrics(run)[-1]
    assert tcn_robot.load_encoder(run).image_size_px == 16


def test_embed_writes_one_row_per_frame(run, dataset, tmp_path, capsys):
    out = tmp_path / "new" / "embeddings.npz"
    assert main(["embed", str(run), str(dataset), "--out", str(out)]) == 0
    assert "96 frames of 4 episodes" in capsys.readouterr().out
    with np.load(out, allow_pickle=False) as table:
        columns = dict(table)
    assert columns["embeddings"].shape == (4 * 2 * 12, 32)
    assert {len(column) for column in columns.values()} == {96}
    made_by = encoder_digest(tcn_robot.load_encoder(run))
    assert set(columns["encoders"].tolist()) == {made_by.encode()}
    episode = tcn_robot.open_recording(dataset).by_id(2)
    rows = (columns["episode_ids"] == 2) & (columns["views"] == "side")
    assert np.array_equal(columns["frame_indices"][rows], np.arange(12))
    np.testing.assert_allclose(columns["timestamps"][rows], episode.timestamps("side"))
    direct = tcn_robot.load_encoder(run).embed(episode.frames("side"))
    np.testing.assert_allclose(columns["embeddings"][rows], direct, atol=1e-5)


def test_embed_of_one_split(run, dataset, tmp_path):
    out = tmp_path / "valid.npz"
    assert main(["embed", str(run), str(dataset), "--out", str(out), "--split", "valid"]) == 0
    with np.load(out) as table:
        assert set(table["splits"]) == {"valid"}


def test_missing_validation_episodes_are_explained_in_one_line(tmp_path, capsys):
    dataset = record(tmp_path / "dots", dot_films(seed=0, train=2, length=12, size_px=16))
    out = tmp_path / "run"
    assert main(["train", str(dataset), "--out", str(out), "--steps", "1", *SMALL]) == 0
    assert capsys.readouterr().out.count("no episode of split 'valid'") == 1


def test_the_run_of_an_encoder(run, tmp_path):
    assert run_of_encoder(run) == run
    assert run_of_encoder(run / "encoder") == run
    alone = tmp_path / "encoder"  # copied out of its run
    shutil.copytree(run / "encoder", alone)
    assert run_of_encoder(alone) is None


def test_a_benchmark_names_the_training_of_an_inner_encoder_folder(run, dataset, tmp_path):
    for number, named in enumerate((run, run / "encoder")):
        out = tmp_path / f"{number}.json"
        given = [str(named), str(dataset), "--split", "train", "--untrained-seeds", "0"]
        assert main(["bench", "alignment", *given, "--out", str(out)]) == 0
        made = json.loads(out.read_text())["trained_with"]
        assert made == {"objective": "tcn", "steps": 6, "seed": 3}


def test_episodes_that_are_not_used_are_named(dataset, tmp_path, capsys):
    films = dot_films(seed=5, train=1, length=12, size_px=16)
    for film in films:
        del film.clips["side"], film.times["side"]
    lone = record(tmp_path / "lone", films)
    out = tmp_path / "run"
    assert main(["train", str(dataset), str(lone), "--out", str(out), "--steps", "1", *SMALL]) == 0
    said = capsys.readouterr().out
    assert "1 of 4 episodes have no two moments that two views saw and are not used" in said


def test_samplers_are_tabulated_once(dataset, tmp_path, monkeypatch):
    """With thousands of episodes that takes seconds."""
    made = []
    usual = Tcn.sampler

    def make(*given):
        made.append(given)
        return usual(*given)

    monkeypatch.setattr(Tcn, "sampler", make)
    out = tmp_path / "run"
    assert main(["train", str(dataset), "--out", str(out), "--steps", "1", *SMALL]) == 0
    assert len(made) == 1
    assert main(["train", "--out", str(out), "--resume"]) == 0
    assert len(made) == 2


def test_a_finished_run_resumes_to_itself(run):
    before = (run / "encoder" / "model.safetensors").read_bytes()
    assert main(["train", "--out", str(run), "--resume"]) == 0
    assert (run / "encoder" / "model.safetensors").read_bytes() == before


def test_bad_input_is_one_line_and_leaves_nothing(run, dataset, tmp_path, capsys):
    new = ("--out", tmp_path / "new")
    assert "did you mean 'tcn'" in fails(capsys, "train", dataset, "--objective", "tcnn", *new)
    assert "did you mean '--steps'" in fails(capsys, "train", dataset, *new, "--step", 3)
    assert "did you mean 'front'" in fails(capsys, "train", dataset, *new, "--views", "fron")
    assert "no dataset at" in fails(capsys, "train", tmp_path / "none", *new)
    assert "at least one dataset" in fails(capsys, "train", *new)
    assert "--batch-frames" in fails(capsys, "train", dataset, *new, "--batch-frames", 3)
    assert not (tmp_path / "new").exists()


def test_a_run_is_not_overwritten_and_not_resumed_with_other_options(
    run, dataset, tmp_path, capsys
):
    assert "--resume" in fails(capsys, "train", dataset, "--out", run)
    said = fails(capsys, "train", dataset, "--out", run, "--resume", "--steps", 9)
    assert "--steps 6, found 9" in said
    said = fails(capsys, "train", dataset, "--out", tmp_path / "none", "--resume")
    assert "no run to resume" in said
    other = record(tmp_path / "other", dot_films(seed=9, train=2, length=12, size_px=16))
    assert "have changed" in fails(capsys, "train", other, "--out", run, "--resume")


def test_embed_refuses_in_one_line(run, dataset, tmp_path, capsys):
    out = tmp_path / "e.npz"
    assert "no run at" in fails(capsys, "embed", tmp_path / "none", dataset, "--out", out)
    assert "holds no encoder" in fails(capsys, "embed", tmp_path, dataset, "--out", out)
    assert ".npz" in fails(capsys, "embed", run, dataset, "--out", tmp_path / "e.npy")
    assert "split 'test'" in fails(capsys, "embed", run, dataset, "--out", out, "--split", "test")
    assert not out.exists()


@pytest.mark.slow
def test_ctrl_c_says_how_to_go_on_and_going_on_works(dataset, tmp_path):
    out = tmp_path / "run"
    command = [sys.executable, "-m", "tcn_robot", "train", str(dataset), "--out", str(out)]
    command += ["--steps", "100000", "--checkpoint-every-steps", "100000", *SMALL]
    child = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline_seconds = time.monotonic() + 120
    while not lines_of(out) and time.monotonic() < deadline_seconds:
        time.sleep(0.02)
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=60)
    assert child.returncode == 130
    assert f"tcn-robot train --out {out} --resume" in said
    assert "Traceback" not in said
    assert list((out / "state").glob("step_*"))
    assert not (out / "encoder").exists()


def lines_of(out: Path) -> list[str]:
    path = out / "metrics.jsonl"
    return path.read_text().splitlines() if path.exists() else []


def test_options_of_another_objective_are_errors(dataset, tmp_path, capsys):
    arguments = ["train", str(dataset), "--out", str(tmp_path / "run"), "--bank-size", "3"]
    assert main([*arguments, *SMALL]) == 2
    assert "unknown option '--bank-size'" in capsys.readouterr().err


def test_a_preset_is_where_options_start(dataset, tmp_path, capsys):
    out = tmp_path / "run"
    near = ["--positive-radius-frames", "1", "--exclusion-frames", "2"]  # films of 12 frames
    few = ["--steps", "1", "--margin", "0.5", *near, *SMALL]
    assert main(["train", str(dataset), "--out", str(out), "--preset", "svtcn", *few]) == 0
    options = json.loads((out / "config.json").read_text())["training"]["objective_options"]
    assert (options["pairing"], options["loss"], options["margin"]) == ("times", "triplet", 0.5)
    other = ["--preset", "svtcn", "--objective", "nothing"]
    assert main(["train", str(dataset), "--out", str(tmp_path / "other"), *other]) == 2
    assert "--preset svtcn is for --objective tcn, found nothing" in capsys.readouterr().err


def test_help_shows_the_options_of_what_is_named(capsys):
    with pytest.raises(SystemExit):
        main(["train", "--objective", "tcn", "--help"])
    shown = capsys.readouterr().out
    assert "--margin" in shown
    assert "svtcn" in shown


def test_a_training_that_stops_early_says_what_it_kept(dataset, tmp_path, capsys):
    out = tmp_path / "run"
    arguments = ["train", str(dataset), "--out", str(out), "--steps", "40", *SMALL]
    often = ["--validate-every-steps", "2", "--patience-validations", "2", "--keep", "best"]
    assert main([*arguments, *often, "--learning-rate", "1e-12"]) == 0
    said = capsys.readouterr().out
    assert "stopped early after 6 steps: 2 validations in a row were no better than" in said
    assert "kept the encoder of step 2: alignment_error 0." in said


@pytest.mark.slow
def test_torchrun_trains_in_two_processes_and_one_of_them_talks(dataset, tmp_path):
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    arguments = ["--nproc-per-node", "2", "-m", "tcn_robot", "train", str(dataset)]
    options = ["--out", str(tmp_path / "run"), "--steps", "4", "--device", "cpu", *SMALL]
    done = subprocess.run([*torchrun, *arguments, *options], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("encoder: ") == 1
    assert done.stderr.count("training tcn: 4/4") == 1
    assert [line["step"] for line in read_metrics(tmp_path / "run")] == [2, 4]
    frames = tcn_robot.open_recording(dataset)[0].frames("front")
    assert tcn_robot.load_encoder(tmp_path / "run").embed(frames).shape == (12, 32)
