"""The page of a recognition benchmark, from its figures alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tcn_robot.atomic import write_text_atomically
from tcn_robot.benchmarks.text_table import MARK
from tcn_robot.look import LOOKS, Look, render_png
from tcn_robot.report.figures_recognition import (
    MEASURED,
    classes_figure,
    confusion_figure,
    labels_figure,
    layers_figure,
    short_name,
    without_members,
)
from tcn_robot.report.filling import fill_template
from tcn_robot.report.media import data_uri

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PROBES = {"knn": "k-NN", "linear": "linear"}
POOLINGS = {
    "mean": "Mean over the frames: the order of time is lost",
    "segments": "Parts of the clip behind each other: the order of time is kept",
}
# What tells whether the order of time matters, and what it is called.
ORDER = {
    "mean": "mean over frames",
    "segments": "parts in order",
    "shuffled": "parts of shuffled frames",
    "first": "first frame",
}


def write_recognition_page(result: Mapping[str, Any], path: Path) -> None:
    """Write the page as one HTML file, whole or not at all.

    Args:
        result: What `tcn-robot bench recognition` measured, as it stands in its JSON.
        path: Where the page goes; folders are made as needed.
    """
    write_text_atomically(path, render_recognition_page(result))


def render_recognition_page(result: Mapping[str, Any]) -> str:
    """Return the page as text."""
    return fill_template(
        "recognition.html.j2",
        mark=MARK,
        result=result,
        set_name=short_name(result["folder"]),
        headlines=_headlines(result),
        tables=[
            *(_table(result, pooling) for pooling in poolings_of(result)),
            *_top5_tables(result),
        ],
        order=_order_table(result),
        figures=_figures(result),
        facts=_facts(result),
    )


def poolings_of(result: Mapping[str, Any]) -> list[str]:
    """Return the poolings that were measured, without the controls of order."""
    found = dict.fromkeys(p for row in result["rows"].values() for p in row["figures"])
    return [pooling for pooling in found if pooling in POOLINGS]


def _best_pooling(result: Mapping[str, Any]) -> str:
    """Return the pooling that the figures show: the one that keeps the order, where there is."""
    found = poolings_of(result)
    return "segments" if "segments" in found else found[0]


def _headlines(result: Mapping[str, Any]) -> list[dict[str, str]]:
    pooling = _best_pooling(result)
    items = []
    for name, row in without_members(result["rows"]).items():
        figures = row["figures"].get(pooling, {})
        probe = "linear" if "linear" in figures else next(iter(figures), None)
        if row["kind"] not in MEASURED or probe is None:
            continue
        figure = figures[probe]
        low, high = figure["top1_interval"]
        rivals = [
            f"{short_name(control)} {_percent(other['figures'][pooling][probe]['top1'])}"
            for control, other in ((name, result["rows"][name]) for name in row["controls"])
        ]
        items.append(
            {
                "figure": _percent(figure["top1"]),
                "meaning": f"{short_name(name)}: {PROBES.get(probe, probe)}, "
                f"{_percent(low)} to {_percent(high)}",
                "against": ", ".join([*rivals, f"chance {_percent(result['chance']['top1'])}"]),
            }
        )
    return items


def _table(result: Mapping[str, Any], pooling: str) -> dict[str, Any]:
    rows = result["rows"]
    probes = list(
        dict.fromkeys(
            probe
            for row in rows.values()
            for probe in row["figures"].get(pooling, {})
            if probe != "few all" or "linear" not in row["figures"][pooling]  # the same figure
        )
    )
    lines = []
    for name, row in rows.items():
        figures = row["figures"].get(pooling, {})
        cells = [_cell(figures.get(probe)) for probe in probes]
        lines.append(
            {"name": short_name(name), "measured": row["kind"] in MEASURED, "cells": cells}
        )
    headings = [PROBES.get(probe, _labels_heading(probe)) for probe in probes]
    return {"title": POOLINGS[pooling], "headings": headings, "lines": lines}


def _labels_heading(probe: str) -> str:
    budget = probe.removeprefix("few ")
    if budget == "all":
        return "all"
    return budget.replace("%", " % labels") if budget.endswith("%") else f"{budget} each"


def _cell(figure: Mapping[str, Any] | None) -> dict[str, Any]:
    if figure is None:
        return {"value": "-", "interval": "", "reached_by": ""}
    low, high = figure["top1_interval"]
    return {
        "value": f"{100 * figure['top1']:.1f}",
        "interval": f"{100 * low:.1f} – {100 * high:.1f}",
        "reached_by": ", ".join(figure.get("reached_by", [])),
    }


def _top5_tables(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the linear probe's top 5 by pooling; nothing where it was not measured."""
    poolings = poolings_of(result)
    lines = []
    for name, row in result["rows"].items():
        found = [row["figures"].get(pooling, {}).get("linear") for pooling in poolings]
        cells = [
            {
                "value": "-" if one is None else f"{100 * one['top5']:.1f}",
                "interval": "",
                "reached_by": "",
            }
            for one in found
        ]
        if any(found):
            is_measured = row["kind"] in MEASURED
            lines.append({"name": short_name(name), "measured": is_measured, "cells": cells})
    title = f"Top 5, linear: among the five likeliest (chance {_percent(result['chance']['top5'])})"
    headings = [ORDER[pooling] for pooling in poolings]
    return [{"title": title, "headings": headings, "lines": lines}] if lines else []


