"""Writes the page: draws every figure in four looks, embeds films, fills the template."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tcn_robot.atomic import write_text_atomically
from tcn_robot.look import LOOKS, render_png
from tcn_robot.report.evidence import Evidence
from tcn_robot.report.figures_policy import reward_label
from tcn_robot.report.filling import fill_template
from tcn_robot.report.films import retrieval_film, strip_picture
from tcn_robot.report.media import Film, data_uri, encode_jpeg, enlarge
from tcn_robot.report.sections import Drawing, Section, sections
from tcn_robot.report.words import (
    MEASURES,
    alignment_rows,
    headlines,
    policy_rows,
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
        title=_title(evidence),
        lead=_lead(evidence),
        sources=evidence.sources,
        evidence=evidence,
        headlines=headlines(evidence),
        sections=[_drawn(section) for section in sections(evidence)],
        strip_uris=_strip_uris(evidence),
        retrieval=film_sources(retrieval_film(evidence.retrieval)) if evidence.retrieval else None,
        measures=list(MEASURES.values()),
        alignment_rows=alignment_rows(evidence.alignment or {}),
        policy_rows=policy_rows(evidence.policy),
        films=_film_groups(evidence),
        stage_rows=stage_rows(evidence),
        commands=[stage.command for stage in evidence.stages],
        facts=_recording_facts(evidence),
        versions={name.replace("_", " "): text for name, text in evidence.versions.items()},
    )


def _title(evidence: Evidence) -> str:
    task = evidence.task.removeprefix("tcn_robot/") or "An embedding"
    return f"{task}, learned from films" if evidence.policy else f"{task}: what the encoder learnt"


def _lead(evidence: Evidence) -> str:
    """Say what was done, as far as the evidence goes."""
    views = len(evidence.strip.frames) if evidence.strip else 0
    filmed = f"Several cameras ({views} here)" if views else "Several cameras"
    text = (
        f"{filmed} film a few demonstrations. From the films alone an encoder learns an embedding "
        "in which the same moment looks the same from every camera."
    )
    if evidence.policy or evidence.rewards:
        text += " The embedding becomes a reward"
        text += ", and a simulated robot learns the task with it." if evidence.policy else "."
    return text


def _drawn(section: Section) -> dict[str, Any]:
    return {
        "key": section.key,
        "title": section.title,
        "paragraphs": section.paragraphs,
        "figures": [draw_in_looks(drawing) for drawing in section.drawings],
    }


def draw_in_looks(drawing: Drawing) -> dict[str, str]:
    """Draw one figure for light and dark pages, wide and narrow screens."""
    uris = {
        f"{'narrow' if look.narrow else 'wide'}_{'dark' if look.dark else 'light'}": data_uri(
            "image/png", render_png(drawing.draw, look)
        )
        for look in LOOKS
    }
    return {**uris, "alt": drawing.alt, "caption": drawing.caption}


def _strip_uris(evidence: Evidence) -> dict[str, str]:
    if evidence.strip is None:
        return {}
    uris = {}
    for view in evidence.strip.frames:
        picture = strip_picture(evidence.strip, view)
        larger = enlarge(picture[None], STRIP_HEIGHT_PX)[0]
        uris[view] = data_uri("image/jpeg", encode_jpeg(larger))
    return uris


def film_sources(film: Film) -> dict[str, Any]:
    """Return a film and its poster as URIs, and its size."""
    return {
        "mp4": data_uri("video/mp4", film.mp4),
        "poster": data_uri("image/jpeg", film.poster_jpeg),
        "width": film.width_px,
        "height": film.height_px,
    }


def _film_groups(evidence: Evidence) -> list[dict[str, Any]]:
    groups = []
    recorded = list(evidence.strip.frames) if evidence.strip else []
    for reward, films in evidence.films.items():
        # The views that were recorded come first, in their order.
        views = [*(view for view in recorded if view in films), *sorted(set(films) - set(recorded))]
        items = [{"view": view, **film_sources(films[view])} for view in views]
        label = reward_label(reward)
        groups.append({"title": label[0].upper() + label[1:], "items": items})
    return groups


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
