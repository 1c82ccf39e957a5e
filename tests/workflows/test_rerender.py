"""Recorded episodes rendered again: the same pictures, further views, other sizes."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import tcn_robot
from tcn_robot import cli
from tcn_robot.envs.stored_model import open_stored_model
from tcn_robot.errors import UserError
from tcn_robot.workflows.record import main as record
from tcn_robot.workflows.rerender import main as rerender
from tests.envs.support import NEEDS_BULLET
from tests.support.corpus import edit_table, episode_folder
from tests.support.short_recordings import content, record_short

TASKS = ["MujocoPush-v0", pytest.param("BulletPush-v0", marks=NEEDS_BULLET)]


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two short episodes, views front and top, 32 px, h264."""
    return record_short(tmp_path_factory.mktemp("short") / "d")


def command(*words: object) -> int:
    return cli.main(["rerender", *(str(word) for word in words)])


@pytest.mark.parametrize("task", TASKS)
def test_the_same_views_come_out_bit_for_bit_and_others_too(task: str, tmp_path: Path) -> None:
    first, again = str(tmp_path / "first"), str(tmp_path / "again")
    asked = [task, "--out", first, "--episodes", "2", "--size", "48", "--embodiment", "hand"]
    record([*asked, "--policy", "failure-stop", "--views", "front", "wrist", "--lossless"])
    rerender(
        [first, "--out", again, "--size", "48", "--views", "front", "wrist", "top", "--lossless"]
    )
    for old, new in zip(
        tcn_robot.open_recording(first), tcn_robot.open_recording(again), strict=True
    ):
        for view in ("front", "wrist"):
            np.testing.assert_array_equal(old.frames(view), new.frames(view))
            assert old.metadata["cameras"][view] == new.metadata["cameras"][view]
        assert new.frames("top").shape == old.frames("front").shape
        assert new.frames("top").std() > 5
        assert new.metadata["demonstration"] == {"failure": "stop"}
        assert new.metadata["embodiment"] == "hand"


@NEEDS_BULLET
def test_a_damaged_scene_is_told_in_one_line() -> None:
    with pytest.raises(UserError, match="the stored model is damaged"):
        open_stored_model('{"bodies": [')


def test_without_options_the_films_are_the_recorded_ones(short: Path, tmp_path: Path) -> None:
    assert command(short, "--out", tmp_path / "b") == 0
    old, new = content(short), content(tmp_path / "b")
    assert {name for name in new if old.get(name) != new[name]} == {
        f"episode_00000{id}/episode.json" for id in (0, 1)
    }


@pytest.mark.parametrize("options", [(), ("--lossless",)])
@pytest.mark.parametrize("task", TASKS)
def test_added_views_stand_beside_the_recorded_films(
    task: str, options: tuple[str, ...], tmp_path: Path
) -> None:
    first = record_short(tmp_path / "a", "--randomise", "all", *options, task=task)
    both = tmp_path / "b"
    assert command(first, "--out", both, "--add", "--views", "wrist", "left", "--size", 40) == 0
    assert command(first, "--out", tmp_path / "c", "--views", "left", "--size", 40, *options) == 0
    episodes = (tcn_robot.open_recording(path) for path in (first, both, tmp_path / "c"))
    for old, new, alone in zip(*episodes, strict=True):
        assert new.views == ("front", "top", "wrist", "left")
        assert new.codec == old.codec
        for view in old.views:
            name = f"{view}.mp4"
            assert (new.path / name).read_bytes() == (old.path / name).read_bytes()
            assert new.metadata["views"][view] == old.metadata["views"][view]
            assert new.metadata["cameras"][view] == old.metadata["cameras"][view]
        assert (new.path / "left.mp4").read_bytes() == (alone.path / "left.mp4").read_bytes()
        assert new.metadata["cameras"]["left"] == alone.metadata["cameras"]["left"]
        assert new.frames("wrist").shape == (7, 40, 40, 3)
        np.testing.assert_array_equal(new.timestamps("left"), old.timestamps("front"))
        assert (new.path / "steps.parquet").read_bytes() == (
            old.path / "steps.parquet"
        ).read_bytes()
        came_from = new.metadata["rerendered_from"]
        assert came_from["content_sha256"] == old.content_hash
        assert came_from["kept_views"] == ["front", "top"]
        assert came_from["proof"]["is_identical"] is True
        assert new.metadata["randomisation"] == old.metadata["randomisation"]
    assert cli.main(["check", str(both)]) == 0


