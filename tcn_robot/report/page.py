"""Writes the page: draws every figure in four looks, embeds films, fills the template."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tcn_robot.atomic import write_text_atomically
from tcn_robot.report.evidence import Evidence
from tcn_robot.report.filling import fill_template
from tcn_robot.report.films import retrieval_film, strip_picture
from tcn_robot.report.media import data_uri, encode_jpeg, enlarge
from tcn_robot.report.pictures import draw_in_looks, film_sources
from tcn_robot.report.policy_page import policy_values
from tcn_robot.report.policy_words import page_lead, page_title, policy_headlines
from tcn_robot.report.section import Section
from tcn_robot.report.sections import sections
from tcn_robot.report.words import (
    MEASURES,
    alignment_rows,
    headlines,
    stage_rows,
)

STRIP_HEIGHT_PX = 128


def write_report(evidence: Evidence, path: Path) -> None:
    """Write the report as one HTML file, whole or not at all.

    Args:
        evidence: What there is to show.
        path: Where the page goes; folders are made as needed.
    """
    write_text_atomically(path, render_report(evidence))


def render_report(evidence: Evidence) -> str:
    """Return the page as text."""
    return fill_template(
        "page.html.j2",
        title=page_title(evidence),
        lead=page_lead(evidence),
        sources=evidence.sources,
        evidence=evidence,
        headlines=[*policy_headlines(evidence.runs), *headlines(evidence)],
        sections=[_drawn(section) for section in sections(evidence)],
        strip_uris=_strip_uris(evidence),
        retrieval=film_sources(retrieval_film(evidence.retrieval)) if evidence.retrieval else None,
        measures=list(MEASURES.values()),
        alignment_rows=alignment_rows(evidence.alignment or {}),
        **policy_values(evidence),
        stage_rows=stage_rows(evidence),
        commands=[stage.command for stage in evidence.stages],
        facts=_recording_facts(evidence),
        versions={name.replace("_", " "): text for name, text in evidence.versions.items()},
    )


def _drawn(section: Section) -> dict[str, Any]:
    return {
        "key": section.key,
        "title": section.title,
        "paragraphs": section.paragraphs,
        "figures": [draw_in_looks(drawing) for drawing in section.drawings],
    }


def _strip_uris(evidence: Evidence) -> dict[str, str]:
    if evidence.strip is None:
        return {}
    uris = {}
    for view in evidence.strip.frames:
        picture = strip_picture(evidence.strip, view)
        larger = enlarge(picture[None], STRIP_HEIGHT_PX)[0]
        uris[view] = data_uri("image/jpeg", encode_jpeg(larger))
    return uris


def _recording_facts(evidence: Evidence) -> list[dict[str, str]]:
    return [
        {
            "name": name,
            "episodes": f"{facts['episodes']:,}",
            "frames": f"{facts['frames']:,}",
            "views": ", ".join(facts["views"]),
        }
        for name, facts in evidence.recordings.items()
    ]
