"""What a run was trained on: bodies, cameras and scenes that are no test of it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tcn_robot.benchmarks.alignment.seen import Seen, seen_from_summary, summary_of_training
from tcn_robot.errors import UserError


def describe_training(datasets: Sequence[Path], views: Sequence[str]) -> dict[str, Any]:
    """Return what a run keeps about the recordings that it is trained on.

    Args:
        datasets: Their folders.
        views: Views that are trained on; all when there are none.
    """
    from tcn_robot.recordings import open_recording

    return summary_of_training(
        (episode for path in datasets for episode in open_recording(path)), views
    )


def seen_by(
    run: Path, bodies: Sequence[str] | None = None, views: Sequence[str] | None = None
) -> Seen | None:
    """Return what an encoder was trained on; None where nobody knows.

    What is given counts; then what the run says, then its recordings where they still lie there,
    then the card of an encoder that ships.

    Args:
        run: A run, an encoder's folder, or a name of the zoo.
        bodies: Bodies that it has seen, instead of what the run says.
        views: Views that it has seen, likewise.
    """
    known = _known(run)
    if bodies is None and views is None:
        return known
    if known is None and (bodies is None or views is None):
        missing = "--seen-bodies" if bodies is None else "--seen-views"
        raise UserError(
            f"{run} does not say what it was trained on: pass {missing} too, or neither"
        )
    return Seen(
        frozenset(bodies if bodies is not None else known.bodies if known else ()),
        frozenset(views if views is not None else known.views if known else ()),
        known.scenes if known else frozenset({""}),
        known.drawn if known else (),
        "the command line",
    )


def _known(run: Path) -> Seen | None:
    from tcn_robot.training.run_folder import read_datasets, read_trained_on, run_of_encoder
    from tcn_robot.zoo import zoo_names

    if not run.exists() and str(run) in zoo_names():
        return _of_card(str(run))
    trained = run_of_encoder(run)
    if trained is None:
        return None
    said = read_trained_on(trained)
    if said is not None:
        return seen_from_summary(said, "the run")
    datasets = [Path(name) for name in read_datasets(trained)]
    if datasets and all((path / "dataset.json").is_file() for path in datasets):
        return seen_from_summary(describe_training(datasets, ()), "the recordings of the run")
    return None


def _of_card(name: str) -> Seen | None:
    """Return what the card of an encoder that ships says, by the commands of its recordings."""
    from tcn_robot.zoo import read_card

    card = read_card(name)
    trained_on = {Path(word).name for word in shlex.split(card["command"]) if "data/" in word}
    bodies, views, looks = set(), set(), set()
    for entry in card["data"]:
        if entry["name"] in trained_on:
            options = _options(shlex.split(entry["command"]))
            bodies |= set(options.get("--embodiment", ["robot"]))
            views |= set(options.get("--views", []))
            looks |= set(options.get("--randomise", []))
    said = {"bodies": sorted(bodies), "views": sorted(views), "drawn": sorted(looks)}
    return seen_from_summary(said, "its card")


def _options(words: Sequence[str]) -> dict[str, list[str]]:
    """Return the values behind each option of a command."""
    found: dict[str, list[str]] = {}
    values: list[str] = []
    for word in words:
        if word.startswith("--"):
            values = found.setdefault(word, [])
        else:
            values.append(word)
    return found
