"""What `check --repair` makes of every kind of fault: mended, or set aside, never lost."""

from __future__ import annotations

import shutil
from pathlib import Path

import av
import numpy as np
import pytest

from tcn_robot import cli
from tcn_robot.atomic import exchange
from tcn_robot.recordings import (
    KINDS,
    DatasetWriter,
    dataset_faults,
    find_faults,
    open_recording,
)
from tests.support.corpus import PLANTERS, edit_table

# Of the mendable kinds, those whose planted fault leaves nothing to mend with, or needs a word.
SET_ASIDE = {"missing-file", "undecodable-film", "changed-file"}
MENDED = {name for name, kind in KINDS.items() if kind.is_mendable} - SET_ASIDE
WHOLE_DATASET = {"newer-format", "damaged-dataset-file", "broken-history"}
OF_MODELS = {"missing-model", "changed-model"}


def content(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def faults_of(path: Path) -> list[str]:
    found = [str(f) for f in dataset_faults(path) if f.is_fault]
    return found + [str(f) for _, fs in find_faults(open_recording(path)) for f in fs if f.is_fault]


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("kind", sorted(KINDS.keys() - WHOLE_DATASET - OF_MODELS))
def test_a_mended_dataset_is_clean_and_nothing_is_lost(
    tmp_path: Path, clean_datasets: dict[str, Path], kind: str, in_place: bool
) -> None:
    sort, plant = PLANTERS[kind]
    path = tmp_path / "d"
    shutil.copytree(clean_datasets[sort], path)
    plant(path)
    before, ids = content(path), set(open_recording(path).ids)
    command = ["check", str(path), "--repair", *(["--in-place"] if in_place else [])]
    assert cli.main(command) == 0
    target = path if in_place else tmp_path / "d-repaired"
    assert not faults_of(target)
    left = set(open_recording(target).ids)
    is_kept = not KINDS[kind].is_fault or kind in MENDED
    assert len(ids - left) == (0 if is_kept else 1)
    if in_place:
        kept = set(content(path).values())
        going = "episode_000001" if kind == "deleted-episode" else ".partial"
        assert all(data in kept for name, data in before.items() if going not in name)
        assert not list(path.glob(".partial-*"))
    else:
        assert content(path) == before


def test_other_episodes_are_copied_byte_for_byte(
    tmp_path: Path, clean_datasets: dict[str, Path]
) -> None:
    path = tmp_path / "d"
    shutil.copytree(clean_datasets["films"], path)
    PLANTERS["counts-disagree"][1](path)
    assert cli.main(["check", str(path), "--repair", "--out", str(tmp_path / "m")]) == 0
    for id in (1, 2, 3, 4):
        mended, original = (open_recording(p).by_id(id) for p in (tmp_path / "m", path))
        assert mended.content_hash == original.content_hash
    mended = open_recording(tmp_path / "m").by_id(0)
    np.testing.assert_array_equal(mended.frames("left"), open_recording(path)[0].frames("left"))
    film = "episode_000000/left.mp4"
    assert (tmp_path / "m" / film).read_bytes() == (path / film).read_bytes()
    assert mended.metadata["repaired"] == ["counts-disagree: mended"]


def test_a_copy_has_the_history_of_its_original(
    tmp_path: Path, clean_datasets: dict[str, Path]
) -> None:
    path = tmp_path / "d"
    shutil.copytree(clean_datasets["films"], path)
    for arguments in (["relabel", "--task", "tea"], ["delete", "--ids", "4"]):
        assert cli.main(["edit", str(path), *arguments]) == 0
    assert cli.main(["edit", str(path), "relabel", "--ids", "0", "1", "--split", "test"]) == 0
    PLANTERS["counts-disagree"][1](path)  # episode 0
    for _ in range(2):
        assert cli.main(["check", str(path), "--repair", "--out", str(tmp_path / "m")]) == 0
    mended = open_recording(tmp_path / "m")
    assert mended.metadata == open_recording(path).metadata
    assert (mended.task, mended.ids) == ("tea", (0, 1, 2, 3))
    assert [episode.split for episode in mended] == ["test", "test", "train", "train"]
    with DatasetWriter(tmp_path / "m", "tea", kind="film") as writer:
        assert writer.next_id() == 5


def test_lost_times_come_from_the_films(tmp_path: Path, clean_datasets: dict[str, Path]) -> None:
    path = tmp_path / "d"
    shutil.copytree(clean_datasets["films"], path)
    (path / "episode_000000" / "frames.parquet").unlink()
    assert cli.main(["check", str(path), "--repair"]) == 0
    original = open_recording(clean_datasets["films"])[0]
    mended = open_recording(tmp_path / "d-repaired")[0]
    for view in ("left", "right"):
        np.testing.assert_allclose(mended.timestamps(view), original.timestamps(view), atol=1e-6)


def test_rows_that_are_missing_cut_a_simulated_episode(
    tmp_path: Path, clean_datasets: dict[str, Path]
) -> None:
    path = tmp_path / "d"
    shutil.copytree(clean_datasets["simulated"], path)

    def shorten(columns: dict[str, list[object]]) -> None:
        for values in columns.values():
            del values[-2:]

    edit_table(path, "steps.parquet", shorten)
    assert cli.main(["check", str(path), "--repair"]) == 0
    original, mended = open_recording(path)[0], open_recording(tmp_path / "d-repaired")[0]
    assert mended.steps is not None
    assert len(mended.steps["state"]) == mended.length("front") == original.length("front") - 2
    assert not faults_of(tmp_path / "d-repaired")


def test_a_changed_file_needs_a_word_from_the_user(
    tmp_path: Path, clean_datasets: dict[str, Path]
) -> None:
    path = tmp_path / "d"
    shutil.copytree(clean_datasets["films"], path)
    PLANTERS["changed-file"][1](path)
    assert cli.main(["check", str(path), "--repair", "--accept-changes"]) == 0
    assert open_recording(tmp_path / "d-repaired").ids == open_recording(path).ids
    assert not faults_of(tmp_path / "d-repaired")


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--repair", "--in-place", "--out", "x"], "contradict each other"),
        (["--out", "x"], "belong to --repair"),
        (["--in-place"], "belong to --repair"),
    ],
)
def test_options_that_make_no_sense(
    clean_datasets: dict[str, Path],
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    line: str,
) -> None:
    assert cli.main(["check", str(clean_datasets["films"]), *options]) == 2
    assert line in capsys.readouterr().err


