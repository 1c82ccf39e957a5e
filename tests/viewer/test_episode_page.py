"""The data of an episode: true times, every kind of damage, every kind of column."""

from __future__ import annotations

import base64
import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tcn_robot.errors import UserError
from tcn_robot.recordings import Episode, Recording, open_recording
from tcn_robot.viewer.columns import MOST_CURVES, describe_columns
from tcn_robot.viewer.episode_page import describe_episode
from tcn_robot.viewer.findings import findings_by_episode, findings_of_dataset
from tcn_robot.viewer.listing import as_columns, episode_row
from tcn_robot.viewer.packing import json_in_page, script_call
from tests.support.corpus import PLANTERS, edit_episode
from tests.viewer.conftest import CAMERAS, START
from tests.viewer.numbered import write_numbered


def unpacked(packed: dict[str, Any]) -> np.ndarray:
    raw = base64.b64decode(packed["data"])
    return np.frombuffer(raw, f"<{packed['type']}").reshape(packed["shape"])


def address(episode: Episode, view: str, is_preview: bool) -> str:
    return f"films/{episode.id}/{view}"


def test_times_are_those_that_were_measured(cameras: Path) -> None:
    episode = open_recording(cameras)[0]
    data = describe_episode(episode, address)
    assert data["start_seconds"] == START
    for view in data["views"]:
        measured = np.asarray(CAMERAS[view["name"]])
        np.testing.assert_array_equal(unpacked(view["times"]), measured - START)
        np.testing.assert_allclose(unpacked(view["film_times"]), measured - START, atol=1e-6)
    slow = data["views"][2]
    assert slow["missing"] or slow["late"]
    assert not data["problems"]


def test_rows_keep_their_own_times(lossless: Path) -> None:
    data = describe_episode(open_recording(lossless)[0], address)
    times = unpacked(data["step_times"])
    np.testing.assert_allclose(times, 0.013 * np.arange(100), atol=1e-9)
    (joints,) = data["columns"]
    assert joints["kind"] == "curves"
    assert joints["is_shown"]
    assert unpacked(joints["values"]).shape == (100, 3)


@pytest.mark.parametrize("kind", PLANTERS)
def test_damage_is_told_and_the_rest_is_shown(
    kind: str, clean_datasets: dict[str, Path], tmp_path: Path
) -> None:
    """Whatever `check` can find, the page opens and says so."""
    which, plant = PLANTERS[kind]
    path = tmp_path / which
    shutil.copytree(clean_datasets[which], path)
    plant(path)
    try:
        recording = open_recording(path)
    except UserError:
        assert kind in ("newer-format", "damaged-dataset-file", "broken-history")
        return
    found = [one["kind"] for one in findings_of_dataset(recording)]
    for id, findings in findings_by_episode(recording, "full"):
        found += [one["kind"] for one in findings]
        data = {**describe_episode(recording.by_id(id), address), "findings": findings}
        assert str(tmp_path) not in script_call("show", data)
        assert data["views"] or data["problems"]
        for view in data["views"]:
            times, film_times = unpacked(view["times"]), unpacked(view["film_times"])
            assert len(times) == len(film_times)
            assert np.isfinite(times).all()
            assert (np.diff(times) > 0).all()
    assert kind in found
    rows = as_columns(map(episode_row, recording))
    assert len(rows["id"]) == len(recording)
    json_in_page(rows)


def test_times_that_are_lost_are_taken_from_the_film(cameras: Path, tmp_path: Path) -> None:
    path = tmp_path / "copy"
    shutil.copytree(cameras, path)
    (path / "episode_000000" / "frames.parquet").unlink()
    data = describe_episode(open_recording(path)[0], address)
    assert any("frames.parquet is missing" in problem for problem in data["problems"])
    times = unpacked(data["views"][1]["times"])
    np.testing.assert_allclose(times, np.asarray(CAMERAS["right"]) - START, atol=1e-6)


