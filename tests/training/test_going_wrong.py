"""A training that goes wrong stops with the reason, and the last good state remains."""

import dataclasses
import os
import signal

import pytest
import torch
from torch import nn

from tcn_robot.errors import UserError
from tcn_robot.objectives import OBJECTIVES, Losses
from tcn_robot.objectives.tcn import Tcn
from tcn_robot.training import (
    RunDescription,
    create_run,
    loop,
    make_config,
    observation,
    read_metrics,
    train,
)
from tcn_robot.training.checkpoint import latest_checkpoint, latest_good_checkpoint
from tcn_robot.training.parts import prepare, start
from tests.data.films import dot_films, store_of

SMALL = {"image_size_px": 16, "batch_frames": 16, "precision": "fp32", "channels": (4, 4, 8, 8)}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    films = dot_films(seed=0, train=3, valid=1, length=12, size_px=16)
    return store_of(films, tmp_path_factory.mktemp("films") / "store", size_px=16)


def stopped(config, store, folder):
    """Train until it stops with one line, and return that line."""
    create_run(folder, RunDescription(config, (), ""))
    with pytest.raises(UserError) as caught:
        train(config, store, folder)
    assert "\n" not in str(caught.value)
    assert not (folder / "encoder").exists()
    return str(caught.value)


def encodes_finite_numbers(config, store, folder):
    state = start(config, prepare(config, store), folder)
    embedded = state.encoder.embed(store.episodes[0].frames("front"))
    return bool(torch.from_numpy(embedded).isfinite().all())


def test_an_absurd_learning_rate_stops_and_the_ruined_state_is_never_saved(store, tmp_path):
    """A checkpoint after each step: that of the step which ruins the weights must not be kept."""
    config = make_config(
        learning_rate=1e30,
        warmup_steps=0,
        clip_norm=0.0,
        steps=50,
        checkpoint_every_steps=1,
        **SMALL,
    )
    said = stopped(config, store, tmp_path / "run")
    assert "no longer finite" in said
    assert "lower --learning-rate" in said
    assert "no good state was saved" in said
    assert latest_checkpoint(tmp_path / "run" / "state") is None


class Poisoned(Tcn):
    """Well for five steps, then its loss is not finite."""

    def forward(self, step):
        losses = super().forward(step)
        bad = torch.inf if step.progress >= 0.5 else 1.0
        return Losses({name: value * bad for name, value in losses.terms.items()})


def test_the_state_before_the_fault_is_kept_and_named(store, tmp_path, monkeypatch):
    monkeypatch.setitem(OBJECTIVES, "poisoned", Poisoned)
    config = make_config("poisoned", steps=10, checkpoint_every_steps=2, log_every_steps=3, **SMALL)
    said = stopped(config, store, tmp_path / "run")
    kept = latest_checkpoint(tmp_path / "run" / "state")
    assert kept.name == "step_00000004"
    assert f"is kept in {kept}" in said
    assert "stopped at step 6: loss and terms/infonce and gradient_norm" in said
    assert encodes_finite_numbers(config, store, tmp_path / "run")
    assert [line["step"] for line in read_metrics(tmp_path / "run")] == [3]


class Collapsing(nn.Module):
    """Draws all embeddings to one point from some step on, as byol does without its predictor."""

    @dataclasses.dataclass(frozen=True)
    class Options:
        collapse_after: float = 0.0

    defaults = {}  # noqa: RUF012

    def __init__(self, options, setting):
        super().__init__()
        self._tcn = Tcn(Tcn.Options(), setting)
        self._after = options.collapse_after

    unit_length = classmethod(lambda cls, options: False)

    @classmethod
    def sampler(cls, options, episodes, batch):
        return Tcn.sampler(Tcn.Options(), episodes, batch)

    def forward(self, step):
        if step.progress < self._after:
            return self._tcn(step)
        embeddings = step.encode().embeddings
        return Losses({"pull": (embeddings - embeddings[:1].detach()).square().sum()})


@pytest.fixture
def collapsing(monkeypatch):
    monkeypatch.setitem(OBJECTIVES, "collapsing", Collapsing)
    options = {"steps": 300, "log_every_steps": 2, "collapsed_looks": 15, "learning_rate": 0.003}
    return make_config("collapsing", checkpoint_every_steps=10, warmup_steps=0, **options, **SMALL)


