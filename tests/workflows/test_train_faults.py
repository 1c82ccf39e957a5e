"""`tcn-robot train`: what the user can mend is said once, in one line, and leaves nothing."""

import os
import signal

import pytest

from tcn_robot.cli import main
from tcn_robot.training import loop
from tests.data.films import dot_films
from tests.data.test_frame_store import record
from tests.support.processes import start_processes

SMALL = ["--image-size-px", "16", "--batch-frames", "16", "--log-every-steps", "2"]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    films = dot_films(seed=0, train=3, valid=1, length=12, size_px=16)
    return record(tmp_path_factory.mktemp("recorded") / "dots", films)


def errors_of(printed):
    assert "Traceback" not in printed
    return [line for line in printed.splitlines() if line.startswith("tcn-robot: error:")]


FAULTS = {
    "--seed must be at least 0, found -1": ["--seed", "-1"],
    "--validation-episodes must be at least 0": ["--validation-episodes", "-1"],
    "--views names 'front' twice": ["--views", "front", "front"],
    "--variance-weight must be at least 0": ["--variance-weight", "-1"],
    "--rate-decay-factor must be at most 1": ["--rate-decay-factor", "2"],
    "nowhere": ["--encoder", "resnet", "--weights", "nowhere"],
    "--target-momentum must be": ["--objective", "byol", "--target-momentum", "2"],
    "name every body": ["--norm", "batch", "--bodies", "hand"],
}


@pytest.mark.parametrize("said", FAULTS)
def test_what_cannot_be_trained_leaves_no_folder(dataset, tmp_path, capsys, said):
    out = tmp_path / "run"
    given = ["train", str(dataset), "--out", str(out), "--steps", "2", *SMALL, *FAULTS[said]]
    assert main(given) == 2
    (error,) = errors_of(capsys.readouterr().err)
    assert said in error
    assert not out.exists()


def press(times):
    for _ in range(times):
        os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize(
    ("options", "when", "times", "said"),
    [
        (["--checkpoint-every-steps", "4"], 6, 1, "stopped after 6 of 50 steps, saved;"),
        (["--checkpoint-every-steps", "4"], 6, 2, "6 of 50 steps, those up to 4 saved;"),
        ([], 3, 2, "stopped after 3 of 50 steps, none of them saved;"),
    ],
)
def test_an_interruption_says_what_was_saved(
    dataset, tmp_path, capsys, monkeypatch, options, when, times, said
):
    """The second Ctrl-C interrupts at once, and then nothing is saved."""
    real = loop.Observation.look

    def look(self, state, seen):
        note = real(self, state, seen)
        if state.step == when:
            press(times)
        return note

    monkeypatch.setattr(loop.Observation, "look", look)
    out = tmp_path / "run"
    given = ["train", str(dataset), "--out", str(out), "--steps", "50", *SMALL, *options]
    assert main(given) == 130
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(("rank", "warned"), [("1000", True), ("1.01", False)])
def test_a_collapse_too_late_to_be_stopped_is_said(dataset, tmp_path, capsys, rank, warned):
    out = tmp_path / "run"
    given = ["train", str(dataset), "--out", str(out), "--steps", "4", *SMALL]
    assert main([*given, "--smallest-rank", rank]) == 0
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning:")]
    assert len(said) == warned
    if warned:
        assert "below 1000 at the last 2 of the curves' lines, and 20 stop a training" in said[0]


CHILD = "import sys; from tcn_robot.cli import main; sys.exit(main(sys.argv[1:]))"


def run_in_two(*arguments):
    """Return the exit codes of two processes, and what each has complained of."""
    children = start_processes(2, CHILD, *arguments)
    errors = [errors_of(child.communicate(timeout=300)[1]) for child in children]
    return [child.returncode for child in children], errors


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["folder", "option", "objective", "parts"])
def test_of_two_processes_both_stop_and_one_talks(dataset, tmp_path, fault):
    out = tmp_path / "run"
    options, said = {
        "folder": ([], "holds a run already"),
        "option": (["--seed", "-1"], "--seed must be at least 0"),
        "objective": (["--objective", "byol", "--target-momentum", "2"], "--target-momentum"),
        "parts": (["--views", "fron"], "did you mean 'front'"),
    }[fault]
    if fault == "folder":
        out.mkdir()
        (out / "config.json").write_text("{}")
    given = ["train", dataset, "--out", out, "--steps", "2", "--device", "cpu", *SMALL]
    codes, (main_one, other) = run_in_two(*given, *options)
    assert codes == [2, 2]
    assert len(main_one) == 1
    assert said in main_one[0]
    assert other == []
    assert out.exists() == (fault == "folder")