def _order_table(result: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the linear probe's figures by pooling, and what the order of time adds."""
    lines = []
    for name, row in result["rows"].items():
        if row["order"] is None:
            continue
        low, high = row["order"]["interval"]
        gain = {
            "value": f"{100 * row['order']['mean']:+.1f}",
            "interval": f"{100 * low:+.1f} – {100 * high:+.1f}",
            "reached_by": "",
        }
        cells = [_cell(row["figures"].get(pooling, {}).get("linear")) for pooling in ORDER]
        is_measured = row["kind"] in MEASURED
        lines.append({"name": short_name(name), "measured": is_measured, "cells": [*cells, gain]})
    headings = [*ORDER.values(), "gained by order"]
    return {"title": "", "headings": headings, "lines": lines} if lines else None


def _figures(result: Mapping[str, Any]) -> dict[str, list[dict[str, str]]]:
    rows, pooling = without_members(result["rows"]), _best_pooling(result)
    chance = result["chance"]["top1"]
    measured = {name: row for name, row in rows.items() if row["kind"] in MEASURED}
    figures: dict[str, list[dict[str, str]]] = {"labels": [], "classes": [], "layers": []}
    first = next(iter(measured.values()))["figures"].get(pooling, {})
    if sum(probe.startswith("few ") for probe in first) > 1:
        draw = partial(labels_figure, rows, pooling, chance)
        figures["labels"].append(_drawn(draw, "Accuracy over the number of labelled clips"))
    if "linear" in first:
        draw = partial(classes_figure, rows, pooling)
        figures["classes"].append(_drawn(draw, "Accuracy of each class"))
        for name, row in measured.items():
            counts = row["figures"][pooling]["linear"]["confusion"]
            draw = partial(confusion_figure, counts, list(result["classes"]))
            caption = f"{short_name(name)}: what each class was taken for, in %"
            figures["classes"].append(_drawn(draw, caption))
    if any(row["layers"] for row in measured.values()):
        draw = partial(layers_figure, rows, pooling, chance)
        figures["layers"].append(_drawn(draw, "Accuracy layer by layer"))
    return figures


def _drawn(draw: Callable[[Look], Figure], caption: str) -> dict[str, str]:
    """Draw one figure for light and dark pages, wide and narrow screens."""
    uris = {
        f"{'narrow' if look.narrow else 'wide'}_{'dark' if look.dark else 'light'}": data_uri(
            "image/png", render_png(draw, look)
        )
        for look in LOOKS
    }
    return {**uris, "alt": caption, "caption": caption + "."}


def _facts(result: Mapping[str, Any]) -> dict[str, str]:
    splits = ", ".join(
        f"{number}: {half['train']} / {half['test']}" for number, half in result["splits"].items()
    )
    validating = ", ".join(map(str, result["validation"].values()))
    return {
        "layout": result["layout"],
        "classes": str(len(result["classes"])),
        "train / test": splits,
        "validation clips": validating,
        "frames per clip": str(result["frames"]),
        "parts": str(result["segments"]),
        "probed": result["representation"],
        "draws of labels": str(result["draws"]),
        "untrained seeds": str(result["untrained_seeds"]),
        "largest class": _percent(result["chance"]["majority"]),
        "seed": str(result["seed"]),
    }


def _percent(share: float) -> str:
    return f"{100 * share:.1f}\N{NO-BREAK SPACE}%"
