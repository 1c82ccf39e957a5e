"""Damaged curves and checkpoints: cut, or said in one line."""

import json
import os
import signal

import pytest

from tcn_robot.errors import UserError
from tcn_robot.training import RunDescription, create_run, make_config, read_metrics, train
from tcn_robot.training.checkpoint import latest_checkpoint, latest_good_checkpoint
from tcn_robot.training.curves import truncate_metrics
from tests.data.films import dot_films, store_of

CONFIG = make_config(
    steps=6, image_size_px=16, batch_frames=16, channels=(4, 4, 8, 8), log_every_steps=1
)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    films = dot_films(seed=0, train=3, valid=1, length=12, size_px=16)
    return store_of(films, tmp_path_factory.mktemp("films") / "store", size_px=16)


@pytest.fixture
def stopped(store, tmp_path):
    """A run that was stopped after three steps."""

    def press(step, note):
        if step == 3:
            os.kill(os.getpid(), signal.SIGINT)

    create_run(tmp_path / "run", RunDescription(CONFIG, (), ""))
    with pytest.raises(KeyboardInterrupt):
        train(CONFIG, store, tmp_path / "run", press)
    return tmp_path / "run"


DAMAGED = [b"{not json}", b"\x00\x00", b"\xff\xfe", b"[1]", b'{"loss": 1}', b'{"step": "2"}', b""]


@pytest.mark.parametrize("line", DAMAGED)
def test_curves_are_cut_from_the_first_damaged_line(tmp_path, line):
    path = tmp_path / "metrics.jsonl"
    whole = b'{"step": 1, "loss": NaN}\n'
    path.write_bytes(whole + line + b'\n{"step": 3}\n')
    assert [found["step"] for found in read_metrics(tmp_path)] == [1]
    truncate_metrics(path, 5)
    assert path.read_bytes() == whole


def test_a_run_with_damaged_curves_goes_on(store, stopped):
    path = stopped / "metrics.jsonl"
    lines = path.read_text().splitlines()
    path.write_text(f"{lines[0]}\n{lines[1][:9]}\n{lines[2]}\n")
    train(CONFIG, store, stopped)
    assert [line["step"] for line in read_metrics(stopped)] == [1, 4, 5, 6]


@pytest.mark.parametrize("step", [-1, 7, 3.5, "3", True, None])
def test_a_checkpoint_of_a_step_that_cannot_be_is_damaged(store, stopped, step):
    path = latest_checkpoint(stopped / "state") / "state.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"step": step}))
    with pytest.raises(UserError, match=r"is damaged .*expected to be from 0 to 6") as caught:
        train(CONFIG, store, stopped)
    assert "\n" not in str(caught.value)


def test_the_good_checkpoint_is_the_newest_that_had_not_collapsed(tmp_path):
    assert latest_good_checkpoint(tmp_path) is None
    for step, collapsed in ((1, 0), (2, 0), (3, 4)):
        folder = tmp_path / f"step_{step:08d}"
        folder.mkdir()
        said = {"format_version": 2, "step": step, "collapsed_in_a_row": collapsed}
        (folder / "state.json").write_text(json.dumps(said))
    assert latest_checkpoint(tmp_path).name == "step_00000003"
    assert latest_good_checkpoint(tmp_path).name == "step_00000002"
    (tmp_path / "step_00000002" / "state.json").write_text("{")
    assert latest_good_checkpoint(tmp_path).name == "step_00000001"
