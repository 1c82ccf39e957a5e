"""The part of docs/benchmarks.md about the alignment suite, from docs/results/alignment_suite/."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tcn_robot.benchmarks.text_table import markdown
from tcn_robot.recordings.format import read_json

# figure: (heading, whether it is a share, which is shown in %)
FIGURES = {
    "error": ("error %", True),
    "accuracy_1": ("within 1 frame %", True),
    "tau_a": ("tau_a", False),
    "tau_b": ("tau_b", False),
    "progress_error": ("progress error %", True),
    "phase_10": ("phase, 10 % of labels %", True),
}
ROWS = (
    *("trained", "untrained", "collapsed", "frame_counter", "pixels", "pixel_pca"),
    *("chance", "ceiling", "simulator_state"),
)


def suite_tables(folder: Path) -> str:
    """Return one part per result of a folder, in the order of their names; "" if there are none.

    Args:
        folder: Holds what `tcn-robot bench alignment RUN … DIR … --out` has written.
    """
    return "\n\n".join(_part(read_json(path)) for path in sorted(folder.glob("*.json")))


def _part(result: Mapping[str, Any]) -> str:
    task = result["tasks"][0].rpartition("/")[2]
    encoders = [result, *result.get("encoders", ())]
    parts = [_introduction(task, result)]
    if len(encoders) == 1:
        parts.append(_table("row", {row: result[row] for row in ROWS if row in result}))
    if not result["splits"]:
        parts += [f"{_name(encoder)}: {_each_seed(encoder['seeds'])}" for encoder in encoders]
    for encoder in encoders if result["splits"] else ():
        parts.append(f"**{_name(encoder)}**\n\n{_splits(encoder)}")
    parts += [_difference(one) for one in result.get("differences", ())]
    return "\n\n".join(parts)


def _introduction(task: str, result: Mapping[str, Any]) -> str:
    recordings = ", ".join(Path(path).name for path in result["recordings"])
    seen = result["seen"]
    return (
        f"### {task}: {recordings}\n\n{result['episodes']} held-out episodes, views "
        f"{', '.join(result['views'])}. Seen in training: {', '.join(seen['bodies'])}; cameras "
        f"{', '.join(seen['views'])}. Commit {(result['commit'] or 'unknown')[:10]}; "
        f"{result['machine']['cpu']}, {result['machine']['cores']} cores."
    )


def _splits(encoder: Mapping[str, Any]) -> str:
    rows = {"ordinary episodes": encoder["trained"]}
    for split in encoder["splits"]:
        rows[split["name"]] = split["rows"]["trained"]
        rows[f"{split['name']}, *untrained*"] = split["rows"]["untrained"]
    each = _each_seed(encoder["seeds"])
    return f"{_table('films', rows)}\n\nOrdinary episodes: {each}"


def _each_seed(seeds: Sequence[Mapping[str, Any]]) -> str:
    def listed(name: str) -> str:
        return ", ".join(f"{100 * one[name]['error']:.1f}" for one in seeds if one.get(name))

    text = f"error % of each seed {listed('trained')}"
    return text + (f"; hard split: {listed('hard')}." if listed("hard") else ".")


def _difference(one: Mapping[str, Any]) -> str:
    parts = []
    for name, words in (("ordinary", "ordinary episodes"), ("hard", "hard split")):
        if one.get(name):
            low, high = one[name]["error_interval"]
            parts.append(
                f"{words} {100 * one[name]['error']:+.1f} % [{100 * low:+.1f}, {100 * high:+.1f}]"
            )
    names = f"{Path(one['first']).name} less {Path(one['second']).name}"
    return f"Error, {names}: {'; '.join(parts)}."


def _name(encoder: Mapping[str, Any]) -> str:
    return ", ".join(Path(one["run"]).name for one in encoder["seeds"])


def _table(corner: str, rows: Mapping[str, Mapping[str, Any]]) -> str:
    shown = [f for f in FIGURES if any(row.get(f) is not None for row in rows.values())]
    lines = [[corner, *(FIGURES[figure][0] for figure in shown)]]
    for name, row in rows.items():
        lines.append([name.replace("_", " "), *(_cell(row, figure) for figure in shown)])
    return markdown(lines)


def _cell(row: Mapping[str, Any], figure: str) -> str:
    if row.get(figure) is None:
        return "–"
    factor, digits = (100.0, 1) if FIGURES[figure][1] else (1.0, 3)
    text = f"{row[figure] * factor:.{digits}f}"
    if interval := row.get(f"{figure}_interval"):
        text += " [" + ", ".join(f"{bound * factor:.{digits}f}" for bound in interval) + "]"
    return text
