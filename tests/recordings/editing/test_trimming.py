"""A trimmed episode is the part of the original that lies in the range, times included."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tcn_robot import cli
from tcn_robot.recordings import DatasetWriter, find_faults, open_recording
from tcn_robot.recordings.tables import read_steps_table
from tests.support.films import moving_square


def trim(path: Path, out: Path, *options: str) -> int:
    return cli.main(["edit", str(path), "trim", "--out", str(out), *options])


def assert_clean(path: Path) -> None:
    found = [fault for _, faults in find_faults(open_recording(path)) for fault in faults]
    assert not [fault for fault in found if fault.is_fault]


@pytest.mark.parametrize(("start", "stop"), [(0, 3), (2, 5), (1, 99)])
def test_a_simulated_episode_is_cut_with_all_that_belongs_to_it(
    clean_datasets: dict[str, Path], tmp_path: Path, start: int, stop: int
) -> None:
    out = tmp_path / "cut"
    options = ["--start-frame", str(start), "--stop-frame", str(stop)]
    assert trim(clean_datasets["simulated"], out, *options) == 0
    assert_clean(out)
    originals = open_recording(clean_datasets["simulated"])
    for before, after in zip(originals, open_recording(out), strict=True):
        kept = slice(start, min(stop, before.length("front")))
        for view in before.views:
            assert np.array_equal(after.timestamps(view), before.timestamps(view)[kept])
        assert before.steps is not None
        assert after.steps is not None
        assert after.steps.keys() == before.steps.keys()
        for name, values in before.steps.items():
            if name != "action":
                assert np.array_equal(after.steps[name], values[kept]), name
        assert np.array_equal(after.steps["action"][:-1], before.steps["action"][kept][:-1])
        assert np.isnan(after.steps["action"][-1]).all()
        assert after.success == bool(before.steps["success"][kept][-1])
        assert after.id == before.id
        assert after.seed == before.seed


def test_views_of_unequal_times_are_cut_by_time(film_dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "cut"
    assert trim(film_dataset, out, "--start-seconds", "0.105", "--stop-seconds", "0.4") == 0
    assert_clean(out)
    before, after = open_recording(film_dataset)[2], open_recording(out)[2]
    assert np.allclose(after.timestamps("left"), [5.2, 5.3])
    assert np.allclose(after.timestamps("right"), [5.11, 5.21, 5.31])
    assert np.array_equal(after.frames("left"), before.frames("left")[2:4])
    assert np.array_equal(after.frames("right"), before.frames("right")[1:4])
    origin = after.metadata["trimmed_from"]
    assert origin["content_sha256"] == before.content_hash
    assert (origin["start_seconds"], origin["stop_seconds"]) == pytest.approx((0.105, 0.4))
    assert after.success is None


def test_rows_of_a_robot_keep_their_times_and_its_last_action(tmp_path: Path) -> None:
    path, out = tmp_path / "filmed", tmp_path / "cut"
    with DatasetWriter(path, "pouring", kind="film") as writer, writer.episode(10.0) as episode:
        episode.metadata["clock"] = {"name": "monotonic"}
        for frame, picture in enumerate(moving_square(8)):
            episode.add_frames(frame / 10, {"left": picture})
        for row in range(20):
            episode.add_step({"time_seconds": row / 25, "action": np.full(2, row, np.float32)})
    assert trim(path, out, "--start-seconds", "0.2", "--stop-seconds", "0.5") == 0
    steps = open_recording(out)[0].steps
    assert steps is not None
    expected = [row for row in range(20) if 0.2 <= row / 25 < 0.5]
    assert np.allclose(steps["time_seconds"], np.array(expected) / 25)
    assert steps["action"][:, 0].tolist() == expected


def test_films_are_copied_where_they_can_begin(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "long"
    with DatasetWriter(path, "pouring", kind="film") as writer, writer.episode(10.0) as episode:
        for frame, picture in enumerate(moving_square(30)):
            episode.add_frames(frame / 10, {"left": picture})
    assert trim(path, tmp_path / "a", "--start-frame", "10", "--stop-frame", "25") == 0
    assert "left 15 frames (copied)" in capsys.readouterr().out
    assert trim(path, tmp_path / "b", "--start-frame", "11", "--stop-frame", "25") == 0
    assert "left 14 frames (encoded anew)" in capsys.readouterr().out
    whole = open_recording(path)[0].frames("left")
    assert np.array_equal(open_recording(tmp_path / "a")[0].frames("left"), whole[10:25])
    assert_clean(tmp_path / "a")
    assert_clean(tmp_path / "b")


def test_others_are_taken_over_whole_and_a_second_call_goes_on(
    film_dataset: Path, tmp_path: Path
) -> None:
    out = tmp_path / "cut"
    options = ["--ids", "1", "3", "--stop-frame", "4"]
    assert trim(film_dataset, out, *options) == 0
    lengths = [episode.length("left") for episode in open_recording(out)]
    assert lengths == [6, 4, 8, 4]
    hashes = [episode.content_hash for episode in open_recording(out)]
    assert trim(film_dataset, out, *options) == 0
    assert [episode.content_hash for episode in open_recording(out)] == hashes


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ([], "give either"),
        (["--start-frame", "1", "--start-seconds", "1"], "give either"),
        (["--start-frame", "3", "--stop-frame", "3"], "end later"),
        (["--start-seconds", "-1"], "begin at 0"),
        (["--start-frame", "50"], "has 6 frames"),
        (["--start-seconds", "50"], "no frame of view"),
        (["--ids", "7", "--stop-frame", "2"], "no episode 7"),
    ],
)
def test_a_range_that_is_none_writes_nothing(
    film_dataset: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    complaint: str,
) -> None:
    assert trim(film_dataset, tmp_path / "cut", *options) == 2
    error = capsys.readouterr().err
    assert complaint in error
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "cut").exists()


def test_another_cut_of_the_same_episode_is_refused(
    film_dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert trim(film_dataset, tmp_path / "cut", "--stop-frame", "4") == 0
    assert trim(film_dataset, tmp_path / "cut", "--stop-frame", "3") == 2
    assert "from elsewhere" in capsys.readouterr().err


def test_seconds_on_a_simulator_s_clock_are_not_a_frame_off(tmp_path: Path) -> None:
    """Its times are sums of steps: 1.0999999999999985 is 1.1."""
    path, out = tmp_path / "d", tmp_path / "cut"
    with DatasetWriter(path, "pouring", kind="film") as writer, writer.episode(10.0) as episode:
        time_seconds = 0.0
        for picture in moving_square(30):
            episode.add_frames(time_seconds, {"left": picture})
            for _ in range(50):
                time_seconds += 0.002
    assert open_recording(path)[0].timestamps("left")[11] != 1.1
    assert trim(path, out, "--start-seconds", "1.1", "--stop-seconds", "1.3") == 0
    kept = open_recording(out)[0].timestamps("left")
    assert kept.tolist() == open_recording(path)[0].timestamps("left")[11:13].tolist()


def test_marks_and_delays_stay_and_figures_of_the_whole_go(tmp_path: Path) -> None:
    path, out = tmp_path / "d", tmp_path / "cut"
    with DatasetWriter(path, "pouring", kind="film") as writer, writer.episode(10.0) as episode:
        episode.metadata["clock"] = {"name": "monotonic"}
        episode.metadata["capture"] = {
            "reference": "left",
            "offsets": {"right": {"offset_seconds": 0.05}},
            "marks": ["left: 30 % missing"],
            "views": {"left": {"missing_frames": 9}},
        }
        for frame, picture in enumerate(moving_square(6)):
            episode.add_frames(frame / 10, {"left": picture})
    assert trim(path, out, "--stop-frame", "3") == 0
    capture = open_recording(out)[0].metadata["capture"]
    assert capture.keys() == {"reference", "offsets", "marks"}
    assert capture["marks"] == ["left: 30 % missing"]


def test_a_resampled_episode_keeps_its_table(film_dataset: Path, tmp_path: Path) -> None:
    resampled, out = tmp_path / "r", tmp_path / "cut"
    command = ["resample", str(film_dataset), "--rate", "20", "--out", str(resampled)]
    assert cli.main(command) == 0
    assert trim(resampled, out, "--start-frame", "2", "--stop-frame", "5") == 0
    assert_clean(out)
    before, after = open_recording(resampled)[0], open_recording(out)[0]
    tables = [read_steps_table(e.path / "resampling.parquet") for e in (before, after)]
    for view in after.views:
        whole, cut = (
            {name: values[table["view"] == view] for name, values in table.items()}
            for table in tables
        )
        assert cut["frame"].tolist() == [0, 1, 2]
        assert cut["source_frame"].tolist() == whole["source_frame"][2:5].tolist()
        assert cut["error_seconds"].tolist() == whole["error_seconds"][2:5].tolist()


def test_a_damaged_film_is_not_made_to_look_whole(
    film_dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film = film_dataset / "episode_000001" / "left.mp4"
    content = bytearray(film.read_bytes())
    content[len(content) // 2] ^= 0xFF
    film.write_bytes(content)
    assert trim(film_dataset, tmp_path / "cut", "--stop-frame", "3") == 2
    assert "was changed or damaged" in capsys.readouterr().err


def test_episodes_from_elsewhere_are_not_taken_for_copies(
    film_dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "cut"
    with DatasetWriter(out, "pouring", kind="film") as writer, writer.episode(10.0, 1) as episode:
        episode.add_frames(0.0, {"left": moving_square(1)[0]})
    assert trim(film_dataset, out, "--ids", "0", "--stop-frame", "3") == 2
    assert "episode 1 from elsewhere" in capsys.readouterr().err
    assert open_recording(out).ids == (1,)
