"""The loop's small parts, and what it refuses."""

import json
from dataclasses import asdict

import pytest
import torch

from tcn_robot.errors import UserError
from tcn_robot.training import RunDescription, create_run, make_config, read_run, train
from tcn_robot.training.curves import truncate_metrics
from tcn_robot.training.device import choose_device
from tcn_robot.training.embedded import embed_episodes
from tcn_robot.training.loop import open_batches, optimise
from tcn_robot.training.parts import prepare, start
from tcn_robot.training.precision import choose_precision
from tcn_robot.training.validation import measure_alignment, neighbour_strip
from tests.data.films import dot_films, store_of

CONFIG = make_config(steps=3, image_size_px=16, batch_frames=16, precision="fp32")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    films = dot_films(seed=0, train=3, valid=2, length=12, size_px=16)
    return store_of(films, tmp_path_factory.mktemp("films") / "store", size_px=16)


def test_bf16_and_fp32_agree_roughly_and_weights_stay_fp32(store, tmp_path):
    losses = []
    for precision in ("fp32", "bf16"):
        config = CONFIG.changed(precision=precision)
        parts = prepare(config, store)
        state = start(config, parts, tmp_path)
        with open_batches(config, parts) as batches:
            seen = optimise(config, parts, state, batches)
        losses.append(float(seen.scalars["loss"]))
        assert {p.dtype for p in state.encoder.parameters()} == {torch.float32}
    assert losses[0] == pytest.approx(losses[1], rel=0.02)


def test_precision_and_device_are_chosen():
    cpu = torch.device("cpu")
    assert choose_precision("bf16", cpu) == torch.bfloat16
    assert choose_precision("fp32", cpu) == torch.float32
    assert choose_precision("auto", cpu) in (torch.float32, torch.bfloat16)
    with pytest.raises(UserError, match="fp16 needs a GPU"):
        choose_precision("fp16", cpu)
    assert choose_device("cpu") == cpu
    with pytest.raises(UserError, match="unknown device"):
        choose_device("gpuu")


def test_only_named_views_are_trained_on(store):
    parts = prepare(CONFIG.changed(views=("side",), pairing="times"), store)
    assert {episode.views for episode in parts.training} == {("side",)}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"views": ("frnt",)}, "did you mean 'front'"),
        ({"views": ("front",)}, "--pairing times"),
        ({"steps": -1}, "--steps must be at least 0"),
        ({"learning_rate": -1.0}, "--learning-rate must be above 0"),
        ({"batch_frames": 5}, "--batch-frames"),
    ],
)
def test_what_cannot_be_trained_is_said_before_it_starts(store, options, said):
    with pytest.raises(UserError, match=said) as caught:
        prepare(CONFIG.changed(**options), store)
    assert "\n" not in str(caught.value)


def test_no_training_episodes_is_said(tmp_path):
    films = dot_films(seed=0, train=0, valid=2, length=5, size_px=16)
    with pytest.raises(UserError, match="found 2 episodes of valid"):
        prepare(CONFIG, store_of(films, tmp_path / "store", size_px=16))


def test_a_loss_that_is_no_longer_finite_stops_the_run(store, tmp_path):
    config = CONFIG.changed(
        learning_rate=1e30, warmup_steps=1, steps=50, clip_norm=1e30, log_every_steps=1
    )
    create_run(tmp_path / "run", RunDescription(config, (), ""))
    with pytest.raises(UserError, match="lower --learning-rate"):
        train(config, store, tmp_path / "run")


def test_training_works_without_validation_episodes(tmp_path):
    films = dot_films(seed=0, train=2, length=12, size_px=16)
    create_run(tmp_path / "run", RunDescription(CONFIG, (), ""))
    train(CONFIG, store_of(films, tmp_path / "store", size_px=16), tmp_path / "run")
    assert (tmp_path / "run" / "encoder" / "model.safetensors").exists()


def test_measuring_leaves_the_training_as_it_was(store, tmp_path):
    parts = prepare(CONFIG, store)
    state = start(CONFIG, parts, tmp_path)
    before = {name: value.clone() for name, value in state.encoder.state_dict().items()}
    embedded = embed_episodes(state.encoder, parts.validation)
    measure_alignment(embedded)
    strip = neighbour_strip(embedded[0])
    assert strip.shape == (3 * 16, 10 * 16, 3)
    assert state.encoder.training
    for name, value in state.encoder.state_dict().items():
        assert torch.equal(value, before[name])


def test_one_view_has_nothing_to_align(store, tmp_path):
    films = [film.with_views(["front"]) for film in store.split("valid")]
    encoder = start(CONFIG, prepare(CONFIG, store), tmp_path).encoder
    assert measure_alignment(embed_episodes(encoder, films)) == {}


def test_metrics_are_cut_at_the_step_that_is_resumed_from(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1}\n{"step": 2}\n{"step": 3}\n{"ste')
    truncate_metrics(path, 2)
    assert path.read_text() == '{"step": 1}\n{"step": 2}\n'
    truncate_metrics(tmp_path / "none.jsonl", 2)


def test_the_run_folder_says_how_it_was_made(tmp_path):
    run = RunDescription(CONFIG.changed(views=("a", "b")), ("data/x",), "key")
    create_run(tmp_path / "run", run)
    assert read_run(tmp_path / "run") == run
    described = json.loads((tmp_path / "run" / "config.json").read_text())
    assert described["schema_version"] == 2
    assert described["training"]["steps"] == 3
    versions = json.loads((tmp_path / "run" / "versions.json").read_text())
    assert {"torch", "numpy", "python", "tcn_robot", "git_commit"} <= versions.keys()


def test_a_run_is_never_overwritten(tmp_path):
    run = RunDescription(CONFIG, (), "")
    create_run(tmp_path / "run", run)
    with pytest.raises(UserError, match="--resume"):
        create_run(tmp_path / "run", run)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("precious")
    with pytest.raises(UserError, match="is no run"):
        create_run(tmp_path / "other", run)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema_version": 7}, "schema version 7, expected 2"),
        ({"training": {"objective": "tcn"}}, "names no objective and encoder"),
        ({"training": asdict(CONFIG) | {"stepz": 3}}, "did you mean 'steps'"),
        ({"training": asdict(CONFIG) | {"steps": "3"}}, "steps expects int, found '3'"),
        ({"training": asdict(CONFIG) | {"batch": {}}}, "lacks batch_frames"),
        ({"training": 3}, "is damaged"),
    ],
)
def test_a_foreign_config_is_refused(tmp_path, change, said):
    create_run(tmp_path / "run", RunDescription(CONFIG, (), ""))
    path = tmp_path / "run" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(UserError, match=said):
        read_run(tmp_path / "run")
    with pytest.raises(UserError, match="no run to resume"):
        read_run(tmp_path / "nothing")
