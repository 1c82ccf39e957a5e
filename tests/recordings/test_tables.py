"""`frames.parquet` and `steps.parquet` keep values, types and nulls."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tcn_robot.errors import UserError
from tcn_robot.recordings import tables


def test_frames_round_trip_with_unequal_lengths(tmp_path: Path) -> None:
    times = {"front": [0.0, 0.1, 0.35], "left": [0.02]}
    tables.write_frames_table(tmp_path / "frames.parquet", times)
    read = tables.read_frames_table(tmp_path / "frames.parquet")
    assert list(read) == ["front", "left"]
    np.testing.assert_array_equal(read["front"], times["front"])
    np.testing.assert_array_equal(read["left"], times["left"])


def test_frames_come_by_index_whatever_the_order_of_rows(tmp_path: Path) -> None:
    table = pa.table({"view": ["a", "b", "a"], "frame": [1, 0, 0], "time_seconds": [2.0, 5.0, 1.0]})
    pq.write_table(table, tmp_path / "frames.parquet")
    assert tables.read_frames_table(tmp_path / "frames.parquet")["a"].tolist() == [1.0, 2.0]


def test_steps_round_trip(tmp_path: Path) -> None:
    columns = {
        "time_seconds": [0.0, 0.1],
        "action": [np.array([1.0, -1.0], np.float32), None],
        "phase": ["reach", "push"],
        "phase_index": [0, 1],
        "success": [False, True],
        "state": [np.arange(3.0), np.arange(3.0) + 1 / 3],
        "contact_newtons": [0.5, 1.5],
        "gripper_open": [True, False],
    }
    tables.write_steps_table(tmp_path / "steps.parquet", columns)
    read = tables.read_steps_table(tmp_path / "steps.parquet")
    assert list(read) == list(columns)
    assert read["action"].dtype == np.float32
    np.testing.assert_array_equal(read["action"], [[1, -1], [np.nan, np.nan]])
    np.testing.assert_array_equal(read["state"], np.stack(columns["state"]))
    assert read["phase"].tolist() == ["reach", "push"]
    assert read["success"].dtype == bool
    assert read["contact_newtons"].tolist() == [0.5, 1.5]


def test_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        tables.write_frames_table(tmp_path / name, {"front": [0.1, 0.2]})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_missing_damaged_and_incomplete_tables(tmp_path: Path) -> None:
    path = tmp_path / "frames.parquet"
    with pytest.raises(UserError, match="missing"):
        tables.read_frames_table(path)
    tables.write_frames_table(path, {"front": [0.1, 0.2]})
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UserError, match="damaged") as caught:
        tables.read_frames_table(path)
    assert "\n" not in str(caught.value)
    pq.write_table(pa.table({"view": ["a"], "frame": [0]}), path)
    with pytest.raises(UserError, match="lacks the column 'time_seconds'"):
        tables.read_frames_table(path)


def test_rows_of_different_lengths_are_refused(tmp_path: Path) -> None:
    tables.write_steps_table(tmp_path / "s", {"state": [np.zeros(2), np.zeros(3)]})
    with pytest.raises(UserError, match=r"rows of one length, found \[2, 3\]"):
        tables.read_steps_table(tmp_path / "s")
