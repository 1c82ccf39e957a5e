"""`tcn-robot bench fine-tuning` from end to end, and what it refuses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import pytest

from tcn_robot.cli import main
from tcn_robot.models import ConvolutionalConfig, build_encoder, seeded_generator
from tests.support.action_sets import write_hmdb51, write_pictures, write_ucf101

FAST = ["--min-steps", "3", "--epochs", "1", "--batch-clips", "8", "--validations", "1"]
FAST += ["--learning-rates", "0.02", "--test-frames", "2", "--precision", "fp32", "--device", "cpu"]


@pytest.fixture(scope="module")
def actions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_ucf101(tmp_path_factory.mktemp("actions") / "set")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    config = ConvolutionalConfig(
        image_size_px=16, channels=(4, 4), strides=(2, 1), hidden=8, map_channels=2, dimension=4
    )
    build_encoder("convolutional", config, seeded_generator(0)).save(folder / "encoder")
    return folder


def test_a_study_goes_on_and_its_networks_are_tested_again(
    run: Path, actions: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, kept = tmp_path / "out.json", tmp_path / "kept"
    command = ["bench", "fine-tuning", str(run), str(actions), *FAST]
    command += ["--labels-per-class", "all", "1", "--input", "differences"]
    picture = tmp_path / "curves.png"
    command += ["--out", str(out), "--checkpoints", str(kept), "--picture", str(picture)]
    assert main(command) == 0
    printed = capsys.readouterr().out
    for said in ("pre-trained", "from scratch", "difference", "chance", "Steps to an accuracy"):
        assert said in printed
    result = json.loads(out.read_text())
    assert set(result["amounts"]) == {"all", "1"}
    assert result["options"]["input"] == "differences"
    assert result["versions"]["torch"]

    drawn = cv2.imread(str(picture))
    assert drawn is not None
    assert drawn.std() > 5
    assert main(command) == 0  # all is there
    again = json.loads(out.read_text())
    assert again["amounts"] == result["amounts"]
    assert main([*command, "--seed", "1"]) == 2
    assert "networks of another seed" in capsys.readouterr().err
    # A study from before an option was there goes on, too: it had what is now the default.
    study = json.loads((kept / "study.json").read_text())
    assert study["options"].pop("ordered") is False
    (kept / "study.json").write_text(json.dumps(study))
    assert main(command) == 0
    assert main([*command, "--ordered", "--segments", "2"]) == 2
    assert "networks of another options" in capsys.readouterr().err
    for damaged in ("[]", "{}", '{"options": 3}', '{"opt'):
        (kept / "study.json").write_text(damaged)
        assert main(command) == 2
        assert "study.json is damaged" in capsys.readouterr().err

    checkpoint = kept / "split1-all-draw0-pretrained" / "checkpoint"
    tested = ["bench", "fine-tuning", str(actions), "--evaluate", str(checkpoint)]
    assert main([*tested, "--device", "cpu", "--out", str(out)]) == 0
    assert capsys.readouterr().out.count("as stored") == 2
    trainings = result["amounts"]["all"]["pretrained"]["trainings"]
    assert json.loads(out.read_text())["top_1"] == trainings[0]["top_1"]


def test_each_split_may_have_an_encoder_of_its_own(
    run: Path, actions: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in (1, 2):
        shutil.copytree(run, tmp_path / f"run-{number}")
    given = str(tmp_path / "run-{split}")
    out = tmp_path / "out.json"
    command = ["bench", "fine-tuning", given, str(actions), *FAST, "--no-from-scratch"]
    assert main([*command, "--splits", "1", "2", "--out", str(out)]) == 0
    trainings = json.loads(out.read_text())["amounts"]["all"]["pretrained"]["trainings"]
    assert [one["split"] for one in trainings] == [1, 2]
    assert main([*command, "--splits", "3"]) == 2
    assert "run-3" in capsys.readouterr().err


def test_other_layouts(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    films, pictures = write_hmdb51(tmp_path / "films"), write_pictures(tmp_path / "pictures")
    for folder in (films, pictures):
        command = ["bench", "fine-tuning", str(run), str(folder), *FAST, "--no-from-scratch"]
        assert main(command) == 0
        printed = capsys.readouterr().out
        assert "pre-trained" in printed
        assert "from scratch" not in printed
    assert main([*command, "--input", "differences"]) == 2
    assert "has pictures, expected films" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--splits", "9"], "has no split 9"),
        (["--labels-per-class", "few"], "--labels-per-class expects"),
        (["--labels-per-class", "1", "1"], "once"),
        (["--epochs", "0"], "--epochs must be at least 1"),
        (["--momentum", "1"], "--momentum must be below 1"),
        (["--learning-rates", "0"], "--learning-rates must be above 0"),
        (["--decay-at", "2"], "--decay-at expects shares"),
        (["--draws", "0"], "--draws must be at least 1"),
        (["--steps-to", "70"], "--steps-to expects accuracies"),
        (["--freeze-until", "convolution.1"], "did you mean"),
        (["--device", "abacus"], "unknown device"),
        (["--evaluate", "nowhere"], "no fine-tuned network"),
        (["--test-spread", "wide"], "wide"),
    ],
)
def test_bad_input_is_one_line(
    run: Path,
    actions: Path,
    arguments: list[str],
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["bench", "fine-tuning", str(run), str(actions), *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("tcn-robot: error:") == 1


def test_folders_that_are_no_place_for_checkpoints(
    run: Path, actions: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "something").write_text("of mine")
    command = ["bench", "fine-tuning", str(run), str(actions), *FAST]
    assert main([*command, "--checkpoints", str(tmp_path)]) == 2
    assert "not empty" in capsys.readouterr().err
    nowhere = ["bench", "fine-tuning", str(run) + "s", str(actions), *FAST]
    assert main([*nowhere, "--checkpoints", str(tmp_path / "new")]) == 2
    capsys.readouterr()
    assert not (tmp_path / "new").exists()  # nothing is claimed by what cannot begin
    assert main([*command, "--out", str(tmp_path)]) == 2
    assert "found the folder" in capsys.readouterr().err
    assert main(["bench", "fine-tuning", str(run)]) == 2
    assert "found 1 folders" in capsys.readouterr().err
