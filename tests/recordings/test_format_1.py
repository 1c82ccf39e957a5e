"""A frozen dataset of format 1 still reads as it did; scripts/make_format_1_fixture.py made it."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from tcn_robot.recordings import DatasetWriter, Recording, find_faults, open_recording

FIXTURE = Path(__file__).resolve().parents[1] / "fixtures" / "format_1"


@pytest.fixture
def recording() -> Recording:
    return open_recording(FIXTURE / "dataset")


def test_pixels_times_splits_and_ids(recording: Recording) -> None:
    expected = json.loads((FIXTURE / "expected.json").read_text())
    assert recording.metadata["format_version"] == 1
    assert [str(id) for id in recording.ids] == list(expected)
    for episode in recording:
        wanted = expected[str(episode.id)]
        assert episode.split == wanted["split"]
        assert list(episode.views) == list(wanted["views"])
        for view, figures in wanted["views"].items():
            frames = episode.frames(view)
            assert list(frames.shape) == figures["shape"]
            assert hashlib.sha256(frames.tobytes()).hexdigest() == figures["pixels_sha256"]
            assert episode.timestamps(view).tolist() == figures["times_seconds"]


def test_steps_and_metadata(recording: Recording) -> None:
    episode = recording[0]
    steps = episode.steps
    assert steps is not None
    assert steps["phase"].tolist() == ["reach"] * 2 + ["push"] * 4
    np.testing.assert_array_equal(steps["action"][:-1, 0], [0.0, 0.25, 0.5, 0.75, 1.0])
    assert np.isnan(steps["action"][-1]).all()
    np.testing.assert_array_equal(steps["state"][3], np.arange(5.0) + 1)
    assert (episode.seed, episode.success) == (4232842298785526, True)
    assert episode.metadata["randomisation"] == {"block_mass_kg": 0.2}
    film = recording.by_id(7)
    assert (film.steps, film.success, film.seed) == (None, None, None)
    assert film.metadata["views"]["left"]["dropped_frames"] == 1


def test_it_is_whole(recording: Recording) -> None:
    assert not [line for _, lines in find_faults(recording) for line in lines]


def test_no_lock_is_left_in_the_repository() -> None:
    assert not (FIXTURE / "dataset" / ".lock").exists()
    assert sum(path.stat().st_size for path in FIXTURE.rglob("*") if path.is_file()) < 200_000


def test_this_version_adds_to_it(tmp_path: Path) -> None:
    path = tmp_path / "d"
    for source in FIXTURE.glob("dataset/**/*"):
        target = path / source.relative_to(FIXTURE / "dataset")
        if source.is_dir():
            target.mkdir(parents=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    with DatasetWriter(path, "tcn_robot/MujocoPush-v0") as writer, writer.episode(20.0) as episode:
        episode.add_frames(0.0, {"front": np.zeros((16, 16, 3), np.uint8)})
    assert open_recording(path).ids == (0, 2, 7, 8)
