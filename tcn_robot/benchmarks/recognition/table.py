"""A recognition benchmark's result as text, for the terminal and for documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tcn_robot.benchmarks.text_table import MARK, aligned


def recognition_table(result: Mapping[str, Any]) -> str:
    """Return the result as text: one table per pooling, then order, layers and classes.

    Args:
        result: What `tcn-robot bench recognition` measured.
    """
    rows = result["rows"]
    chance = result["chance"]
    parts = []
    for pooling in _poolings(rows):
        lines = [["", *_headings(rows, pooling)]]
        for name, row in rows.items():
            figures = row["figures"].get(pooling, {})
            lines.append([name, *(_cell(figures.get(probe)) for probe in _probes(rows, pooling))])
        parts.append(f"{_POOLED[pooling]}\n" + "\n".join(aligned(lines)))
    if top5 := _top5_lines(rows):
        heading = f"top 5 (linear), %; chance {_percent(chance['top5'])}"
        parts.append(heading + "\n" + "\n".join(aligned(top5)))
    parts.append(
        f"chance {_percent(chance['top1'])}, largest class {_percent(chance['majority'])}; "
        "top 1 in % [95 % interval over groups, and draws of labels and seeds where there are "
        f"several]; {MARK} a control reaches it (paired interval)"
    )
    order = [
        f"{name}: {_signed(row['order']['mean'])} {_signed_interval(row['order']['interval'])}"
        for name, row in rows.items()
        if row["order"] is not None and row["kind"] in ("run", "seeds", "embeddings")
    ]
    if order:
        parts.append(
            "what the order of time adds (segments less segments shuffled, linear), %\n"
            + "\n".join(order)
        )
    if between := _between_lines(rows):
        parts.append("one run less another, paired, linear, %\n" + "\n".join(between))
    if layers := _layer_lines(rows):
        parts.append("layer by layer (linear)\n" + "\n".join(aligned(layers)))
    return "\n\n".join(parts)


_POOLED = {
    "mean": "mean over frames (no order of time)",
    "segments": "segments behind each other (order of time kept)",
    "shuffled": "segments of shuffled frames (control of order)",
    "first": "first frame alone (control of order)",
}


def _poolings(rows: Mapping[str, Any]) -> list[str]:
    return list(dict.fromkeys(pooling for row in rows.values() for pooling in row["figures"]))


def _probes(rows: Mapping[str, Any], pooling: str) -> list[str]:
    return list(
        dict.fromkeys(probe for row in rows.values() for probe in row["figures"].get(pooling, {}))
    )


def _headings(rows: Mapping[str, Any], pooling: str) -> list[str]:
    names = {"knn": "k-NN", "linear": "linear"}
    return [names.get(probe, probe.replace("few ", "")) for probe in _probes(rows, pooling)]


def _cell(figure: Mapping[str, Any] | None) -> str:
    if figure is None:
        return "-"
    low, high = figure["top1_interval"]
    mark = f" {MARK}" if figure.get("reached_by") else ""
    return f"{_percent(figure['top1'])}{mark} [{100 * low:.1f}, {100 * high:.1f}]"


def _top5_lines(rows: Mapping[str, Any]) -> list[list[str]]:
    poolings = [one for one in _poolings(rows) if one in ("mean", "segments")]
    lines = [
        [name, *(_top5(row["figures"].get(pooling, {}).get("linear")) for pooling in poolings)]
        for name, row in rows.items()
    ]
    known = any(cell != "-" for _, *cells in lines for cell in cells)
    return [["", *poolings], *lines] if known else []


def _top5(figure: Mapping[str, Any] | None) -> str:
    return "-" if figure is None else _percent(figure["top5"])


def _between_lines(rows: Mapping[str, Any]) -> list[str]:
    """Return the differences between runs, each pair once."""
    lines = []
    joint = {member for row in rows.values() for member in row["members"]}
    names = [name for name in rows if name not in joint]
    for name in names:
        row = rows[name]
        for pooling, figures in row["figures"].items():
            against = figures.get("linear", {}).get("against", {})
            for other, one in against.items():
                later = other in names and names.index(other) > names.index(name)
                if later and pooling in ("mean", "segments"):
                    shown = f"{_signed(one['mean'])} {_signed_interval(one['interval'])}"
                    lines.append(f"{pooling}, {name} less {other}: {shown}")
    return lines


def _layer_lines(rows: Mapping[str, Any]) -> list[list[str]]:
    with_layers = {name: row["layers"] for name, row in rows.items() if row["layers"]}
    if not with_layers:
        return []
    columns = [
        (layer, pooling)
        for layer, by_pooling in next(iter(with_layers.values())).items()
        for pooling in by_pooling
    ]
    lines = [["", *with_layers]]
    for layer, pooling in columns:
        cells = [_cell(layers.get(layer, {}).get(pooling)) for layers in with_layers.values()]
        lines.append([f"{layer}, {pooling}", *cells])
    return lines


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _signed(share: float) -> str:
    return f"{100 * share:+.1f}"


def _signed_interval(interval: Sequence[float]) -> str:
    return f"[{_signed(interval[0])}, {_signed(interval[1])}]"
