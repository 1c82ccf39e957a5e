"""Encoders that ship: found by name, loaded offline, made from a run with a card that is true."""

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import tcn_robot
from tcn_robot import zoo
from tcn_robot.cli import main
from tcn_robot.errors import UserError
from tests.support.point_recordings import record_points
from tests.support.scripts import load_script

MOST_BYTES = 2_000_000
CARD_FIELDS = {
    *("schema_version", "name", "task", "objective", "kind", "image_size_px", "dimension"),
    *("parameters", "bytes", "figures", "episodes", "views", "float16", "data", "command"),
    *("commit", "measured_at_commit", "versions", "machine"),
}
FRAMES = np.random.default_rng(0).integers(0, 256, (5, 40, 40, 3), np.uint8)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run, its recordings, and the folder of a zoo with its encoder."""
    folder = tmp_path_factory.mktemp("zoo")
    data = record_points(folder / "data")
    arguments = ["train", str(data / "shown"), str(data / "checked"), "--out", str(folder / "run")]
    small = ["--image-size-px", "16", "--batch-frames", "16", "--steps", "30", "--negatives", "all"]
    assert main([*arguments, *small]) == 0
    make("point-tcn", folder)
    return folder


def make(name, folder):
    """Make an entry as scripts/make_zoo.py does, which is no module of the package."""
    script = load_script("make_zoo")
    script.make_entry(name, folder / "run", folder / "data" / "held-out", folder / "zoo")


@pytest.fixture
def only_point(made, monkeypatch):
    monkeypatch.setattr(zoo, "_HERE", made / "zoo")


def test_an_entry_is_half_as_large_and_float32_in_memory(made, only_point):
    entry = made / "zoo" / "point-tcn"
    assert {path.name for path in entry.iterdir()} == {
        *("config.json", "model.safetensors", "card.json", "card.md"),
    }
    weights = load_file(entry / "model.safetensors")
    assert {value.dtype for value in weights.values()} == {torch.float16}
    encoder = tcn_robot.load_encoder("point-tcn")
    assert {weight.dtype for weight in encoder.parameters()} == {torch.float32}
    exact = tcn_robot.load_encoder(made / "run")
    np.testing.assert_allclose(encoder.embed(FRAMES), exact.embed(FRAMES), rtol=0.02, atol=0.02)
    assert not encoder.training


def test_a_card_says_where_an_encoder_comes_from(made, only_point):
    card = zoo.read_card("point-tcn")
    assert set(card) == CARD_FIELDS
    assert [entry["name"] for entry in card["data"]] == ["shown", "checked", "held-out"]
    assert all("--policy tests.policies.point_task:expert" in e["command"] for e in card["data"])
    assert card["command"].startswith("tcn-robot train data/shown data/checked --objective tcn")
    for option in ("--steps 30", "--negatives all", "--batch-frames 16", "--image-size-px 16"):
        assert option in card["command"]
    assert "--learning-rate" not in card["command"]
    assert set(card["figures"]) >= {"trained", "untrained", "chance", "ceiling"}
    assert str(made) not in json.dumps(card)
    assert "Float16 changes the error by" in zoo.read_text("point-tcn")


def test_the_same_run_gives_the_same_files(made):
    before = {path.name: path.read_bytes() for path in (made / "zoo" / "point-tcn").iterdir()}
    make("point-tcn", made)
    assert {path.name: path.read_bytes() for path in (made / "zoo" / "point-tcn").iterdir()} == (
        before
    )


def test_a_recording_of_several_commands_is_refused(made, tmp_path):
    shutil.copytree(made, tmp_path / "copy")
    request = tmp_path / "copy" / "data" / "held-out" / "request.json"
    request.write_text(json.dumps(json.loads(request.read_text()) | {"first_id": 1}))
    with pytest.raises(UserError, match="was made by several commands"):
        make("other", tmp_path / "copy")
    assert not (tmp_path / "copy" / "zoo" / "other").exists()


def test_a_path_that_exists_wins(made, only_point, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tcn_robot.load_encoder(made / "run").save(tmp_path / "point-tcn")
    exact = tcn_robot.load_encoder(made / "run").embed(FRAMES)
    np.testing.assert_array_equal(tcn_robot.load_encoder("point-tcn").embed(FRAMES), exact)


def test_an_unknown_name_is_told_with_the_nearest(only_point):
    with pytest.raises(UserError, match=r"no run at point-tce: .*did you mean 'point-tcn'"):
        tcn_robot.load_encoder("point-tce")
    with pytest.raises(UserError, match=r"did you mean 'point-tcn'"):
        zoo.read_card("point-tc")


def test_the_command_lists_encoders_and_shows_a_card(made, only_point, capsys):
    assert main(["zoo"]) == 0
    heading, row = capsys.readouterr().out.splitlines()
    assert heading.split()[0] == "encoder"
    assert row.split()[:3] == ["point-tcn", "PointReach-v0", "tcn"]
    assert main(["zoo", "point-tcn"]) == 0
    assert "# point-tcn" in capsys.readouterr().out
    assert main(["zoo", "point-tcm"]) == 2


def test_commands_take_a_name_as_well(made, only_point, tmp_path, capsys):
    held_out = str(made / "data" / "held-out")
    assert main(["bench", "alignment", "point-tcn", held_out, "--untrained-seeds", "0"]) == 0
    out = tmp_path / "embedded.npz"
    assert main(["embed", "point-tcn", held_out, "--out", str(out)]) == 0
    assert out.is_file()


def test_each_task_ships_with_both_objectives():
    wanted = {f"{task}-{name}" for task in ("push", "pour", "reach") for name in ("tcn", "tce")}
    assert set(zoo.zoo_names()) == wanted
    for name in wanted:
        figures = zoo.read_card(name)["figures"]
        trained, untrained = figures["trained"], figures["untrained"]
        if name.endswith("-tcn"):
            assert trained["error"] < untrained["error"] / 4
        assert trained["tau_b"] > untrained["tau_b"]
        unclear = trained["tau_b_interval"][0] <= untrained["tau_b"]
        assert ("is not told from that of the untrained" in zoo.read_text(name)) == unclear
        warned = "use it with one camera at a time" in zoo.read_text(name)
        assert warned == (trained["error"] >= figures["chance"]["error"] / 2)


def test_every_encoder_that_ships_loads_and_has_a_true_card():
    for name in zoo.zoo_names():
        card, encoder = zoo.read_card(name), tcn_robot.load_encoder(name)
        assert set(card) == CARD_FIELDS
        assert card["name"] == name
        weights = zoo.zoo_folder(name) / "model.safetensors"
        assert weights.stat().st_size == card["bytes"] <= MOST_BYTES
        assert encoder.embed(FRAMES).shape == (5, card["dimension"])
        assert sum(weight.numel() for weight in encoder.parameters()) == card["parameters"]
        change = card["float16"]["change"].get("error", 0.0)
        assert abs(change) < 0.001
        assert card["figures"]["trained"]["error"] == pytest.approx(
            card["float16"]["figures_in_float32"]["error"] + change
        )
        assert f"# {name}" in zoo.read_text(name)
