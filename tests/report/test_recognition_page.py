"""The recognition page and its table say what the figures say, and mark what controls reach."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from tcn_robot.benchmarks.recognition.table import recognition_table
from tcn_robot.look import LIGHT, LOOKS, drawing
from tcn_robot.report.figures_recognition import (
    classes_figure,
    confusion_figure,
    labels_figure,
    layers_figure,
    short_name,
    styles,
)
from tcn_robot.report.recognition_page import render_recognition_page, write_recognition_page

CLASSES = ["Open<Box>", "Close", "Lift"]


def figure(top1, labels=30.0, reached=None):
    made = {"top1": top1, "top1_interval": [top1 - 0.05, top1 + 0.05], "top5": 1.0, "macro": top1}
    made |= {"per_split": {"1": top1}, "labels": labels}
    return made if reached is None else {**made, "above": {}, "reached_by": reached}


def row(kind, top1, reached=None):
    linear = figure(top1, reached=reached)
    if kind == "run":
        linear["per_class"] = {"Open<Box>": top1, "Close": 0.25, "Lift": None}
        linear["confusion"] = [[3, 1, 0], [2, 2, 0], [0, 0, 0]]
    few = {f"few {count}": figure(top1 / 2, 3.0 * count, reached) for count in (1, 5)}
    figures = {
        "mean": {"linear": linear, **few},
        "segments": {"knn": figure(top1, reached=reached), "linear": linear, **few},
        "shuffled": {"linear": linear},
        "first": {"linear": linear},
    }
    return {
        "kind": kind,
        "members": [],
        "controls": ["pixels"] if kind == "run" else [],
        "figures": figures,
        "layers": {"stage1": {"segments": figure(top1)}} if kind == "run" else {},
        "order": {"mean": 0.0, "interval": [-0.01, 0.02]},
    }


@pytest.fixture
def result():
    return {
        "folder": "data/actions",
        "layout": "ucf101",
        "notes": ["split 2: runs/a was trained on 3 of the 9 test clips, without their labels"],
        "classes": CLASSES,
        "splits": {"1": {"train": 30, "test": 8}},
        "validation": {"1": 6},
        "frames": 8,
        "segments": 4,
        "representation": "embedding",
        "draws": 5,
        "seed": 0,
        "confidence": 0.95,
        "untrained_seeds": 3,
        "chance": {"top1": 1 / 3, "top5": 1.0, "majority": 0.4},
        "rows": {
            "runs/a": row("run", 0.8, []),
            "runs/<b>": row("run", 0.6, ["pixels"]),
            "pixels": row("pixels", 0.55),
        },
    }


def test_the_page_holds_everything_and_loads_nothing(result, tmp_path):
    write_recognition_page(result, tmp_path / "below" / "page.html")
    html = (tmp_path / "below" / "page.html").read_text()
    assert "80.0" in html
    assert "was trained on 3 of the 9 test clips" in html
    assert html.count("<figure") == 5  # labels, classes, two confusion matrices, layers
    assert 'src="http' not in html
    assert "<b>:" not in html  # names of runs are text
    assert "&lt;b&gt;" in html
    assert "Does the order of time matter?" in html


def test_what_a_control_reaches_is_marked(result):
    html = render_recognition_page(result)
    assert 'title="reached by pixels">60.0 ≈' in html
    assert "80.0 ≈" not in html
    table = recognition_table(result)
    assert "60.0 ≈ [55.0, 65.0]" in table
    assert "80.0 [75.0, 85.0]" in table
    assert "runs/a: +0.0 [-1.0, +2.0]" in table


def test_top_5_stands_on_the_page_and_in_the_table(result):
    for pooling in ("mean", "segments"):
        result["rows"]["runs/a"]["figures"][pooling]["linear"]["top5"] = 0.4321
    html = render_recognition_page(result)
    assert html.count("Top 5, linear: among the five likeliest (chance 100.0\xa0%)") == 1
    assert html.count("43.2") == 2
    table = recognition_table(result)
    lines = table[table.index("top 5 (linear), %; chance 100.0") :].splitlines()
    assert lines[1].split() == ["mean", "segments"]
    assert lines[2].split() == ["runs/a", "43.2", "43.2"]


def test_an_untrained_row_is_never_called_as_the_run(result):
    rows = result["rows"]
    rows["untrained, as runs/a"] = {**rows["pixels"], "kind": "untrained"}
    html = render_recognition_page(result)
    assert html.count("untrained, as a") >= 2
    assert short_name("runs/tce") == "tce"
    assert short_name("tce, 3 seeds") == "tce, 3 seeds"


def test_a_page_of_one_vector_per_clip_has_no_order(result):
    for one in result["rows"].values():
        one["figures"] = {"mean": {"knn": one["figures"]["segments"]["knn"]}}
        one["order"], one["layers"] = None, {}
    html = render_recognition_page(result)
    assert "order of time matter" not in html
    assert "<figure" not in html
    assert "order of time adds" not in recognition_table(result)


@pytest.mark.parametrize("look", LOOKS)
def test_figures_draw_in_every_look(result, look):
    rows = result["rows"]
    with drawing(look):
        labels = labels_figure(rows, "segments", 1 / 3, look)
        classes = classes_figure(rows, "segments", look)
        layers = layers_figure(rows, "segments", 1 / 3, look)
        counts = rows["runs/a"]["figures"]["mean"]["linear"]["confusion"]
        confusion = confusion_figure(counts, CLASSES, look)
    line = labels.axes[0].lines[0]
    np.testing.assert_allclose(line.get_xdata(), [3, 15])
    np.testing.assert_allclose(line.get_ydata(), [0.4, 0.4])
    # A class that was not tested has no bar; the best known stands on top.
    names = [label.get_text() for label in classes.axes[0].get_yticklabels()]
    assert names == ["Close", "Open<Box>"]
    assert [label.get_text() for label in layers.axes[0].get_xticklabels()] == ["stage1"]
    shares = confusion.axes[0].images[0].get_array()
    np.testing.assert_allclose(shares[0], [0.75, 0.25, 0])
    np.testing.assert_allclose(shares[2], 0)


@pytest.mark.parametrize("look", [look for look in LOOKS if not look.narrow])
def test_shares_in_the_confusion_matrix_can_be_read(look):
    counts = np.array([[share, 100 - share] for share in (5, 30, 45, 50, 55, 70, 100)])
    square = np.zeros((7, 7))
    square[:, :2] = counts
    with drawing(look):
        figure = confusion_figure(square, list("abcdefg"), look)
    image = figure.axes[0].images[0]
    grounds = image.cmap(image.norm(square / 100))[..., :3]
    for text in figure.axes[0].texts:
        column, row = map(int, text.get_position())
        pair = sorted(luminance(rgb) + 0.05 for rgb in (grounds[row, column], text.get_color()))
        assert pair[1] / pair[0] > 3.6  # what the better of ink and paper has at worst


def luminance(colour):
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_runs_have_colours_and_controls_are_grey(result):
    found = styles(result["rows"], LIGHT)
    assert found["pixels"]["color"] == LIGHT.muted
    assert len({style["color"] for style in found.values()}) == 3
