"""`tcn-robot bench recognition` from end to end, on tiny sets in the layouts that people have."""

import json
from pathlib import Path

import numpy as np
import pytest

from tcn_robot.benchmarks.recognition.clips import open_action_set
from tcn_robot.cli import main
from tcn_robot.models import ConvolutionalConfig, ConvolutionalEncoder, seeded_generator
from tcn_robot.training import RunDescription, create_run, make_config
from tests.support.action_sets import CLASSES, write_hmdb51, write_pictures, write_ucf101

FAST = ["--frames", "4", "--segments", "2", "--draws", "1", "--untrained-seeds", "1"]
FAST += ["--labels-per-class", "2", "--label-shares", "0.5"]


@pytest.fixture(scope="module")
def ucf(tmp_path_factory):
    return write_ucf101(tmp_path_factory.mktemp("recognition") / "ucf")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recognition") / "run"
    config = ConvolutionalConfig(image_size_px=24, dimension=8, channels=(8, 8), strides=(2, 2))
    ConvolutionalEncoder(config, seeded_generator(1)).save(folder / "encoder")
    return folder


def features_that_know(action_set, frames=4):
    """Features of which the first says the colour and the order of the second the way."""
    clips = {c.name: c for s in action_set.splits.values() for c in (*s.train, *s.test)}
    generator = np.random.default_rng(0)
    rows = {}
    for name, clip in clips.items():
        colour = np.full(frames, float(clip.label.startswith("Red")))
        ways = np.linspace(0, 1, frames)
        ways = ways if clip.label.endswith("Right") else ways[::-1]
        rows[name] = np.stack([colour, ways], axis=1) + 0.01 * generator.normal(size=(frames, 2))
    return rows


def test_all_of_it_on_ucf101s_layout(ucf, run, tmp_path, capsys):
    out, page = tmp_path / "figures" / "recognition.json", tmp_path / "page.html"
    arguments = ["bench", "recognition", str(run), str(ucf), "--frames", "4", "--segments", "2"]
    arguments += ["--labels-per-class", "1", "all", "--label-shares", "0.5", "--draws", "2"]
    arguments += ["--untrained-seeds", "2", "--splits", "1", "3", "--layers", "--out", str(out)]
    assert main([*arguments, "--report", str(page)]) == 0
    printed = capsys.readouterr().out
    for words in ("untrained", "pixel PCA 8", "pixels", "chance 25.0", "convolution1", "features"):
        assert words in printed
    result = json.loads(out.read_text())
    assert result["classes"] == list(CLASSES)
    assert result["splits"]["1"] == {"train": 32, "test": 16}
    assert result["chance"] == {"top1": 0.25, "top5": 1.0, "majority": 0.25}
    row = result["rows"][str(run)]
    assert row["controls"] == ["untrained", "pixel PCA 8", "pixels"]
    assert list(row["figures"]) == ["mean", "segments", "shuffled", "first"]
    assert list(row["figures"]["mean"]) == ["knn", "linear", "few 1", "few 50%", "few all"]
    assert row["figures"]["mean"]["few 1"]["labels"] == 4
    assert len(row["figures"]["mean"]["few 50%"]["draws"]) == 2
    linear = row["figures"]["segments"]["linear"]
    assert np.sum(linear["confusion"]) == 32
    assert linear["top1"] == pytest.approx(np.mean(list(linear["per_split"].values())))
    assert set(linear["above"]) == set(row["controls"])
    assert row["figures"]["segments"]["few all"]["top1"] == linear["top1"]
    assert list(row["layers"]) == ["convolution1", "convolution2", "features", "embedding"]
    assert row["layers"]["embedding"]["segments"]["top1"] == linear["top1"]
    html = page.read_text()
    assert "Actions recognised" in html
    assert html.count("<figure") == 4  # labels, classes, one confusion matrix, layers
    assert "http" not in html.replace("http-equiv", "")


def test_the_same_command_gives_the_same_file(ucf, run, tmp_path):
    written = []
    for name in ("first.json", "second.json"):
        arguments = [str(run), str(ucf), "--splits", "1", *FAST, "--out", str(tmp_path / name)]
        assert main(["bench", "recognition", *arguments]) == 0
        written.append((tmp_path / name).read_text())
    assert written[0] == written[1]


def test_features_of_others_that_know_stand_beside_pixels_that_know_too(ucf, tmp_path):
    file = tmp_path / "features.npz"
    np.savez(file, **features_that_know(open_action_set(ucf)))
    out = tmp_path / "out.json"
    arguments = [str(ucf), "--embeddings", str(file), *FAST, "--out", str(out), "--splits", "2"]
    assert main(["bench", "recognition", *arguments]) == 0
    row = json.loads(out.read_text())["rows"][str(file)]
    assert row["kind"] == "embeddings"
    figures = row["figures"]
    assert figures["segments"]["linear"]["top1"] == 1.0
    assert figures["segments"]["linear"]["macro"] == 1.0
    # A square on even ground is easy: pixels know it too, and that is said.
    assert figures["segments"]["linear"]["reached_by"] == ["pixel PCA 2", "pixels"]
    # Without the order, the way cannot be known.
    assert figures["mean"]["linear"]["top1"] <= 0.75
    assert row["order"]["mean"] > 0.2
    assert row["order"]["interval"][0] > 0


