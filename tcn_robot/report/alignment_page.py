"""Writes the page of the alignment suite: headline, marked figures, controls, pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tcn_robot.atomic import write_text_atomically
from tcn_robot.benchmarks.alignment.marks import BY_THE_CLOCK, REACHED, clock_explained, mark
from tcn_robot.benchmarks.alignment.table import BESIDE, SPLIT_COLUMNS, learnt_on
from tcn_robot.look import LOOKS, render_png
from tcn_robot.report.figures_alignment import Errors, error_figure, short_name, tau_figure
from tcn_robot.report.filling import fill_template
from tcn_robot.report.media import data_uri
from tcn_robot.report.section import Drawing

MOST_PANELS = 3


def write_alignment_page(result: Mapping[str, Any], path: Path) -> None:
    """Write a result of `tcn-robot bench alignment` as one HTML file, whole or not at all.

    Args:
        result: What the benchmark returns.
        path: Where the page goes; folders are made as needed.
    """
    write_text_atomically(path, render_alignment_page(result))


def render_alignment_page(result: Mapping[str, Any]) -> str:
    """Return the page as text."""
    return fill_template(
        "alignment.html.j2",
        title=_title(result),
        sentence=_sentence(result),
        result=result,
        reached_mark=REACHED,
        clock_mark=BY_THE_CLOCK,
        clock_explained=clock_explained(result),
        beside=[(row, short_name(row)) for row in BESIDE if row in result],
        groups=_groups(result),
        published=_published(result),
        split_headings=_split_headings(result),
        splits=[_split(result, one) for one in result.get("splits", [])],
        changed=_changed(result),
        controls=_controls(result),
        encoders=_encoders(result),
        differences=[_difference(result, one) for one in result.get("differences", [])],
        pictures=[_draw(one) for one in _drawings(result)],
        facts=_facts(result),
    )


def _title(result: Mapping[str, Any]) -> str:
    tasks = [task.rpartition("/")[2] for task in result.get("tasks", [])]
    return f"Alignment: {', '.join(tasks)}" if tasks else "Alignment of embeddings"


def _sentence(result: Mapping[str, Any]) -> str:
    """Return the headline as it is read on a page: figures stay with their per cent."""
    text = str(result.get("headline", {}).get("sentence", ""))
    return text[:1].upper() + text[1:].replace(" %", "\u202f%")


def _groups(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the table in parts: across views, across episodes, from labels."""
    titles = {
        "moments": "Across views: the same moment in another film",
        "pairs": "Across episodes: the same order in another episode",
        "dataset": "Of films, labels and probes",
    }
    groups = []
    for over, title in titles.items():
        figures = {
            name: figure
            for name, figure in result["figures"].items()
            if figure["over"] == over and not figure["is_published"]
        }
        rows = _figure_rows(result, figures, result, result.get("reached_by", {}))
        if rows:
            groups.append({"title": title, "rows": rows})
    return groups


