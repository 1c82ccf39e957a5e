"""What `tcn-robot rerender` says of the proof, and that a difference is marked and not hidden."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import tcn_robot
from tcn_robot import cli
from tcn_robot.recordings.proof import Proof
from tcn_robot.workflows.rerender import tell_proofs
from tests.support.corpus import Columns, edit_table
from tests.support.short_recordings import record_short


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two short episodes, views front and top, 32 px, h264."""
    return record_short(tmp_path_factory.mktemp("short") / "d")


def command(*words: object) -> int:
    return cli.main(["rerender", *(str(word) for word in words)])


def test_it_is_one_line_and_said_again_by_a_second_run(
    short: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        assert command(short, "--out", tmp_path / "b", "--views", "left") == 0
        told = capsys.readouterr()
        lines = told.out.splitlines()
        assert len(lines) == 2
        assert lines[1] == (
            "proof: view front rendered again, 14 frames: all 2 episodes identical to the last bit"
        )
        assert "WARNING" not in told.err


def test_a_difference_is_loud_marked_and_no_error(
    short: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "a"
    shutil.copytree(short, source)

    def move(columns: Columns) -> None:
        for state in columns["state"]:
            state[1] += 0.3  # the arm's first joint, radians

    edit_table(source, "steps.parquet", move, id=1)
    assert command(source, "--out", tmp_path / "b", "--views", "left") == 0
    told = capsys.readouterr()
    assert "1 of 2 episodes identical, 1 DIFFERENT (largest difference " in told.out
    warning = next(line for line in told.err.splitlines() if "WARNING" in line)
    assert warning.startswith(
        "WARNING: 1 of 2 episodes (id 1) do NOT come out as they were recorded"
    )
    good, bad = tcn_robot.open_recording(tmp_path / "b")
    assert good.metadata["rerendered_from"]["proof"]["is_identical"] is True
    proof = bad.metadata["rerendered_from"]["proof"]
    assert proof["is_identical"] is False
    assert proof["is_within_encoding_loss"] is False
    assert proof["max_difference"] > 50
    assert 0 < proof["mean_difference"] < proof["max_difference"]
    assert (proof["view"], proof["frames"]) == ("front", 7)
    assert cli.main(["check", str(tmp_path / "b")]) == 0


def test_it_can_be_left_out(
    short: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(short, "--out", tmp_path / "b", "--no-proof") == 0
    assert "proof" not in capsys.readouterr().out
    for episode in tcn_robot.open_recording(tmp_path / "b"):
        assert episode.metadata["rerendered_from"].keys() == {"content_sha256", "episode"}


def test_a_damaged_film_can_be_rendered_anew(
    short: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = tmp_path / "a", tmp_path / "b"
    shutil.copytree(short, source)
    film = source / "episode_000000" / "front.mp4"
    film.write_bytes(film.read_bytes()[:700])
    assert command(source, "--out", out) == 2
    told = capsys.readouterr().err
    assert "front.mp4 cannot be decoded" in told
    assert "--no-proof renders without looking at it" in told
    assert command(source, "--out", out, "--no-proof") == 0
    mended = out / "episode_000000" / "front.mp4"
    assert mended.read_bytes() == (short / "episode_000000" / "front.mp4").read_bytes()


def test_lines(capsys: pytest.CaptureFixture[str]) -> None:
    same = Proof("front", 10, 0, 0.0, True, True)
    lossy = Proof("front", 10, 9, 0.25, False, True)
    wrong = Proof("top", 10, 200, 4.5, False, False)
    tell_proofs({0: same, 1: lossy})
    told = capsys.readouterr()
    assert told.out == (
        "proof: view front rendered again, 20 frames: 1 of 2 episodes identical, 1 within what "
        "encoding loses (largest difference 9 of 255, there 0.25 on average)\n"
    )
    assert told.err == ""
    tell_proofs(dict.fromkeys(range(8), wrong))
    told = capsys.readouterr()
    assert "view top rendered again, 80 frames: 0 of 8 episodes identical, 8 DIFFERENT" in told.out
    assert told.err.startswith("WARNING: 8 of 8 episodes (id 0, 1, 2, 3, 4 and 3 more) do NOT")
    assert told.err.count("\n") == 1
    tell_proofs({0: None})
    assert "proof: none; no recorded view is a camera of the model" in capsys.readouterr().out