def test_a_collapsed_embedding_gets_chance_and_every_control_reaches_it(ucf, tmp_path, capsys):
    clips = features_that_know(open_action_set(ucf))
    file = tmp_path / "collapsed.npz"
    np.savez(file, **{name: np.full((4, 2), 0.3) for name in clips})
    out = tmp_path / "out.json"
    options = [*FAST, "--out", str(out), "--splits", "1"]
    # The folder may come last, too, where the option takes it for a file.
    assert main(["bench", "recognition", *options, "--embeddings", str(file), str(ucf)]) == 0
    assert f"{file}: constant embedding, every figure is chance" in capsys.readouterr().out
    row = json.loads(out.read_text())["rows"][str(file)]
    for pooling in ("mean", "segments"):
        for figure in row["figures"][pooling].values():
            assert figure["top1"] == pytest.approx(0.25, abs=1e-6)
            assert figure["reached_by"]


def test_pictures_have_no_order_of_time(run, tmp_path):
    folder = write_pictures(tmp_path / "letters")
    out = tmp_path / "out.json"
    options = ["--labels-per-class", "1", "--label-shares", "0.5", "--draws", "1"]
    arguments = [str(run), str(folder), *options, "--untrained-seeds", "1", "--out", str(out)]
    assert main(["bench", "recognition", *arguments]) == 0
    result = json.loads(out.read_text())
    assert (result["frames"], result["layout"]) == (1, "pictures")
    assert list(result["rows"][str(run)]["figures"]) == ["mean"]


def test_hmdb51_and_two_runs(run, tmp_path, capsys):
    folder = write_hmdb51(tmp_path / "hmdb")
    other = tmp_path / "other"
    config = ConvolutionalConfig(image_size_px=24, dimension=4, channels=(8,), strides=(2,))
    ConvolutionalEncoder(config, seeded_generator(0)).save(other / "encoder")
    out = tmp_path / "out.json"
    options = ["--probes", "linear", "--pooling", "mean", "--untrained-seeds", "1"]
    arguments = [str(run), str(other), str(folder), *options, "--out", str(out)]
    assert main(["bench", "recognition", *arguments]) == 0
    rows = json.loads(out.read_text())["rows"]
    assert rows[str(run)]["controls"] == ["untrained", "pixel PCA 8", "pixels"]
    there = rows[str(run)]["figures"]["mean"]["linear"]["against"][str(other)]
    back = rows[str(other)]["figures"]["mean"]["linear"]["against"][str(run)]
    tops = [rows[str(one)]["figures"]["mean"]["linear"]["top1"] for one in (run, other)]
    assert there["mean"] == pytest.approx(tops[0] - tops[1])
    assert there["mean"] == pytest.approx(-back["mean"])
    assert f"mean, {run} less {other}: " in capsys.readouterr().out
    assert rows[str(other)]["controls"] == [f"untrained, as {other}", "pixel PCA 4", "pixels"]


@pytest.mark.parametrize("seen", ["features", "embedding"])
def test_features_know_nothing_of_the_embeddings_length(tmp_path, seen):
    folder, out = write_hmdb51(tmp_path / "hmdb"), tmp_path / "out.json"
    runs = []
    for unit_length in (False, True):
        config = ConvolutionalConfig(
            image_size_px=24, dimension=4, channels=(8,), strides=(2,), unit_length=unit_length
        )
        runs.append(str(tmp_path / f"unit-{unit_length}"))
        ConvolutionalEncoder(config, seeded_generator(0)).save(Path(runs[-1]) / "encoder")
    options = ["--probes", "linear", "--pooling", "mean", "--untrained-seeds", "1"]
    arguments = [*runs, str(folder), *options, "--representation", seen, "--out", str(out)]
    assert main(["bench", "recognition", *arguments]) == 0
    untrained = [name for name in json.loads(out.read_text())["rows"] if "untrained" in name]
    assert len(untrained) == (1 if seen == "features" else 2)


