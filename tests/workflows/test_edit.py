"""`tcn-robot edit`: what a person types, and what it says."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tcn_robot import cli
from tcn_robot.errors import UserError
from tcn_robot.recordings import DatasetWriter, find_faults, open_recording
from tcn_robot.recordings.editing.splitting import draw_splits
from tests.support.films import moving_square


def edit(path: Path, *arguments: str) -> int:
    return cli.main(["edit", str(path), *arguments])


def write_dataset(path: Path, lengths: tuple[int, ...], task: str = "pouring") -> Path:
    with DatasetWriter(path, task, "lossless", kind="film") as writer:
        for length in lengths:
            with writer.episode(10.0) as episode:
                episode.metadata.update(split="train", clock={"name": "monotonic"})
                for frame, picture in enumerate(moving_square(length)):
                    episode.add_frames(frame / 10, {"left": picture})
    return path


def test_delete_and_then_record_on(film_dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert edit(film_dataset, "delete", "--ids", "0", "2-3", "--dry-run") == 0
    assert "would delete 3 episodes: 0, 2-3; 1 left" in capsys.readouterr().out
    assert len(open_recording(film_dataset)) == 4
    assert edit(film_dataset, "delete", "--ids", "0", "2-3") == 0
    assert open_recording(film_dataset).ids == (1,)
    assert cli.main(["check", str(film_dataset)]) == 0
    assert "1 episodes checked, 0 faulty" in capsys.readouterr().out
    assert not [name for name in film_dataset.iterdir() if name.name.startswith(".partial")]


def test_relabel(film_dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert edit(film_dataset, "relabel", "--ids", "1", "--success", "true", "--split", "valid") == 0
    assert edit(film_dataset, "relabel", "--policy", "Ana", "--embodiment", "hand") == 0
    assert edit(film_dataset, "relabel", "--ids", "1", "--success", "unknown") == 0
    assert edit(film_dataset, "relabel", "--task", "tea") == 0
    recording = open_recording(film_dataset)
    assert recording.task == "tea"
    assert [episode.split for episode in recording] == ["train", "valid", "train", "test"]
    assert recording.by_id(1).success is None
    assert {episode.metadata["policy"] for episode in recording} == {"Ana"}
    capsys.readouterr()
    assert cli.main(["info", str(film_dataset)]) == 0
    shown = capsys.readouterr().out
    assert "task       tea" in shown
    assert "splits     test 1, train 2, valid 1" in shown
    assert shown.count("edited ") == 4
    assert "relabel: task pouring is now tea" in shown


def test_labels_go_into_the_files_of_a_copy(film_dataset: Path, tmp_path: Path) -> None:
    assert edit(film_dataset, "relabel", "--ids", "0", "--policy", "Ana") == 0
    assert edit(film_dataset, "split", "--test", "0.5", "--out", str(tmp_path / "parts")) == 0
    parts = [open_recording(tmp_path / "parts" / name) for name in ("train", "test")]
    assert sorted(id for part in parts for id in part.ids) == [0, 1, 2, 3]
    for name, part in zip(("train", "test"), parts, strict=True):
        assert {episode.split for episode in part} == {name}
        for episode in part:
            assert ("Ana" in (episode.path / "episode.json").read_text()) == (episode.id == 0)
        assert not [fault for _, found in find_faults(part) for fault in found if fault.is_fault]


@pytest.mark.parametrize(("valid", "test"), [(0.0, 0.2), (0.1, 0.1), (0.01, 0.5), (0.0, 0.0)])
def test_splits_have_their_shares_and_follow_the_seed(valid: float, test: float) -> None:
    ids = [2, 3, 5, *range(10, 27)]
    drawn = draw_splits(ids, valid, test, seed=3)
    assert list(drawn) == ids
    counts = Counter(drawn.values())
    assert counts["valid"] == (max(1, round(20 * valid)) if valid else 0)
    assert counts["test"] == round(20 * test)
    assert drawn == draw_splits(ids[::-1], valid, test, seed=3)
    if test:
        assert drawn != draw_splits(ids, valid, test, seed=4)


@pytest.mark.parametrize(("valid", "test"), [(-0.1, 0), (0, 1.0), (0.5, 0.5)])
def test_splits_that_leave_nothing_are_refused(valid: float, test: float) -> None:
    with pytest.raises(UserError):
        draw_splits([0, 1, 2], valid, test, seed=0)


def test_merge_keeps_ids_where_they_are_free(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = write_dataset(tmp_path / "a", (4, 5, 6))
    second = write_dataset(tmp_path / "b ü", (7, 8, 9, 10))
    assert edit(first, "delete", "--ids", "1") == 0
    out = tmp_path / "out"
    assert edit(first, "merge", str(second), "--out", str(out), "--dry-run") == 0
    assert not out.exists()
    for _ in range(2):  # the second call finds everything there
        assert edit(first, "merge", str(second), "--out", str(out)) == 0
    merged = open_recording(out)
    lengths = {episode.id: episode.length("left") for episode in merged}
    assert lengths == {0: 4, 2: 6, 3: 10, 4: 7, 5: 8, 6: 9}  # 1 was deleted and stays free
    assert merged.by_id(4).metadata["merged_from"]["dataset"] == "b ü"
    assert merged.by_id(4).metadata["merged_from"]["id"] == 0
    assert "b ü: episode 0 becomes 4" in capsys.readouterr().out
    original = open_recording(second).by_id(0)
    assert np.array_equal(merged.by_id(4).frames("left"), original.frames("left"))
    assert {fault.kind for _, faults in find_faults(merged) for fault in faults} <= {
        "repeated-episode"
    }


def test_merging_takes_the_models_along(
    clean_datasets: dict[str, Path], tmp_path: Path, film_dataset: Path
) -> None:
    simulated = clean_datasets["simulated"]
    out = tmp_path / "out"
    assert edit(simulated, "merge", str(simulated), "--out", str(out)) == 0
    assert len(open_recording(out)) == 4
    assert cli.main(["check", str(out)]) == 0
    assert edit(film_dataset, "merge", str(out), "--out", str(tmp_path / "none")) == 2


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "give an action"),
        (["deleet"], "did you mean 'delete'"),
        (["delete"], "missing --ids"),
        (["delete", "--ids", "9"], "no episode 9"),
        (["delete", "--ids", "x"], "found 'x'"),
        (["delete", "--ids", "3-1"], "ends before it begins"),
        (["delete", "--ids", "0-99999999999"], "no episode"),
        (["delete", "--ids", "0-3"], "without an episode"),
        (["relabel"], "nothing to say"),
        (["relabel", "--split", "tset"], "did you mean 'test'? (known: test, train, valid)"),
        (["relabel", "--task", "x", "--ids", "1"], "give it alone"),
        (["split", "--test", "2"], "a share from 0"),
        (["merge", "--out", "x"], "one more dataset"),
        (["merge", "nowhere", "--out", "x"], "does not exist"),
        (["trim", "--outt", "x"], "did you mean '--out'"),
    ],
)
def test_what_is_wrong_is_one_line_and_changes_nothing(
    film_dataset: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    complaint: str,
) -> None:
    assert edit(film_dataset, *arguments) == 2
    error = capsys.readouterr().err
    assert complaint in error
    assert len(error.splitlines()) == 1
    assert not (film_dataset / "dataset.000001.json").exists()


def test_an_edit_waits_for_no_recorder(
    film_dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with DatasetWriter(film_dataset, "pouring", kind="film"):
        assert edit(film_dataset, "delete", "--ids", "0") == 2
    assert "another recorder" in capsys.readouterr().err
    assert len(open_recording(film_dataset)) == 4


def test_the_action_first_is_explained(
    film_dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["edit", "delete", str(film_dataset)]) == 2
    assert "the dataset comes first" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        cli.main(["edit", "--help"])
    assert "actions:" in capsys.readouterr().out


def test_another_draw_does_not_mix_with_the_copies_of_the_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_dataset(tmp_path / "d", (4, 5, 6, 7, 8, 9))
    options = ["split", "--test", "0.5", "--out", str(tmp_path / "parts")]
    assert edit(path, *options, "--seed", "0") == 0
    assert edit(path, *options, "--seed", "0") == 0  # goes on, adds nothing
    before = [episode.split for episode in open_recording(path)]
    assert edit(path, *options, "--seed", "1") == 2
    assert "from elsewhere" in capsys.readouterr().err
    assert [episode.split for episode in open_recording(path)] == before
    train, test = (set(open_recording(tmp_path / "parts" / n).ids) for n in ("train", "test"))
    assert not train & test


@pytest.mark.parametrize("action", ["split", "trim", "merge"])
def test_a_copy_within_the_dataset_is_refused(
    film_dataset: Path, capsys: pytest.CaptureFixture[str], action: str
) -> None:
    options = {"split": [], "trim": ["--stop-frame", "2"], "merge": [str(film_dataset)]}[action]
    for out in (film_dataset, film_dataset / "within"):
        assert edit(film_dataset, action, *options, "--out", str(out)) == 2
        assert "not within it" in capsys.readouterr().err
    assert not (film_dataset / "within").exists()


def test_a_film_that_is_a_link_is_copied(film_dataset: Path, tmp_path: Path) -> None:
    film = film_dataset / "episode_000000" / "left.mp4"
    film.rename(film_dataset.parent / "store.mp4")
    film.symlink_to("../../store.mp4")
    other = write_dataset(tmp_path / "b", (4,))
    assert edit(film_dataset, "merge", str(other), "--out", str(tmp_path / "out")) == 0
    copied = open_recording(tmp_path / "out").by_id(0)
    assert not (copied.path / "left.mp4").is_symlink()
    expected = open_recording(film_dataset).by_id(0).frames("left")
    assert np.array_equal(copied.frames("left"), expected)


def test_a_merge_into_a_foreign_dataset_writes_nothing(
    film_dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = write_dataset(tmp_path / "b", (4,))
    out = write_dataset(tmp_path / "out", (3, 3, 3, 3, 3, 3, 3, 3))
    assert edit(film_dataset, "merge", str(other), "--out", str(out)) == 2
    assert "from elsewhere" in capsys.readouterr().err
    assert len(open_recording(out)) == 8


def test_what_was_deleted_in_a_merged_dataset_stays_deleted(
    film_dataset: Path, tmp_path: Path
) -> None:
    other, out = write_dataset(tmp_path / "b", (4,)), tmp_path / "out"
    for _ in range(2):
        assert edit(film_dataset, "merge", str(other), "--out", str(out)) == 0
        if len(open_recording(out)) == 5:
            assert edit(out, "delete", "--ids", "2") == 0
    assert open_recording(out).ids == (0, 1, 3, 4)


def test_films_and_simulations_are_not_merged(
    film_dataset: Path,
    clean_datasets: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    simulated = str(clean_datasets["simulated"])
    assert edit(film_dataset, "merge", simulated, "--out", str(tmp_path / "out")) == 2
    assert "stay apart" in capsys.readouterr().err
