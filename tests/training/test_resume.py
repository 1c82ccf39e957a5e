"""Interrupted anywhere and continued is the same, bit by bit, as never interrupted."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from tcn_robot.errors import UserError
from tcn_robot.training import (
    RunDescription,
    TrainConfig,
    create_run,
    make_config,
    read_metrics,
    train,
)
from tcn_robot.training.checkpoint import latest_checkpoint
from tests.data.films import dot_films, store_of

CONFIG = make_config(
    steps=14,
    image_size_px=16,
    batch_frames=32,
    dimension=8,
    warmup_steps=3,
    log_every_steps=2,
    validate_every_steps=4,
    checkpoint_every_steps=5,
)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    films = dot_films(seed=0, train=4, valid=1, length=12, size_px=16)
    return store_of(films, tmp_path_factory.mktemp("films") / "store", size_px=16)


def new_run(folder: Path, config: TrainConfig = CONFIG) -> Path:
    create_run(folder, RunDescription(config, ("films",), "key"))
    return folder


@pytest.fixture(scope="module")
def straight(store, tmp_path_factory):
    """A run that was never interrupted."""
    folder = new_run(tmp_path_factory.mktemp("straight") / "run")
    train(CONFIG, store, folder)
    return folder


def interrupt_after(steps: int, number: int = signal.SIGINT):
    def on_step(step: int, note: str) -> None:
        if step == steps:
            os.kill(os.getpid(), number)

    return on_step


def figures(folder: Path) -> list[dict[str, float]]:
    """The curves without the one figure that depends on the weather."""
    lines = read_metrics(folder)
    return [{k: v for k, v in line.items() if k != "frames_per_second"} for line in lines]


def tensorboard_curves(folder: Path) -> dict[str, list[tuple[int, float]]]:
    accumulator_module = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator"
    )
    curves = accumulator_module.EventAccumulator(str(folder / "tensorboard"))
    curves.Reload()
    return {
        tag: [(event.step, event.value) for event in curves.Scalars(tag)]
        for tag in curves.Tags()["scalars"]
        if tag != "frames_per_second"
    }


def assert_same_run(one: Path, other: Path) -> None:
    for name in ("encoder/model.safetensors", "encoder/config.json"):
        assert (one / name).read_bytes() == (other / name).read_bytes()
    last_one, last_other = (latest_checkpoint(run / "state") for run in (one, other))
    tensors, others = (load_file(last / "tensors.safetensors") for last in (last_one, last_other))
    assert tensors.keys() == others.keys()
    for name, value in tensors.items():
        assert np.array_equal(value, others[name]), name
    assert figures(one) == figures(other)
    assert tensorboard_curves(one) == tensorboard_curves(other)


def test_the_same_seed_gives_the_same_run_and_another_one_does_not(store, straight, tmp_path):
    again = new_run(tmp_path / "again")
    train(CONFIG, store, again)
    assert_same_run(straight, again)
    other_config = CONFIG.changed(seed=1, steps=2)
    other = train(other_config, store, new_run(tmp_path / "other", other_config))
    weights = load_file(again / "encoder" / "model.safetensors")
    assert not np.array_equal(other.head.weight.detach().numpy(), weights["head.weight"])


@pytest.mark.parametrize("steps", [1, 5, 7, 13])
def test_ctrl_c_saves_between_two_steps_and_resumes_exactly(store, straight, tmp_path, steps):
    folder = new_run(tmp_path / "run")
    with pytest.raises(KeyboardInterrupt):
        train(CONFIG, store, folder, interrupt_after(steps))
    saved = json.loads((latest_checkpoint(folder / "state") / "state.json").read_text())["step"]
    assert saved == steps
    assert not (folder / "encoder").exists(), "half-trained must not look like trained"
    train(CONFIG, store, folder)
    assert_same_run(straight, folder)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_sigterm_saves_as_ctrl_c_does(store, straight, tmp_path):
    """A scheduler that takes the machine back, or torchrun that is stopped, sends it."""
    folder = new_run(tmp_path / "run")
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        train(CONFIG, store, folder, interrupt_after(4, signal.SIGTERM))
    assert signal.getsignal(signal.SIGTERM) is before
    train(CONFIG, store, folder)
    assert_same_run(straight, folder)


CHILD = """
import sys, time
from pathlib import Path
from tcn_robot.data import FrameStore
from tcn_robot.training import read_run, train
folder = Path(sys.argv[2])
def on_step(step, note):
    (folder / f"step-{step}").touch()
    time.sleep(0.02)
train(read_run(folder).config, FrameStore.open(sys.argv[1]), folder, on_step)
"""


def test_kill_9_then_resume_is_exact(store, straight, tmp_path):
    folder = new_run(tmp_path / "run")
    store_folder = Path(store.episodes[0].frames("front").filename).parent
    # Past the checkpoint at 5 and the line written for 6 and 8.
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(store_folder), str(folder)])
    deadline_seconds = time.monotonic() + 60
    while not (folder / "step-8").exists() and time.monotonic() < deadline_seconds:
        time.sleep(0.005)
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    assert not (folder / "encoder").exists()
    with open(folder / "metrics.jsonl", "a") as file:
        file.write('{"step": 9, "lo')  # What a kill in the middle of a write leaves.
    train(CONFIG, store, folder)
    assert_same_run(straight, folder)


def test_every_step_is_in_the_curves_once(straight):
    lines = read_metrics(straight)
    assert [line["step"] for line in lines] == [2, 4, 6, 8, 10, 12, 14]
    measured = [line["step"] for line in lines if "validation/alignment_error" in line]
    assert measured == [4, 8, 12, 14]
    wanted = {"step", "loss", "gradient_norm", "learning_rate", "frames_per_second"}
    assert all(wanted <= line.keys() for line in lines)


def test_tensorboard_has_curves_and_the_strip_of_neighbours(straight):
    curves = tensorboard_curves(straight)
    assert [step for step, _ in curves["loss"]] == [2, 4, 6, 8, 10, 12, 14]
    module = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = module.EventAccumulator(str(straight / "tensorboard"))
    events.Reload()
    strip = events.Images("validation/neighbours")[-1]
    assert (strip.width, strip.height) == (10 * 16, 3 * 16)


def test_a_killed_save_never_becomes_the_latest(store, straight, tmp_path):
    folder = new_run(tmp_path / "run")
    with pytest.raises(KeyboardInterrupt):
        train(CONFIG, store, folder, interrupt_after(7))
    half = folder / "state" / ".partial-abc"
    half.mkdir()
    (half / "tensors.safetensors").write_bytes(b"half")
    train(CONFIG, store, folder)
    assert_same_run(straight, folder)


@pytest.mark.parametrize("name", ["tensors.safetensors", "state.json"])
@pytest.mark.parametrize("size", [0, 50])
def test_a_damaged_checkpoint_is_said_and_not_skipped(store, tmp_path, name, size):
    folder = new_run(tmp_path / "run")
    with pytest.raises(KeyboardInterrupt):
        train(CONFIG, store, folder, interrupt_after(3))
    damaged = latest_checkpoint(folder / "state") / name
    damaged.write_bytes(damaged.read_bytes()[:size])
    with pytest.raises(UserError, match="is damaged") as caught:
        train(CONFIG, store, folder)
    assert "\n" not in str(caught.value)


def test_a_finished_run_stays_as_it_is(store, straight):
    before = (straight / "encoder" / "model.safetensors").read_bytes()
    train(CONFIG, store, straight)
    assert (straight / "encoder" / "model.safetensors").read_bytes() == before
    assert len(read_metrics(straight)) == 7
