"""Exports as LeRobot 3.0, read back as its own loader does, and by our import."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tcn_robot import open_recording
from tcn_robot.recordings import DatasetWriter
from tcn_robot.recordings.formats.lerobot import layout
from tests.support.films import moving_square
from tests.support.foreign_films import decoded, write_film
from tests.support.lerobot_files import made_episode, write_v3

CLOCK = {"name": "monotonic", "utc_anchor": "2026-01-01T00:00:00Z"}


def write_episodes(
    path: Path,
    times: dict[str, list[float]],
    splits: tuple[str, ...] = ("train",),
    codec: str = "h264",
    size: tuple[int, int] = (32, 48),
    steps: list[dict[str, Any]] | None = None,
) -> Path:
    """Write episodes from cameras, with the same times in each."""
    with DatasetWriter(path, "pour", codec, kind="film") as writer:
        for split in splits:
            with writer.episode(10.0) as episode:
                episode.begin(min(times[view][0] for view in times), tuple(times))
                episode.metadata.update(split=split, clock=CLOCK, success=True, label="pour a cup")
                for number, (view, moments) in enumerate(times.items()):
                    film = np.roll(moving_square(len(moments), *size), 5 * episode.id, axis=2)
                    for moment, frame in zip(moments, film, strict=True):
                        episode.add_frames(moment, {view: np.roll(frame, 9 * number, axis=0)})
                for row in steps or ():
                    episode.add_step(row)
    return path


def evenly(length: int, start: float = 5.0) -> list[float]:
    return [start + index / 10 for index in range(length)]


class Loader:
    """Reads a dataset as LeRobot's own loader does: by the rows of `meta/episodes`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.info = json.loads((root / "meta/info.json").read_text())
        self.stats = json.loads((root / "meta/stats.json").read_text())
        files = sorted((root / "meta/episodes").glob("*/*.parquet"))
        self.episodes = [row for file in files for row in pq.read_table(file).to_pylist()]
        files = sorted((root / "data").glob("*/*.parquet"))
        self.rows = [row for file in files for row in pq.read_table(file).to_pylist()]

    def frame(self, row: dict[str, Any], key: str) -> np.ndarray:
        """The picture of a row: number `round((from + timestamp) * fps)` of its film."""
        episode = self.episodes[row["episode_index"]]
        places = {n: episode[f"videos/{key}/{n}"] for n in ("chunk_index", "file_index")}
        film = decoded(self.root / self.info["video_path"].format(video_key=key, **places))
        seconds = episode[f"videos/{key}/from_timestamp"] + row["timestamp"]
        return film[round(seconds * self.info["fps"])]


def test_the_layout(tmp_path: Path, run) -> None:
    times = {"left": evenly(4), "right": evenly(4)}
    data = write_episodes(tmp_path / "d", times, ("test", "train", "valid", "train"))
    code, printed, _ = run("export", "lerobot-v3", data, tmp_path / "out")
    assert code == 0
    loader = Loader(tmp_path / "out")
    info = loader.info
    assert info["codebase_version"] == "v3.0"
    assert (info["fps"], info["total_episodes"], info["total_frames"]) == (10, 4, 16)
    assert info["splits"] == {"train": "0:2", "val": "2:3", "test": "3:4"}
    camera = info["features"]["observation.images.left"]
    assert (camera["dtype"], camera["shape"]) == ("video", [32, 48, 3])
    assert camera["info"]["video.codec"] == "h264"
    assert camera["info"]["video.pix_fmt"] == "yuv420p"
    assert info["features"]["timestamp"] == {"dtype": "float32", "shape": [1], "names": None}
    assert [row["index"] for row in loader.rows] == list(range(16))
    assert [row["frame_index"] for row in loader.rows[:5]] == [0, 1, 2, 3, 0]
    assert [(e["dataset_from_index"], e["dataset_to_index"]) for e in loader.episodes] == [
        (0, 4),
        (4, 8),
        (8, 12),
        (12, 16),
    ]
    assert "lost: ids: episodes are numbered from 0" in printed
    by_place = [open_recording(data).by_id(id) for id in (1, 3, 2, 0)]
    for row in loader.rows:
        for view in ("left", "right"):
            own = by_place[row["episode_index"]].frames(view)[row["frame_index"]]
            assert np.array_equal(loader.frame(row, f"observation.images.{view}"), own)


