"""What was measured as JSON: rows, marks, splits, seeds and differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from tcn_robot.benchmarks.alignment.basic import ROWS, AlignmentOptions, measured_on
from tcn_robot.benchmarks.alignment.controls import CHANGES, CONTROLS
from tcn_robot.benchmarks.alignment.figures.figure import Figure, Measured, averaged_over_seeds
from tcn_robot.benchmarks.alignment.headline import headline
from tcn_robot.benchmarks.alignment.seeds import differences, over_seeds, same_but_for_seed
from tcn_robot.benchmarks.alignment.splits import Split
from tcn_robot.benchmarks.alignment.suite import MeasuredRun, Part, SuiteInput
from tcn_robot.benchmarks.alignment.summary import reached_by, summary

Json = dict[str, Any]


def suite_result(runs: Sequence[MeasuredRun], given: SuiteInput) -> Json:
    """Return everything that was measured, ready to be written.

    Args:
        runs: Encoders; those that differ in their seed only are one.
        given: What they were measured on.

    Returns:
        The rows of the first encoder's ordinary episodes at the top, {row: {figure: mean,
        figure_interval: [low, high]}}; "reached_by" {figure: controls}; "published" with the rows
        of older definitions; "changed"; "splits"; "headline"; "encoders" with the same for each
        encoder and "differences" between the first and the others where there are several.
    """
    groups = [
        [runs[i] for i in group] for group in same_but_for_seed([r.run.options for r in runs])
    ]
    encoders = [_encoder(group, given) for group in groups]
    first = encoders[0]
    ordinary = runs[0].ordinary
    chosen = [given.episodes[item[0].episode] for item in ordinary.comparison.queries]
    result: Json = {**first["ordinary"].pop("rows"), **first.pop("ordinary")}
    result |= {name: first[name] for name in ("headline", "splits", "changed", "seeds", "seen")}
    result |= measured_on(chosen, given.options, len(runs[0].run.untrained))
    result["figures"] = {name: figure.described() for name, figure in given.figures.items()}
    result["controls"] = {name: asdict(one) for name, one in (CONTROLS | CHANGES).items()}
    if len(encoders) > 1:
        names = [encoder["name"] for encoder in encoders]
        result["encoders"] = [_compact(encoder) for encoder in encoders[1:]]
        result["name"] = names[0]
        result["differences"] = [
            _difference(names[0], groups[0], name, group)
            for name, group in zip(names[1:], groups[1:], strict=True)
        ]
    return result


def _encoder(seeds: Sequence[MeasuredRun], given: SuiteInput) -> Json:
    """Return what was measured of one encoder, in one seed or several."""
    first = seeds[0]
    figures, options = given.figures, given.options
    ordinary = _part([one.ordinary for one in seeds], figures, options)
    splits = []
    for position, part in enumerate(first.parts[1:], 1):
        same = [one.parts[position] for one in seeds]
        described = {"name": part.name, "episodes": len(part.comparison.queries)}
        splits.append({**described, **_described(part.split), **_part(same, figures, options)})
    changed = {
        name: summary(averaged_over_seeds([one.changed[name] for one in seeds]), options.seed)
        for name in first.changed
    }
    names = [one.run.name for one in seeds]
    origin = given.episodes[first.ordinary.comparison.queries[0][0].episode].origin
    return {
        "name": names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more seeds",
        "ordinary": ordinary,
        "splits": splits,
        "changed": changed,
        "headline": headline(splits, first.run.seen, origin.recording, bool(origin.simulator)),
        "seen": _seen(first),
        "seeds": [
            {
                "run": one.run.name,
                "seed": (one.run.options or {}).get("seed"),
                "encoder": one.run.digest,
                "trained": summary(one.ordinary.rows["trained"], options.seed),
                "hard": None
                if one.hard is None
                else summary(one.hard.rows["trained"], options.seed),
            }
            for one in seeds
        ],
    }


def _part(parts: Sequence[Part], figures: Mapping[str, Figure], options: AlignmentOptions) -> Json:
    """Return the rows of one comparison, over all seeds."""
    averaged = {
        row: averaged_over_seeds([part.rows[row] for part in parts]) for row in parts[0].rows
    }
    found: Json = {"rows": {}, "published": {}}
    for row in (name for name in ROWS if name in averaged):
        if row == "trained" and len(parts) > 1:
            every = over_seeds(
                [part.rows[row] for part in parts],
                options.seed, options.num_resamples, options.confidence,
            )  # fmt: skip
        else:
            every = summary(averaged[row], options.seed, options.num_resamples, options.confidence)
        for kind, is_published in (("rows", False), ("published", True)):
            chosen = [n for n in averaged[row] if figures[n].is_published == is_published]
            found[kind][row] = {
                key: every[key] for name in chosen for key in (name, f"{name}_interval")
            }
    controls = {row: averaged[row] for row in CONTROLS if row in averaged}
    found["reached_by"] = reached_by(averaged["trained"], controls, figures, options.seed)
    return found


def _described(split: Split | None) -> Json:
    if split is None:
        return {"unseen": None, "differs": ["moments"], "is_hard": False}
    return {
        "unseen": None if split.unseen is None else list(split.unseen),
        "differs": list(split.differs),
        "bodies": list(split.bodies),
        "views": list(split.views),
        "is_hard": split.is_hard,
    }


def _seen(measured: MeasuredRun) -> Json | None:
    seen = measured.run.seen
    if seen is None:
        return None
    return {
        "bodies": sorted(seen.bodies),
        "views": sorted(seen.views),
        "drawn": list(seen.drawn),
        "from": seen.source,
    }


def _compact(encoder: Json) -> Json:
    """Return an encoder that stands beside the first: its own rows, not what all share."""
    ordinary = encoder["ordinary"]
    own = {
        row: ordinary["rows"][row] for row in ("trained", "untrained") if row in ordinary["rows"]
    }
    kept = {name: encoder[name] for name in ("name", "headline", "seeds", "seen", "splits")}
    return {**kept, **own, "reached_by": ordinary["reached_by"]}


def _difference(
    name: str, first: Sequence[MeasuredRun], other: str, second: Sequence[MeasuredRun]
) -> Json:
    """Return one encoder less another, on the same episodes."""

    def trained(runs: Sequence[MeasuredRun]) -> list[Measured]:
        return [run.ordinary.rows["trained"] for run in runs]

    def hard(runs: Sequence[MeasuredRun]) -> list[Measured]:
        return [run.hard.rows["trained"] for run in runs if run.hard is not None]

    found: Json = {"first": name, "second": other}
    found["ordinary"] = differences(trained(first), trained(second))
    if hard(first) and hard(second):
        found["hard"] = differences(hard(first), hard(second))
    return found
