"""The whole loop in two processes over gloo equals one process, for every objective."""

import json
import os
import signal

import numpy as np
import pytest
from safetensors.numpy import load_file

from tcn_robot.data import FrameStore
from tcn_robot.objectives import OBJECTIVES
from tcn_robot.training import RunDescription, create_run, make_config, read_metrics, train
from tcn_robot.training.checkpoint import latest_checkpoint
from tests.data.films import dot_films, store_of
from tests.support.processes import start_processes, wait_for

pytestmark = pytest.mark.slow  # two processes import torch and train every objective

TOLERANCE = 1e-5
STEPS = 4
# Nothing here has a norm: statistics of a batch are those of the process that holds it. SGD shows
# gradients as they are; Adam turns the rounding of one that is nearly 0 into a whole step.
SMALL = {
    "image_size_px": 16,
    "batch_frames": 16,
    "precision": "fp32",
    "device": "cpu",
    "channels": (4, 4, 8, 8),
    "norm": "none",
    "optimiser": "sgd",
    "learning_rate": 0.01,
    "warmup_steps": 2,
    "log_every_steps": 2,
    "validate_every_steps": 2,
    "checkpoint_every_steps": 3,
}
CASES = {name: {} for name in OBJECTIVES if make_config(name).steps > 0}
CASES |= {
    "accumulated": {"accumulate_batches": 2, "average_decay": 0.9, "keep": "best"},
    "adamw": {"optimiser": "adamw", "decay_all": False, "loss": "triplet"},
}


def config_of(case):
    objective = case if case in OBJECTIVES else "tcn"
    return make_config(objective, steps=STEPS, **(SMALL | CASES[case]))


CHILD = """
import os, signal, sys
from pathlib import Path
from tcn_robot.data import FrameStore
from tcn_robot.training import RunDescription, create_run, make_config, read_run, train
from tcn_robot.training.parts import prepare
from tcn_robot.training.processes import join_processes
from tests.training.test_two_processes import CASES, config_of

store, folder = FrameStore.open(sys.argv[1]), Path(sys.argv[2])
processes = join_processes("cpu")
for case in CASES:
    config = read_run(folder / case).config
    train(config, store, folder / case, parts=prepare(config, store, processes))

config = read_run(folder / "stopped").config
def press(step, note):
    if step == 3 and processes.rank == 1:
        os.kill(os.getpid(), signal.SIGINT)  # in one of them only
try:
    train(config, store, folder / "stopped", press, prepare(config, store, processes))
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Run folders of one process, and of two."""
    root = tmp_path_factory.mktemp("two")
    films = dot_films(seed=0, train=4, valid=1, length=12, size_px=16)
    store = store_of(films, root / "store", size_px=16)
    for number in ("one", "two"):
        for case in CASES:
            create_run(root / number / case, RunDescription(config_of(case), (), ""))
    config = make_config(steps=50, **SMALL)
    create_run(root / "two" / "stopped", RunDescription(config, (), ""))
    children = start_processes(2, CHILD, root / "store", root / "two")
    for case in CASES:
        train(config_of(case), store, root / "one" / case)
    assert [text.splitlines()[-1] for text in wait_for(children)] == ["interrupted"] * 2
    return root / "one", root / "two"


# Where single weights may differ by a step (see above), if most do not.
BY_MEDIAN = {"adamw"}


def assert_close(together, alone, case, name):
    if case in BY_MEDIAN:
        difference = np.abs(together.astype(np.float64) - alone)
        assert np.median(difference) <= TOLERANCE, name
        assert difference.max(initial=0) < 1e-2, name
    else:
        np.testing.assert_allclose(together, alone, rtol=0, atol=TOLERANCE, err_msg=name)


def tensors(run):
    return load_file(latest_checkpoint(run / "state") / "tensors.safetensors")


@pytest.mark.parametrize("case", CASES)
def test_two_processes_over_gloo_equal_one(folders, case):
    one, two = (folder / case for folder in folders)
    alone, together = tensors(one), tensors(two)
    assert alone.keys() == together.keys()
    for name, value in alone.items():
        if not name.startswith("optimizer."):
            assert_close(together[name], value, case, name)
    saved = [load_file(run / "encoder" / "model.safetensors") for run in (one, two)]
    for name, value in saved[0].items():
        assert_close(saved[1][name], value, case, name)


@pytest.mark.parametrize("case", CASES)
def test_the_curves_are_those_of_one_process_and_written_once(folders, case):
    one, two = (read_metrics(folder / case) for folder in folders)
    assert [line["step"] for line in one] == [line["step"] for line in two]
    for alone, together in zip(one, two, strict=True):
        assert alone.keys() == together.keys()
        assert together["loss"] == pytest.approx(alone["loss"], abs=1e-4, rel=1e-4)


def test_ctrl_c_in_one_process_stops_all_after_the_same_step(folders):
    run = folders[1] / "stopped"
    assert json.loads((latest_checkpoint(run / "state") / "state.json").read_text())["step"] == 3
    assert not (run / "encoder").exists()


def test_one_process_goes_on_where_two_have_stopped(folders):
    """The batches are the same whoever embeds them."""
    run = folders[1] / "stopped"
    store = FrameStore.open(folders[1].parent / "store")
    config = make_config(steps=50, **SMALL)

    def press(step, note):
        if step == 5:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(config, store, run, press)
    create_run(run.parent / "alone", RunDescription(config, (), ""))
    with pytest.raises(KeyboardInterrupt):
        train(config, store, run.parent / "alone", press)
    together, alone = tensors(run), tensors(run.parent / "alone")
    for name, value in alone.items():
        if name.startswith("encoder."):
            np.testing.assert_allclose(together[name], value, rtol=0, atol=TOLERANCE, err_msg=name)