def test_tasks_come_back_as_the_index_of_pandas(tmp_path: Path, run) -> None:
    data = write_episodes(tmp_path / "d", {"left": evenly(3)})
    run("export", "lerobot-v3", data, tmp_path / "out")
    table = pq.read_table(tmp_path / "out/meta/tasks.parquet")
    assert table.to_pydict() == {"task_index": [0], "task": ["pour a cup"]}
    described = json.loads(table.schema.metadata[b"pandas"])
    assert described["index_columns"] == ["task"]
    assert {column["name"] for column in described["columns"]} == {"task_index", "task"}


def test_figures(tmp_path: Path, run) -> None:
    steps = [{"time_seconds": t, "action": [t, -t * t]} for t in evenly(6)]
    data = write_episodes(tmp_path / "d", {"left": evenly(6)}, ("train",) * 3, steps=steps)
    run("export", "lerobot-v3", data, tmp_path / "out")
    loader = Loader(tmp_path / "out")
    actions = np.array([row["action"] for row in loader.rows])
    figures = loader.stats["action"]
    for name, expected in (
        ("min", actions.min(0)),
        ("max", actions.max(0)),
        ("mean", actions.mean(0)),
        ("std", actions.std(0)),
        ("count", [18]),
    ):
        assert figures[name] == pytest.approx(expected, rel=1e-9)
    assert figures["q50"] == pytest.approx(np.quantile(actions[:6], 0.5, axis=0), rel=1e-9)
    pictures = np.concatenate([one.frames("left") for one in open_recording(data)]) / 255
    camera = loader.stats["observation.images.left"]
    assert np.shape(camera["mean"]) == (3, 1, 1)
    assert np.ravel(camera["mean"]) == pytest.approx(pictures.mean((0, 1, 2)), rel=1e-9)
    assert np.ravel(camera["std"]) == pytest.approx(pictures.std((0, 1, 2)), rel=1e-9)
    assert np.ravel(camera["max"]) == pytest.approx(pictures.max((0, 1, 2)), rel=1e-9)
    episode = loader.episodes[1]
    assert episode["stats/action/max"] == pytest.approx(actions[6:12].max(0), rel=1e-9)
    assert set(figures) == {"min", "max", "mean", "std", "count", "q01", "q10", "q50", "q90", "q99"}