@pytest.mark.parametrize(
    "change",
    [
        {"policy": {"name": "run", "seed": 3}},
        {"capture": {"offsets": {"left": None}, "marks": 5, "skew": [], "reference": "nobody"}},
        {"video_origin_seconds": None},
        {"success": None, "seed": 2**60, "embodiment": 5, "repaired": ["cut"]},
        {"clock": {"name": "monotonic", "utc_anchor": "no date"}},
    ],
    ids=str,
)
def test_odd_metadata_is_no_fault_of_the_page(
    cameras: Path, tmp_path: Path, change: dict[str, Any]
) -> None:
    path = tmp_path / "copy"
    shutil.copytree(cameras, path)
    edit_episode(path, lambda content: content.update(change))
    episode = open_recording(path)[0]
    assert len(describe_episode(episode, address)["views"]) == 3
    json_in_page(as_columns([episode_row(episode)]))


@pytest.mark.parametrize(
    "change",
    [{"capture": "nonsense"}, {"clock": 3}, {"fps_asked": "many"}, {"split": "../x"}],
    ids=str,
)
def test_what_cannot_be_read_is_told_and_the_page_opens(
    cameras: Path, tmp_path: Path, change: dict[str, Any]
) -> None:
    path = tmp_path / "copy"
    shutil.copytree(cameras, path)
    edit_episode(path, lambda content: content.update(change))
    episode = open_recording(path)[0]
    data = describe_episode(episode, address)
    assert data["problems"] or len(data["views"]) == 3
    json_in_page(as_columns([episode_row(episode)]))


def test_one_frame_and_no_steps(tmp_path: Path) -> None:
    write_numbered(tmp_path / "one", {"only": [7.0]})
    data = describe_episode(open_recording(tmp_path / "one")[0], address)
    assert unpacked(data["views"][0]["times"]).tolist() == [0.0]
    assert data["columns"] == []
    assert episode_row(open_recording(tmp_path / "one")[0])["seconds"] is None


def test_columns_become_lanes() -> None:
    steps = {
        "time_seconds": np.arange(3.0),
        "state": np.zeros((3, MOST_CURVES + 1)),
        "action": np.array([[0.5, 1], [np.nan, np.nan], [1, 2]], np.float32),
        "phase": np.array(["reach", None, "grasp"], object),
        "success": np.array([False, True, True]),
        "nothing": np.zeros((3, 0)),
        "texts": np.array([None, None, None], object),
    }
    lanes = {lane["name"]: lane for lane in describe_columns(steps, 3)}
    assert list(lanes)[:3] == ["phase", "success", "action"]
    assert "time_seconds" not in lanes
    assert lanes["phase"]["names"] == ["reach", "grasp"]
    assert unpacked(lanes["phase"]["codes"]).tolist() == [0, -1, 1]
    assert lanes["success"]["is_truth"]
    assert math.isnan(unpacked(lanes["action"]["values"])[1, 0])
    assert lanes["state"]["kind"] == lanes["nothing"]["kind"] == "none"
    assert f"{MOST_CURVES + 1} numbers" in lanes["state"]["why"]
    assert not lanes["state"]["is_shown"]
    assert describe_columns(steps, 0) == []


def test_large_whole_numbers_keep_every_digit() -> None:
    steps = {
        "frame_id": np.array([2**24, 2**24 + 1, -(2**40) - 1]),
        "ticks": np.array([1.0, np.nan, 2.0**31 + 1]),
        "joints": np.zeros((3, 2)),
    }
    lanes = {lane["name"]: lane["values"] for lane in describe_columns(steps, 3)}
    for name in ("frame_id", "ticks"):
        np.testing.assert_array_equal(unpacked(lanes[name])[:, 0], steps[name])
    assert lanes["joints"]["type"] == "f4"


def test_no_text_ends_the_script_that_carries_it() -> None:
    text = json_in_page({"</script><b>": [float("nan"), "&\u2028"]})
    assert "<" not in text
    assert json.loads(text) == {"</script><b>": [None, "&\u2028"]}
    assert script_call("show", {"__proto__": 1}).startswith('show(JSON.parse("')


def test_the_rows_of_many_episodes_do_not_read_their_times(cameras: Path, tmp_path: Path) -> None:
    """A row comes from episode.json alone: everything else may be missing."""
    path = tmp_path / "copy"
    shutil.copytree(cameras, path)
    for file in (path / "episode_000000").iterdir():
        if file.name != "episode.json":
            file.unlink()
    recording: Recording = open_recording(path)
    row = episode_row(recording[0])
    assert (row["frames"], row["views"]) == (130, 3)
    assert row["seconds"] == pytest.approx(2.95, abs=0.01)
