"""Averages, the best validation and early stops inside the loop, and resuming in the middle."""

import json
import os
import signal

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from tcn_robot.errors import UserError
from tcn_robot.models import load_encoder
from tcn_robot.training import (
    RunDescription,
    create_run,
    make_config,
    observation,
    read_metrics,
    train,
)
from tcn_robot.training.checkpoint import latest_checkpoint
from tcn_robot.training.embedded import embed_episodes
from tests.data.films import dot_films, store_of

SMALL = {
    "image_size_px": 16,
    "batch_frames": 16,
    "precision": "fp32",
    "channels": (4, 4, 8, 8),
    "warmup_steps": 2,
    "log_every_steps": 2,
    "validate_every_steps": 2,
    "checkpoint_every_steps": 3,
    "projector": "never",
}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    films = dot_films(seed=0, train=3, valid=1, length=10, size_px=16)
    return store_of(films, tmp_path_factory.mktemp("films") / "store", size_px=16)


def trained(store, folder, on_step=None, **options):
    config = make_config("tcn", **(SMALL | options))
    if not folder.exists():
        create_run(folder, RunDescription(config, (), ""))
    return train(config, store, folder, on_step)


def interrupt_after(steps):
    def on_step(step, note):
        if step == steps:
            os.kill(os.getpid(), signal.SIGINT)

    return on_step


def weights(run):
    return load_file(run / "encoder" / "model.safetensors")


def state_of(run):
    return json.loads((latest_checkpoint(run / "state") / "state.json").read_text())


def same(one, other):
    assert one.keys() == other.keys()
    return all(np.array_equal(value, other[name]) for name, value in one.items())


ERRORS = [0.5, 0.4, 0.2, 0.3, 0.3, 0.25, 0.2, 0.1]


@pytest.fixture
def planted(monkeypatch):
    """Validations that say what they are told, by the step; records whom they were asked of."""
    asked = []

    def embed(encoder, episodes):
        assert all(film.split == "valid" for film in episodes)
        asked.append(encoder)
        return embed_episodes(encoder, episodes)

    def measure(embedded):
        return {"validation/alignment_error": next(errors)}

    errors = iter(ERRORS)
    monkeypatch.setattr(observation, "embed_episodes", embed)
    monkeypatch.setattr(observation, "measure_alignment", measure)

    def again(done):
        nonlocal errors
        errors = iter(ERRORS[done:])

    return asked, again


def test_the_best_validation_is_what_is_saved(store, tmp_path, planted):
    best = trained(store, tmp_path / "best", steps=10, keep="best")
    assert state_of(tmp_path / "best")["selection"]["best_step"] == 6
    planted[1](0)
    with pytest.raises(KeyboardInterrupt):
        trained(store, tmp_path / "six", interrupt_after(6), steps=10)
    tensors = load_file(latest_checkpoint(tmp_path / "six" / "state") / "tensors.safetensors")
    of_six = {k.removeprefix("encoder."): v for k, v in tensors.items() if k.startswith("encoder.")}
    assert same(weights(tmp_path / "best"), of_six)
    frames = store.split("valid")[0].frames("front")
    assert np.array_equal(best.embed(frames), load_encoder(tmp_path / "best").embed(frames))


def test_patience_ends_a_training_and_it_stays_ended(store, tmp_path, planted):
    trained(store, tmp_path / "run", steps=50, patience_validations=3)
    assert read_metrics(tmp_path / "run")[-1]["step"] == 12
    assert state_of(tmp_path / "run")["step"] == 12
    before = weights(tmp_path / "run")
    trained(store, tmp_path / "run", steps=50, patience_validations=3)
    assert read_metrics(tmp_path / "run")[-1]["step"] == 12
    assert same(weights(tmp_path / "run"), before)


@pytest.mark.parametrize("when", ["end", "never"])
def test_the_projector_of_the_end_is_written_where_patience_ends_it(store, tmp_path, planted, when):
    pytest.importorskip("tensorboard")
    trained(store, tmp_path / "run", steps=50, patience_validations=3, projector=when)
    steps = [path.name for path in (tmp_path / "run").glob("tensorboard/projector/step_*")]
    assert steps == (["step_00000012"] if when == "end" else [])


def test_the_average_is_what_is_validated_and_saved(store, tmp_path, planted):
    encoder = trained(store, tmp_path / "run", steps=6, average_decay=0.9)
    tensors = load_file(latest_checkpoint(tmp_path / "run" / "state") / "tensors.safetensors")
    for name, value in weights(tmp_path / "run").items():
        assert np.array_equal(value, tensors[f"average.{name}"])
    assert not np.array_equal(tensors["average.head.weight"], tensors["encoder.head.weight"])
    assert planted[0] == [encoder] * 3