def test_large_files_are_divided(
    tmp_path: Path, run, imported, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (
        ("VIDEO_FILE_BYTES", 1500),
        ("DATA_FILE_BYTES", 1000),
        ("EPISODES_PER_FILE", 2),
        ("FILES_PER_CHUNK", 2),
    ):
        monkeypatch.setattr(layout, name, value)
    data = write_episodes(tmp_path / "d", {"left": evenly(6)}, ("train",) * 7)
    run("export", "lerobot-v3", data, tmp_path / "out")
    for kind in ("data", "videos/observation.images.left", "meta/episodes"):
        files = sorted((tmp_path / "out" / kind).glob("chunk-*/file-*"))
        assert len(files) > 2, kind
        assert files[2].parent.name == "chunk-001"
    loader = Loader(tmp_path / "out")
    for row in loader.rows:
        own = open_recording(data)[row["episode_index"]].frames("left")[row["frame_index"]]
        assert np.array_equal(loader.frame(row, "observation.images.left"), own)
    assert len(open_recording(imported("lerobot-v3", tmp_path / "out")[0])) == 7


@pytest.mark.parametrize("codec", ["h264", "h264-fast", "lossless"])
def test_a_round_trip_is_exact(tmp_path: Path, run, imported, codec: str) -> None:
    times = {"left": [3.0, 3.1000001, 3.25, 3.301], "right": [3.02, 3.11, 3.249, 3.31]}
    data = write_episodes(tmp_path / "d", times, ("train", "test"), codec)
    code, printed, _ = run("export", "lerobot-v3", data, tmp_path / "out")
    assert code == 0
    assert "lost: times: timestamp is frame / fps there" in printed
    assert ("lost: players: films are lossless RGB" in printed) == (codec == "lossless")
    path, printed = imported("lerobot-v3", tmp_path / "out")
    assert "4 films taken over as they are" in printed
    for here, there in zip(open_recording(data), open_recording(path), strict=True):
        assert (here.views, here.split, here.success) == (there.views, there.split, there.success)
        assert there.metadata["clock"] == CLOCK
        for view in times:
            assert np.array_equal(here.frames(view), there.frames(view))
            assert np.array_equal(here.timestamps(view), there.timestamps(view))


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    jitter=st.lists(st.floats(-0.03, 0.03), min_size=2, max_size=9),
    start=st.floats(0, 1e6),
    apart=st.floats(-0.04, 0.04),
)
def test_measured_times_come_back_to_the_last_bit(
    tmp_path_factory: pytest.TempPathFactory, run, jitter: list[float], start: float, apart: float
) -> None:
    folder = tmp_path_factory.mktemp("trip")
    left = [start + index / 10 + off for index, off in enumerate(jitter)]
    data = write_episodes(folder / "d", {"a": left, "b": [t + apart for t in left]})
    assert run("export", "lerobot-v3", data, folder / "out")[0] == 0
    assert run("import", "lerobot-v3", folder / "out", folder / "back")[0] == 0
    here, there = open_recording(data)[0], open_recording(folder / "back")[0]
    for view in ("a", "b"):
        assert np.array_equal(here.timestamps(view), there.timestamps(view))
    assert run("check", folder / "back")[0] == 0


def test_a_simulation_comes_back(tmp_path: Path, clean_datasets, run, imported) -> None:
    code, printed, _ = run("export", "lerobot-v3", clean_datasets["simulated"], tmp_path / "out")
    assert code == 0
    assert "lost: last action: " in printed
    assert "lost: states: a simulator's states and model have no place (state)" in printed
    path, _ = imported("lerobot-v3", tmp_path / "out")
    pairs = zip(open_recording(clean_datasets["simulated"]), open_recording(path), strict=True)
    for here, there in pairs:
        assert there.is_simulated
        assert set(here.steps) - {"state"} == set(there.steps)
        for name, values in there.steps.items():
            assert np.array_equal(values, here.steps[name], equal_nan=values.dtype != object), name
        for view in here.views:
            assert np.array_equal(here.timestamps(view), there.timestamps(view))
            assert np.array_equal(here.frames(view), there.frames(view))
        for name in ("seed", "success", "embodiment"):
            assert here.metadata.get(name) == there.metadata.get(name)


def test_robot_messages_at_their_own_times(tmp_path: Path, run) -> None:
    steps = [{"time_seconds": 5.0 + k / 7, "action": [float(k)]} for k in range(4)]
    data = write_episodes(tmp_path / "d", {"left": evenly(5)}, steps=steps)
    _, printed, _ = run("export", "lerobot-v3", data, tmp_path / "out")
    assert "lost: robot: the robot's messages have times of their own" in printed
    assert "(4 messages for 5 frames)" in printed
    rows = Loader(tmp_path / "out").rows
    assert [row["action"] for row in rows] == [0.0, 0.0, 1.0, 2.0, 2.0]


def test_what_is_absent_or_has_no_type(tmp_path: Path, run, imported) -> None:
    steps = [
        {
            "time_seconds": t,
            "force": None if index == 1 else float(index),
            "phase": None if index == 1 else "up",
            "flag": None if index == 1 else True,
            "day": datetime.datetime(2026, 1, 1 + index),
        }
        for index, t in enumerate(evenly(3))
    ]
    data = write_episodes(tmp_path / "d", {"left": evenly(3)}, steps=steps)
    _, printed, _ = run("export", "lerobot-v3", data, tmp_path / "out")
    assert "lost: numbers: what is absent became NaN (force)" in printed
    assert "lost: columns: a column is of no type that LeRobot has: left out (day)" in printed
    path, _ = imported("lerobot-v3", tmp_path / "out")
    back = open_recording(path)[0].steps
    assert np.isnan(back["force"]).tolist() == [False, True, False]
    assert back["phase"].tolist() == ["up", "", "up"]


