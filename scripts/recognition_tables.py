"""The part of docs/benchmarks.md about action recognition, from docs/results/recognition/."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tcn_robot.benchmarks.text_table import markdown
from tcn_robot.recordings.format import read_json
from tcn_robot.report.figures_recognition import short_name

_POOLINGS = {"segments": "in order", "mean": "mean", "first": "first frame"}
_PROBES = {"knn": "k-NN", "linear": "linear"}


def recognition_tables(folder: Path) -> str:
    """Return one part per result of a folder, in the order of their names; "" if there are none.

    Args:
        folder: Holds what `tcn-robot bench recognition RUN … DIR --out` and
            `tcn-robot bench fine-tuning RUN DIR --out` have written.
    """
    parts = []
    for path in sorted(folder.glob("*.json")):
        result = read_json(path)
        table = _fine_tuned if "amounts" in result else _frozen
        parts.append(table(path.stem, result))
    return "\n\n".join(parts)


def _frozen(name: str, result: Mapping[str, Any]) -> str:
    rows = result["rows"]
    columns = [
        (pooling, probe)
        for pooling in _POOLINGS
        for probe in dict.fromkeys(
            probe for row in rows.values() for probe in row["figures"].get(pooling, {})
        )
        if pooling == "segments" or probe == "linear"
    ]
    lines = [["features", *(_heading(*column) for column in columns), "linear, each split"]]
    for row_name, row in rows.items():
        cells = [_top1(row["figures"].get(pooling, {}).get(probe)) for pooling, probe in columns]
        each = row["figures"]["segments"]["linear"]["per_split"].values()
        shown = ", ".join(f"{100 * share:.1f}" for share in each)
        lines.append([short_name(row_name), *cells, shown])
    return "\n\n".join(
        [
            f"### Frozen: {name}\n\n{_frozen_introduction(result)}",
            markdown(lines),
            "Linear probe in order, less each control and each other run, points of top 1:",
            markdown(_differences(rows)),
        ]
    )


def _frozen_introduction(result: Mapping[str, Any]) -> str:
    tested = sum(one["test"] for one in result["splits"].values())
    machine = result["machine"]
    return (
        f"{len(result['classes'])} classes, splits {', '.join(result['splits'])}, {tested:,} test "
        f"clips; {result['frames']} frames in {result['segments']} segments, "
        f"{result['representation']}. Top 1 in % [95 % over scenes]; guessing "
        f"{100 * result['chance']['top1']:.1f}. Commit {(result['commit'] or 'unknown')[:10]}; "
        f"{machine['cpu']}, {machine['cores']} cores."
    )


def _fine_tuned(name: str, result: Mapping[str, Any]) -> str:
    machine, options = result["machine"], result["options"]
    lines = [["labels per class", "", "top 1 %", "top 5 %"]]
    for amount, rows in result["amounts"].items():
        for start in ("pretrained", "scratch", "difference"):
            row = rows[start]
            scale = _signed_share if start == "difference" else _share
            cells = [scale(row[one], row[f"{one}_interval"]) for one in ("top_1", "top_5")]
            lines.append([amount, start, *cells])
    chance = result["chance"]
    lines.append(["", "guessing", f"{100 * chance['top_1']:.1f}", f"{100 * chance['top_5']:.1f}"])
    trainings = [
        one for rows in result["amounts"].values() for one in rows["pretrained"]["trainings"]
    ]
    splits = sorted({one["split"] for one in trainings})
    draws = len({one["draw"] for one in trainings})
    order = ", each with weights of its own" if options.get("ordered") else ""
    return (
        f"### Fine-tuned: {name}\n\nSplits {', '.join(map(str, splits))}, {draws} draws of labels, "
        f"{options['segments']} segments{order}, {options['min_steps']} steps at least, "
        f"rates {_listed(options['learning_rates'])}. "
        f"Commit {(result['commit'] or 'unknown')[:10]}; {machine['cpu']}, "
        f"{machine['cores']} cores.\n\n{markdown(lines)}"
    )


def _listed(values: Sequence[float]) -> str:
    return ", ".join(f"{one:g}" for one in values)


def _heading(pooling: str, probe: str) -> str:
    amount = probe.removeprefix("few ")
    labels = f"{amount} label{'' if amount == '1' else 's'}"
    return f"{_PROBES.get(probe, labels)}, {_POOLINGS[pooling]}"


def _top1(figure: Mapping[str, Any] | None) -> str:
    return "–" if figure is None else _share(figure["top1"], figure["top1_interval"])


def _share(share: float, interval: Sequence[float]) -> str:
    return f"{100 * share:.1f} [{100 * interval[0]:.1f}, {100 * interval[1]:.1f}]"


def _signed_share(share: float, interval: Sequence[float]) -> str:
    return f"{100 * share:+.1f} [{100 * interval[0]:+.1f}, {100 * interval[1]:+.1f}]"


def _differences(rows: Mapping[str, Any]) -> list[list[str]]:
    """Return a line per run: what it has more than each control, and than each other run."""
    runs = {name: row for name, row in rows.items() if row["kind"] == "run"}
    found = {}
    for name, row in runs.items():
        figure = row["figures"]["segments"]["linear"]
        # Each shape of network has an untrained one, such as "untrained, as RUN".
        above = {other.partition(", as ")[0]: one for other, one in figure["above"].items()}
        against = {short_name(other): one for other, one in figure["against"].items()}
        found[short_name(name)] = {**above, **against}
    others = list(dict.fromkeys(other for one in found.values() for other in one))
    lines = [["less", *others]]
    for name, differences in found.items():
        lines.append([name, *(_signed(differences.get(other)) for other in others)])
    return lines


def _signed(one: Mapping[str, Any] | None) -> str:
    return "–" if one is None else _signed_share(one["mean"], one["interval"])
