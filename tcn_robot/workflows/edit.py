"""`tcn-robot edit DIR ACTION`: deletes, relabels, splits, trims and merges episodes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tcn_robot.errors import UserError, unknown_name
from tcn_robot.workflows.edit_copies import merge, trim
from tcn_robot.workflows.edit_in_place import delete, relabel, split
from tcn_robot.workflows.options import parse_and_run

USAGE = """usage: tcn-robot edit DIR ACTION [options]

Edits a dataset. Ids stay; what was recorded stays as it is, each edit adds to the history that
`tcn-robot info DIR` shows.

actions:
  delete   episodes, for good
  relabel  split, success, policy or body of episodes; the task of the dataset
  split    train, valid and test at random, by shares
  trim     episodes to a part of their time, into another dataset
  merge    with other datasets of the same task, into another one

`tcn-robot edit DIR ACTION --help` explains one of them"""

ACTIONS: dict[str, Callable[..., None]] = {
    "delete": delete,
    "relabel": relabel,
    "split": split,
    "trim": trim,
    "merge": merge,
}


def main(arguments: list[str]) -> None:
    """Run the command."""
    if arguments and arguments[0] in ("-h", "--help"):
        print(USAGE)
        raise SystemExit(0)
    if not arguments or arguments[0].startswith("-"):
        found = f", found {arguments[0]}" if arguments else ""
        raise UserError(f"give a dataset and an action, such as `edit DIR delete --ids 3`{found}")
    if arguments[0] in ACTIONS and not Path(arguments[0]).is_dir():
        raise UserError(f"the dataset comes first: `tcn-robot edit DIR {arguments[0]} …`")
    if len(arguments) < 2 or arguments[1].startswith("-"):
        raise UserError(f"give an action behind the dataset: {', '.join(ACTIONS)}")
    dataset, action, *rest = arguments
    if action not in ACTIONS:
        raise unknown_name("action", action, ACTIONS)
    parse_and_run(ACTIONS[action], [dataset, *rest], name=f"edit DIR {action}")
