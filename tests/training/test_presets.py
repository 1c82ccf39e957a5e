"""Every preset trains a few steps, small; its options are otherwise as they are."""

import pytest

from tcn_robot.errors import UserError
from tcn_robot.models.encoder import seeded_generator
from tcn_robot.models.table import build_encoder
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


COLOURS = {"brightness": 0.125, "saturation": 0.5, "contrast": 0.0, "hue": 0.0, "shift_px": 0}
ADAM = {"optimiser": "adam", "rate_schedule": "constant", "warmup_steps": 0, "clip_norm": 0.0}
SGD = {"optimiser": "sgd", "warmup_steps": 0, "clip_norm": 0.0}
TCE = {
    **SGD,
    **{"learning_rate": 0.03, "sgd_momentum": 0.9, "weight_decay": 1e-4, "rate_schedule": "step"},
    **{"rate_decay_steps": 60_000, "rate_decay_factor": 0.1, "steps": 120_000},
    **{"image_size_px": 224, "dimension": 128, "batch_frames": 200, "bank_negatives": 8192},
    **{"brightness": 0.5, "contrast": 0.5, "saturation": 0.5, "hue": 0.25},
    **{"grey_probability": 0.5, "flip_probability": 0.5, "frame_padding": 1},
    **{"nce_temperature": 0.07, "mining_low": -1.0, "mining_high": 1.0, "mining_rate": 5.0},
}
# What their authors' configuration files and code say.
OFFICIAL = {
    "svtcn": {
        **ADAM,
        **COLOURS,
        **{"pairing": "times", "loss": "triplet", "mining": "semi_hard", "margin": 0.2},
        **{"positive_radius_frames": 6, "exclusion_frames": 12, "unit_length": True},
        **{"batch_frames": 36, "window_frames": 36, "episodes_per_batch": 1},
        **{"dimension": 32, "learning_rate": 1e-3, "weight_decay": 1e-6},
    },
    "tcn_pouring": {
        **ADAM,
        **COLOURS,
        **{"regularisation": 0.002, "dimension": 32, "weight_decay": 1e-6, "steps": 1_000_000},
        **{"window_area_min": 0.8, "window_area_max": 3.0, "head": "tcn"},
        **{"head_channels": 512, "head_hidden": 2048},
    },
    "tcn_pouring_resnet": {**ADAM, **COLOURS, "regularisation": 0.002, "depth": 50},
    "tempo": {
        **SGD,
        **{"depth": 34, "head": "pooled", "image_size_px": 128, "batch_frames": 400},
        **{"steps": 15 * 3760 // 200, "density": "uniform", "proximity_frames": 30},
        **{"redundancy": 1e-3, "projector_hidden": 1024, "projector_dimension": 1024},
        **{"learning_rate": 1e-3, "sgd_momentum": 0.0, "weight_decay": 1e-3, "brightness": 0.0},
    },
    "tce": {**TCE, "depth": 18, "num_frames": 1, "differences": False},
    "tce_2020": {**TCE, "depth": 50, "num_frames": 6, "differences": True},
    "mftcn": {
        **ADAM,
        **COLOURS,
        **{"loss": "npairs", "pairing": "views", "regularisation": 0.002, "num_frames": 5},
        **{"batch_frames": 32, "episodes_per_batch": 1, "learning_rate": 1e-3},
    },
    "xirl": {
        **{"optimiser": "adam", "learning_rate": 1e-5, "weight_decay": 1e-4, "steps": 4000},
        **{"depth": 18, "head": "linear", "dimension": 32, "unit_length": False},
        **{"image_size_px": 112, "batch_frames": 4 * 40, "episodes_per_batch": 4},
        **{"cycle_loss": "regression_mse", "similarity": "distance", "temperature": 1.0},
    },
}


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_has_the_numbers_it_is_named_after(name):
    found = dict(leaves(find_preset(name)))
    assert {option: found[option] for option in OFFICIAL[name]} == OFFICIAL[name]


def test_xirls_embeddings_have_32_numbers():
    """The pooled features of a ResNet-18 would have 512, whatever `dimension` says."""
    config = find_preset("xirl").changed(image_size_px=32)
    encoder = build_encoder(config.encoder, config.encoder_options, seeded_generator(0))
    assert encoder.dimension == encoder.config.dimension == 32


def test_a_dimension_that_a_pooled_head_cannot_have_is_refused():
    preset = find_preset("tempo").changed(image_size_px=32, depth=18)
    for dimension, fits in ((64, False), (512, True)):
        options = preset.changed(dimension=dimension).encoder_options
        if fits:
            assert build_encoder("resnet", options, seeded_generator(0)).dimension == 512
            continue
        with pytest.raises(UserError, match="this network's --dimension 512, found 64; leave it"):
            build_encoder("resnet", options, seeded_generator(0))


def test_an_unknown_preset_names_the_nearest():
    with pytest.raises(UserError, match="did you mean 'svtcn'"):
        find_preset("svtcm")
