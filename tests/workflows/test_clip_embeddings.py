"""Features of clips in files: which formats, and what is refused before anything is measured."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tcn_robot.benchmarks.recognition.clips import Clip
from tcn_robot.errors import UserError
from tcn_robot.workflows.clip_embeddings import read_clip_embeddings
from tests.support.action_sets import clip_name


@pytest.fixture
def clips():
    """40 clips, by name alone: nothing is decoded."""
    return [
        Clip(clip_name(label, group, 1), label, f"g{group:02d}", Path("nowhere"), "hand")
        for group in range(1, 21)
        for label in ("RedLeft", "BlueRight")
    ]


def test_features_of_others(clips, tmp_path):
    names = [clip.name for clip in clips]
    rows = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)
    one = tmp_path / "table.npz"
    np.savez(one, names=np.array(names[::-1]), features=rows[::-1])
    np.testing.assert_array_equal(read_clip_embeddings(one, clips)[:, 0], rows)
    each = tmp_path / "each.npz"
    np.savez(each, **{name: np.stack([row, row]) for name, row in zip(names, rows, strict=True)})
    np.testing.assert_array_equal(read_clip_embeddings(each, clips)[:, 1], rows)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows.pop("RedLeft/v_RedLeft_g01_c01.avi"), "1 are missing, such as 'RedLef"),
        (lambda rows: rows.update({next(iter(rows)): np.zeros(7)}), "the same for all, found"),
        (lambda rows: rows.update({next(iter(rows)): np.full(6, np.nan)}), "NaN or infinity"),
        (lambda rows: rows.update({n: np.zeros((1, 2, 3)) for n in rows}), "the same for all"),
        (lambda rows: rows.update({n: np.array(["a"]) for n in rows}), "real numbers"),
        (lambda rows: rows.update({next(iter(rows)): np.array([{}])}), "no plain numbers"),
    ],
)
def test_features_that_cannot_be_are_refused(clips, tmp_path, change, message):
    rows = {clip.name: np.zeros(6) for clip in clips}
    change(rows)
    path = tmp_path / "features.npz"
    np.savez(path, **rows)
    with pytest.raises(UserError) as refusal:
        read_clip_embeddings(path, clips)
    assert message in str(refusal.value)


def test_files_that_hold_no_features_are_refused(clips, tmp_path):
    with pytest.raises(UserError, match="no such file"):
        read_clip_embeddings(tmp_path / "none.npz", clips)
    np.save(tmp_path / "one.npy", np.zeros(3))
    with pytest.raises(UserError, match="without names"):
        read_clip_embeddings(tmp_path / "one.npy", clips)
    (tmp_path / "text.npz").write_text("no zip")
    with pytest.raises(UserError, match="cannot be read as embeddings"):
        read_clip_embeddings(tmp_path / "text.npz", clips)
    np.savez(tmp_path / "odd.npz", names=np.array(["a"]), features=np.zeros((2, 3)))
    with pytest.raises(UserError, match="1 names for features"):
        read_clip_embeddings(tmp_path / "odd.npz", clips)


def test_features_in_parquet(clips, tmp_path):
    names = [clip.name for clip in clips]
    rows = np.random.default_rng(0).normal(size=(40, 6))
    path = tmp_path / "features.parquet"
    pq.write_table(pa.table({"names": names, "features": rows.tolist()}), path)
    np.testing.assert_allclose(read_clip_embeddings(path, clips)[:, 0], rows, rtol=1e-6)
    pq.write_table(pa.table({"features": rows.tolist()}), path)
    with pytest.raises(UserError, match="expected a column 'names' of clips' names"):
        read_clip_embeddings(path, clips)


def test_a_clip_that_has_features_twice_is_refused(clips, tmp_path):
    names = [clip.name for clip in clips]
    path = tmp_path / "twice.npz"
    np.savez(path, names=np.array([*names, names[3]]), features=np.zeros((41, 6)))
    with pytest.raises(UserError, match="1 clips more than once, such as 'BlueRight") as refusal:
        read_clip_embeddings(path, clips)
    assert names[3] in str(refusal.value)


def test_further_arrays_beside_names_and_features_do_no_harm(clips, tmp_path):
    path = tmp_path / "more.npz"
    names = np.array([clip.name for clip in clips])
    np.savez(path, names=names, features=np.zeros((40, 6)), made_by=np.array("me"))
    assert read_clip_embeddings(path, clips).shape == (40, 1, 6)
    np.savez(path, names=names, values=np.zeros((40, 6)))
    with pytest.raises(UserError, match="expected 'names' and 'features' in"):
        read_clip_embeddings(path, clips)
