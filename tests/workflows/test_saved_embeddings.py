"""Embeddings that others have saved: what is read, and what is refused without executing it."""

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from tcn_robot.errors import UserError
from tcn_robot.workflows.saved_embeddings import read_embeddings


@pytest.fixture
def array():
    return np.random.default_rng(0).normal(size=(5, 3))


def test_npy_and_npz(array, tmp_path):
    np.save(tmp_path / "a.npy", array)
    np.savez(tmp_path / "a.npz", embeddings=array, phase=list("abcde"), other=np.ones((2, 2)))
    np.savez(tmp_path / "b.npz", array, label=np.arange(5))
    np.testing.assert_array_equal(read_embeddings(tmp_path / "a.npy").embeddings, array)
    first, second = (read_embeddings(tmp_path / name) for name in ("a.npz", "b.npz"))
    np.testing.assert_array_equal(first.embeddings, array)
    assert first.columns["phase"].tolist() == list("abcde")
    assert set(first.columns) == {"phase"}
    np.testing.assert_array_equal(second.embeddings, array)
    assert second.columns["label"].tolist() == [0, 1, 2, 3, 4]


def test_parquet(array, tmp_path):
    lists = pyarrow.table({"embedding": array.tolist(), "phase": list("abcde")})
    columns = pyarrow.table({"x": array[:, 0], "y": array[:, 1], "views": list("aabbb")})
    pyarrow.parquet.write_table(lists, tmp_path / "lists.parquet")
    pyarrow.parquet.write_table(columns, tmp_path / "columns.parquet")
    first, second = (read_embeddings(tmp_path / f"{name}.parquet") for name in ("lists", "columns"))
    np.testing.assert_array_equal(first.embeddings, array)
    assert first.columns["phase"].tolist() == list("abcde")
    np.testing.assert_array_equal(second.embeddings, array[:, :2])
    assert second.columns["views"].tolist() == list("aabbb")


@pytest.mark.parametrize("name", ["no.npy", "text.npy", "text.npz", "text.parquet"])
def test_what_is_no_such_file_is_told(name, tmp_path):
    if name != "no.npy":
        (tmp_path / name).write_text("no array")
    with pytest.raises(UserError, match=name):
        read_embeddings(tmp_path / name)


def test_objects_are_never_loaded(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(UserError, match="cannot be read as embeddings"):
        read_embeddings(tmp_path / "a.npy")


def test_shapes_and_numbers_that_are_no_embeddings(array, tmp_path):
    np.save(tmp_path / "line.npy", array[0])
    np.savez(tmp_path / "two.npz", a=array, b=array)
    np.save(tmp_path / "nan.npy", np.where(array > 0, np.nan, array))
    ragged = pyarrow.table({"embeddings": [[1.0, 2.0], [1.0]]})
    pyarrow.parquet.write_table(ragged, tmp_path / "ragged.parquet")
    for name, said in {
        "line.npy": r"shape \(frames, dimensions\)",
        "two.npz": "expected one array 'embeddings'",
        "nan.npy": "NaN",
        "ragged.parquet": "cannot be read as embeddings",
    }.items():
        with pytest.raises(UserError, match=said):
            read_embeddings(tmp_path / name)
