"""The command line: finds the command, calls its workflow, turns a UserError into one line.

Nothing heavy is imported here, so that `tcn-robot --help` answers at once; each workflow
imports what it needs when it runs.
"""

from __future__ import annotations

import importlib
import os
import sys

from tcn_robot import __version__
from tcn_robot.errors import FULL, UserError, describe_os_error, unknown_name

EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141
# What the dynamic linker says when a package's system library is not there.
SHARED_LIBRARY = "cannot open shared object file"

# name -> (module in tcn_robot.workflows, one line of help)
COMMANDS: dict[str, tuple[str, str]] = {
    "doctor": ("doctor", "what renders, how fast, on what; what is missing and how to mend it"),
    "demo": ("demo", "the whole chain on a small task, ends with report.html"),
    "record": ("record", "record simulated demonstrations, play or random episodes"),
    "capture": ("capture", "film demonstrations with real cameras, streams or video files"),
    "record-actions": ("record_actions", "record short films of actions, in UCF101's layout"),
    "check": ("check", "check every file of a dataset, films decoded"),
    "info": ("info", "what a dataset holds, on one screen"),
    "view": ("view", "look at a dataset: all views in step by their true times, what was found"),
    "edit": ("edit", "delete, relabel, split, trim and merge episodes"),
    "rerender": ("rerender", "render a simulated dataset again: other cameras, sizes, looks"),
    "replay": ("replay", "play recorded episodes back and say how far they deviate"),
    "resample": ("resample", "bring a filmed dataset onto one clock, into another one"),
    "import": (
        "import_recordings",
        "take recordings of another project over, LeRobot's and others",
    ),
    "export": ("export_recordings", "write a dataset in the format of another project"),
    "train": ("train", "train an embedding on recordings"),
    "import-weights": ("import_weights", "turn published weights into an encoder to start from"),
    "export-onnx": (
        "export_onnx",
        "write an encoder or a policy as an ONNX file, which needs no torch",
    ),
    "embed": ("embed", "embed every frame of a recording into a .npz file"),
    "bench": ("bench", "measure an embedding: alignment, recognition, fine-tuning, segmentation"),
    "plot": ("plot", "t-SNE, PCA, neighbour and alignment films, similarity, rewards"),
    "zoo": ("zoo", "the trained encoders that ship, with their figures"),
    "relabel": ("relabel", "a learned reward of every frame of a dataset, as LeRobot reads it"),
    "audit": ("audit", "how a learned reward can be cheated, before anything learns from it"),
    "imitate": ("imitate", "train policies with a learned reward"),
    "few-trials": ("few_trials", "search for a controller per start in about a hundred rollouts"),
    "evaluate": ("evaluate", "evaluate trained policies on held-out starts"),
    "report": ("report", "a self-contained page about one or several runs"),
    "study": ("study", "work off a list of runs, resumable"),
    "leaderboard": ("leaderboard", "a page about the results of studies: who is best, how surely"),
}


def overview() -> str:
    """Return what `tcn-robot --help` prints."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {help_line}" for name, (_, help_line) in COMMANDS.items()]
    return "\n".join(
        [
            "usage: tcn-robot COMMAND [options]",
            "",
            "A robot learns a task from films of it.",
            "",
            "commands:",
            *lines,
            "",
            "options:",
            "  --help     this text; `tcn-robot COMMAND --help` explains one command",
            "  --version  the version",
        ]
    )


def run_command(name: str, arguments: list[str]) -> None:
    """Import the workflow of one command and call it.

    Args:
        name: The command, a key of `COMMANDS`.
        arguments: What stands behind the command on the command line.

    Raises:
        UserError: There is no such command, or the workflow refuses its input.
    """
    if name not in COMMANDS:
        raise unknown_name("command", name, COMMANDS)
    workflow = importlib.import_module(f"tcn_robot.workflows.{COMMANDS[name][0]}")
    workflow.main(arguments)


def complain(message: str) -> None:
    """Print one line about a fault on stderr."""
    print(f"tcn-robot: error: {' '.join(message.split())}", file=sys.stderr)


def dispatch(arguments: list[str]) -> int:
    """Do what the arguments ask for and return the exit code."""
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(overview())
        return 0 if arguments else EXIT_BAD_INPUT
    if arguments[0] in ("-V", "--version"):
        print(f"tcn-robot {__version__}")
        return 0
    run_command(arguments[0], arguments[1:])
    return 0


def main(argv: list[str] | None = None) -> int:
    """Run one command; whatever the user can mend becomes one line on stderr.

    Args:
        argv: The arguments without the program's name; `sys.argv` when None.

    Returns:
        Exit code: 0 fine, 2 bad input, an unusable path or a full disk, 130 interrupted, 141 when
        the reader of our output went away.
    """
    try:
        code = dispatch(sys.argv[1:] if argv is None else argv)
        sys.stdout.flush()
        return code
    except UserError as error:
        complain(str(error))
        return EXIT_BAD_INPUT
    except KeyboardInterrupt:
        complain("interrupted")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        _silence_stdout()
        return EXIT_BROKEN_PIPE
    except OSError as error:
        line = describe_os_error(error)
        if line is None:
            raise
        if error.errno in FULL:
            _silence_stdout()
        complain(line)
        return EXIT_BAD_INPUT
    except ImportError as error:
        if SHARED_LIBRARY not in str(error):
            raise
        complain(f"a system library is missing ({error}); `tcn-robot doctor` says what brings it")
        return EXIT_BAD_INPUT


def _silence_stdout() -> None:
    """Point stdout at nothing, or the interpreter complains once more while it shuts down."""
    try:
        target = sys.stdout.fileno()
    except (OSError, ValueError):  # stdout is no file, as under a test
        return
    os.dup2(os.open(os.devnull, os.O_WRONLY), target)


if __name__ == "__main__":
    sys.exit(main())
