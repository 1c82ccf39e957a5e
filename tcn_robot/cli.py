"""The command line: finds the command, calls its workflow, turns a UserError into one line."""

from __future__ import annotations

import importlib
import sys

from tcn_robot.errors import UserError, unknown_name

COMMANDS: dict[str, tuple[str, str]] = {
    "doctor": ("doctor", "what renders, how fast, on what; what is missing and how to mend it"),
    "demo": ("demo", "the whole chain on a small task, ends with report.html"),
    "record": ("record", "record simulated demonstrations, play or random episodes"),
    "train": ("train", "train an embedding on recordings"),
    "embed": ("embed", "embed every frame of a recording into a .npz file"),
    "bench": ("bench", "measure an embedding: alignment"),
    "imitate": ("imitate", "train policies with a learned reward"),
    "evaluate": ("evaluate", "evaluate trained policies on held-out starts"),
    "report": ("report", "a self-contained page about one or several runs"),
    "study": ("study", "work off a list of runs, resumable"),
}
