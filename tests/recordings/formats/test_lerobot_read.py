"""LeRobot's datasets, laid out by hand: many episodes in a file, cameras as films or pictures."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tcn_robot import open_recording
from tests.support.foreign_films import decoded
from tests.support.lerobot_files import Made, encode, made_episode, write_table, write_v3, write_v21

CAMERAS = ("observation.images.cam_high", "observation.images.wrist")


@pytest.fixture
def episodes() -> list[Made]:
    return [made_episode(length, length, CAMERAS) for length in (6, 4, 8)]


def edit_info(root: Path, **changed: Any) -> None:
    path = root / "meta/info.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changed}))


@pytest.mark.parametrize("codec", ["libsvtav1", "libx264", "libx265", "libvpx-vp9"])
def test_films_of_several_episodes(
    tmp_path: Path, episodes: list[Made], imported, codec: str
) -> None:
    write_v3(tmp_path / "src", episodes, codec=codec, splits={"train": "0:2", "val": "2:3"})
    path, printed = imported("lerobot-v3", tmp_path / "src")
    recording = open_recording(path)
    assert recording.task == "put it away"
    assert [one.split for one in recording] == ["train", "train", "valid"]
    assert recording[0].views == ("cam_high", "wrist")
    films = tmp_path / "src/videos"
    for index, (file, start) in enumerate(((0, 0), (0, 6), (1, 0))):
        episode, made = recording[index], episodes[index]
        for key in CAMERAS:
            shown = decoded(films / key / f"chunk-000/file-{file:03d}.mp4")
            part = shown[start : start + len(made)]
            frames = episode.frames(key.rpartition(".")[2])
            tolerance = 0 if codec != "libx265" else 60  # encoded anew: browsers do not play it
            assert np.abs(frames.astype(int) - part).max() <= tolerance
        assert np.array_equal(episode.timestamps("wrist"), np.arange(len(made)) / 10)
        assert np.array_equal(episode.steps["action"], np.array(made.columns["action"], np.float32))
        assert np.array_equal(episode.steps["observation"], 2 * episode.steps["action"])
        assert episode.metadata["embodiment"] == "so101"
        assert episode.metadata["label"] == "put it away"
    assert ("encoded anew as h264: its encoding is hevc" in printed) == (codec == "libx265")
    if codec != "libx265":
        assert "6 films taken over as they are" in printed


def test_pictures_in_the_table(tmp_path: Path, episodes: list[Made], imported) -> None:
    write_v3(tmp_path / "src", episodes, kind="image")
    path, _ = imported("lerobot-v3", tmp_path / "src", "--encode", "lossless")
    for made, episode in zip(episodes, open_recording(path), strict=True):
        assert np.array_equal(episode.frames("wrist"), made.frames[CAMERAS[1]])


def test_version_2_1(tmp_path: Path, episodes: list[Made], imported) -> None:
    write_v21(tmp_path / "src", episodes, chunks_size=2)
    path, printed = imported("lerobot-v2.1", tmp_path / "src")
    assert "6 films taken over" in printed
    for index, (made, episode) in enumerate(zip(episodes, open_recording(path), strict=True)):
        chunk = f"chunk-{index // 2:03d}/{CAMERAS[0]}/episode_{index:06d}.mp4"
        film = decoded(tmp_path / "src/videos" / chunk)
        assert np.array_equal(episode.frames("cam_high"), film)
        assert len(film) == len(made)
        assert np.array_equal(episode.steps["action"], np.array(made.columns["action"], np.float32))


def test_every_kind_of_column(tmp_path: Path, imported) -> None:
    episode = made_episode(4, 1, CAMERAS)
    nan = float("nan")
    episode.columns |= {
        "next.reward": [0.5, nan, 1.0, 2.0],
        "next.done": [False, False, True, True],
        "note": ["a", "ü", "", "d"],
        "matrix": [[[1.0, 2.0], [3.0, float(i)]] for i in range(4)],
        "odd": [[1.0, nan], [2.0, 3.0], [4.0, 5.0], [6.0, 7.0]],
        "said": [[{"role": "user"}], [], [], []],
        "count": [1, 2, 3, 4],
    }
    episode.columns["action"] = [[float(i)] for i in range(4)]
    write_v3(tmp_path / "src", [episode])
    path, printed = imported("lerobot-v3", tmp_path / "src")
    steps = open_recording(path)[0].steps
    assert steps["action"].tolist() == [[0.0], [1.0], [2.0], [3.0]]
    assert np.isnan(steps["next.reward"]).tolist() == [False, True, False, False]
    assert steps["next.done"].tolist() == [False, False, True, True]
    assert steps["note"].tolist() == ["a", "ü", "", "d"]
    assert steps["matrix"].tolist() == [[1, 2, 3, i] for i in range(4)]
    assert np.isnan(steps["odd"][0]).all()
    assert steps["odd"][1:].tolist() == [[2, 3], [4, 5], [6, 7]]
    assert steps["count"].tolist() == [1, 2, 3, 4]
    assert "next.reward: 1 rows with a number that is not finite became absent" in printed
    assert "the column 'said' is of type" in printed
    assert "matrix: rows of several dimensions were laid flat" in printed


def test_several_tasks(tmp_path: Path, episodes: list[Made], imported) -> None:
    episodes[0].tasks, episodes[0].task_index = ["one", "two"], [0, 0, 0, 1, 1, 1]
    episodes[1].tasks = ["one"]
    write_v3(tmp_path / "src", episodes[:2])
    path, _ = imported("lerobot-v3", tmp_path / "src")
    recording = open_recording(path)
    assert recording.task == "src"
    assert recording[0].steps["task"].tolist() == ["one"] * 3 + ["two"] * 3
    assert [one.metadata.get("label") for one in recording] == [None, "one"]


def test_depth_is_left_out(tmp_path: Path, episodes: list[Made], imported) -> None:
    depth = {"dtype": "video", "shape": [48, 64, 1], "info": {"is_depth_map": True}}
    write_v3(tmp_path / "src", episodes, more={"observation.images.depth": depth})
    _, printed = imported("lerobot-v3", tmp_path / "src")
    assert "depth has no place in 8-bit colour, left out: observation.images.depth" in printed


def test_names_of_cameras(tmp_path: Path, imported) -> None:
    names = ("observation.image", "observation.images.top.left ü", "observation.images.top_left")
    write_v3(tmp_path / "src", [made_episode(4, 1, names)])
    path, printed = imported("lerobot-v3", tmp_path / "src")
    assert open_recording(path)[0].views == ("image", "top_left", "top_left_2")
    assert "the view 'top.left ü' is called 'top_left'" in printed


def test_times_that_are_no_grid(tmp_path: Path, episodes: list[Made], imported) -> None:
    write_v3(tmp_path / "src", episodes[:1], kind="image")
    file = tmp_path / "src/data/chunk-000/file-000.parquet"
    table = pq.read_table(file)
    odd = pa.array(np.array([0, 0.1, 0.25, 0.3, 0.4, 0.52], np.float32))
    at = table.column_names.index("timestamp")
    write_table(file, table.set_column(at, "timestamp", odd))
    path, _ = imported("lerobot-v3", tmp_path / "src")
    assert open_recording(path)[0].timestamps("wrist") == pytest.approx(odd.to_numpy(), abs=1e-7)


def test_an_import_goes_on(tmp_path: Path, episodes: list[Made], run) -> None:
    write_v3(tmp_path / "src", episodes)
    out = tmp_path / "out"
    assert (
        "1 episodes imported" in run("import", "lerobot-v3", tmp_path / "src", out, "--limit", 1)[1]
    )
    code, printed, _ = run("import", "lerobot-v3", tmp_path / "src", out)
    assert code == 0
    assert "2 episodes imported" in printed
    assert "1 were there" in printed


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"codebase_version": "v2.1"}, "import it as lerobot-v2.1"),
        ({"codebase_version": "v4.0"}, "expected v3.0"),
        ({"fps": 0}, "expected fps above 0"),
        ({"features": [1]}, "expected features"),
        ({"features": {"a": {"dtype": "float32"}}}, "has no camera"),
        ({"data_path": "../../{chunk_index}{file_index}.parquet"}, "leads out of it"),
        ({"video_path": "/etc/{video_key}{chunk_index}{file_index}.mp4"}, "leads out of it"),
        ({"video_path": "{video_key.__class__}{chunk_index}"}, "asks for"),
        ({"video_path": "{video_key!r}{chunk_index}"}, "asks for"),
        ({"video_path": "{chunk_index:>999999999}"}, "asks for"),
        ({"video_path": "{chunk_index"}, "cannot be read"),
    ],
)
def test_hostile_descriptions_are_one_line(
    tmp_path: Path, episodes: list[Made], run, changed: dict[str, Any], said: str
) -> None:
    write_v3(tmp_path / "src", episodes[:1])
    edit_info(tmp_path / "src", **changed)
    code, printed, complaint = run("import", "lerobot-v3", tmp_path / "src", tmp_path / "out")
    assert (code, printed, complaint.count("\n")) == (2, "", 1)
    assert said in complaint
    assert not (tmp_path / "out").exists()


def test_keys_that_lead_out_are_refused(tmp_path: Path, run) -> None:
    write_v3(tmp_path / "src", [made_episode(3, 1, ["a"])], kind="image")
    feature = {"dtype": "video", "shape": [1, 1, 3]}
    edit_info(tmp_path / "src", features={"../../../x": feature, "timestamp": {"dtype": "float32"}})
    code, _, complaint = run("import", "lerobot-v3", tmp_path / "src", tmp_path / "out")
    assert code == 2
    assert "does not say where" in complaint


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("data/chunk-000/file-000.parquet", "cut"),
        ("data/chunk-000/file-000.parquet", "absent"),
        (f"videos/{CAMERAS[0]}/chunk-000/file-000.mp4", "cut"),
        (f"videos/{CAMERAS[0]}/chunk-000/file-000.mp4", "absent"),
        (f"videos/{CAMERAS[0]}/chunk-000/file-000.mp4", "link"),
        ("meta/tasks.parquet", "cut"),
        ("meta/episodes/chunk-000/file-000.parquet", "cut"),
        ("meta/episodes/chunk-000/file-000.parquet", "absent"),
        ("meta/info.json", "cut"),
        ("meta/info.json", "absent"),
    ],
)
def test_damage_is_named(tmp_path: Path, episodes: list[Made], run, name: str, damage: str) -> None:
    root = tmp_path / "src"
    write_v3(root, episodes[:1])
    file = root / name
    if damage == "cut":
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    elif damage == "absent":
        file.unlink()
    else:
        file.rename(tmp_path / "elsewhere.mp4")
        os.symlink(tmp_path / "elsewhere.mp4", file)
    code, printed, complaint = run("import", "lerobot-v3", root, tmp_path / "out")
    assert code == 2
    assert "Traceback" not in complaint
    shown = printed + complaint
    assert Path(name).name in shown or "meta/episodes" in shown
    assert not list(tmp_path.glob("out/episode_*"))


def test_times_between_the_frames_are_counted(
    tmp_path: Path, episodes: list[Made], imported
) -> None:
    """Sets that were converted from 2.1 say when episodes begin by summing up durations."""
    root = tmp_path / "src"
    write_v3(root, episodes, episodes_per_film=3)
    file = root / "meta/episodes/chunk-000/file-000.parquet"
    for key, off in zip(CAMERAS, (0.04, 0.08), strict=True):
        table = pq.read_table(file)
        name = f"videos/{key}/from_timestamp"
        later = [start + off * index for index, start in enumerate(table[name].to_pylist())]
        at = table.column_names.index(name)
        write_table(file, table.set_column(at, name, pa.array(later)))
    path, _ = imported("lerobot-v3", root)
    for key in CAMERAS:
        film = decoded(root / f"videos/{key}/chunk-000/file-000.mp4")
        frames = [one.frames(key.rpartition(".")[2]) for one in open_recording(path)]
        assert np.array_equal(np.concatenate(frames), film)


def test_rows_without_frames_are_named(tmp_path: Path, episodes: list[Made], run) -> None:
    root = tmp_path / "src"
    write_v3(root, episodes[:2])
    film = root / f"videos/{CAMERAS[0]}/chunk-000/file-000.mp4"
    encode(film, np.concatenate([one.frames[CAMERAS[0]] for one in (*episodes[:2], episodes[2])]))
    file = root / "meta/episodes/chunk-000/file-000.parquet"
    table = pq.read_table(file)
    name = f"videos/{CAMERAS[0]}/from_timestamp"
    at = table.column_names.index(name)
    write_table(file, table.set_column(at, name, pa.array([0.0, 55.0])))
    code, printed, _ = run("import", "lerobot-v3", root, tmp_path / "out")
    assert code == 2
    assert "episode 1: left out: " in printed
    assert "has no frame at 55.000 s" in printed
    assert "1 episodes imported" in printed


def test_a_dataset_that_lerobot_wrote_itself(tmp_path: Path, root: Path, imported, run) -> None:
    """By its release 0.4.1: create, add_frame, save_episode, finalize; AV1, three episodes."""
    source = root / "tests/fixtures/lerobot_v3"
    path, printed = imported("lerobot-v3", source)
    assert "3 episodes imported (42 frames, 6 films taken over as they are)" in printed
    recording = open_recording(path)
    rows = pq.read_table(source / "data/chunk-000/file-000.parquet").to_pylist()
    assert [len(one.timestamps("top")) for one in recording] == [7, 5, 9]
    assert [one.metadata["label"] for one in recording] == ["pick", "pick", "place"]
    for view in ("top", "wrist"):
        film = decoded(source / f"videos/observation.images.{view}/chunk-000/file-000.mp4")
        own = np.concatenate([one.frames(view) for one in recording])
        assert np.array_equal(own, film)
    for name, theirs in (("action", "action"), ("observation", "observation.state")):
        own = np.concatenate([one.steps[name] for one in recording])
        assert np.array_equal(own, np.array([row[theirs] for row in rows], np.float32))
    code, _, _ = run("export", "lerobot-v3", path, tmp_path / "again")
    assert code == 0
    info = json.loads((tmp_path / "again/meta/info.json").read_text())
    original = json.loads((source / "meta/info.json").read_text())
    assert set(original["features"]) <= set(info["features"])
    again = pq.read_table(tmp_path / "again/data/chunk-000/file-000.parquet").to_pylist()
    for name in ("action", "timestamp", "index", "next.reward", "next.done", "task_index"):
        assert [row[name] for row in again] == [row[name] for row in rows], name
