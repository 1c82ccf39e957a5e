"""LeRobot's datasets that say what cannot be, or what means something else here."""

from __future__ import annotations

import json
import os
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tcn_robot import open_recording
from tcn_robot.errors import UserError
from tcn_robot.recordings.formats.foreign import ReadOptions
from tcn_robot.recordings.formats.lerobot import read_v3, table_files
from tcn_robot.recordings.formats.table import reader_named
from tests.recordings.formats.test_lerobot_read import edit_info
from tests.recordings.formats.test_lerobot_write import evenly, write_episodes
from tests.support.lerobot_files import made_episode, write_table, write_v3, write_v21

CAMERA = "observation.images.top"
EPISODES = "meta/episodes/chunk-000/file-000.parquet"
ROWS = "data/chunk-000/file-000.parquet"
NAN = float("nan")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two episodes of four frames, which nobody changes."""
    root = tmp_path_factory.mktemp("whole")
    write_v3(root, [made_episode(4, 1, [CAMERA]), made_episode(4, 2, [CAMERA])], codec="libx264")
    return root


@pytest.fixture
def source(tmp_path: Path, whole: Path) -> Path:
    """A copy of them."""
    shutil.copytree(whole, tmp_path / "src")
    return tmp_path / "src"


def set_column(path: Path, name: str, values: list[Any] | pa.Array) -> None:
    table, column = pq.read_table(path), pa.array(values)
    if name in table.column_names:
        write_table(path, table.set_column(table.column_names.index(name), name, column))
    else:
        write_table(path, table.append_column(name, column))


def refused(run: Callable[..., tuple[int, str, str]], source: Path, *options: object) -> str:
    """Import; return the one line, or the lines of what was left out."""
    out = source.parent / "out"
    code, printed, complaint = run("import", "lerobot-v3", source, out, *options)
    assert code == 2, printed
    assert complaint.count("\n") <= 2
    return complaint + printed


def with_feature(root: Path, **said: Any) -> None:
    features = json.loads((root / "meta/info.json").read_text())["features"]
    features[CAMERA] |= said
    edit_info(root, features=features)


@pytest.mark.parametrize("start", [NAN, float("inf"), 1e300])
def test_a_beginning_that_is_no_time(source: Path, run, start: float) -> None:
    set_column(source / EPISODES, f"videos/{CAMERA}/from_timestamp", [0.0, start])
    assert f"does not say where {CAMERA} of episode 1 begins" in refused(run, source)


def test_our_file_behind_a_link(tmp_path: Path, run) -> None:
    data = write_episodes(tmp_path / "d", {"a": evenly(4)})
    run("export", "lerobot-v3", data, tmp_path / "src")
    ours = tmp_path / "src/meta/tcn_robot.json"
    ours.rename(tmp_path / "elsewhere.json")
    os.symlink(tmp_path / "elsewhere.json", ours)
    assert "is a link that leads out of" in refused(run, tmp_path / "src")
    assert run("import", "lerobot-v3", tmp_path / "src", tmp_path / "out", "--follow-links")[0] == 0


@pytest.mark.parametrize(
    "template",
    [
        "data/{chunk_index:99999999999999999999d}.parquet",
        "data/\0x",
        "data/\ud800",
        "d" * 5000,
        "d/" * 5000,
        ".",
    ],
)
def test_paths_that_can_be_none(source: Path, run, template: str) -> None:
    edit_info(source, data_path=template)
    assert "Traceback" not in refused(run, source)


def test_numbers_of_text(source: Path, run) -> None:
    edit_info(source, video_path="videos/{video_key:03d}/{chunk_index}-{file_index}.mp4")
    assert "in a form that is not known" in refused(run, source)


@pytest.mark.parametrize("said", [{"info": "x"}, {"info": [1]}, {"video_info": 3}])
def test_a_camera_described_by_no_object(source: Path, imported, said: dict[str, Any]) -> None:
    with_feature(source, **said)
    assert len(open_recording(imported("lerobot-v3", source)[0])) == 2


@pytest.mark.parametrize(
    "changed",
    [
        {"fps": 1e-300},
        {"fps": NAN},
        {"robot_type": NAN},
        {"robot_type": "\ud800"},
    ],
)
def test_an_info_that_cannot_be(source: Path, run, changed: dict[str, Any]) -> None:
    edit_info(source, **changed)
    assert "info.json" in refused(run, source)


@pytest.mark.parametrize(
    "changed", [{"splits": {"train": "0:" + "9" * 5000}}, {"robot_type": ["a"]}]
)
def test_an_info_that_says_more_than_it_need(source: Path, imported, changed: Any) -> None:
    edit_info(source, **changed)
    recording = open_recording(imported("lerobot-v3", source)[0])
    assert [one.split for one in recording] == ["train", "train"]
    assert "embodiment" not in recording[0].metadata or "splits" in changed


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("episode_index", ["0", "1"]),
        ("episode_index", [-1, 0]),
        ("episode_index", pa.array([2**63, 1], pa.uint64())),
        ("data/chunk_index", [-1, 0]),
        ("data/file_index", [True, False]),
        (f"videos/{CAMERA}/chunk_index", [10**9, 0]),
    ],
)
def test_indices_that_can_be_none(source: Path, run, name: str, values: Any) -> None:
    set_column(source / EPISODES, name, values)
    assert name.rpartition("/")[2] in refused(run, source)


@pytest.mark.parametrize("values", [[1, 2], ["ab", "cd"], [["ab"], ["cd"]], [None, None]])
def test_tasks_of_other_types(source: Path, imported, values: list[Any]) -> None:
    set_column(source / EPISODES, "tasks", values)
    labels = [
        one.metadata.get("label") for one in open_recording(imported("lerobot-v3", source)[0])
    ]
    assert labels == ([None, None] if values[0] in (1, None) else ["ab", "cd"])


@pytest.mark.parametrize(
    ("file", "values"),
    [("meta/tasks.parquet", [[0]]), ("meta/tasks.parquet", ["0"]), (ROWS, [[i] for i in range(8)])],
)
def test_task_numbers_of_other_types(source: Path, imported, file: str, values: Any) -> None:
    set_column(source / file, "task_index", values)
    assert len(open_recording(imported("lerobot-v3", source)[0])) == 2


@pytest.mark.parametrize(
    ("name", "values", "called"),
    [
        ("time_seconds", [7.0] * 8, "lerobot.time_seconds"),
        ("time_seconds", ["x"] * 8, "lerobot.time_seconds"),
        ("state", [[1.0, 2.0]] * 8, "lerobot.state"),
        ("state", [1.5] * 8, "lerobot.state"),
        ("success", [1] * 8, "lerobot.success"),
        ("phase", [1] * 8, "lerobot.phase"),
        ("phase_index", [1.5] * 8, "lerobot.phase_index"),
        ("progress", ["x"] * 8, "lerobot.progress"),
        ("action", ["x"] * 8, "lerobot.action"),
        ("lerobot.phase", [1] * 8, "lerobot.phase"),
        ("progress", [0.5] * 8, "progress"),
    ],
)
def test_columns_that_mean_something_else_here(
    source: Path, tmp_path: Path, run, imported, name: str, values: list[Any], called: str
) -> None:
    set_column(source / ROWS, name, values)
    path, printed = imported("lerobot-v3", source)
    steps = open_recording(path)[0].steps
    assert steps["time_seconds"].tolist() == pytest.approx([0, 0.1, 0.2, 0.3])
    assert steps[called].tolist() == values[:4]
    assert (f"the column {name!r} is called {called!r}" in printed) == (name != called)
    assert run("export", "lerobot-v3", path, tmp_path / "again")[0] == 0
    again = pq.read_table(tmp_path / "again" / ROWS)
    assert again[name].to_pylist() == values


def test_a_task_column_beside_several_tasks(source: Path, imported) -> None:
    set_column(source / ROWS, "task", ["theirs"] * 8)
    set_column(source / ROWS, "task_index", [0, 0, 1, 1] * 2)
    steps = open_recording(imported("lerobot-v3", source)[0])[0].steps
    assert steps["task"].tolist() == ["put it away", "put it away", "1", "1"]
    assert steps["lerobot.task"].tolist() == ["theirs"] * 4


@pytest.mark.parametrize("values", [[1e300] * 8, [-1e12] * 8])
def test_times_that_cannot_be(source: Path, run, values: list[float]) -> None:
    set_column(source / ROWS, "timestamp", values)
    assert "timestamp" in refused(run, source)


def png_of(width: int, height: int) -> bytes:
    """A PNG that says so, and has no pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("picture", "said"),
    [
        (png_of(100_000, 100_000), "cannot be decoded"),
        (cv2.imencode(".png", np.zeros((9, 9, 3), np.uint8))[1].tobytes(), "has 9x9 pixels"),
    ],
)
def test_pictures_that_do_not_fit(tmp_path: Path, run, picture: bytes, said: str) -> None:
    write_v3(tmp_path / "src", [made_episode(3, 1, [CAMERA])], kind="image")
    path = tmp_path / "src" / ROWS
    entries = pq.read_table(path)[CAMERA].to_pylist()
    entries[1] = {"bytes": picture, "path": "x"}
    set_column(path, CAMERA, entries)
    assert said in refused(run, tmp_path / "src")


