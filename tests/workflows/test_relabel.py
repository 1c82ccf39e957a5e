"""relabel: every frame of a dataset has its score, in the rows of the exported dataset."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from tcn_robot.cli import main
from tcn_robot.recordings import DatasetWriter, open_recording
from tcn_robot.rewards import load_reward
from tcn_robot.rewards.relabelling import score_film
from tcn_robot.workflows.learned_reward import fit_reward
from tests.support.films import moving_square
from tests.workflows.test_learned_reward import save_encoder, write_films

SHARED = ["index", "episode_index", "frame_index", "timestamp"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Films of 12, 1, 5 and 7 frames whose order in an export is not that of their ids."""
    root = tmp_path_factory.mktemp("relabel")
    splits = ("test", "train", "valid", "train")
    data = write_films(root / "films", [12, 1, 5, 7], splits=splits)
    demos = write_films(root / "demos", [12, 12, 12], splits=("train", "train", "valid"))
    encoder = save_encoder(root / "run", 0)
    fit_reward("progress", encoder, demos, ("left", "right")).save(root / "reward")
    assert main(["export", "lerobot-v3", str(data), str(root / "exported")]) == 0
    return root


def relabel(*arguments):
    return main(["relabel", *map(str, arguments)])


def refusal(capsys, *arguments):
    """The one line that a refused command says."""
    capsys.readouterr()
    assert relabel(*arguments) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert lines[-1].startswith("tcn-robot: error: ")
    return lines[-1]


def rows_of(path):
    return {name: column.to_numpy() for name, column in zip(*_columns(path), strict=True)}


def _columns(path):
    table = pq.read_table(path)
    return table.column_names, table.columns


def test_rows_are_those_of_the_export_and_scores_those_of_the_frames(folders, tmp_path):
    out = tmp_path / "scores.parquet"
    assert relabel(folders / "films", "--fitted", folders / "reward", "--out", out) == 0
    rows = rows_of(out)
    exported = rows_of(next((folders / "exported" / "data").rglob("*.parquet")))
    assert len(rows["index"]) == 25
    for name in SHARED:
        np.testing.assert_array_equal(rows[name], exported[name])
        assert rows[name].dtype == exported[name].dtype
    reward = load_reward(folders / "reward")
    for episode in open_recording(folders / "films"):
        own = rows["tcn_robot.episode_id"] == episode.id
        frames = {view: episode.frames(view) for view in ("left", "right")}
        np.testing.assert_allclose(
            rows["progress_sparse"][own], reward.score_episode(frames), atol=1e-6
        )
        np.testing.assert_array_equal(
            rows["tcn_robot.time_seconds"][own], episode.timestamps("left")
        )
    assert rows["progress_sparse"].dtype == np.float32
    np.testing.assert_array_equal(rows["progress_sparse"], rows["reward"])
    facts = json.loads(pq.read_schema(out).metadata[b"tcn_robot"])
    assert facts["views"] == ["left", "right"]
    assert len(facts["encoder_sha256"][0]) == 64


def test_an_exported_dataset_gets_the_file_where_lerobot_looks_for_it(folders, tmp_path):
    exported = tmp_path / "exported"
    assert main(["export", "lerobot-v3", str(folders / "films"), str(exported)]) == 0
    assert relabel(folders / "films", "--fitted", folders / "reward", "--out", exported) == 0
    rows = rows_of(exported / "sarm_progress.parquet")
    # As its reader does it: bounds of an episode by index, the progress some frames ahead.
    for number in range(4):
        index = rows["index"][rows["episode_index"] == number]
        assert list(index) == list(range(index.min(), index.max() + 1))
    assert sorted(rows["index"]) == list(range(25))


def test_the_default_file_stands_beside_the_dataset(folders, tmp_path, capsys):
    data = write_films(tmp_path / "data", [3])
    before = sorted(path.name for path in data.rglob("*"))
    words = ["--encoder", folders / "run", "--demos", folders / "demos", "--reward", "goal"]
    assert relabel(data, *words) == 0
    assert "no column progress_sparse" in capsys.readouterr().err
    rows = rows_of(tmp_path / "data_progress.parquet")
    assert "progress_sparse" not in rows
    assert len(rows["reward"]) == 3
    assert sorted(path.name for path in data.rglob("*")) == before
    assert "is there already" in refusal(capsys, data, *words)


