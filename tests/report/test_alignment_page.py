"""The page of the alignment suite: marks, splits, seeds, and nothing from elsewhere."""

import pytest

from tcn_robot.benchmarks.alignment.arrays import compare_embeddings
from tcn_robot.benchmarks.alignment.suite import suite_figures
from tcn_robot.look import LOOKS, drawing
from tcn_robot.report import alignment_page
from tcn_robot.report.alignment_page import render_alignment_page, write_alignment_page
from tcn_robot.report.evidence import Evidence
from tcn_robot.report.figures_alignment import Errors, error_figure, tau_figure
from tcn_robot.report.sections import sections
from tests.benchmarks.alignment.made_episodes import line


def row(error, tau):
    return {
        "error": error,
        "error_interval": [error * 0.9, error * 1.1],
        "tau_a": tau,
        "tau_a_interval": None,
        "tau_b": tau,
        "tau_b_interval": None,
    }


def described(heading, better="lower", over="moments", is_share=True):
    return {"heading": heading, "is_share": is_share, "better": better, "over": over,
            "is_published": False}  # fmt: skip


RESULT = {
    "trained": row(0.02, 0.8),
    "untrained": row(0.3, 0.6),
    "frame_counter": row(0.0, 0.99),
    "figures": {
        "error": described("error %"),
        "tau_a": described("tau_a", "higher", "pairs", False),
        "tau_b": described("tau_b", "higher", "pairs", False),
        "phase_100": described("phase, 100 % of labels: accuracy %", "higher", "dataset"),
    },
    "reached_by": {"error": ["frame_counter"], "tau_a": ["frame_counter"], "tau_b": []},
    "published": {},
    "headline": {"state": "measured", "split": "hard", "sentence": "hard split: error 24.5 %"},
    "splits": [
        {"name": "unseen body (hand: front)", "is_hard": False, "episodes": 20,
         "rows": {"trained": row(0.2, 0.4), "untrained": row(0.3, 0.1)},
         "reached_by": {"error": ["untrained"]}},
    ],
    "changed": {"reversed": row(0.5, -0.8)},
    "controls": {"reversed": {"what": "films run backwards", "theory": "minus the trained tau"},
                 "frame_counter": {"what": "a counter", "theory": "error 0"}},
    "seeds": [
        {"run": "a-0", "seed": 0, "trained": row(0.02, 0.8), "hard": None},
        {"run": "a-1", "seed": 1, "trained": row(0.03, 0.8), "hard": row(0.31, 0.2)},
    ],
    "encoders": [{"name": "b <script>", "trained": row(0.05, 0.7), "seeds": [], "splits": []}],
    "differences": [{"first": "a", "second": "b", "ordinary": row(-0.03, 0.1)}],
    "name": "a",
    "seen": {"bodies": ["robot"], "views": ["front"], "drawn": [], "from": "the run"},
    "runs": ["runs/a-0", "runs/a-1", "runs/b"],
    "recordings": ["data/pour-test"],
    "training_episodes": 0,
    "tasks": ["tcn_robot/MujocoPour-v0"],
    "episodes": 20,
    "views": ["front", "left"],
}  # fmt: skip


@pytest.fixture
def no_pictures(monkeypatch):
    """Pictures are drawn in a test of their own; a page has eight."""
    monkeypatch.setattr(alignment_page, "render_png", lambda draw, look: b"png")


def test_everything_stands_on_the_page(no_pictures, tmp_path):
    write_alignment_page(RESULT, tmp_path / "deep" / "page.html")
    page = (tmp_path / "deep" / "page.html").read_text("utf-8")
    assert "Alignment: MujocoPour-v0" in page
    assert "Hard split: error 24.5\u202f%." in page
    assert 'title="reached by frame counter">2.0\u202f% °' in page
    assert "° stands where the frame counter alone reaches it" in page
    assert 'title="reached by untrained">20.0\u202f% ≈' in page
    assert "minus the trained tau" in page
    assert "−0.800" in page
    assert "a less b, on the same episodes" in page
    assert "31.0\u202f%" in page
    assert "Unpaired films share no moment with these" in page
    assert "b &lt;script&gt;" in page
    assert "http" not in page
    assert "the other half of the episodes" in page


def test_without_labels_it_is_said_what_is_not_measured(no_pictures):
    figures = {name: one for name, one in RESULT["figures"].items() if name != "phase_100"}
    page = render_alignment_page(RESULT | {"figures": figures, "training_episodes": 8})
    assert "progression, events and attributes are not measured" in page
    assert "8 training episodes" not in page


def test_a_result_of_arrays_has_a_page_too(no_pictures):
    arrays = compare_embeddings(line(12), line(12), figures=suite_figures((1,), ()))
    page = render_alignment_page(arrays)
    assert "Alignment of embeddings" in page
    assert "Across episodes" in page
    assert "Films changed" not in page


@pytest.mark.parametrize("look", [LOOKS[0], LOOKS[-1]])
def test_pictures_have_a_bar_for_each_row(look):
    rows = {name: RESULT[name] for name in ("trained", "untrained", "frame_counter")}
    parts = [Errors("ordinary", rows), Errors("hard", RESULT["splits"][0]["rows"])]
    with drawing(look):
        errors = error_figure(parts, look)
        taus = tau_figure(rows, look)
    assert [len(axis.patches) for axis in errors.axes] == [3, 2]
    assert [bar.get_width() for bar in errors.axes[0].patches] == [0.02, 0.3, 0.0]
    assert len(taus.axes[0].patches) == 6


def test_a_report_of_the_chain_has_the_hard_split_too():
    measured = Evidence(task="t", alignment=RESULT)
    missing = Evidence(task="t", alignment=RESULT | {"headline": {"state": "missing"}})
    [section] = [one for one in sections(measured) if one.key == "alignment"]
    assert section.paragraphs[-1] == "Hard split: error 24.5 %."
    [section] = [one for one in sections(missing) if one.key == "alignment"]
    assert not any("Hard split" in paragraph for paragraph in section.paragraphs)
