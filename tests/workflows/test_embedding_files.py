"""Embeddings in files: formats, and what is refused before anything is measured."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tcn_robot.cli import main
from tcn_robot.errors import UserError
from tcn_robot.workflows.embedding_files import read_embeddings

FILM = np.linspace(0, 1, 24)[:, None] * np.array([1.0, 2.0, -1.0])


def embedded(path, encoder="abc", dimension=3, episodes=3, views=("front", "left")):
    """Write what `tcn-robot embed` writes: the same views of some episodes."""
    way = np.linspace(0, 1, 20)[:, None] * np.ones(dimension)
    rows = [(episode, view) for episode in range(episodes) for view in views]
    columns = {
        "embeddings": np.concatenate([way for _ in rows]).astype(np.float32),
        "episode_ids": np.repeat([episode for episode, _ in rows], 20),
        "views": np.repeat([view for _, view in rows], 20),
        "frame_indices": np.tile(np.arange(20), len(rows)),
        "timestamps": np.tile(np.arange(20) / 10, len(rows)),
        "splits": np.full(20 * len(rows), "test"),
    }
    if encoder:
        columns["encoders"] = np.full(20 * len(rows), encoder.encode())
    np.savez(path, **columns)
    return path


def bench(*words):
    return main(["bench", "alignment", "--embeddings", *map(str, words)])


def test_one_film_per_file_or_several_in_one(tmp_path):
    np.save(tmp_path / "a.npy", FILM)
    np.savez(tmp_path / "both.npz", later=FILM[::2], first=FILM)
    columns = {f"d{i}": FILM[:, i] for i in range(3)} | {"frame": np.arange(24)}
    pq.write_table(pa.table(columns), tmp_path / "columns.parquet")
    pq.write_table(pa.table({"embedding": FILM.tolist()}), tmp_path / "lists.parquet")
    names = ("a.npy", "both.npz", "columns.parquet", "lists.parquet")
    films, recordings = read_embeddings([tmp_path / name for name in names])
    assert recordings == []
    assert [name.rpartition("/")[2] for name, _ in films] == [
        *("a.npy", "both.npz:first", "both.npz:later", "columns.parquet", "lists.parquet")
    ]
    for place in (0, 1, 3, 4):
        np.testing.assert_array_equal(films[place][1], FILM)


def test_files_of_embed_are_whole_episodes(tmp_path, capsys):
    out = tmp_path / "out.json"
    first, second = (embedded(tmp_path / name) for name in ("a.npz", "b.npz"))
    assert bench(first, second, "--out", out, "--tolerances", "0", "2") == 0
    result = json.loads(out.read_text("utf-8"))
    assert (result["episodes"], result["views"]) == (6, ["front", "left"])
    assert result["trained"]["error"] == 0.0
    assert result["trained"]["accuracy_2_interval"] == [1.0, 1.0]
    assert "accuracy_1" not in result["trained"]
    assert "phase" not in capsys.readouterr().out
    alone = embedded(tmp_path / "old.npz", encoder="")
    assert len(read_embeddings([alone])[1][0].episodes) == 3


def test_whole_episodes_and_further_columns_in_every_format(tmp_path):
    path = embedded(tmp_path / "a.npz")
    with np.load(path) as file:
        columns = {name: file[name] for name in file.files}
    lists = {name: list(values) for name, values in columns.items()}
    pq.write_table(pa.table(lists), tmp_path / "a.parquet")
    from_npz, from_parquet = (read_embeddings([tmp_path / f"a.{end}"])[1][0].episodes
                              for end in ("npz", "parquet"))  # fmt: skip
    np.testing.assert_array_equal(from_npz[2]["left"], from_parquet[2]["left"])
    assert len(from_parquet) == 3
    np.savez(tmp_path / "one.npz", embeddings=FILM, phase=np.arange(24))
    np.savez(tmp_path / "two.npz", a=FILM, b=FILM, times=np.arange(24))
    films, _ = read_embeddings([tmp_path / "one.npz", tmp_path / "two.npz"])
    assert [name.rpartition("/")[2] for name, _ in films] == ["one.npz", "two.npz:a", "two.npz:b"]


def test_embeddings_of_another_encoder_are_refused(tmp_path, capsys):
    first = embedded(tmp_path / "a.npz", "abc")
    second = embedded(tmp_path / "b.npz", "def")
    assert bench(first, second) == 2
    error = capsys.readouterr().err
    assert "expected embeddings of one encoder, found abc in" in error
    assert len(error.splitlines()) == 1


def test_runs_and_files_at_once_and_a_bad_number_are_refused(tmp_path, capsys):
    np.save(tmp_path / "a.npy", FILM)
    for words, message in [
        (["a-run", "a-dir"], "found both (a-run and"),
        (["--same-within", "nan"], "--same-within must be finite and at least 0, found nan"),
    ]:
        files = [str(tmp_path / "a.npy")] * 2
        assert main(["bench", "alignment", *words, "--embeddings", *files]) == 2
        error = capsys.readouterr().err
        assert message in error
        assert len(error.splitlines()) == 1


def test_a_constant_embedding_is_said_and_scores_chance(tmp_path, capsys):
    np.save(tmp_path / "a.npy", np.ones((20, 3)))
    out = tmp_path / "out.json"
    np.save(tmp_path / "b.npy", np.ones((20, 3)))
    assert bench(tmp_path / "a.npy", tmp_path / "b.npy", "--out", out) == 0
    assert "constant embedding, every figure is chance" in capsys.readouterr().err
    result = json.loads(out.read_text("utf-8"))
    assert result["trained"]["error"] == pytest.approx(result["chance"]["error"])
    assert result["trained"]["tau_b"] == 0.0


def test_one_constant_film_among_others_is_not_said_to_score_chance(tmp_path, capsys):
    np.save(tmp_path / "a.npy", np.ones((24, 3)))
    np.save(tmp_path / "b.npy", FILM)
    assert bench(tmp_path / "a.npy", tmp_path / "b.npy") == 0
    error = capsys.readouterr().err
    assert "a.npy: constant embedding, its frames cannot be told apart" in error
    assert "chance" not in error
    assert "b.npy" not in error


def test_a_file_that_is_given_twice_is_refused(tmp_path, capsys):
    np.save(tmp_path / "a.npy", FILM)
    assert bench(tmp_path / "a.npy", tmp_path / "." / "a.npy") == 2
    error = capsys.readouterr().err
    assert "a.npy twice; what is compared with itself is always found" in error
    assert len(error.splitlines()) == 1


def test_arrays_without_times_have_no_figures_in_seconds(tmp_path, capsys):
    for name in ("a", "b"):
        np.save(tmp_path / f"{name}.npy", FILM)
    out = tmp_path / "out.json"
    assert bench(tmp_path / "a.npy", tmp_path / "b.npy", "--out", out) == 0
    assert "2 films of 24 frames, taken for views of the same moments" in capsys.readouterr().out
    assert not [name for name in json.loads(out.read_text("utf-8"))["trained"] if "seconds" in name]
    timed = embedded(tmp_path / "timed.npz")
    assert bench(timed, "--out", out) == 0
    assert json.loads(out.read_text("utf-8"))["trained"]["accuracy_0.1_seconds"] == 1.0


def test_films_of_different_lengths_are_said_to_be_episodes(tmp_path, capsys):
    np.save(tmp_path / "a.npy", FILM)
    np.save(tmp_path / "b.npy", FILM[::2])
    assert bench(tmp_path / "a.npy", tmp_path / "b.npy") == 0
    assert "2 films of 12 to 24 frames: of different lengths" in capsys.readouterr().out


def test_only_views_that_every_episode_has_are_measured(tmp_path, capsys):
    out = tmp_path / "out.json"
    wide = embedded(tmp_path / "wide.npz", views=("front", "left", "right"))
    narrow = embedded(tmp_path / "narrow.npz", views=("front", "right"))
    assert bench(wide, narrow, "--out", out) == 0
    result = json.loads(out.read_text("utf-8"))
    assert result["views"] == ["front", "right"]
    assert result["collapsed"]["ties"] == 1.0
    assert result["trained"]["tau_a"] == pytest.approx(1.0)
    assert "without left, which not every episode has" in capsys.readouterr().out
    assert bench(wide, embedded(tmp_path / "corner.npz", views=("corner",))) == 2
    error = capsys.readouterr().err
    assert "found front left right in" in error
    assert "corner.npz" in error
    assert len(error.splitlines()) == 1


def test_what_cannot_be_compared_is_refused_in_one_line(tmp_path):
    files = {
        "flat.npy": np.arange(5.0),
        "one.npy": FILM[:1],
        "nan.npy": FILM * np.nan,
        "wide.npy": np.ones((24, 7)),
        "good.npy": FILM,
    }
    for name, array in files.items():
        np.save(tmp_path / name, array)
    np.save(tmp_path / "pickle.npy", np.array([{}], object), allow_pickle=True)
    np.savez(tmp_path / "empty.npz")
    np.savez(tmp_path / "flats.npz", a=np.arange(3), b=np.arange(3))
    (tmp_path / "words.txt").write_text("1 2 3")
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04 broken")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 broken")
    pq.write_table(pa.table({"name": ["a", "b"]}), tmp_path / "words.parquet")
    uneven = pa.table({"embedding": [[1.0, 2.0], [1.0]]})
    pq.write_table(uneven, tmp_path / "uneven.parquet")
    embedded(tmp_path / "episodes.npz")
    for names, message in [
        (["flat.npy", "good.npy"], r"shape \(frames, dimensions\)"),
        (["one.npy", "good.npy"], "expected 2 frames or more, found 1"),
        (["nan.npy", "good.npy"], "NaN"),
        (["wide.npy", "good.npy"], "expected embeddings of one dimension, found 7 in"),
        (["broken.npz", "good.npy"], "cannot be read as embeddings"),
        (["broken.parquet", "good.npy"], "cannot be read as embeddings"),
        (["words.parquet", "good.npy"], r"found name \(string\)"),
        (["uneven.parquet", "good.npy"], r"found lengths \[1, 2\]"),
        (["gone.npy", "good.npy"], "no such file"),
        (["words.txt", "good.npy"], "ends with neither of .npy"),
        (["pickle.npy", "good.npy"], r"\(no plain numbers\)"),
        (["empty.npz", "good.npy"], "found none; save one per film"),
        (["flats.npz", "good.npy"], "found a, b; save one per film"),
        (["episodes.npz", "good.npy"], "give one kind"),
    ]:
        with pytest.raises(UserError, match=message) as raised:
            read_embeddings([tmp_path / name for name in names])
        assert "\n" not in str(raised.value)
