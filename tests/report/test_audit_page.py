"""The page of an audit: its words, its figure, and a real browser without a complaint."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from tcn_robot.look import LIGHT, drawing
from tcn_robot.report.audit_evidence import AuditedFilm, AuditEvidence
from tcn_robot.report.audit_page import render_audit_page, write_audit_page
from tcn_robot.report.figures_audit import cheats_figure
from tests.report.browser import Browser
from tests.report.synthetic import AUDIT_RECORD as RECORD
from tests.report.synthetic import moving_square


@pytest.fixture(scope="module")
def evidence() -> AuditEvidence:
    rewards = np.linspace(0.0, 1.0, 20)
    film = AuditedFilm("thrown", "thrown <away>", moving_square(20), rewards[::-1], rewards)
    success = AuditedFilm("", "success", moving_square(20), rewards, rewards)
    return AuditEvidence(RECORD, {"thrown": "does it pay?"}, [film], 10.0, success)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, evidence: AuditEvidence) -> Path:
    path = tmp_path_factory.mktemp("audit") / "page.html"
    write_audit_page(evidence, path)
    return path


def test_the_page_says_what_was_found(page: Path) -> None:
    text = page.read_text("utf-8")
    assert "progress on MujocoPush-v0: audit" in text
    assert "not accepted, because of thrown" in text
    assert "2 probes, each with one verdict" in text
    assert text.count('class="verdict fail"') == 2  # in the table and below the film
    assert "thrown &lt;away&gt;" in text
    assert "expert &lt;failed&gt;" in text
    assert "--reward-options" in text
    plain = re.sub(r"</?span>", "", text)
    assert "--horizon 40 --probes order loop" in plain
    assert not re.findall(r'(?:src|srcset|poster|href)="(?!data:|#)', text)


def test_an_unfinished_audit_says_so(evidence: AuditEvidence) -> None:
    record = {**RECORD, "complete": False, "score": None, "accepted": None}
    text = render_audit_page(AuditEvidence(record, {}))
    assert "not finished" in text
    assert "<video" not in text


def test_what_was_not_tried_is_not_accepted() -> None:
    probes = {"light": RECORD["probes"]["light"], "separation": RECORD["probes"]["separation"]}
    record = {**RECORD, "accepted": None, "probes": probes}
    text = render_audit_page(AuditEvidence(record, {}))
    assert "is not decided. Not tried: order and adversary." in text
    assert "without the adversary" in text
    assert "no cheat that was tried pays" not in text
    record = {**record, "accepted": True, "not_tried": []}
    text = render_audit_page(AuditEvidence(record, {}))
    assert "no cheat that was tried pays" in text
    assert "Not tried" not in text
    assert "with the adversary" in text


def test_the_order_that_counts_is_the_one_in_the_headline() -> None:
    figures = {"voc": 0.11, "stopping": 0.93, "order": 0.93, "order_interval": [0.9, 0.95]}
    found = {**RECORD["probes"]["separation"], "probe": "order"}
    for counted, words in (("stopping", "moments to stop"), ("voc", "(VOC)")):
        probe = {**found, "figures": {**figures, "counted": counted}}
        record = {**RECORD, "probes": {"order": probe}}
        text = render_audit_page(AuditEvidence(record, {}))
        assert "0.93" in text
        assert "0.11" not in text
        assert words in text


def test_draws_that_are_all_alike_have_no_interval() -> None:
    found = RECORD["probes"]["separation"]
    probe = {**found, "figures": {**found["figures"], "auc_last_interval": None}}
    text = render_audit_page(AuditEvidence({**RECORD, "probes": {"separation": probe}}, {}))
    assert "95 % interval – (all draws alike)" in text


def test_the_figure_shows_share_due_and_limit() -> None:
    with drawing(LIGHT):
        axes = cheats_figure(RECORD, LIGHT).axes[0]
    assert [bar.get_width() for bar in axes.patches] == pytest.approx([0.9])
    marks = [line.get_xdata()[0] for line in axes.lines]
    assert marks == pytest.approx([0.2, 0.8, 1.0])


@pytest.mark.parametrize(("width", "dark"), [(1200, False), (400, True)])
def test_a_browser_shows_everything_without_complaint(
    page: Path, browser: Browser, width: int, dark: bool
) -> None:
    shown = browser.look(page, width, dark)
    assert shown["sections"] == ["tells", "cheat", "robust", "films", "made"]
    assert len(shown["films"]) == 2
