"""What a report can be made from: what was named, and where its parts lie."""

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
AUDIT_FILE = "audit.json"
EXPECTED = (
    "a folder of `tcn-robot demo`, `train` or `imitate`, a study (.json), its results (.jsonl), "
    "or what `tcn-robot audit --out` wrote"
)


@dataclass(frozen=True)
class Sources:
    """Where the parts of a report lie; those that are not known are None or empty.

    Attributes:
        shown: The folders and files as the user named them.
        embedding: Run of `tcn-robot train`.
        recordings: Datasets to show episodes of, the one to prefer first.
        play: Dataset of play.
        demos: Dataset that rewards were fitted to.
        alignment: Figures of `tcn-robot bench alignment`.
        policies: Runs of `tcn-robot imitate`.
        stages: Folder with what each stage of a demo cost.
        seed: Of a demo.
        studies: Studies of policies.
        results: Files of lines of results.
        audits: Audits of rewards.
        about_embedding: Whether a run of `tcn-robot train` was named, and not only found.
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
    studies: tuple[Path, ...] = ()
    results: tuple[Path, ...] = ()
    audits: tuple[Path, ...] = ()
    about_embedding: bool = False

    @property
    def policies_first(self) -> bool:
        """Whether policies are what the page is about, and not a demo or an embedding."""
        return self.stages is None and not self.about_embedding


def find_sources(folders: Sequence[Path], recordings: Sequence[Path] = ()) -> Sources:
    """Return what the folders and files hold together.

    Args:
        folders: Demo folders, runs of `train` or of `imitate`, studies, results, audits.
        recordings: Further datasets to show episodes of, preferred to those the runs name.

    Raises:
        UserError: One is none of these.
    """
    if not folders:
        raise UserError("expected a run to report on, found none; name one, such as runs/demo")
    found = Sources(shown=tuple(map(str, folders)), recordings=tuple(recordings))
    for path in dict.fromkeys(map(Path, folders)):
        found = _with_file(found, path) if path.is_file() else _with_folder(found, path)
    return replace(
        found,
        recordings=tuple(dict.fromkeys(found.recordings)),
        audits=tuple(dict.fromkeys(found.audits)),
    )


def _with_file(found: Sources, path: Path) -> Sources:
    if path.suffix == ".jsonl":
        return replace(found, results=(*found.results, path))
    described = read_json(path) if path.suffix == ".json" else {}
    if isinstance(described.get("probes"), dict):
        return replace(found, audits=(*found.audits, path))
    if isinstance(described.get("runs"), list):
        return replace(found, studies=(*found.studies, path))
    raise UserError(f"{path} should be {EXPECTED}, found another file")


def _with_folder(found: Sources, folder: Path) -> Sources:
    if not folder.exists():
        raise UserError(f"{folder} should be {EXPECTED}, found nothing there")
    if (folder / DEMO_FILE).is_file():
        return _with_demo(found, folder)
    config = read_json(folder / "config.json")
    if config.get("kind") == "embedding":
        return replace(_with_embedding(found, folder, config), about_embedding=True)
    if config.get("kind") is None and "reward" in config and "algo" in config:
        return _with_policy(found, folder, config)
    kind = f" of kind {config['kind']!r}" if config.get("kind") else ""
    raise UserError(
        f"{folder} should be {EXPECTED}, found "
        f"{f'another config.json{kind}' if config else 'no config.json'}; name what was given to "
        "--out"
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
    audits = (folder / AUDIT_FILE,) if (folder / AUDIT_FILE).is_file() else ()
    found = replace(found, policies=(*found.policies, folder), audits=(*found.audits, *audits))
    if config.get("demos") and found.demos is None:
        found = replace(found, demos=_existing(Path(config["demos"])))
    if not config.get("encoder") or found.embedding is not None:
        return found
    from tcn_robot.training.run_folder import run_of_encoder

    run = run_of_encoder(Path(config["encoder"]))
    return _with_embedding(found, run, read_json(run / "config.json")) if run else found


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file, {} when there is no such file.

    Raises:
        UserError: The file is damaged.
    """
    return dataset_format.read_json(path) if path.is_file() else {}


def _existing(path: Path) -> Path | None:
    return path if path.exists() else None