def test_views_of_unequal_lengths_are_scored_on_the_grid_of_the_export(folders, tmp_path, capsys):
    data = tmp_path / "uneven"
    with (
        DatasetWriter(data, "pushing", "lossless", kind="film") as writer,
        writer.episode(frame_rate_hz=10.0) as episode,
    ):
        for frame, picture in enumerate(moving_square(12)):
            views = {"left": picture} | ({"right": picture} if frame < 9 else {})
            episode.add_frames(frame / 10, views)
    words = [data, "--fitted", folders / "reward", "--out", tmp_path / "s.parquet"]
    assert "different lengths" in refusal(capsys, *words)
    assert relabel(*words, "--resample", "--rate", 5) == 0
    exported = tmp_path / "exported"
    assert main(["export", "lerobot-v3", str(data), str(exported), "--resample", "--rate=5"]) == 0
    scores = rows_of(tmp_path / "s.parquet")
    there = rows_of(next((exported / "data").rglob("*.parquet")))
    for name in SHARED:
        np.testing.assert_array_equal(scores[name], there[name])
    assert relabel(*words[:3], "--resample", "--rate", 5, "--out", exported) == 0
    (exported / "sarm_progress.parquet").unlink()
    wrong = [*words[:3], "--resample", "--rate", 10, "--out", exported]
    assert "other rows" in refusal(capsys, *wrong)


def test_what_cannot_be_is_one_line(folders, tmp_path, capsys):
    films, fitted = folders / "films", ("--fitted", folders / "reward")
    out = ("--out", tmp_path / "s.parquet")
    front = tmp_path / "front"
    with (
        DatasetWriter(front, "pushing", "lossless", kind="film") as writer,
        writer.episode(frame_rate_hz=10.0) as episode,
    ):
        for frame, picture in enumerate(moving_square(4)):
            episode.add_frames(frame / 10, {"front": picture})
    assert "episode 0 has front" in refusal(capsys, front, *fitted, *out)
    assert "--encoder is missing" in refusal(capsys, films, *out)
    assert "--fitted has encoder" in refusal(capsys, films, *fitted, "--demos", films, *out)
    assert "lies in" in refusal(capsys, films, *fitted, "--out", films / "s.parquet")
    assert ".parquet" in refusal(capsys, films, *fitted, "--out", tmp_path / "s.csv")
    assert "no export" in refusal(capsys, films, *fitted, "--out", tmp_path)
    exported = folders / "exported"
    assert "has 4 episodes" in refusal(capsys, front, *fitted, "--out", exported)
    assert "fitted reward" in refusal(capsys, films, "--fitted", tmp_path, *out)
    assert not (tmp_path / "s.parquet").exists()


def test_a_film_that_is_cut_short_is_named_and_nothing_is_written(folders, tmp_path, capsys):
    data = write_films(tmp_path / "data", [6, 6])
    (short,) = (data / "episode_000001").glob("*left*.mp4")
    (source,) = (write_films(tmp_path / "other", [4]) / "episode_000000").glob("*left*.mp4")
    short.write_bytes(source.read_bytes())
    words = [data, "--fitted", folders / "reward", "--out", tmp_path / "s.parquet"]
    assert "episode 1: the film of 'left' has 4 frames" in refusal(capsys, *words)
    assert not (tmp_path / "s.parquet").exists()


@pytest.mark.parametrize("options", [{}, {"alignment": "transport", "scored": "end"}])
def test_a_long_film_is_scored_frame_by_frame_to_the_same_scores(folders, options):
    reward = fit_reward("trajectory", folders / "run", folders / "demos", ("left",), options)
    frames = moving_square(12)
    expected = reward.score_episode({"left": frames})
    found = score_film(reward, {"left": iter(frames)}, len(frames), most_bytes=0)
    assert found.shape == (12,)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
