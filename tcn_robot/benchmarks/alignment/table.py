"""The suite's result as text for a terminal: headline, figures beside their controls, splits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tcn_robot.benchmarks.alignment.basic_table import cell
from tcn_robot.benchmarks.alignment.controls import CONTROLS
from tcn_robot.benchmarks.alignment.figures.probed import FEWEST_PROBED
from tcn_robot.benchmarks.alignment.marks import BY_THE_CLOCK, REACHED, clock_explained, mark
from tcn_robot.benchmarks.text_table import aligned

#: Columns beside the trained one, where a result has them.
BESIDE = (*CONTROLS, "chance", "ceiling", "simulator_state")
#: Columns of the table of splits and of changed films.
SPLIT_COLUMNS = ("error", "accuracy_1", "tau_a", "tau_b", "progress_error")


def suite_table(result: Mapping[str, Any]) -> str:
    """Return a result of `results.suite_result`, or of arrays, as text.

    Args:
        result: It has "figures", which say how each is shown.
    """
    parts = []
    if "headline" in result:
        parts.append(result["headline"]["sentence"])
    figures = _figures(result, result, result.get("reached_by", {}))
    parts.append("\n".join([*_measured_on(result), *figures]))
    if _has_values(result.get("published", {})):
        parts.append(
            "definitions of older papers, for comparison only\n"
            + "\n".join(_figures(result["published"], result, result["reached_by"]))
        )
    parts.append(_legend(result))
    if result.get("splits"):
        heading = "other films, against the same moments of ordinary ones"
        errors = [split["rows"]["trained"].get("error") for split in result["splits"]]
        if None in errors:
            heading += " (unpaired: no moment in common, order and progress alone)"
        parts.append(heading + "\n" + "\n".join(_splits(result)))
    if result.get("changed"):
        parts.append("films changed on purpose\n" + "\n".join(_changed(result)))
    parts += _several(result)
    return "\n\n".join(part for part in parts if part)


def _measured_on(result: Mapping[str, Any]) -> list[str]:
    """Say in one line what was measured, and what probes learnt on."""
    if "embeddings" in result:
        return [_files_measured(result)]
    if "training_episodes" not in result:
        return []
    return [
        f"{result['episodes']} held-out episodes, views {' '.join(result['views'])}; "
        f"{result['untrained_seeds']} untrained encoders; probes learn on {learnt_on(result)}"
    ]


def learnt_on(result: Mapping[str, Any]) -> str:
    """Say what probes learn on, or why there are none.

    Args:
        result: A result of a run: it has "figures", "episodes" and "training_episodes".
    """
    if "phase_100" not in result["figures"]:
        if result["episodes"] < FEWEST_PROBED:
            return f"nothing: that needs {FEWEST_PROBED} held-out episodes with labels"
        return (
            "nothing: not every episode has the simulator's labels, so that phases, progression, "
            "events and attributes are not measured"
        )
    training = result["training_episodes"]
    return f"{training} training episodes" if training else "the other half of the episodes"


def _files_measured(result: Mapping[str, Any]) -> str:
    """Say what embeddings of others were taken for."""
    if "views" in result:
        left_out = result.get("views_left_out", [])
        without = f", without {' '.join(left_out)}, which not every episode has" if left_out else ""
        return f"{result['episodes']} episodes, views {' '.join(result['views'])}{without}"
    lengths = result["frames"]
    if len(set(lengths)) == 1:
        return f"{len(lengths)} films of {lengths[0]} frames, taken for views of the same moments"
    return (
        f"{len(lengths)} films of {min(lengths)} to {max(lengths)} frames: of different lengths, "
        "so that they are taken for episodes alone, and no moments are compared"
    )


def _figures(
    rows: Mapping[str, Any], result: Mapping[str, Any], reached: Mapping[str, Sequence[str]]
) -> list[str]:
    beside = [row for row in BESIDE if row in rows]
    lines = [["", "trained", *(row.replace("_", " ") for row in beside)]]
    for name, figure in result["figures"].items():
        own = rows["trained"].get(name)
        if own is None:
            continue
        is_share = figure["is_share"]
        first = _marked(cell(own, rows["trained"].get(f"{name}_interval"), is_share), name, reached)
        means = [cell(rows[row].get(name), None, is_share) for row in beside]
        lines.append([figure["heading"], first, *means])
    return aligned(lines)


def _marked(text: str, name: str, reached: Mapping[str, Sequence[str]]) -> str:
    """Return a cell with its sign, or with the room of one."""
    return f"{text} {mark(reached.get(name, [])) or ' '}"


def _has_values(rows: Mapping[str, Any]) -> bool:
    return any(value is not None for value in rows.get("trained", {}).values())


def _legend(result: Mapping[str, Any]) -> str:
    """Say which controls reach which figures, those of the clock last."""
    by_controls: dict[tuple[str, ...], list[str]] = {}
    for name, controls in result.get("reached_by", {}).items():
        if controls:
            heading = result["figures"][name]["heading"].removesuffix(" %")
            by_controls.setdefault(tuple(controls), []).append(heading)
    lines = [
        f"{REACHED} reached by {', '.join(controls).replace('_', ' ')}: {', '.join(headings)}"
        for controls, headings in by_controls.items()
        if mark(controls) == REACHED
    ]
    parts = [result, *result.get("splits", [])]
    every = [found for part in parts for found in part.get("reached_by", {}).values()]
    if any(mark(controls) == BY_THE_CLOCK for controls in every):
        lines.append(f"{BY_THE_CLOCK} {clock_explained(result)}")
    return "\n".join(lines)


def _splits(result: Mapping[str, Any]) -> list[str]:
    figures = {name: result["figures"][name] for name in SPLIT_COLUMNS if name in result["figures"]}
    lines = [["", "episodes", *(one["heading"] for one in figures.values()), "error: untrained",
              "frame counter"]]  # fmt: skip
    for split in result["splits"]:
        rows = split["rows"]
        cells = []
        for name, figure in figures.items():
            own = rows["trained"]
            text = cell(own.get(name), own.get(f"{name}_interval"), figure["is_share"])
            cells.append(_marked(text, name, split["reached_by"]))
        errors = [
            cell(rows.get(row, {}).get("error"), None, True)
            for row in ("untrained", "frame_counter")
        ]
        lines.append([split["name"], str(split["episodes"]), *cells, *errors])
    return aligned(lines)


def _changed(result: Mapping[str, Any]) -> list[str]:
    figures = {name: result["figures"][name] for name in SPLIT_COLUMNS if name in result["figures"]}
    lines = [["", *(one["heading"] for one in figures.values())]]
    lines.append(["as they are", *_means(result["trained"], figures)])
    lines += [[name, *_means(row, figures)] for name, row in result["changed"].items()]
    theory = [f"{name}: {result['controls'][name]['theory']}" for name in result["changed"]]
    return [*aligned(lines), *theory]


def _means(row: Mapping[str, Any], figures: Mapping[str, Any]) -> list[str]:
    return [cell(row.get(name), None, figure["is_share"]) for name, figure in figures.items()]


def _several(result: Mapping[str, Any]) -> list[str]:
    """Return seeds of each encoder, and differences between encoders."""
    names = [name for name in SPLIT_COLUMNS if name in result["figures"]]
    figures = {name: result["figures"][name] for name in names}
    parts = []
    encoders = [result, *result.get("encoders", [])]
    if any(len(one.get("seeds", [])) > 1 for one in encoders) or len(encoders) > 1:
        heading = ["encoder", *(one["heading"] for one in figures.values()), "error, hard split"]
        lines = [heading]
        for encoder in encoders:
            if len(encoders) > 1:
                lines.append([encoder["name"], *_with_intervals(encoder["trained"], figures),
                              _hard_of(encoder)])  # fmt: skip
            for seed in encoder["seeds"] if len(encoder["seeds"]) > 1 else ():
                hard = cell((seed["hard"] or {}).get("error"), None, True)
                lines.append([f"  {seed['run']}", *_means(seed["trained"], figures), hard])
        parts.append("\n".join(aligned(lines)))
    for one in result.get("differences", []):
        lines = [["", *(figure["heading"] for figure in figures.values())]]
        for name in ("ordinary", "hard"):
            if name in one:
                lines.append([name, *_with_intervals(one[name], figures)])
        parts.append(f"{one['first']} less {one['second']}\n" + "\n".join(aligned(lines)))
    return parts


def _hard_of(encoder: Mapping[str, Any]) -> str:
    for split in encoder["splits"]:
        if split["is_hard"]:
            own = split["rows"]["trained"]
            return cell(own.get("error"), own.get("error_interval"), True)
    return "-"


def _with_intervals(row: Mapping[str, Any], figures: Mapping[str, Any]) -> list[str]:
    return [
        cell(row.get(name), row.get(f"{name}_interval"), figure["is_share"])
        for name, figure in figures.items()
    ]
