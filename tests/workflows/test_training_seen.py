"""What a run says it was trained on, where it is known from, and what the command line says."""

import json
from pathlib import Path

import pytest

from tcn_robot.cli import main
from tcn_robot.errors import UserError
from tcn_robot.recordings import open_recording
from tcn_robot.training.run_folder import read_trained_on
from tcn_robot.workflows.training_seen import describe_training, seen_by
from tests.support.point_recordings import record_points


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("seen")
    data = record_points(folder / "data")
    arguments = ["train", str(data / "shown"), str(data / "checked"), "--out", str(folder / "run")]
    small = ["--image-size-px", "16", "--batch-frames", "16", "--steps", "2"]
    assert main([*arguments, *small]) == 0
    return folder


def test_a_run_says_what_it_was_trained_on(trained):
    said = read_trained_on(trained / "run")
    data = [trained / "data" / name for name in ("shown", "checked")]
    assert said == describe_training(data, ())
    first = open_recording(data[0])[0]
    assert said["views"] == sorted(first.views)
    assert said["bodies"] == [first.embodiment]
    seen = seen_by(trained / "run")
    assert seen.source == "the run"
    assert seen.views == frozenset(first.views)


def test_an_older_run_is_known_by_its_recordings_while_they_are_there(trained, tmp_path):
    described = json.loads((trained / "run" / "config.json").read_text("utf-8"))
    del described["trained_on"]
    old = tmp_path / "old"
    (old / "encoder").mkdir(parents=True)
    (old / "config.json").write_text(json.dumps(described), "utf-8")
    known = seen_by(old)
    # Recordings without a body say nothing of what is unseen.
    assert known is None or known.source == "the recordings of the run"
    described["datasets"] = ["gone"]
    (old / "config.json").write_text(json.dumps(described), "utf-8")
    assert seen_by(old) is None
    assert seen_by(tmp_path) is None


def test_an_encoder_that_ships_is_known_by_its_card():
    seen = seen_by(Path("pour-tcn"))
    assert seen.bodies == frozenset({"robot"})
    assert seen.views == frozenset({"front", "left", "right"})
    assert seen.source == "its card"


def test_the_command_line_counts_first(trained, tmp_path):
    seen = seen_by(trained / "run", bodies=["hand"])
    assert seen.bodies == frozenset({"hand"})
    assert seen.views == seen_by(trained / "run").views
    assert seen_by(tmp_path, ["hand"], ["top"]).views == frozenset({"top"})
    with pytest.raises(UserError, match="pass --seen-views too"):
        seen_by(tmp_path, ["hand"])
