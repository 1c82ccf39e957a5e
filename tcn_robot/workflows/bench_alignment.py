"""`tcn-robot bench alignment`: an embedding beside everything it has to be compared with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from tcn_robot.atomic import refuse_unwritable
from tcn_robot.errors import UserError
from tcn_robot.workflows.bench_output import write_figures
from tcn_robot.workflows.options import parse_and_run


def bench_alignment(
    paths: Annotated[tuple[Path, ...], tyro.conf.Positional] = (),
    /,
    *,
    embeddings: tuple[Path, ...] = (),
    out: Path | None = None,
    report: Path | None = None,
    split: Literal["train", "valid", "test"] = "test",
    views: tuple[str, ...] | None = None,
    untrained_seeds: int = 3,
    same_within: float = 0.01,
    seed: int = 0,
    tolerances: tuple[int, ...] = (0, 1, 3, 5),
    within_seconds: tuple[float, ...] = (0.1, 0.2, 0.5),
    seen_bodies: tuple[str, ...] | None = None,
    seen_views: tuple[str, ...] | None = None,
) -> dict[str, Any]:
    """Measure an embedding on held-out demonstrations.

    Prints the hard split first (body, camera and scene unseen in training), then every figure
    with a 95 % interval over episodes beside its controls: untrained, collapsed, frame counter,
    pixels. A figure that a control reaches as well is marked. Episodes that were rendered again
    (`tcn-robot rerender`) are compared with the same moments of those they were rendered from.

    Args:
        paths: Runs (or names of the zoo) and recordings. Runs that differ in their seed only are
            one encoder, whose intervals are over seeds too; others are compared.
        embeddings: Files to measure instead of a run, two or more films: .npy, .npz, .parquet,
            or what `tcn-robot embed` wrote.
        out: Where to write the figures as JSON.
        report: Where to write them as a page, FILE.html.
        split: Which episodes; play is left out.
        views: Views to compare; all when not given.
        untrained_seeds: Untrained encoders to average.
        same_within: Largest difference of observations that cannot be seen, for the ceiling.
        seed: Of the untrained encoders and the bootstrap.
        tolerances: Frames either side that still count as found.
        within_seconds: Seconds either side that still count as found.
        seen_bodies: Bodies that training has seen, where the run does not say it.
        seen_views: Cameras that training has seen, likewise.

    Raises:
        UserError: Nothing there to measure.
    """
    from tcn_robot.benchmarks.alignment.table import suite_table
    from tcn_robot.workflows.alignment_runs import Asked, measure_files, measure_runs, tell_apart

    for name, number in (("--untrained-seeds", untrained_seeds), ("--seed", seed)):
        if number < 0:
            raise UserError(f"{name} must be at least 0, found {number}")
    if not 0 <= same_within < float("inf"):
        raise UserError(f"--same-within must be finite and at least 0, found {same_within}")
    if embeddings and paths:
        raise UserError(
            f"expected runs and recordings, or --embeddings, found both ({paths[0]} and "
            f"{embeddings[0]}); measure them one after the other"
        )
    for option, file in (("--out", out), ("--report", report)):
        if file is not None:
            refuse_unwritable(file, option)
    asked = Asked(
        split, views, untrained_seeds, same_within, seed, tolerances, within_seconds,
        seen_bodies, seen_views,
    )  # fmt: skip
    if embeddings:
        result = measure_files(embeddings, asked)
    else:
        result = measure_runs(*tell_apart(paths), asked)
    print(suite_table(result))
    write_figures(result, out)
    if report is not None:
        from tcn_robot.report.alignment_page import write_alignment_page

        write_alignment_page(result, report)
        print(f"written to {report}")
    return result


def main(arguments: list[str]) -> None:
    """Run the command."""
    parse_and_run(bench_alignment, arguments, "bench alignment")