def test_a_camera_without_its_column(source: Path, run) -> None:
    with_feature(source, dtype="image")
    assert f"has no column {CAMERA!r}" in refused(run, source)


@pytest.mark.parametrize("line", ['{"episode_index": -5}', '{"episode_index": 1e999}', "[" * 10**5])
def test_lines_that_cannot_be(tmp_path: Path, run, line: str) -> None:
    write_v21(tmp_path / "src", [made_episode(3, 1, [CAMERA])])
    with (tmp_path / "src/meta/episodes.jsonl").open("a") as file:
        file.write(line + "\n")
    code, _, complaint = run("import", "lerobot-v2.1", tmp_path / "src", tmp_path / "out")
    assert (code, complaint.count("\n")) == (2, 1)
    assert "episodes.jsonl, line 2" in complaint


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("clock", said) for said in ("x", {"name": "x"}, [1], None, {"name": "simulation"})),
        *(("label", said) for said in (3, ["x"])),
        *(("split", said) for said in ("elsewhere", 3)),
        ("id", 77),
        ("views", {}),
        ("success", "yes"),
        ("cameras", 3),
        ("files", [1]),
        ("video_origin_seconds", "x"),
    ],
)
def test_our_file_is_not_believed(tmp_path: Path, run, imported, name: str, value: Any) -> None:
    data = write_episodes(tmp_path / "d", {"a": [5.0, 5.1, 5.21, 5.3]})
    run("export", "lerobot-v3", data, tmp_path / "src")
    ours = tmp_path / "src/meta/tcn_robot.json"
    content = json.loads(ours.read_text())
    content["episodes"][0]["metadata"][name] = value
    ours.write_text(json.dumps(content))
    back = open_recording(imported("lerobot-v3", tmp_path / "src")[0])[0]
    assert (back.id, back.split, back.views) == (0, "train", ("a",))
    assert back.metadata.get(name) != value or value == {"name": "simulation"}
    assert back.timestamps("a").tolist() == [5.0, 5.1, 5.21, 5.3]