ALL_AT_ONCE = {
    "average_decay": 0.9,
    "keep": "best",
    "patience_validations": 3,
    "accumulate_batches": 2,
    "optimiser": "sgd",
    "learning_rate": 0.05,
    "decay_all": False,
    "rate_schedule": "step",
    "rate_decay_steps": 4,
}


@pytest.mark.parametrize("steps", [1, 7, 9])
def test_everything_at_once_resumes_bit_for_bit(store, tmp_path, planted, steps):
    trained(store, tmp_path / "straight", steps=30, **ALL_AT_ONCE)
    planted[1](0)
    with pytest.raises(KeyboardInterrupt):
        trained(store, tmp_path / "run", interrupt_after(steps), steps=30, **ALL_AT_ONCE)
    planted[1](steps // 2)
    trained(store, tmp_path / "run", steps=30, **ALL_AT_ONCE)
    one, other = tmp_path / "straight", tmp_path / "run"
    assert same(weights(one), weights(other))
    assert state_of(one) == state_of(other)
    assert state_of(one)["step"] == 12
    last = [latest_checkpoint(run / "state") / "tensors.safetensors" for run in (one, other)]
    assert same(load_file(last[0]), load_file(last[1]))


def test_micro_batches_add_up_to_their_mean(store, tmp_path):
    """Two batches of 16 in one step: the gradient is the mean of theirs, found by hand."""
    from tcn_robot.training.loop import forward, open_batches, optimise
    from tcn_robot.training.parts import prepare, start

    options = SMALL | {"clip_norm": 0.0, "optimiser": "sgd", "steps": 4}
    config = make_config("tcn", accumulate_batches=2, **options)
    parts = prepare(config, store)
    by_hand, stepped = start(config, parts, tmp_path), start(config, parts, tmp_path)
    losses = []
    with open_batches(config, parts) as batches:
        for number in range(2):
            step, found = forward(config, parts, by_hand, batches, first=number == 0)
            assert step.first == (number == 0)
            losses.append(torch.stack([*found.terms.values()]).sum())
            losses[-1].backward()
    seen = optimise(config, parts, stepped)
    assert float(seen.scalars["loss"]) == pytest.approx(sum(losses).item() / 2, rel=1e-6)
    for name, parameter in by_hand.encoder.named_parameters():
        wanted = parameter.grad / 2
        found = dict(stepped.encoder.named_parameters())[name].grad
        torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("options", [{"keep": "best"}, {"patience_validations": 2}])
def test_without_validation_episodes_nothing_can_be_compared(tmp_path, options):
    films = dot_films(seed=0, train=2, length=10, size_px=16)
    store = store_of(films, tmp_path / "store", size_px=16)
    with pytest.raises(UserError, match="split 'valid'"):
        trained(store, tmp_path / "run", steps=2, **options)


def stopped_run(store, folder):
    with pytest.raises(KeyboardInterrupt):
        trained(store, folder, interrupt_after(3), steps=6)
    return latest_checkpoint(folder / "state")


def refused(store, folder):
    with pytest.raises(UserError) as caught:
        trained(store, folder, steps=6)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_checkpoint_of_another_version_is_said(store, tmp_path):
    path = stopped_run(store, tmp_path / "run") / "state.json"
    described = json.loads(path.read_text())
    path.write_text(json.dumps(described | {"format_version": 99}))
    assert "is of format 99, expected 2" in refused(store, tmp_path / "run")
    del described["format_version"]
    path.write_text(json.dumps(described))
    assert "is of format 1, expected 2" in refused(store, tmp_path / "run")


def test_a_checkpoint_of_another_shape_is_said(store, tmp_path):
    path = stopped_run(store, tmp_path / "run") / "tensors.safetensors"
    tensors = load_file(path)
    save_file(
        tensors | {"encoder.head.weight": tensors["encoder.head.weight"][:, :-1].copy()}, path
    )
    said = refused(store, tmp_path / "run")
    assert "encoder.head.weight expected 32 x 128, found 32 x 127" in said
    save_file({k: v for k, v in tensors.items() if k != "encoder.head.bias"}, path)
    assert "encoder.head.bias expected 32, found nothing" in refused(store, tmp_path / "run")
    save_file(tensors | {"objective.bank": np.zeros(3, np.float32)}, path)
    assert "objective.bank expected nothing, found 3" in refused(store, tmp_path / "run")
