"""The page: complete, self-contained, and without a fault in a real browser."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from tcn_robot.report.evidence import Evidence
from tcn_robot.report.filling import with_code
from tcn_robot.report.page import render_report, write_report
from tcn_robot.report.policy_evidence import MethodOverTasks
from tcn_robot.report.policy_page import policy_values
from tcn_robot.report.sections import sections
from tests.report.browser import Browser
from tests.report.synthetic import full_evidence

MOST_BYTES = 15e6
SECTIONS = (
    "views", "found", "similarity", "embedding", "alignment", "reward", "policy", "films", "audit",
    "training", "options", "made",
)  # fmt: skip


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    evidence = full_evidence()
    evidence.missing = ["A <test>: of what is missing."]
    write_report(evidence, path)
    return path


def test_the_page_holds_everything_itself(page: Path) -> None:
    text = page.read_text("utf-8")
    assert len(text) < MOST_BYTES
    sources = re.findall(r'(?:src|srcset|poster|href)="([^"]{0,40})', text)
    assert sources
    assert all(source.startswith(("data:", "#")) for source in sources)
    assert "url(" not in text
    assert "@import" not in text


def test_names_are_escaped(page: Path) -> None:
    text = page.read_text("utf-8")
    assert "A &lt;test&gt;: of what" in text
    hostile = Evidence(task="<script>alert(1)</script>", missing=["<img src=x>"])
    assert "<script>alert" not in render_report(hostile)
    assert "<img src=x>" not in render_report(hostile)


@pytest.mark.parametrize("missing", ["strip", "retrieval", "similarity", "alignment", "training"])
def test_a_missing_part_leaves_its_section_out(missing: str) -> None:
    evidence = full_evidence()
    setattr(evidence, missing, None)
    left_out = {"strip": "views", "retrieval": "found"}.get(missing, missing)
    found = [section.key for section in sections(evidence)]
    assert found == [key for key in SECTIONS if key != left_out]


def test_a_page_about_policies_begins_with_them() -> None:
    evidence = full_evidence()
    evidence.policies_first = True
    found = [section.key for section in sections(evidence)]
    assert found[:4] == ["policy", "films", "audit", "views"]
    assert set(found) == set(SECTIONS)


def test_the_page_holds_audit_options_and_how_to_repeat_it() -> None:
    evidence = full_evidence()
    evidence.repeat = ["tcn-robot report runs/progress --out page.html"]
    evidence.over_tasks = [MethodOverTasks("sac, progress", ("A", "B"), 6, (0.5, (0.25, 0.75)))]
    text = re.sub(r"</?span>", "", render_report(evidence))
    assert text.count('class="verdict fail"') == 1
    assert "No run on this page is known to have learned from it." in text
    assert "tcn-robot imitate MujocoPush-v0 --reward progress" in text
    assert "tcn-robot report runs/progress --out page.html" in text
    assert "25 to 75" in text
    assert "<li>reward progress</li>" in text


def test_films_of_several_runs_stand_view_by_view_side_by_side() -> None:
    evidence = full_evidence()
    groups = policy_values(evidence)["films"]
    assert [group["title"] for group in groups] == ["Front", "Left", "Right"]
    captions = [[item["caption"] for item in group["items"]] for group in groups]
    assert captions == [["learned reward (progress)", "sparse task reward"]] * 3
    assert groups[1]["items"][0]["seen"] == "Policy of learned reward (progress), seen from left"
    evidence.runs = [evidence.runs[0], replace(evidence.runs[1], task="Reach-v0")]
    groups = policy_values(evidence)["films"]
    assert [group["title"] for group in groups] == [
        "MujocoPush-v0: learned reward (progress)", "Reach-v0: sparse task reward",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("make `a < b` so", "make <code>a &lt; b</code> so"),
        ("<i> `x`", "&lt;i&gt; <code>x</code>"),
        ("a lone ` stays", "a lone ` stays"),
        ("", ""),
    ],
)
def test_what_stands_in_backticks_is_code(text: str, html: str) -> None:
    assert with_code(text) == html


def test_nothing_at_all_is_still_a_page() -> None:
    assert "<h1>" in render_report(Evidence())


@pytest.mark.parametrize(("width", "dark"), [(1200, False), (390, True)])
def test_a_browser_shows_everything_without_complaint(
    page: Path, browser: Browser, tmp_path: Path, width: int, dark: bool
) -> None:
    shown = browser.look(page, width, dark)
    assert tuple(shown["sections"]) == (*SECTIONS, "missing")
    assert len(shown["images"]) == 3 + 6  # a strip per view, and the figures
    assert len(shown["films"]) == 1 + 2 * 3
    assert min(duration_seconds for _, duration_seconds, _ in shown["films"]) > 1
    assert (shown["background"] == "rgb(20, 21, 24)") == dark
    browser.screenshot(tmp_path / "page.png")
    assert (tmp_path / "page.png").stat().st_size > 50_000