def test_seeds_of_one_training_get_a_row_and_an_interval_over_them(ucf, tmp_path, capsys):
    runs = [str(made_run(tmp_path / f"seed-{seed}", [tmp_path / "set"], seed)) for seed in range(3)]
    alone = str(made_run(tmp_path / "alone", seed=7))
    out, page = tmp_path / "out.json", tmp_path / "page.html"
    options = ["--splits", "1", *FAST, "--probes", "linear", "few", "--out", str(out)]
    options += ["--report", str(page)]
    assert main(["bench", "recognition", *runs, runs[0], alone, str(ucf), *options]) == 0
    rows = json.loads(out.read_text())["rows"]
    together = rows["tcn, 3 seeds"]
    assert (together["kind"], together["members"]) == ("seeds", runs)
    for pooling, probe in (("mean", "linear"), ("segments", "few 2")):
        figure = together["figures"][pooling][probe]
        each = [rows[run]["figures"][pooling][probe]["top1"] for run in runs]
        assert figure["seeds"] == pytest.approx(each)
        assert figure["top1"] == pytest.approx(np.mean(each))
        assert list(figure["against"]) == [alone]
        assert "tcn, 3 seeds" not in rows[alone]["figures"][pooling][probe]["against"]
    printed = capsys.readouterr().out
    assert f"mean, tcn, 3 seeds less {alone}: " in printed
    assert f"less {runs[1]}" not in printed
    assert "tcn, 3 seeds" in page.read_text()


def made_run(folder, datasets=(), seed=0, dimension=4):
    config = ConvolutionalConfig(image_size_px=24, dimension=dimension, channels=(8,), strides=(2,))
    if datasets:
        trained = make_config("tcn", steps=1, seed=seed)
        create_run(folder, RunDescription(trained, tuple(map(str, datasets)), "key"))
    ConvolutionalEncoder(config, seeded_generator(seed)).save(folder / "encoder")
    return folder


def test_a_run_per_split_and_what_it_has_seen(ucf, tmp_path, capsys):
    recordings = tmp_path / "recordings"
    assert main(["import", "ucf101", str(ucf), str(recordings), "--list-number", "1"]) == 0
    for split in (1, 2):
        made_run(tmp_path / f"run-{split}", [recordings], seed=split)
    out = tmp_path / "out.json"
    options = ["--splits", "1", "2", "--probes", "knn", "--pooling", "mean", "--out", str(out)]
    asked = str(tmp_path / "run-{split}")
    assert main(["bench", "recognition", asked, str(ucf), *options, "--untrained-seeds", "1"]) == 0
    result = json.loads(out.read_text())
    # Split 1 was imported by its own lists; all that split 2 tests on was trained on.
    line = f"split 2: {tmp_path}/run-2 was trained on 16 of the 16 test clips, without their labels"
    assert result["notes"] == [line]
    assert f"note: {line}" in capsys.readouterr().out
    together = result["rows"][asked]["figures"]["mean"]["knn"]["per_split"]
    alone = {}
    for split in (1, 2):
        run = str(tmp_path / f"run-{split}")
        options = ["--splits", str(split), "--probes", "knn", "--pooling", "mean"]
        arguments = [run, str(ucf), *options, "--untrained-seeds", "0", "--out", str(out)]
        assert main(["bench", "recognition", *arguments]) == 0
        figures = json.loads(out.read_text())["rows"][run]["figures"]["mean"]["knn"]
        alone |= figures["per_split"]
    assert together == alone


def test_runs_of_one_row_that_differ_are_refused(ucf, tmp_path, capsys):
    for split in (1, 2, 3):
        made_run(tmp_path / f"run-{split}", dimension=2 + split)
    assert main(["bench", "recognition", str(tmp_path / "run-{split}"), str(ucf)]) == 2
    assert "differ in shape" in capsys.readouterr().err


def test_bad_input_is_one_line_and_exit_code_2(ucf, run, tmp_path, capsys):
    for arguments, message in [
        ([str(ucf)], "expected a run and a folder of clips"),
        ([str(run), str(tmp_path / "none")], "does not exist"),
        ([str(tmp_path / "none"), str(ucf)], "no run at"),
        ([str(run), str(ucf), "--splits", "4"], "no split 4; there are 1, 2, 3"),
        ([str(run), str(ucf), "--segments", "3"], "--segments must divide"),
        ([str(run), str(ucf), "--frames", "0"], "--frames must be at least 1"),
        ([str(run), str(ucf), "--labels-per-class", "few"], "numbers from 1 on, or all"),
        ([str(run), str(ucf), "--label-shares", "1.5"], "between 0 and 1"),
        ([str(run), str(ucf), "--probes", "lineer"], "did you mean 'linear'"),
        ([str(run), str(ucf), "--out", str(tmp_path)], "found the folder"),
        ([str(run), str(ucf), "--report", str(tmp_path)], "found the folder"),
        ([str(ucf), "--embeddings", str(tmp_path / "no.npz")], "no such file"),
        ([str(run), str(ucf), "--same-within", "1"], "unknown option '--same-within'"),
    ]:
        assert main(["bench", "recognition", *arguments]) == 2, arguments
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1
