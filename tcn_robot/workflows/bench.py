"""`tcn-robot bench KIND`: finds the benchmark; each has its own module and its own options."""

from __future__ import annotations

import importlib

from tcn_robot.errors import UserError, unknown_name

# kind -> (module in tcn_robot.workflows, one line of help)
KINDS: dict[str, tuple[str, str]] = {
    "alignment": (
        "bench_alignment",
        "is the same moment found across views, bodies, episodes",
    ),
    "fine-tuning": ("bench_fine_tuning", "what a pre-trained network saves in labels and steps"),
    "recognition": ("bench_recognition", "is the action of a clip known: k-NN, probes, few labels"),
    "segmentation": ("bench_segmentation", "what is where: the encoder's maps against exact masks"),
}


def overview() -> str:
    """Return what `tcn-robot bench --help` prints."""
    width = max(map(len, KINDS))
    lines = [f"  {name:<{width}}  {help_line}" for name, (_, help_line) in KINDS.items()]
    return "\n".join(
        [
            "usage: tcn-robot bench KIND RUN DIR … [options]",
            "",
            "Measure an embedding beside everything it has to be compared with.",
            "",
            "kinds:",
            *lines,
            "",
            "`tcn-robot bench KIND --help` explains one of them.",
        ]
    )


def main(arguments: list[str]) -> None:
    """Run the benchmark that the first argument names.

    Raises:
        UserError: There is no such benchmark, or it refuses its input.
        SystemExit: Code 0 after `--help`.
    """
    if arguments and arguments[0] in ("-h", "--help"):
        print(overview())
        raise SystemExit(0)
    if not arguments or arguments[0].startswith("-"):
        found = f", found {arguments[0]}" if arguments else ""
        raise UserError(f"say first what to measure: {' or '.join(KINDS)}{found}")
    if arguments[0] not in KINDS:
        raise unknown_name("benchmark", arguments[0], KINDS)
    module = importlib.import_module(f"tcn_robot.workflows.{KINDS[arguments[0]][0]}")
    module.main(arguments[1:])
