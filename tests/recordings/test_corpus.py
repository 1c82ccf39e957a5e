"""Every kind of fault is found when it is planted, under its own name, and nothing else is."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tcn_robot.recordings import (
    KINDS,
    DatasetWriter,
    dataset_faults,
    find_faults,
    open_recording,
)
from tcn_robot.recordings.checking.kinds import UNREADABLE
from tests.support.corpus import COMPANIONS, PLANTERS
from tests.support.films import moving_square


def kinds_found(path: Path, decode: bool = True) -> set[str]:
    found = {fault.kind for fault in dataset_faults(path)}
    if not found & UNREADABLE:
        recording = open_recording(path)
        found |= {f.kind for _, faults in find_faults(recording, decode) for f in faults}
    return found


@pytest.mark.parametrize("sort", ["films", "simulated"])
def test_clean_data_give_no_alarm(clean_datasets: dict[str, Path], sort: str) -> None:
    assert kinds_found(clean_datasets[sort]) == set()


def test_every_kind_has_a_planter() -> None:
    assert PLANTERS.keys() == KINDS.keys()


@pytest.mark.parametrize("kind", KINDS)
def test_a_planted_fault_is_found_and_no_other(
    tmp_path: Path, clean_datasets: dict[str, Path], kind: str
) -> None:
    sort, plant = PLANTERS[kind]
    path = tmp_path / "d"
    shutil.copytree(clean_datasets[sort], path)
    plant(path)
    found = kinds_found(path)
    assert kind in found
    assert found <= {kind} | COMPANIONS.get(kind, set())


def test_more_workers_find_the_same(tmp_path: Path, clean_datasets: dict[str, Path]) -> None:
    shutil.copytree(clean_datasets["films"], tmp_path / "d")
    for kind in ("blank-view", "foreign-file"):
        PLANTERS[kind][1](tmp_path / "d")
    recording = open_recording(tmp_path / "d")
    assert list(find_faults(recording)) == list(find_faults(recording, workers=3))


def test_an_absent_value_is_no_wrong_number(tmp_path: Path) -> None:
    """Some environments have labels only after the first step."""
    with DatasetWriter(tmp_path / "d", "slide", "lossless") as writer, writer.episode(10) as e:
        for index, frame in enumerate(moving_square(3)):
            e.add_frames(index / 10, {"front": frame})
            action = None if index == 2 else [0.5]
            e.add_step({"action": action, "cost": None if index == 0 else 1.5})
    assert kinds_found(tmp_path / "d") == set()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("column", ["action", "cost"])
def test_a_wrong_number_is_found_in_scalars_and_lists(
    tmp_path: Path, column: str, value: float
) -> None:
    with DatasetWriter(tmp_path / "d", "slide", "lossless") as writer, writer.episode(10) as e:
        for index, frame in enumerate(moving_square(3)):
            e.add_frames(index / 10, {"front": frame})
            row = {"action": [0.5, 0.5], "cost": 1.5}
            if index == 1:
                row[column] = [0.5, value] if column == "action" else value
            e.add_step(row)
    assert kinds_found(tmp_path / "d") == {"not-finite"}


def test_a_standing_camera_is_no_frozen_one(tmp_path: Path) -> None:
    """Nothing moves anywhere for two seconds: no view is at fault."""
    still = moving_square(1).repeat(20, axis=0)
    with (
        DatasetWriter(tmp_path / "d", "wait", "lossless", kind="film") as writer,
        writer.episode(10.0) as episode,
    ):
        episode.metadata["clock"] = {"name": "monotonic"}
        for frame, picture in enumerate(still):
            episode.add_frames(frame / 10, {"left": picture, "right": picture[::-1]})
    assert kinds_found(tmp_path / "d") == set()


@pytest.mark.parametrize("codec", ["h264", "lossless"])
def test_real_tasks_give_no_alarm(tmp_path: Path, codec: str, record: Callable[..., None]) -> None:
    for task, policy in (("MujocoPush-v0", "expert"), ("MujocoButton-v0", "play")):
        path = tmp_path / f"{task}-{policy}"
        record(task, path, policy, codec)
        assert kinds_found(path) == set()


@pytest.fixture
def record() -> Callable[..., None]:
    from tcn_robot import cli

    def run(task: str, path: Path, policy: str, codec: str) -> None:
        options = ["--episodes", "1", "--policy", policy, "--size", "64"]
        lossless = ["--lossless"] if codec == "lossless" else []
        assert cli.main(["record", task, "--out", str(path), *options, *lossless]) == 0

    return run


def test_the_page_names_every_kind() -> None:
    page = (Path(__file__).parents[2] / "docs" / "checking.md").read_text(encoding="utf-8")
    for name, kind in KINDS.items():
        sort = "fault" if kind.is_fault else "note"
        assert f"| `{name}` | {sort} | {kind.meaning} |" in page