def test_a_collapse_stops_the_run_before_it_is_over(store, tmp_path, collapsing):
    said = stopped(collapsing, store, tmp_path / "run")
    assert "the embedding has collapsed" in said
    assert "15 times in a row" in said
    ranks = [line["embedding/effective_rank"] for line in read_metrics(tmp_path / "run")]
    assert len(ranks) < 150


def test_of_a_collapse_the_last_good_state_is_kept(store, tmp_path, collapsing):
    config = collapsing.changed(collapse_after=0.2)
    said = stopped(config, store, tmp_path / "run")
    kept = latest_checkpoint(tmp_path / "run" / "state")
    assert str(kept) in said
    lines = {line["step"]: line for line in read_metrics(tmp_path / "run")}
    step = int(kept.name.removeprefix("step_"))
    assert step >= 60
    assert lines[step]["embedding/effective_rank"] >= config.health.smallest_rank
    assert max(lines) > step


def test_ctrl_c_during_a_collapse_does_not_make_it_the_good_state(store, tmp_path, monkeypatch):
    """What Ctrl-C saves is to resume from, and not what the message names."""
    ranks = iter([5.0] * 5 + [1.0] * 6)
    planted = lambda *given: {"embedding/effective_rank": next(ranks)}  # noqa: E731
    monkeypatch.setattr(observation, "describe_embeddings", planted)
    often = {"log_every_steps": 1, "checkpoint_every_steps": 2, "collapsed_looks": 6}
    config = make_config(steps=20, **often, **SMALL)
    folder = tmp_path / "run"
    create_run(folder, RunDescription(config, (), ""))

    def press(step, note):
        if step == 8:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(config, store, folder, press)
    assert latest_checkpoint(folder / "state").name == "step_00000008"
    with pytest.raises(UserError, match="6 times in a row") as caught:
        train(config, store, folder)
    good = folder / "state" / "step_00000004"
    assert "stopped at step 11: the embedding has collapsed" in str(caught.value)
    assert f"is kept in {good};" in str(caught.value)
    assert latest_good_checkpoint(folder / "state") == good


class RuinedHead(Tcn):
    """Its head is no longer finite after five steps, which the loss does not show."""

    def __init__(self, options, setting):
        super().__init__(options, setting)
        self.unseen = nn.Parameter(torch.zeros(2))

    def forward(self, step):
        if step.progress >= 0.5:
            self.unseen.data.fill_(torch.nan)
        return super().forward(step)


def test_a_head_that_is_not_finite_is_never_saved(store, tmp_path, monkeypatch):
    monkeypatch.setitem(OBJECTIVES, "ruined", RuinedHead)
    config = make_config("ruined", steps=10, checkpoint_every_steps=2, **SMALL)
    said = stopped(config, store, tmp_path / "run")
    assert "stopped at step 6: weights no longer finite" in said
    assert latest_checkpoint(tmp_path / "run" / "state").name == "step_00000004"


def test_a_collapse_that_is_not_looked_for_is_trained_through(store, tmp_path, collapsing):
    config = collapsing.changed(smallest_rank=0.0, steps=40)
    create_run(tmp_path / "run", RunDescription(config, (), ""))
    train(config, store, tmp_path / "run")
    assert (tmp_path / "run" / "encoder").is_dir()


def test_a_healthy_training_is_never_taken_for_a_collapse(store, tmp_path):
    config = make_config(steps=60, log_every_steps=1, collapsed_looks=2, **SMALL)
    create_run(tmp_path / "run", RunDescription(config, (), ""))
    train(config, store, tmp_path / "run")
    ranks = [line["embedding/effective_rank"] for line in read_metrics(tmp_path / "run")]
    assert min(ranks) > 1.5


def test_a_full_memory_ends_in_one_line_with_the_batch_that_fits(store, tmp_path, monkeypatch):
    real = loop.forward

    def forward(config, *rest, **named):
        if config.batch.batch_frames > 10:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(config, *rest, **named)

    def training_pass(encoder, autocast):
        def attempt(count):
            if count > 10:
                raise torch.OutOfMemoryError("CUDA out of memory")

        return attempt

    monkeypatch.setattr(loop, "forward", forward)
    monkeypatch.setattr("tcn_robot.training.memory.training_pass", training_pass)
    said = stopped(make_config(steps=3, **SMALL), store, tmp_path / "run")
    assert "cannot hold a training step of 16 frames" in said
    assert "--batch-frames 10" in said