@pytest.mark.parametrize(
    ("times", "said"),
    [
        ({"a": evenly(5), "b": evenly(4)}, "different lengths (a 5, b 4 frames)"),
        ({"a": evenly(5), "b": [5.0, 5.2, 5.4, 5.6, 5.8]}, "view 'b' has 5 frames per second"),
        ({"a": evenly(5), "b": evenly(5, 5.07)}, "lies 0.070 s apart"),
    ],
)
def test_views_that_do_not_fit_need_resample(
    tmp_path: Path, run, imported, times: dict[str, list[float]], said: str
) -> None:
    data = write_episodes(tmp_path / "d", times)
    rate = ["--rate", 10]
    code, printed, complaint = run("export", "lerobot-v3", data, tmp_path / "out", *rate)
    assert (code, printed, complaint.count("\n")) == (2, "", 1)
    assert said in complaint
    assert "--resample" in complaint
    assert not (tmp_path / "out").exists()
    code, printed, _ = run("export", "lerobot-v3", data, tmp_path / "out", "--resample", *rate)
    assert code == 0
    here = open_recording(data)[0]
    path, _ = imported("lerobot-v3", tmp_path / "out")
    back = open_recording(path)[0]
    low = max(here.timestamps(view)[0] for view in times)
    high = min(here.timestamps(view)[-1] for view in times)
    for view in times:
        own, there = here.timestamps(view), back.timestamps(view)
        assert np.isin(there, own).all()
        grid = low + np.arange(round((high - low) * 10) + 1) / 10
        nearest = np.abs(own[:, None] - grid).argmin(0)
        assert np.isin(own[nearest], there).all()
        kept = np.isin(own, there)
        shown = np.abs(back.frames(view).astype(int) - here.frames(view)[kept]).max()
        assert shown <= 40  # encoded anew where frames are repeated


def test_resampling_says_what_it_repeats_and_skips(tmp_path: Path, run) -> None:
    times = {"a": evenly(9), "b": [5.0, 5.2, 5.4, 5.6, 5.8]}
    data = write_episodes(tmp_path / "d", times)
    _, printed, _ = run("export", "lerobot-v3", data, tmp_path / "out", "--resample", "--rate", 10)
    assert (
        "lost: frames: views were brought onto one grid: a 0 repeated, 0 left out; b 4" in printed
    )
    assert "lost: pictures: films were encoded anew: b: frames are repeated or left out" in printed


def test_frames_outside_of_the_common_time_are_counted(tmp_path: Path, run) -> None:
    data = write_episodes(tmp_path / "d", {"a": evenly(30), "b": evenly(10, 6.0)})
    _, printed, _ = run("export", "lerobot-v3", data, tmp_path / "out", "--resample")
    assert "a 0 repeated, 20 left out; b 0 repeated, 0 left out" in printed


@pytest.mark.parametrize(("start", "is_copied"), [(10, True), (7, False)])
def test_a_film_is_copied_from_a_key_frame_on(
    tmp_path: Path, run, imported, start: int, is_copied: bool
) -> None:
    times = {"a": evenly(30), "b": evenly(12, 5.0 + start / 10)}
    data = write_episodes(tmp_path / "d", times, codec="lossless")
    _, printed, _ = run("export", "lerobot-v3", data, tmp_path / "out", "--resample")
    assert ("a: it does not begin with a key frame" in printed) != is_copied
    back = open_recording(imported("lerobot-v3", tmp_path / "out")[0])[0]
    own = open_recording(data)[0].frames("a")[start : start + 12]
    assert np.array_equal(back.frames("a"), own)


