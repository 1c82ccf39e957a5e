"""What an export to LeRobot loses is said, and what it need not lose comes back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tcn_robot import open_recording
from tcn_robot.recordings import DatasetWriter
from tests.recordings.formats.test_lerobot_write import CLOCK, evenly, write_episodes
from tests.support.films import moving_square
from tests.support.lerobot_files import made_episode, write_v3

ROWS = "data/chunk-000/file-000.parquet"


def rows_of(times: list[float], **columns: list[Any]) -> list[dict[str, Any]]:
    return [
        {"time_seconds": t, **{name: values[at] for name, values in columns.items()}}
        for at, t in enumerate(times)
    ]


def add_episode(data: Path, steps: list[dict[str, Any]], views: tuple[str, ...] = ("a",)) -> None:
    """Write one more episode, whose views may come in another order."""
    times = [row["time_seconds"] for row in steps]
    with DatasetWriter(data, "pour", kind="film") as writer, writer.episode(10.0) as episode:
        episode.begin(times[0], views)
        episode.metadata.update(split="train", clock=CLOCK)
        for view in views:
            film = np.roll(moving_square(len(times), 32, 48), 9 * ord(view) + episode.id, axis=1)
            for moment, frame in zip(times, film, strict=True):
                episode.add_frames(moment, {view: frame})
        for row in steps:
            episode.add_step(row)


def edit_episode(data: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    path = data / "episode_000000/episode.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_frames_outside_of_the_shared_time_are_counted(tmp_path: Path, run) -> None:
    data = write_episodes(tmp_path / "d", {"a": evenly(9), "b": evenly(5, 5.2)})
    _, printed, _ = run("export", "lerobot-v3", data, tmp_path / "out", "--resample", "--rate", 10)
    assert "brought onto one grid: a 0 repeated, 4 left out; b 0 repeated, 0 left out" in printed


@pytest.mark.parametrize("rate", [5, 40])
def test_a_simulation_that_was_resampled(
    tmp_path: Path, clean_datasets, run, imported, rate: int
) -> None:
    data, out = clean_datasets["simulated"], tmp_path / "out"
    options = ("--resample", "--rate", rate)
    code, printed, _ = run("export", "lerobot-v3", data, out, *options)
    assert code == 0
    assert (
        "lost: steps: what the robot did and felt is repeated and skipped with the frames"
        in printed
    )
    path, _ = imported("lerobot-v3", out)
    for here, there in zip(open_recording(data), open_recording(path), strict=True):
        assert here.is_simulated
        assert not there.is_simulated
        times = here.steps["time_seconds"]
        for action, moment in zip(there.steps["action"], there.steps["time_seconds"], strict=True):
            at = int(np.abs(times - moment).argmin())
            own = here.steps["action"][at]
            assert np.array_equal(own, action, equal_nan=True) or np.isnan(own).all()


def test_a_last_action_that_was_not_made_up_stays(tmp_path: Path, run, imported) -> None:
    steps = rows_of(evenly(6), action=[[float(k)] for k in range(5)] + [None])
    data = write_episodes(tmp_path / "d", {"a": evenly(6)}, steps=steps)
    run("export", "lerobot-v3", data, tmp_path / "out", "--resample", "--rate", 5)
    back = open_recording(imported("lerobot-v3", tmp_path / "out")[0])[0]
    assert back.steps["action"].ravel().tolist() == [0.0, 2.0, 4.0]


def test_a_robots_state_stays(tmp_path: Path, run, imported) -> None:
    steps = rows_of(evenly(3), state=[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    data = write_episodes(tmp_path / "d", {"a": evenly(3)}, steps=steps)
    _, printed, _ = run("export", "lerobot-v3", data, tmp_path / "out")
    assert "states" not in printed
    back = open_recording(imported("lerobot-v3", tmp_path / "out")[0])[0]
    assert back.steps["state"].tolist() == [[1, 2], [3, 4], [5, 6]]


def test_columns_that_would_have_one_name(tmp_path: Path, run, imported) -> None:
    columns = {"a/b": [1.0, 2.0], "a.b": [3.0, 4.0], "timestamp": [5.0, 6.0], "a_2": [7.0, 8.0]}
    data = write_episodes(tmp_path / "d", {"a": evenly(2)}, steps=rows_of(evenly(2), **columns))
    _, printed, _ = run("export", "lerobot-v3", data, tmp_path / "out")
    assert "lost: names: columns would have one name" in printed
    assert "(a.b is tcn_robot.a.b_2) (1 episodes)" in printed
    path, _ = imported("lerobot-v3", tmp_path / "out")
    back = open_recording(path)[0].steps
    assert {name: back[name].tolist() for name in columns} == columns
    assert run("export", "lerobot-v3", path, tmp_path / "again")[0] == 0
    first, again = (pq.read_table(tmp_path / name / ROWS) for name in ("out", "again"))
    assert first.equals(again)


def test_text_that_is_absent(tmp_path: Path, run) -> None:
    steps = rows_of(evenly(2), note=["x", None])
    data = write_episodes(tmp_path / "d", {"a": evenly(2)}, steps=steps)
    _, printed, _ = run("export", "lerobot-v3", data, tmp_path / "out")
    assert "lost: texts: text that is absent became empty (note)" in printed


def test_an_import_of_an_export_is_exported_the_same(tmp_path: Path, run, imported) -> None:
    steps = rows_of(evenly(3), phase=["a", "b", "c"], force=[1.0, 2.0, 3.0], action=[[1.0]] * 3)
    add_episode(tmp_path / "d", steps)
    outs = [tmp_path / "out", tmp_path / "again"]
    assert run("export", "lerobot-v3", tmp_path / "d", outs[0])[0] == 0
    path, _ = imported("lerobot-v3", outs[0])
    assert "label" not in open_recording(path)[0].metadata
    assert run("export", "lerobot-v3", path, outs[1])[0] == 0
    first, again = (pq.read_table(out / ROWS) for out in outs)
    assert first.equals(again)
    assert {"tcn_robot.phase", "tcn_robot.force", "action"} <= {*first.column_names}
    first, again = (json.loads((out / "meta/info.json").read_text()) for out in outs)
    assert first == again


def test_views_in_another_order(tmp_path: Path, run, imported) -> None:
    data = tmp_path / "d"
    add_episode(data, rows_of(evenly(3)), ("a", "b"))
    add_episode(data, rows_of(evenly(3)), ("b", "a"))
    assert run("export", "lerobot-v3", data, tmp_path / "out")[0] == 0
    back = open_recording(imported("lerobot-v3", tmp_path / "out")[0])
    for here, there in zip(open_recording(data), back, strict=True):
        for view in ("a", "b"):
            assert np.array_equal(here.frames(view), there.frames(view))


@pytest.mark.parametrize(
    ("first", "second", "dtype", "expected"),
    [
        ([True, False], [True, None], "float64", [1, 0, 1, None]),
        ([1, 2], [None, 3], "float64", [1, 2, None, 3]),
        ([None, None], [1, 3], "float64", [None, None, 1, 3]),
        ([None, None], ["x", "y"], "string", ["", "", "x", "y"]),
        ([1, 2], [0.5, 1.0], "float64", [1, 2, 0.5, 1]),
        ([1, 2], [3, 4], "int64", [1, 2, 3, 4]),
    ],
)
def test_a_type_that_holds_all_episodes(
    tmp_path: Path, run, first: list[Any], second: list[Any], dtype: str, expected: list[Any]
) -> None:
    for values in (first, second):
        add_episode(tmp_path / "d", rows_of(evenly(2), it=values))
    code, _, complaint = run("export", "lerobot-v3", tmp_path / "d", tmp_path / "out")
    assert code == 0, complaint
    info = json.loads((tmp_path / "out/meta/info.json").read_text())
    assert info["features"]["tcn_robot.it"]["dtype"] == dtype
    found = pq.read_table(tmp_path / "out" / ROWS)["tcn_robot.it"].to_pylist()
    assert [None if one != one else one for one in found] == expected


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: c.update(split="elsewhere"), "none of train, valid, test"),
        (lambda c: c.update(clock="x"), "clock cannot be 'x'"),
        (lambda c: c.update(fps_asked="x"), "fps_asked cannot be 'x'"),
        (lambda c: c.update(label="\ud800"), "cannot be written again"),
        (lambda c: c.update(seed=float("nan")), "seed cannot be nan"),
        (lambda c: c["views"]["a"].update(height_px="x"), "height_px of view 'a' should be"),
    ],
)
def test_an_odd_episode_is_one_line(tmp_path: Path, run, change: Any, said: str) -> None:
    data = write_episodes(tmp_path / "d", {"a": evenly(3)})
    edit_episode(data, change)
    code, _, complaint = run("export", "lerobot-v3", data, tmp_path / "out")
    assert (code, complaint.count("\n")) == (2, 1)
    assert said in complaint
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c["views"]["a"].update(fps_asked=[1]),
        lambda c: c.update(imported_from="x", lerobot_columns=[1]),
    ],
)
def test_odd_episodes_that_can_stand(tmp_path: Path, run, imported, change: Any) -> None:
    data = write_episodes(tmp_path / "d", {"a": evenly(3)}, steps=rows_of(evenly(3), k=[1, 2, 3]))
    edit_episode(data, change)
    code, _, complaint = run("export", "lerobot-v3", data, tmp_path / "out")
    assert code == 0, complaint
    assert open_recording(imported("lerobot-v3", tmp_path / "out")[0])[0].timestamps("a").size == 3


@pytest.mark.parametrize("kind", [pa.list_(pa.float64()), pa.list_(pa.int64())])
def test_a_list_with_a_number_that_is_absent(tmp_path: Path, run, kind: pa.DataType) -> None:
    steps = rows_of(evenly(2), pose=[[1.0, 2.0], [3.0, 4.0]])
    data = write_episodes(tmp_path / "d", {"a": evenly(2)}, steps=steps)
    path = data / "episode_000000/steps.parquet"
    table = pq.read_table(path)
    at = table.column_names.index("pose")
    pq.write_table(table.set_column(at, "pose", pa.array([[1, None], [3, 4]], kind)), path)
    pose = open_recording(data)[0].steps["pose"]
    assert np.array_equal(pose, [[1, np.nan], [3, 4]], equal_nan=True)
    _, printed, _ = run("export", "lerobot-v3", data, tmp_path / "out")
    assert "what is absent became NaN (pose)" in printed


def test_an_import_from_lerobot_is_exported_under_its_names(tmp_path: Path, run, imported) -> None:
    made = made_episode(4, 1, ["observation.images.top"])
    made.columns |= {"phase": [1, 2, 3, 4], "tcn_robot.phase": ["a"] * 4, "next.reward": [0.5] * 4}
    write_v3(tmp_path / "src", [made], codec="libx264")
    path, _ = imported("lerobot-v3", tmp_path / "src")
    assert run("export", "lerobot-v3", path, tmp_path / "out")[0] == 0
    again = pq.read_table(tmp_path / "out" / ROWS)
    for name in ("phase", "tcn_robot.phase", "next.reward"):
        assert again[name].to_pylist() == made.columns[name]