@pytest.mark.parametrize("text", ['{"format": NaN}', "[" * 10**5, '{"a": "\\ud800"}'])
def test_our_file_in_pieces(tmp_path: Path, run, imported, text: str) -> None:
    data = write_episodes(tmp_path / "d", {"a": evenly(4)})
    run("export", "lerobot-v3", data, tmp_path / "src")
    (tmp_path / "src/meta/tcn_robot.json").write_text(text)
    assert imported("lerobot-v3", tmp_path / "src")


def test_a_dataset_that_has_grown(tmp_path: Path, run) -> None:
    root, out = tmp_path / "src", tmp_path / "out"
    made = [made_episode(4, seed, [CAMERA]) for seed in (1, 2, 3)]
    write_v3(root, made[:2], codec="mpeg4", episodes_per_film=3)
    assert "2 episodes imported" in run("import", "lerobot-v3", root, out)[1]
    shutil.rmtree(root)
    write_v3(root, made, codec="mpeg4", episodes_per_film=3)
    printed = run("import", "lerobot-v3", root, out)[1]
    assert "1 episodes imported" in printed
    assert "2 were there" in printed


def test_an_episode_that_has_changed_is_another(source: Path) -> None:
    def marks() -> list[str]:
        found = reader_named("lerobot-v3").read(source, ReadOptions())
        return [one.files[0].sha256() for one in found.episodes]

    before = marks()
    assert len(set(before)) == 2
    actions = pq.read_table(source / ROWS)["action"].to_pylist()
    actions[5][0] += 1
    set_column(source / ROWS, "action", actions)
    changed = marks()
    assert [one == other for one, other in zip(before, changed, strict=True)] == [True, False]
    film = source / f"videos/{CAMERA}/chunk-000/file-000.mp4"
    film.unlink()
    with pytest.raises(UserError, match="is missing"):
        marks()


def test_links_in_a_circle(source: Path, run) -> None:
    os.symlink("data/ring", source / "data/ring")
    edit_info(source, data_path="data/ring")
    assert "Traceback" not in refused(run, source)


def test_rows_are_read_once(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    real = pq.ParquetFile.read

    def counting(self: pq.ParquetFile, columns: list[str]) -> pa.Table:
        read.append(" ".join(columns))
        return real(self, columns=columns)

    monkeypatch.setattr(pq.ParquetFile, "read", counting)
    table_files._read_rows.cache_clear()
    reader = reader_named("lerobot-v3").read(source, ReadOptions())
    for episode in reader.episodes:
        episode.files[0].sha256()
        episode.load()
    assert sum("frame_index" in one for one in read) == 1
    assert not any("stats/" in one for one in read)


def test_rows_that_are_mixed(source: Path, imported) -> None:
    table = pq.read_table(source / ROWS)
    write_table(source / ROWS, table.take([0, 4, 1, 5, 2, 6, 3, 7]))
    for index, episode in enumerate(open_recording(imported("lerobot-v3", source)[0])):
        own = table["action"].to_pylist()[4 * index : 4 * index + 4]
        assert episode.steps["action"].tolist() == own


def test_listing_many_shows_how_far_it_has_come(
    source: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_v3, "MANY_EPISODES", 2)
    reader_named("lerobot-v3").read(source, ReadOptions())
    assert f"listing {source}: 2/2 episodes" in capsys.readouterr().err
