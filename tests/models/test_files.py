"""Encoders on disk: whole, of a known version and typed, or refused in one line."""

import dataclasses
import json

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

import tcn_robot
from tcn_robot.errors import UserError
from tcn_robot.models import (
    ConvolutionalConfig,
    ConvolutionalEncoder,
    files,
    load_encoder,
    seeded_generator,
)

CONFIG = ConvolutionalConfig(image_size_px=32, dimension=8)


def frames(count: int = 5) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 32, 32, 3)).astype(np.uint8)


@pytest.fixture
def encoder():
    return ConvolutionalEncoder(CONFIG, seeded_generator(0)).eval()


def test_saved_and_loaded_is_the_same_encoder(encoder, tmp_path):
    encoder.save(tmp_path / "run" / "encoder")
    for path in (tmp_path / "run", tmp_path / "run" / "encoder", str(tmp_path / "run")):
        loaded = tcn_robot.load_encoder(path)
        assert loaded.config == encoder.config
        assert np.array_equal(loaded.embed(frames()), encoder.embed(frames()))
        assert not loaded.training


def edit_config(folder, **changes):
    path = folder / "config.json"
    content = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({k: v for k, v in content.items() if v is not None}))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"dimensoin": 8}, "did you mean 'dimension'"),
        ({"hidden": None}, "lacks hidden"),
        ({"format_version": 9}, "expected format_version 2"),
        ({"kind": "resnett"}, "found 2 and 'resnett'"),
        ({"kind": ["resnet"]}, "expected format_version 2"),
        ({"dimension": "8"}, "dimension expects int, found '8'"),
        ({"dimension": True}, "dimension expects int, found True"),
        ({"unit_length": 1}, "unit_length expects bool"),
        ({"channels": [16, "a"]}, "channels expects tuple"),
        ({"dimension": 16}, "damaged or does not fit"),
    ],
)
def test_a_config_that_is_not_ours_is_refused(encoder, tmp_path, changes, said):
    encoder.save(tmp_path)
    edit_config(tmp_path, **changes)
    with pytest.raises(UserError, match=said) as caught:
        load_encoder(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("size", [0, 4, 200, -10])
@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_a_truncated_file_is_refused_in_one_line(encoder, tmp_path, name, size):
    encoder.save(tmp_path)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:size])
    with pytest.raises(UserError) as caught:
        load_encoder(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "name"), [("convolutional", "weights"), ("transformers", "pretrained")]
)
def test_a_stored_encoder_names_nothing_else_to_read(tmp_path, kind, name):
    from tcn_robot.models import ENCODERS

    config = ENCODERS[kind].Config(**({"pretrained": "x"} if kind == "transformers" else {}))
    described = json.loads(json.dumps(dataclasses.asdict(config)))
    described |= {"format_version": 2, "kind": kind, name: str(tmp_path / "elsewhere")}
    (tmp_path / "config.json").write_text(json.dumps(described))
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(UserError, match=f"names {name} .*nothing else is read") as caught:
        load_encoder(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_saved_encoder_is_written_without_where_it_came_from(tmp_path):
    config = dataclasses.replace(CONFIG, weights=str(tmp_path / "source"))
    ConvolutionalEncoder(config, seeded_generator(0)).save(tmp_path / "encoder")
    assert json.loads((tmp_path / "encoder" / "config.json").read_text())["weights"] == ""
    assert load_encoder(tmp_path / "encoder").config == CONFIG


@pytest.mark.parametrize("dimension", [10**7, 10**13, 2**70])
def test_an_absurd_shape_is_refused_in_one_line(encoder, tmp_path, monkeypatch, dimension):
    encoder.save(tmp_path)
    edit_config(tmp_path, dimension=dimension)
    built = []
    monkeypatch.setattr(files, "_check_numbers", lambda *_: built.append(1))
    with pytest.raises(UserError, match="does not fit") as caught:
        load_encoder(tmp_path)
    assert "\n" not in str(caught.value)
    assert not built


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda weight: weight.int(), "holds int32"),
        (lambda weight: weight.bool(), "holds bool"),
        (lambda weight: weight * float("nan"), "not finite"),
        (lambda weight: weight / 0, "not finite"),
    ],
)
def test_weights_that_are_no_finite_numbers_are_refused(encoder, tmp_path, change, said):
    encoder.save(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    name = next(iter(weights))
    save_file(weights | {name: change(weights[name])}, tmp_path / "model.safetensors")
    with pytest.raises(UserError, match=said) as caught:
        load_encoder(tmp_path)
    assert "\n" not in str(caught.value)


def test_missing_runs_and_encoders_are_named(tmp_path):
    with pytest.raises(UserError, match="no run at"):
        load_encoder(tmp_path / "nothing")
    with pytest.raises(UserError, match="holds no encoder"):
        load_encoder(tmp_path)
    (tmp_path / "state").mkdir()
    with pytest.raises(UserError, match="--resume"):
        load_encoder(tmp_path)


VERSION_1 = {
    "format_version": 1,
    "kind": "convolutional",
    "image_size_px": 32,
    "dimension": 8,
    "channels": [16, 32, 64, 64],
    "strides": [2, 2, 1, 1],
    "map_channels": 8,
    "hidden": 128,
    "unit_length": True,
}


def test_a_folder_of_version_1_is_read_as_it_was(encoder, tmp_path):
    encoder.save(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(VERSION_1))
    loaded = load_encoder(tmp_path)
    assert loaded.config == CONFIG
    assert np.array_equal(loaded.embed(frames()), encoder.embed(frames()))


def test_a_folder_of_version_1_is_read_as_strictly(encoder, tmp_path):
    encoder.save(tmp_path)
    edit_config(tmp_path, **{**VERSION_1, "hidden": None})
    with pytest.raises(UserError, match="lacks hidden"):
        load_encoder(tmp_path)
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(UserError, match="expects a JSON object"):
        load_encoder(tmp_path)
