"""Every instant shows its nearest frame, the table says which, the original stays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tcn_robot import cli
from tcn_robot.recordings import DatasetWriter, find_faults, open_recording
from tcn_robot.recordings.capture.resampling import common_grid
from tests.support.films import moving_square


def test_the_grid_lies_where_all_views_do() -> None:
    grid = common_grid({"a": np.array([0.0, 1.0]), "b": np.array([0.25, 0.75])}, 10.0)
    np.testing.assert_allclose(grid, 0.25 + np.arange(6) / 10)
    assert common_grid({"a": np.array([0.0, 1.0]), "b": np.array([2.0, 3.0])}, 10.0).size == 0
    assert len(common_grid({"a": np.array([0.5])}, 10.0)) == 1


def write_filmed(path: Path, offset_seconds: float | None = 0.1) -> None:
    """Left at 30 per s, right at 20 and stamped late; the robot speaks at 7 per s."""
    with DatasetWriter(path, "pour", "lossless", kind="film") as writer, writer.episode(30) as e:
        e.begin(0.0, ("left", "right"))
        for index, frame in enumerate(moving_square(60)):
            e.add_frames(1.0 + index / 30, {"left": frame})
        for index, frame in enumerate(moving_square(40)):
            e.add_frames(1.113 + index / 20, {"right": frame[::-1]})
        for index in range(14):
            e.add_step({"time_seconds": 1.05 + index / 7, "joints": np.array([index, 1.0])})
        offset = None if offset_seconds is None else {"offset_seconds": offset_seconds}
        e.metadata.update(
            clock={"name": "monotonic"},
            split="valid",
            capture={"reference": "left", "offsets": {"right": offset}},
        )


@pytest.mark.parametrize("offset_seconds", [0.0, 0.1])
def test_a_filmed_dataset_is_resampled(tmp_path: Path, offset_seconds: float) -> None:
    write_filmed(tmp_path / "d")
    before = open_recording(tmp_path / "d")[0]
    command = ["resample", str(tmp_path / "d"), "--out", str(tmp_path / "r"), "--rate", "15"]
    assert cli.main([*command, *(["--apply-offsets"] if offset_seconds else [])]) == 0
    episode = open_recording(tmp_path / "r")[0]
    assert not [f for _, fs in find_faults(open_recording(tmp_path / "r")) for f in fs]
    times = episode.timestamps("left")
    np.testing.assert_array_equal(times, episode.timestamps("right"))
    np.testing.assert_allclose(np.diff(times), 1 / 15)
    table = pq.read_table(episode.path / "resampling.parquet").to_pydict()
    picked = np.array(table["source_frame"])[np.array(table["view"]) == "right"]
    np.testing.assert_array_equal(episode.frames("right"), before.frames("right")[picked])
    seen = before.timestamps("right")[picked] - offset_seconds
    assert np.abs(seen - times).max() <= 0.5 / 20 + 1e-9
    assert episode.steps is not None
    expected = np.floor((times - 1.05) * 7 + 1e-9).clip(0, 13)
    np.testing.assert_array_equal(episode.steps["joints"][:, 0], expected)
    assert episode.split == "valid"
    assert episode.metadata["resampled_from"]["content_sha256"] == before.content_hash
    again = open_recording(tmp_path / "d")[0]
    assert again.content_hash == before.content_hash


def test_a_second_run_adds_nothing(tmp_path: Path) -> None:
    write_filmed(tmp_path / "d")
    command = ["resample", str(tmp_path / "d"), "--out", str(tmp_path / "r"), "--rate", "15"]
    assert cli.main(command) == 0
    before = open_recording(tmp_path / "r")[0].content_hash
    assert cli.main(command) == 0
    assert open_recording(tmp_path / "r").ids == (0,)
    assert open_recording(tmp_path / "r")[0].content_hash == before


def test_bad_input_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_filmed(tmp_path / "d", None)
    command = ["resample", str(tmp_path / "d"), "--out", str(tmp_path / "r")]
    assert cli.main([*command, "--rate", "15", "--apply-offsets"]) == 2
    assert "the offset of view 'right' is not known" in capsys.readouterr().err
    assert cli.main([*command, "--rate", "0"]) == 2
    assert "--rate must lie" in capsys.readouterr().err
    assert (
        cli.main(["resample", str(tmp_path / "d"), "--out", str(tmp_path / "d"), "--rate", "9"])
        == 2
    )
    assert "another folder" in capsys.readouterr().err
