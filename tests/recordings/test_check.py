"""Every kind of damage is found and named; a whole dataset has none."""

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tcn_robot.recordings import DatasetWriter, find_faults, open_recording
from tcn_robot.recordings.tables import has_numbered_frames
from tests.support.films import moving_square


def faults(path: Path, decode: bool = True) -> dict[int, list[str]]:
    found = find_faults(open_recording(path), decode)
    return {id: [str(fault) for fault in found_] for id, found_ in found if found_}


def test_a_whole_dataset_has_no_fault(film_dataset: Path) -> None:
    assert faults(film_dataset) == {}


@pytest.mark.parametrize("decode", [True, False])
def test_one_changed_byte_is_found(film_dataset: Path, decode: bool) -> None:
    path = film_dataset / "episode_000001" / "right.mp4"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    found = faults(film_dataset, decode)
    assert list(found) == [1]
    assert "right.mp4 is not what was recorded" in found[1][0]


@pytest.mark.parametrize("name", ["left.mp4", "frames.parquet", "episode.json"])
def test_missing_and_cut_files_are_found(film_dataset: Path, name: str) -> None:
    (film_dataset / "episode_000000" / name).unlink()
    path = film_dataset / "episode_000002" / name
    path.write_bytes(path.read_bytes()[:100])
    found = faults(film_dataset)
    assert list(found) == [0, 2]
    assert all(any(name in line for line in lines) for lines in found.values())


def test_foreign_films_and_files_are_found(film_dataset: Path) -> None:
    shutil.copy(
        film_dataset / "episode_000000" / "left.mp4", film_dataset / "episode_000003" / "left.mp4"
    )
    (film_dataset / "episode_000003" / "notes.txt").write_text("x")
    lines = " ".join(faults(film_dataset)[3])
    assert "holds 6 frames, expected 9" in lines
    assert "notes.txt does not belong" in lines


def test_times_that_run_backwards_or_differ_from_the_film_are_found(film_dataset: Path) -> None:
    path = film_dataset / "episode_000000" / "frames.parquet"
    table = pq.read_table(path).to_pydict()
    table["time_seconds"][2] = table["time_seconds"][1]
    table["time_seconds"][-1] += 0.5
    pq.write_table(pa.table(table), path)
    lines = " ".join(faults(film_dataset)[0])
    assert "view 'left': frame 2 is not later" in lines
    assert "right.mp4: frame 4 has time" in lines


def test_unequal_lengths_are_a_simulators_fault_only(tmp_path: Path) -> None:
    frame = moving_square(1)[0]
    for clock in ("simulation", "monotonic"):
        with DatasetWriter(tmp_path / clock, "slide") as writer, writer.episode(20.0) as episode:
            episode.metadata["clock"] = {"name": clock}
            episode.add_frames(0.0, {"front": frame, "left": frame[::-1]})
            episode.add_frames(0.1, {"front": frame})
    assert "must have one length" in faults(tmp_path / "simulation")[0][0]
    assert faults(tmp_path / "monotonic") == {}


def test_a_changed_model_is_found(tmp_path: Path) -> None:
    with DatasetWriter(tmp_path / "d", "slide") as writer, writer.episode(20.0) as episode:
        name = episode.add_asset("<mujoco/>", ".xml")
        episode.metadata["simulator"] = {"name": "mujoco", "model": name}
        episode.add_frames(0.0, {"front": moving_square(1)[0]})
    assert faults(tmp_path / "d") == {}
    (tmp_path / "d" / "assets" / name).write_text("<mujoco></mujoco>")
    assert "has been changed" in faults(tmp_path / "d")[0][0]
    (tmp_path / "d" / "assets" / name).unlink()
    assert "cannot be rendered again" in faults(tmp_path / "d")[0][0]


def test_a_metadata_file_without_its_fields_is_a_fault(film_dataset: Path) -> None:
    path = film_dataset / "episode_000000" / "episode.json"
    path.write_text(json.dumps({"id": 0}))
    assert "should name id 0 and its views" in faults(film_dataset)[0][0]


def test_an_episode_that_goes_while_it_is_looked_at(
    film_dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def remove_first(path: Path) -> bool:
        shutil.rmtree(path.parent)
        return has_numbered_frames(path)

    monkeypatch.setattr("tcn_robot.recordings.check.has_numbered_frames", remove_first)
    found = faults(film_dataset)
    assert any("frames.parquet is missing" in line for line in found[0])
