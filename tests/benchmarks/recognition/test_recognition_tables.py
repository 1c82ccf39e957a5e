"""The recognition tables in docs/benchmarks.md say what the results say."""

import json

import pytest

from tests.support.scripts import load_script

ORIGIN = {"commit": "c" * 40, "machine": {"cpu": "c", "cores": 2}}


def linear(top1: float, **more) -> dict:
    each = {"1": top1 + 0.01, "2": top1 - 0.01}
    interval = [top1 - 0.03, top1 + 0.04]
    return {"linear": {"top1": top1, "top1_interval": interval, "per_split": each, **more}}


def difference(mean: float) -> dict:
    return {"mean": mean, "interval": [mean - 0.02, mean + 0.02]}


def run(top1: float, name: str, other: str) -> dict:
    figure = linear(
        top1,
        above={f"untrained, as {name}": difference(0.1), "pixels": difference(0.05)},
        against={other: difference(-0.011)},
    )
    few = {"few 5": {"top1": 0.3, "top1_interval": [0.2, 0.4]}}
    return {"kind": "run", "figures": {"segments": figure | few, "mean": linear(0.2)}}


FROZEN = {
    "benchmark": "recognition",
    "classes": ["a", "b"],
    "splits": {"1": {"train": 9, "test": 4}, "2": {"train": 9, "test": 1005}},
    **{"frames": 8, "segments": 4, "representation": "features", "chance": {"top1": 0.5}},
    "rows": {
        "runs/tcn-{split}": run(0.613, "runs/tcn-{split}", "runs/tce-{split}"),
        "runs/tce-{split}": run(0.624, "runs/tce-{split}", "runs/tcn-{split}"),
        "untrained, as runs/tce-{split}": {
            "kind": "untrained",
            "figures": {"segments": linear(0.4)},
        },
        "pixels": {"kind": "pixels", "figures": {"segments": linear(0.5)}},
    },
} | ORIGIN


def row(top1: float) -> dict:
    one = {"top_1": top1, "top_1_interval": [top1 - 0.1, top1 + 0.1]}
    return one | {"top_5": 0.7, "top_5_interval": [0.6, 0.8]}


TUNED = {
    "amounts": {
        "5": {
            "pretrained": row(0.4)
            | {"trainings": [{"split": 1, "draw": 0}, {"split": 3, "draw": 1}]},
            "scratch": row(0.25),
            "difference": row(0.15),
        }
    },
    "chance": {"top_1": 0.059, "top_5": 0.294},
    "options": {"segments": 3, "min_steps": 120, "learning_rates": [0.03]},
} | ORIGIN


@pytest.fixture
def recognition_tables():
    return load_script("recognition_tables").recognition_tables


def test_frozen_features_stand_beside_controls_and_each_other(tmp_path, recognition_tables):
    (tmp_path / "three.json").write_text(json.dumps(FROZEN))
    text = recognition_tables(tmp_path)
    assert "### Frozen: three\n\n2 classes, splits 1, 2, 1,009 test clips;" in text
    assert (
        "| features | linear, in order | 5 labels, in order | linear, mean | linear, each split |"
        in text
    )
    assert (
        "| tcn-{split} | 61.3 [58.3, 65.3] | 30.0 [20.0, 40.0] | 20.0 [17.0, 24.0] | 62.3, 60.3 |"
        in text
    )
    assert "| pixels | 50.0 [47.0, 54.0] | – | – | 51.0, 49.0 |" in text
    assert "| untrained, as tce-{split} | 40.0 [37.0, 44.0] | – |" in text
    assert "| less | untrained | pixels | tce-{split} | tcn-{split} |" in text
    assert (
        "| tcn-{split} | +10.0 [+8.0, +12.0] | +5.0 [+3.0, +7.0] | -1.1 [-3.1, +0.9] | – |" in text
    )


def test_fine_tuning_has_both_starts_and_their_difference(tmp_path, recognition_tables):
    (tmp_path / "tuned.json").write_text(json.dumps(TUNED))
    ordered = TUNED | {"options": TUNED["options"] | {"ordered": True, "segments": 8}}
    (tmp_path / "tuned-in-order.json").write_text(json.dumps(ordered))
    text = recognition_tables(tmp_path)
    drawn = "Splits 1, 3, 2 draws of labels"
    assert f"{drawn}, 3 segments, 120 steps at least, rates 0.03." in text
    assert f"{drawn}, 8 segments, each with weights of its own, 120 steps at least" in text
    assert "| 5 | pretrained | 40.0 [30.0, 50.0] | 70.0 [60.0, 80.0] |" in text
    assert "| 5 | difference | +15.0 [+5.0, +25.0] | +70.0 [+60.0, +80.0] |" in text
    assert "|  | guessing | 5.9 | 29.4 |" in text


def test_a_folder_without_results_has_no_tables(tmp_path, recognition_tables):
    assert recognition_tables(tmp_path) == ""