def test_rates(tmp_path: Path, run) -> None:
    data = write_episodes(tmp_path / "d", {"a": evenly(5)})
    code, _, complaint = run("export", "lerobot-v3", data, tmp_path / "x", "--rate", 12.5)
    assert code == 2
    assert "whole number" in complaint
    code, _, complaint = run("export", "lerobot-v3", data, tmp_path / "x", "--rate", 30)
    assert code == 2
    assert "has 10 frames per second, asked for 30" in complaint


def test_sizes_and_views_must_agree(tmp_path: Path, run) -> None:
    write_episodes(tmp_path / "d", {"a": evenly(3), "b": evenly(3)})
    with DatasetWriter(tmp_path / "d", "pour", kind="film") as writer, writer.episode(10.0) as one:
        for moment, frame in zip(evenly(3), moving_square(3, 64, 64), strict=True):
            one.add_frames(moment, {"a": frame})
    code, _, complaint = run("export", "lerobot-v3", tmp_path / "d", tmp_path / "out")
    assert code == 2
    assert "LeRobot needs the same in all" in complaint
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob(".partial-*"))


def test_one_frame_and_odd_sizes(tmp_path: Path, run, imported) -> None:
    data = write_episodes(tmp_path / "d", {"a": [7.0]}, ("train", "train"), size=(31, 47))
    assert run("export", "lerobot-v3", data, tmp_path / "out", "--rate", 30)[0] == 0
    back = open_recording(imported("lerobot-v3", tmp_path / "out")[0])
    assert [one.timestamps("a").tolist() for one in back] == [[7.0], [7.0]]
    assert np.array_equal(back[1].frames("a"), open_recording(data)[1].frames("a"))


def test_films_of_other_makes_are_joined_too(tmp_path: Path, run, imported) -> None:
    for name, options in (("a", {"bf": "2"}), ("b", {"bf": "0"}), ("c", {"bf": "2"})):
        film = np.roll(moving_square(12, 48, 64), ord(name), axis=2)
        write_film(tmp_path / "src" / f"{name}_view0.mp4", film, rate=10, options=options)
    write_v3(tmp_path / "v3", [made_episode(5, 1, ["observation.images.top"])])
    for format, source in (("tcn", tmp_path / "src"), ("lerobot-v3", tmp_path / "v3")):
        path, _ = imported(format, source)
        out = tmp_path / f"out-{format}"
        code, printed, _ = run("export", "lerobot-v3", path, out)
        assert code == 0
        assert "pictures" not in printed
        back, printed = imported("lerobot-v3", out)
        assert "0 films taken over" not in printed
        for here, there in zip(open_recording(path), open_recording(back), strict=True):
            view = here.views[0]
            assert np.array_equal(here.frames(view), there.frames(view))
            assert np.array_equal(here.timestamps(view), there.timestamps(view))


def test_asked_for_another_encoding(tmp_path: Path, run) -> None:
    data = write_episodes(tmp_path / "d", {"a": evenly(4)}, codec="lossless")
    _, printed, _ = run("export", "lerobot-v3", data, tmp_path / "out", "--encode", "h264")
    assert "lost: pictures: films were encoded anew: a: asked for" in printed
    assert "players" not in printed
    _, printed, _ = run("export", "lerobot-v3", data, tmp_path / "exact", "--encode", "lossless")
    row = Loader(tmp_path / "exact").rows[2]
    shown = Loader(tmp_path / "exact").frame(row, "observation.images.a")
    assert np.array_equal(shown, open_recording(data)[0].frames("a")[2])


def test_what_others_changed_since_is_not_believed(tmp_path: Path, run, imported) -> None:
    data = write_episodes(tmp_path / "d", {"a": evenly(4)})
    run("export", "lerobot-v3", data, tmp_path / "out")
    ours = tmp_path / "out/meta/tcn_robot.json"
    content = json.loads(ours.read_text())
    content["episodes"][0]["length"] = 5
    ours.write_text(json.dumps(content))
    back = open_recording(imported("lerobot-v3", tmp_path / "out")[0])[0]
    assert back.metadata["clock"] == {"name": "film"}
    assert back.timestamps("a").tolist() == evenly(4)  # these stand in the rows
    ours.write_text("{")
    assert imported("lerobot-v3", tmp_path / "out")