def break_film(path: Path, view: str, frame: int) -> None:
    """Overwrite the coded picture of one frame, so that decoding ends before it."""
    film = path / "episode_000004" / f"{view}.mp4"
    with av.open(str(film)) as container:
        packets = [(p.pos, p.size) for p in container.demux(video=0) if p.size]
    position, size = packets[frame]
    data = bytearray(film.read_bytes())
    data[position : position + size] = b"\xff" * size
    film.write_bytes(data)


def test_a_film_that_breaks_is_cut_there_and_the_others_stay(
    tmp_path: Path, clean_datasets: dict[str, Path]
) -> None:
    path = tmp_path / "d"
    shutil.copytree(clean_datasets["films"], path)
    break_film(path, "left", 12)
    assert cli.main(["check", str(path), "--repair"]) == 0
    assert not faults_of(tmp_path / "d-repaired")
    mended = open_recording(tmp_path / "d-repaired").by_id(4)
    original = open_recording(clean_datasets["films"]).by_id(4)
    assert mended.length("left") == 12
    np.testing.assert_array_equal(mended.frames("left"), original.frames("left")[:12])
    right = [folder / "episode_000004/right.mp4" for folder in (tmp_path / "d-repaired", path)]
    assert right[0].read_bytes() == right[1].read_bytes()
    assert "left: kept 12 of 20 frames" in mended.metadata["repaired"]


def test_a_broken_film_does_not_excuse_another_changed_file(
    tmp_path: Path, clean_datasets: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "d"
    shutil.copytree(clean_datasets["films"], path)
    break_film(path, "left", 12)
    other = path / "episode_000004" / "right.mp4"
    content = other.read_bytes()
    at = content.index(b"isom", 8)
    other.write_bytes(content[: at + 8] + b"X" + content[at + 9 :])
    assert cli.main(["check", str(path), "--repair"]) == 0
    assert "--accept-changes takes it as it is" in capsys.readouterr().out
    assert 4 not in open_recording(tmp_path / "d-repaired").ids


def test_an_interruption_in_place_loses_no_original(
    tmp_path: Path, clean_datasets: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "d"
    shutil.copytree(clean_datasets["films"], path)
    PLANTERS["counts-disagree"][1](path)
    before = set(content(path).values())

    def exchange_and_die(first: Path, second: Path) -> bool:
        assert exchange(first, second)
        raise KeyboardInterrupt

    monkeypatch.setattr("tcn_robot.workflows.repair.exchange", exchange_and_die)
    assert cli.main(["check", str(path), "--repair", "--in-place"]) == 130
    with DatasetWriter(path, "pouring", kind="film"):  # the next one clears up
        pass
    assert before <= set(content(path).values())
    assert len(open_recording(path)) == 5
