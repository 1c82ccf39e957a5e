"""What a report can be made from: what the given folders are and where their parts lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tcn_robot.errors import UserError
from tcn_robot.recordings import format as dataset_format
from tcn_robot.workflows.demo_config import DemoFolders
from tcn_robot.workflows.demo_plan import DEMO_FILE

ALIGNMENT_FILE = "alignment.json"


@dataclass(frozen=True)
class Sources:
    """Where the parts of a report lie; those that are not known are None or empty.

    Attributes:
        shown: The folders as the user named them.
        embedding: Run of `tcn-robot train`.
        recordings: Datasets to show episodes of, the one to prefer first.
        play: Dataset of play.
        demos: Dataset that rewards were fitted to.
        alignment: Figures of `tcn-robot bench alignment`.
        policies: Runs of `tcn-robot imitate`.
        stages: Folder with what each stage of a demo cost.
        seed: Of a demo.
    """

    shown: tuple[str, ...] = ()
    embedding: Path | None = None
    recordings: tuple[Path, ...] = ()
    play: Path | None = None
    demos: Path | None = None
    alignment: Path | None = None
    policies: tuple[Path, ...] = ()
    stages: Path | None = None
    seed: int | None = None


def find_sources(folders: Sequence[Path], recordings: Sequence[Path] = ()) -> Sources:
    """Return what the folders hold together.

    Args:
        folders: Demo folders, runs of `train` or runs of `imitate`.
        recordings: Further datasets to show episodes of, preferred to those the runs name.

    Raises:
        UserError: A folder is none of these.
    """
    if not folders:
        raise UserError("expected a run to report on, found none; name one, such as runs/demo")
    found = Sources(shown=tuple(map(str, folders)), recordings=tuple(recordings))
    for folder in folders:
        found = _with_folder(found, Path(folder))
    return replace(found, recordings=tuple(dict.fromkeys(found.recordings)))


def _with_folder(found: Sources, folder: Path) -> Sources:
    if (folder / DEMO_FILE).is_file():
        return _with_demo(found, folder)
    config = read_json(folder / "config.json")
    if config.get("kind") == "embedding":
        return _with_embedding(found, folder, config)
    if "reward" in config and "algo" in config:
        return _with_policy(found, folder, config)
    raise UserError(
        f"{folder} should be a folder of `tcn-robot demo`, `train` or `imitate`, found "
        f"{'another config.json' if config else 'no config.json'}; name the folder given to --out"
    )


def _with_demo(found: Sources, folder: Path) -> Sources:
    described = read_json(folder / DEMO_FILE)
    folders = DemoFolders(folder)
    config = described.get("config", {})
    rewards = [config.get("reward", "progress"), config.get("baseline", "sparse")]
    policies = tuple(path for path in map(folders.policy, rewards) if path.is_dir())
    return replace(
        found,
        embedding=_existing(folders.embedding),
        recordings=(*found.recordings, *filter(Path.is_dir, [folders.held_out])),
        play=_existing(folders.play),
        demos=_existing(folders.demonstrations),
        alignment=_existing(folders.alignment),
        policies=(*found.policies, *policies),
        stages=_existing(folders.stages),
        seed=described.get("seed"),
    )


def _with_embedding(found: Sources, folder: Path, config: dict[str, Any]) -> Sources:
    datasets = tuple(Path(name) for name in config.get("datasets", []) if Path(name).is_dir())
    return replace(
        found,
        embedding=folder,
        recordings=(*found.recordings, *datasets),
        alignment=_existing(folder / ALIGNMENT_FILE) or found.alignment,
    )


def _with_policy(found: Sources, folder: Path, config: dict[str, Any]) -> Sources:
    found = replace(found, policies=(*found.policies, folder))
    if config.get("demos") and found.demos is None:
        found = replace(found, demos=_existing(Path(config["demos"])))
    if not config.get("encoder") or found.embedding is not None:
        return found
    from tcn_robot.training.run_folder import run_of_encoder

    run = run_of_encoder(Path(config["encoder"]))
    return _with_folder(found, run) if run else found


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file, {} when there is no such file.

    Raises:
        UserError: The file is damaged.
    """
    return dataset_format.read_json(path) if path.is_file() else {}


def _existing(path: Path) -> Path | None:
    return path if path.exists() else None
