"""Recorded episodes in new looks: drawn from a seed, stored, the same again; several copies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tcn_robot
from tcn_robot import cli
from tests.envs.support import NEEDS_BULLET
from tests.support.short_recordings import content, record_short

TASKS = ["MujocoPush-v0", pytest.param("BulletPush-v0", marks=NEEDS_BULLET)]
EVERYTHING = ("--randomise", "all", "--moving-cameras")


def command(*words: object) -> int:
    return cli.main(["rerender", *(str(word) for word in words)])


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two short episodes, views front and top, 32 px, h264, nothing randomised."""
    return record_short(tmp_path_factory.mktemp("short") / "d")


@pytest.mark.parametrize("task", TASKS)
def test_copies_differ_in_look_alone_and_render_again_to_the_byte(
    task: str, tmp_path: Path
) -> None:
    recorded = ("--randomise", "all", "--embodiment", "hand")
    first = record_short(tmp_path / "a", *recorded, task=task)
    out, again = tmp_path / "b", tmp_path / "c"
    assert command(first, "--out", out, *EVERYTHING, "--copies", 2, "--seed", 5) == 0
    assert command(out, "--out", again) == 0
    assert cli.main(["check", str(out)]) == 0
    recording = tcn_robot.open_recording(out)
    assert recording.ids == (0, 1, 100, 101)
    for episode in recording:
        old = tcn_robot.open_recording(first).by_id(episode.id // 100)
        drawn, before = episode.metadata["randomisation"], old.metadata["randomisation"]
        for name in ("friction", "mass"):
            assert drawn[name] == before[name]
        for name in ("light", "colour", "texture", "camera", "distractors", "skin"):
            assert drawn[name] != before[name]
        assert episode.metadata["cameras"]["front"]["moving"] is True
        made_by = episode.metadata["rerendered_from"]
        assert (made_by["episode"], made_by["copy"]) == divmod(episode.id, 100)
        assert (made_by["seed"], made_by["moving_cameras"]) == (5, True)
        assert made_by["proof"]["is_identical"] is True
        assert made_by["content_sha256"] == old.content_hash
        assert (episode.seed, episode.split, episode.success) == (old.seed, old.split, old.success)
        assert old.steps is not None
        assert episode.steps is not None
        for name in old.steps.keys() - {"state"}:  # distractors have moved
            np.testing.assert_array_equal(episode.steps[name], old.steps[name])
        difference = episode.frames("front").astype(int) - old.frames("front")
        assert np.abs(difference).mean() > 8
        for view in episode.views:
            film = tcn_robot.open_recording(again).by_id(episode.id).path / f"{view}.mp4"
            assert film.read_bytes() == (episode.path / f"{view}.mp4").read_bytes()
    looks = [str(episode.metadata["randomisation"]) for episode in recording]
    assert len(set(looks)) == 4


def test_one_name_leaves_states_and_everything_else(short: Path, tmp_path: Path) -> None:
    out = tmp_path / "b"
    assert command(short, "--out", out, "--randomise", "light", "--views", "left") == 0
    for old, new in zip(
        tcn_robot.open_recording(short), tcn_robot.open_recording(out), strict=True
    ):
        assert (new.id, new.views) == (old.id, ("left",))
        assert set(new.metadata["randomisation"]) == {"light"}
        assert new.metadata["rerendered_from"]["randomise"] == ["light"]
        assert "copy" not in new.metadata["rerendered_from"]
        steps = [(episode.path / "steps.parquet").read_bytes() for episode in (old, new)]
        assert steps[0] == steps[1]


def test_the_same_seed_gives_the_same_bytes_and_more_copies_are_added(
    short: Path, tmp_path: Path
) -> None:
    asked = ("--randomise", "texture", "colour", "--seed", 3)
    assert command(short, "--out", tmp_path / "b", *asked, "--copies", 3) == 0
    whole = content(tmp_path / "b")
    assert command(short, "--out", tmp_path / "c", *asked, "--copies", 1) == 0
    few = content(tmp_path / "c")
    assert few.items() < whole.items()
    assert command(short, "--out", tmp_path / "c", *asked, "--copies", 3) == 0
    assert content(tmp_path / "c") == whole
    assert command(short, "--out", tmp_path / "d", *asked[:-1], 4, "--copies", 1) == 0
    assert content(tmp_path / "d").keys() == few.keys()
    name = "episode_000000/front.mp4"
    assert content(tmp_path / "d")[name] != few[name]


def test_other_options_are_refused(
    short: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "b"
    asked = ("--out", out, "--randomise", "light")
    assert command(short, *asked) == 0
    before = content(out)
    other = record_short(tmp_path / "other", "--seed", "7")
    for source, options, message in (
        (short, (*asked, "--seed", 1), "already there in another look"),
        (short, ("--out", out), "already there in another look"),
        (short, (*asked, "camera"), "already there in another look"),
        (short, (*asked, "--lossless"), "already there as h264, asked for lossless"),
        (short, (*asked, "--size", 40), "already holds views front top at 32 px"),
        (short, (*asked, "--views", "top"), "already holds views front top"),
        (other, asked, "was rendered from another episode"),
    ):
        capsys.readouterr()
        assert command(source, *options) == 2
        told = capsys.readouterr().err
        assert message in told
        assert told.count("\n") == 1
    assert content(out) == before


def test_tasks_of_other_packages_have_nothing_to_draw(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("--size", "32", "--episodes", "1", "--policy", "random", "--out", str(tmp_path / "a"))
    assert cli.main(["record", "InvertedPendulum-v5", *asked]) == 0
    capsys.readouterr()
    assert command(tmp_path / "a", "--out", tmp_path / "b", "--randomise", "light") == 2
    assert "nothing to randomise" in capsys.readouterr().err
    assert not (tmp_path / "b").exists()


WORKERS = [1, pytest.param(2, marks=pytest.mark.slow)]
MANY = ("--copies", 100, "--randomise", "light", "--size", 32, 40)


def start(short: Path, out: Path, workers: int) -> subprocess.Popen[str]:
    asked = [short, "--out", out, *MANY, "--workers", workers]
    program = [sys.executable, "-m", "tcn_robot", "rerender", *map(str, asked)]
    return subprocess.Popen(program, stderr=subprocess.PIPE, text=True, start_new_session=True)


def wait_for_episodes(process: subprocess.Popen[str], out: Path, count: int) -> None:
    while process.poll() is None and len(list(out.glob("40px/episode_*"))) < count:
        pass
    assert process.returncode is None


@pytest.mark.parametrize("workers", WORKERS)
def test_ctrl_c_keeps_what_is_whole_and_says_so(short: Path, tmp_path: Path, workers: int) -> None:
    out = tmp_path / "b"
    process = start(short, out, workers)
    wait_for_episodes(process, out, 2)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert "interrupted: 0 of 2 episodes are done" in errors
    assert "the same command adds the rest" in errors
    for size in ("32px", "40px"):
        assert not list((out / size).glob(".partial-*"))
        assert cli.main(["check", str(out / size)]) == 0


@pytest.mark.parametrize("workers", WORKERS)
def test_a_killed_run_goes_on(short: Path, tmp_path: Path, workers: int) -> None:
    asked = ("--randomise", "light", "--size", 32, 40)
    out = tmp_path / "b"
    process = start(short, out, workers)
    wait_for_episodes(process, out, 2)
    process.kill()
    process.communicate()
    assert command(short, "--out", out, *asked, "--copies", 3, "--workers", workers) == 0
    assert command(short, "--out", tmp_path / "c", *asked, "--copies", 3) == 0
    straight, resumed = content(tmp_path / "c"), content(out)
    assert straight.keys() <= resumed.keys()  # the killed run may have made more copies
    assert straight.items() <= resumed.items()


def test_a_full_disk_is_one_line_and_whole_episodes_stay(short: Path, tmp_path: Path) -> None:
    """A limit on file size stands for the full disk: the larger films pass it."""
    code = (
        "import resource, sys\n"
        "from tcn_robot import cli\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (12_000, -1))\n"
        "sys.exit(cli.main(sys.argv[1:]))\n"
    )
    (tmp_path / "limited.py").write_text(code)
    asked = ["rerender", short, "--out", tmp_path / "b", "--size", 24, 320, "--lossless"]
    program = [sys.executable, str(tmp_path / "limited.py"), *map(str, asked)]
    done = subprocess.run(program, capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert "is full" in done.stderr
    assert "give the same command again" in done.stderr
    assert tcn_robot.open_recording(tmp_path / "b" / "24px").ids == (0,)
    assert not [name for name in os.listdir(tmp_path / "b" / "320px") if "episode" in name]


@pytest.mark.slow
def test_any_number_of_workers_gives_the_same_bytes(short: Path, tmp_path: Path) -> None:
    for workers in (1, 2):
        asked = ("--out", tmp_path / str(workers), "--randomise", "all", "--copies", 2)
        assert command(short, *asked, "--workers", workers) == 0
    assert content(tmp_path / "1") == content(tmp_path / "2")