def test_a_film_that_was_damaged_since_is_not_taken_over(
    short: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "a"
    shutil.copytree(short, source)
    film = episode_folder(source, 1) / "top.mp4"
    film.write_bytes(film.read_bytes()[:-1])
    assert command(source, "--out", tmp_path / "b", "--add", "--views", "left") == 2
    told = capsys.readouterr().err
    assert "top.mp4 is not what was recorded (SHA-256)" in told
    assert tcn_robot.open_recording(tmp_path / "b").ids == (0,)
    assert not list((tmp_path / "b").glob(".partial-*"))
    (source / "episode_000001/steps.parquet").unlink()
    assert command(source, "--out", tmp_path / "c", "--no-proof") == 2
    assert "steps.parquet is missing" in capsys.readouterr().err


def test_several_sizes_are_several_datasets(
    short: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "sizes"
    assert command(short, "--out", out, "--size", 32, 48, "--views", "front", "left") == 0
    assert "4 episodes rendered, views front left, 32 px, 48 px" in capsys.readouterr().out
    assert sorted(path.name for path in out.iterdir()) == ["32px", "48px"]
    alone = tmp_path / "alone"
    assert command(short, "--out", alone, "--size", 48, "--views", "front", "left") == 0
    assert content(alone) == content(out / "48px")
    assert cli.main(["check", str(out / "32px")]) == 0
    shutil.rmtree(out / "48px" / "episode_000001")
    assert command(short, "--out", out, "--size", 32, 48, "--views", "front", "left") == 0
    assert content(alone) == content(out / "48px")
    assert command(short, "--out", alone, "--size", 32, 48) == 2
    assert f"{alone} is a dataset" in capsys.readouterr().err


def test_an_episode_deleted_from_the_result_stays_deleted(short: Path, tmp_path: Path) -> None:
    out = tmp_path / "b"
    assert command(short, "--out", out) == 0
    from tcn_robot.recordings.format import file_hash, json_text, read_json

    first = out / "dataset.json"
    added = {"previous_sha256": file_hash(first), "deleted_ids": [0]}
    (out / "dataset.000001.json").write_text(json_text({**read_json(first), **added}))
    assert command(short, "--out", out) == 0
    assert tcn_robot.open_recording(out).ids == (1,)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--add"], "--add needs --views"),
        (["--add", "--views", "front"], "view 'front' was recorded already"),
        (["--add", "--views", "wrst"], "did you mean 'wrist'"),
        (["--add", "--views", "left", "--lossless"], "leave --lossless out"),
        (["--add", "--views", "left", "--randomise", "light"], "one look"),
        (["--views", "topp"], "did you mean 'top'"),
        (["--views", "top", "top"], "--views names one twice: top top"),
        (["--size", "7"], "--size must lie between 8 and 4096 px, found 7"),
        (["--size", "32", "5000"], "--size must lie between 8 and 4096 px, found 5000"),
        (["--size", "32", "32"], "--size names one twice"),
        (["--size", "big"], "cannot read the values 'big'"),
        (["--randomise", "mass"], "the recorded motion depends on it"),
        (["--randomise", "lihgt"], "did you mean 'light'"),
        (["--randomise", "skin"], "no episode of"),
        (["--copies", "2"], "--copies without --randomise"),
        (["--copies", "0", "--randomise", "light"], "--copies must lie between 1 and 100"),
        (["--copies", "101", "--randomise", "light"], "--copies must lie between 1 and 100"),
        (["--seed", "-1"], "--seed must be at least 0"),
        (["--workers", "0"], "--workers must be at least 1"),
        (["--embodiment", "hand", "--add", "--views", "left"], "--embodiment shows another body"),
        (["--embodiment", "hand", "--size", "32", "48"], "--embodiment shows another body"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(
    short: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    message: str,
) -> None:
    assert command(short, "--out", tmp_path / "b", *options) == 2
    told = capsys.readouterr()
    assert message in told.err
    assert told.err.count("\n") == 1
    assert not (tmp_path / "b").exists()


def test_what_cannot_be_rendered_again_is_one_line(
    short: Path,
    tmp_path: Path,
    clean_datasets: dict[str, Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refused(source: Path, message: str, out: Path = tmp_path / "out") -> None:
        assert command(source, "--out", out) == 2
        told = capsys.readouterr().err
        assert message in told
        assert told.count("\n") == 1
        assert not (tmp_path / "out").exists()

    refused(clean_datasets["films"], "only simulated episodes can be rendered again")
    refused(tmp_path / "nowhere", "the folder does not exist")
    refused(short, "--out must be another folder", short)
    refused(short, "--out must be another folder", short / "inside")
    assert not (short / "inside").exists()
    broken = tmp_path / "broken"
    shutil.copytree(short, broken)
    (model,) = (broken / "assets").iterdir()
    model.write_text("<mujoco/>")
    refused(broken, "is not the one that was recorded")
    model.unlink()
    refused(broken, "is missing; restore it from a copy")


def test_steps_without_states_are_one_line(
    short: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "a"
    shutil.copytree(short, source)
    edit_table(source, "steps.parquet", lambda columns: columns.pop("state"))
    for options in ((), ("--no-proof",)):
        assert command(source, "--out", tmp_path / "b", *options) == 2
        assert "has no states" in capsys.readouterr().err
    assert not list((tmp_path / "b").glob("*episode*"))


def test_the_recorded_dataset_is_never_among_the_results(
    short: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "sizes" / "48px"
    shutil.copytree(short, source)
    before = content(source)
    options = ["--size", 32, 48, "--randomise", "light", "--copies", 1]
    assert command(source, "--out", tmp_path / "sizes", *options) == 2
    assert "datasets are not changed" in capsys.readouterr().err
    assert content(source) == before


def test_recorded_episodes_do_not_count_as_rendered(
    short: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    shutil.copytree(short, other)
    assert command(short, "--out", other) == 2
    assert "rendered from another episode" in capsys.readouterr().err
