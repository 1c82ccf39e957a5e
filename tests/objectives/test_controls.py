"""Controls: runs with an encoder that nothing was done to."""

import numpy as np
import pytest

import tcn_robot
from tcn_robot.cli import main
from tcn_robot.errors import UserError
from tcn_robot.models import build_encoder, seeded_generator
from tcn_robot.objectives import CONTROLS, OBJECTIVES
from tcn_robot.training.config import make_config
from tests.data.films import dot_films
from tests.data.test_frame_store import record
from tests.objectives.steps import GivenEncoder, setting_of


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    films = dot_films(seed=0, train=2, valid=1, length=6, size_px=16)
    return record(tmp_path_factory.mktemp("recorded") / "dots", films)


def test_random_is_the_encoder_before_its_first_step(dataset, tmp_path):
    arguments = ["train", str(dataset), "--image-size-px", "16", "--seed", "3"]
    assert main([*arguments, "--objective", "random", "--out", str(tmp_path / "random")]) == 0
    assert main([*arguments, "--steps", "0", "--out", str(tmp_path / "tcn")]) == 0
    control, start = (tcn_robot.load_encoder(tmp_path / name) for name in ("random", "tcn"))
    frames = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3), np.uint8)
    np.testing.assert_array_equal(control.embed(frames), start.embed(frames))
    assert main([*arguments[:-1], "4", "--objective", "random", "--out", str(tmp_path / "b")]) == 0
    assert np.abs(tcn_robot.load_encoder(tmp_path / "b").embed(frames) - start.embed(frames)).any()


def test_a_finished_control_can_be_resumed(dataset, tmp_path):
    out = str(tmp_path / "run")
    assert main(["train", str(dataset), "--objective", "random", "--out", out]) == 0
    assert main(["train", "--out", out, "--resume"]) == 0


@pytest.mark.parametrize("name", sorted(CONTROLS))
def test_a_control_trains_nothing(name):
    made = CONTROLS[name]
    options = made.Options()
    assert made.defaults["steps"] == 0
    assert not made.unit_length(options)
    with pytest.raises(UserError, match="expected 0 steps"):
        made.sampler(options, (), None).draw(np.random.default_rng(0))
    control = made(options, setting_of(GivenEncoder(2), 1))
    with pytest.raises(UserError, match="expected 0 steps"):
        control(None)
    assert not list(control.parameters())


def test_steps_of_a_control_are_refused_in_one_line(dataset, tmp_path, capsys):
    arguments = ["train", str(dataset), "--objective", "random", "--steps", "2"]
    assert main([*arguments, "--out", str(tmp_path / "run")]) == 2
    assert "expected 0 steps" in capsys.readouterr().err


def test_controls_are_no_objectives():
    assert not CONTROLS.keys() & OBJECTIVES.keys()


def test_pixels_see_the_frames_themselves(dataset, tmp_path):
    config = make_config("pixels")
    assert config.encoder == "pixels"
    encoder = build_encoder(config.encoder, config.encoder_options, seeded_generator(0))
    assert not [weights for weights in encoder.parameters() if weights.requires_grad]
    arguments = ["train", str(dataset), "--objective", "pixels", "--image-size-px", "16"]
    assert main([*arguments, "--out", str(tmp_path / "r")]) == 0
    frames = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), np.uint8)
    embedded = tcn_robot.load_encoder(tmp_path / "r").embed(frames[[0, 0, 1]])
    np.testing.assert_array_equal(embedded[0], embedded[1])
    brightness = frames @ np.array([0.299, 0.587, 0.114])
    expected = (brightness - brightness.mean(axis=(1, 2), keepdims=True)).reshape(2, -1)
    for row, picture in ((0, expected[0]), (2, expected[1])):
        assert np.corrcoef(embedded[row], picture)[0, 1] > 0.999


def test_pretrained_is_a_network_as_it_is(dataset, tmp_path, capsys):
    config = make_config("pretrained", pretrained="some/folder")
    assert config.encoder == "transformers"
    assert (config.encoder_options.head, config.encoder_options.trainable) == ("pooled", "head")
    arguments = ["train", str(dataset), "--objective", "pretrained", "--out", str(tmp_path / "r")]
    assert main(arguments) == 2
    assert "expects either --pretrained FOLDER" in capsys.readouterr().err
    assert not (tmp_path / "r").exists()
