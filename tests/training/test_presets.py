"""Every preset trains a few steps, small; its options are otherwise as they are."""

import pytest

from tcn_robot.errors import UserError
from tcn_robot.training import RunDescription, create_run, train
from tcn_robot.training.flat import leaves
from tcn_robot.training.presets import PRESETS, find_preset
from tests.data.films import dot_films, store_of

# What makes a preset small enough for a test.
SMALL = {
    "steps": 2,
    "image_size_px": 32,
    "batch_frames": 16,
    "precision": "fp32",
    "validate_every_steps": 2,
    "validation_episodes": 1,
    "head_channels": 16,
    "head_hidden": 32,
    "projector_hidden": 16,
    "projector_dimension": 16,
}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    films = dot_films(seed=0, train=4, valid=1, length=24, size_px=32)
    return store_of(films, tmp_path_factory.mktemp("films") / "store", size_px=32)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_trains(name, store, tmp_path):
    preset = find_preset(name)
    known = {option for option, _ in leaves(preset)}
    config = preset.changed(**{k: v for k, v in SMALL.items() if k in known})
    create_run(tmp_path / "run", RunDescription(config, (), ""))
    train(config, store, tmp_path / "run")
    assert (tmp_path / "run" / "encoder" / "model.safetensors").is_file()


def test_pouring_is_the_official_configuration():
    for name, encoder in (("tcn_pouring", "inception"), ("tcn_pouring_resnet", "resnet")):
        preset = find_preset(name)
        options = dict(leaves(preset))
        assert preset.encoder == encoder
        assert (options["batch_frames"], options["episodes_per_batch"]) == (32, 1)
        assert (options["loss"], options["negatives"]) == ("npairs", "episode")
        assert (options["window_frames"], options["image_size_px"]) == (580, 299)
        assert (options["learning_rate"], options["optimiser"]) == (1e-4, "adam")
        assert (options["trainable"], options["unit_length"]) == ("head", False)


def test_single_view_has_the_radii_of_its_code_in_frames():
    radii = find_preset("svtcn").objective_options.radii
    assert (radii.positive.frames, radii.excluded.frames) == (6, 12)


def test_an_unknown_preset_names_the_nearest():
    with pytest.raises(UserError, match="did you mean 'svtcn'"):
        find_preset("svtcm")