def _published(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    figures = {name: one for name, one in result["figures"].items() if one["is_published"]}
    rows = result.get("published") or {}
    return _figure_rows(rows, figures, result, result["reached_by"]) if "trained" in rows else []


def _figure_rows(
    rows: Mapping[str, Any],
    figures: Mapping[str, Any],
    result: Mapping[str, Any],
    reached: Mapping[str, Sequence[str]],
) -> list[dict[str, Any]]:
    """Return one line per figure that the trained row has."""
    lines = []
    for name, figure in figures.items():
        own = rows["trained"].get(name)
        if own is None:
            continue
        lines.append(
            {
                "heading": figure["heading"].removesuffix(" %"),
                "direction": "" if figure["better"] == "neither" else figure["better"],
                "trained": _text(own, figure),
                "interval": _bounds(rows["trained"].get(f"{name}_interval"), figure),
                "reached": [short_name(row) for row in reached.get(name, [])],
                "mark": mark(reached.get(name, [])),
                "beside": [
                    {
                        "text": _text(rows.get(row, {}).get(name), figure),
                        "reaches": row in reached.get(name, []),
                    }
                    for row in BESIDE
                    if row in result
                ],
            }
        )
    return lines


def _text(value: float | None, figure: Mapping[str, Any]) -> str:
    if value is None:
        return "–"
    text = f"{100 * value:.1f} %" if figure["is_share"] else f"{value:.3f}"
    return text.replace("-", "−").replace(" %", "\u202f%")


def _bounds(bounds: Sequence[float] | None, figure: Mapping[str, Any]) -> str:
    if not bounds:
        return ""
    low, high = (_text(bound, figure).removesuffix("\u202f%") for bound in bounds)
    return f"{low} to {high}"


def _split_headings(result: Mapping[str, Any]) -> list[str]:
    figures = result["figures"]
    return [
        figures[name]["heading"].removesuffix(" %") for name in SPLIT_COLUMNS if name in figures
    ]


def _split(result: Mapping[str, Any], split: Mapping[str, Any]) -> dict[str, Any]:
    rows, figures = split["rows"], result["figures"]
    cells = [
        {
            "text": _text(rows["trained"].get(name), figures[name]),
            "interval": _bounds(rows["trained"].get(f"{name}_interval"), figures[name]),
            "reached": [short_name(row) for row in split["reached_by"].get(name, [])],
            "mark": mark(split["reached_by"].get(name, [])),
        }
        for name in SPLIT_COLUMNS
        if name in figures
    ]
    return {
        "name": split["name"],
        "is_hard": split["is_hard"],
        "episodes": split["episodes"],
        "cells": cells,
        "untrained": _text(rows.get("untrained", {}).get("error"), figures["error"]),
    }


def _changed(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    if not result.get("changed"):
        return []
    rows = {"as they are": result["trained"], **result["changed"]}
    return [
        {
            "name": name,
            "cells": [
                _text(row.get(figure), result["figures"][figure])
                for figure in SPLIT_COLUMNS
                if figure in result["figures"]
            ],
            "theory": result["controls"].get(name, {}).get("theory", ""),
        }
        for name, row in rows.items()
    ]


def _controls(result: Mapping[str, Any]) -> list[dict[str, str]]:
    return [
        {"name": short_name(name), **control}
        for name, control in result.get("controls", {}).items()
        if name in result
    ]


def _encoders(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return each encoder and its seeds, where there are several of either."""
    encoders = [result, *result.get("encoders", [])]
    if len(encoders) == 1 and len(result.get("seeds", [])) < 2:
        return []
    lines = []
    for encoder in encoders:
        name = encoder.get("name") or "mean over seeds"
        own = _encoder_cells(result, encoder["trained"], _hard_row(encoder))
        lines.append({"name": name, "is_seed": False, **own})
        for seed in encoder["seeds"] if len(encoder["seeds"]) > 1 else ():
            own = _encoder_cells(result, seed["trained"], seed["hard"])
            lines.append({"name": seed["run"], "is_seed": True, **own})
    return lines


def _hard_row(encoder: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the figures of an encoder on its hard split, None where there is none."""
    hard = [split for split in encoder["splits"] if split["is_hard"]]
    return hard[0]["rows"]["trained"] if hard else None


def _encoder_cells(
    result: Mapping[str, Any], row: Mapping[str, Any], hard: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    figures = result["figures"]
    names = [name for name in SPLIT_COLUMNS if name in figures]
    of_hard = hard or {}
    return {
        "hard": (
            _text(of_hard.get("error"), figures["error"]),
            _bounds(of_hard.get("error_interval"), figures["error"]),
        ),
        "cells": [
            (_text(row.get(n), figures[n]), _bounds(row.get(f"{n}_interval"), figures[n]))
            for n in names
        ],
    }


def _difference(result: Mapping[str, Any], one: Mapping[str, Any]) -> dict[str, Any]:
    lines = [
        {"name": name, **_encoder_cells(result, one[name])}
        for name in ("ordinary", "hard")
        if name in one
    ]
    return {"title": f"{one['first']} less {one['second']}", "lines": lines}


def _drawings(result: Mapping[str, Any]) -> list[Drawing]:
    drawings = []
    parts = [Errors("ordinary episodes", _rows_of(result))]
    parts += [
        Errors(split["name"].partition(" (")[0], split["rows"])
        for split in result.get("splits", [])
        if split["rows"]["trained"].get("error") is not None
    ]
    if result["trained"].get("error") is not None:
        drawings.append(
            Drawing(
                partial(error_figure, parts[:MOST_PANELS]),
                "Alignment error of the encoder and of its controls",
                "Lower is better. Bars: mean over episodes; lines: 95 % interval over episodes. "
                "The frame counter has no error by construction, since films start together: it "
                "is beaten by what follows the task and not the clock, the progress error.",
            )
        )
    if result["trained"].get("tau_a") is not None:
        drawings.append(
            Drawing(
                partial(tau_figure, _rows_of(result)),
                "tau_a and tau_b of the encoder and its controls",
                "Higher is better. Where the lower bar is much longer, few states are in use: "
                "tau_b leaves ties out and flatters them, tau_a does not. A counter of frames "
                "has both near 1: order alone says little where films are equally fast.",
            )
        )
    return drawings


def _rows_of(result: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {row: result[row] for row in ("trained", *BESIDE) if row in result}


def _draw(drawing: Drawing) -> dict[str, str]:
    """Draw one figure for light and dark pages, wide and narrow screens."""
    uris = {
        f"{'narrow' if look.narrow else 'wide'}_{'dark' if look.dark else 'light'}": data_uri(
            "image/png", render_png(drawing.draw, look)
        )
        for look in LOOKS
    }
    return {**uris, "alt": drawing.alt, "caption": drawing.caption}


def _facts(result: Mapping[str, Any]) -> dict[str, str]:
    """Return how it was measured, in words."""
    facts = {}
    if "runs" in result:
        facts["encoder"] = ", ".join(Path(run).name for run in result["runs"])
        facts["recordings"] = ", ".join(Path(one).name for one in result["recordings"])
        facts["probes learn on"] = learnt_on(result)
    if "embeddings" in result:
        facts["embeddings"] = ", ".join(Path(one).name for one in result["embeddings"])
    if "episodes" in result:
        facts["held-out episodes"] = str(result["episodes"])
        facts["views"] = " ".join(result["views"])
    if result.get("seen"):
        seen = result["seen"]
        facts["seen in training"] = f"{', '.join(seen['bodies'])}; {' '.join(seen['views'])}"
    return facts
