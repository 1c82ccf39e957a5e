"""Makes an encoder of the zoo from a training run: weights in float16 and a card with its figures.

    python scripts/make_zoo.py push-tcn runs/push-tcn data/push-test --out tcn_robot/zoo

scripts/prepare_zoo.sh records and trains what it needs.

The figures are those of the weights that ship, measured on held-out episodes beside the same
weights in float32; a difference of a tenth of a per cent of error or more is refused. The same run
and recordings give the same files.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from tcn_robot.atomic import atomic_folder
from tcn_robot.benchmarks import (
    alignment_markdown,
    benchmark_alignment,
    embedded_figures,
    summarised,
)
from tcn_robot.errors import UserError
from tcn_robot.models import Encoder, film_embedder, load_encoder, untrained_encoder
from tcn_robot.provenance import commit, machine, versions
from tcn_robot.recordings import format as dataset_format
from tcn_robot.recordings import open_recording
from tcn_robot.tensors import write_tensors
from tcn_robot.training.config import TrainConfig, default_config
from tcn_robot.training.flat import leaves
from tcn_robot.training.run_folder import VERSIONS_FILE, read_run
from tcn_robot.workflows.embedding_plan import KEYLESS_OPTIONS
from tcn_robot.workflows.embedding_run import held_out
from tcn_robot.workflows.study_data import digest_of_recording

CARD_VERSION = 1
MOST_BYTES = 2_000_000
MOST_ROUNDING_ERROR = 0.001
UNTRAINED_SEEDS = 3
CONFIG_FILE, WEIGHTS_FILE = "config.json", "model.safetensors"
KEPT_ROWS = ("trained", "untrained", "chance", "ceiling", "simulator_state")


def make_entry(name: str, run: Path, test: Path, zoo: Path) -> dict[str, Any]:
    """Write zoo/NAME and return its card.

    Args:
        name: Name of the encoder, such as push-tcn.
        run: What `tcn-robot train --out` wrote.
        test: Recording with held-out episodes.
        zoo: Folder of the zoo.

    Raises:
        UserError: The weights are too large, or rounding them costs too much.
    """
    described = read_run(run)
    data = [recording_entry(Path(path)) for path in (*described.datasets, str(test))]
    episodes = held_out(test)
    exact = summarised(embedded_figures(episodes, film_embedder(load_encoder(run))))
    with atomic_folder(zoo / name) as partial:
        write_rounded(run / "encoder", partial)
        shipped = load_encoder(partial)
        result = benchmark_alignment(
            episodes,
            film_embedder(shipped),
            [film_embedder(untrained_encoder(shipped, n)) for n in range(UNTRAINED_SEEDS)],
        )
        card = {
            "schema_version": CARD_VERSION,
            "name": name,
            "task": open_recording(test).task.rpartition("/")[2].rpartition(":")[2],
            "objective": described.config.objective,
            **shape(shipped, partial / WEIGHTS_FILE),
            "figures": {row: result[row] for row in KEPT_ROWS if row in result},
            "episodes": result["episodes"],
            "views": result["views"],
            "float16": rounding(exact, result["trained"]),
            "data": data,
            "command": command_of(described.config, described.datasets, name),
            "commit": json.loads((run / VERSIONS_FILE).read_text("utf-8"))["git_commit"],
            "measured_at_commit": commit(),
            "versions": versions(),
            "machine": machine(),
        }
        (partial / "card.json").write_text(json.dumps(card, indent=1) + "\n", "utf-8")
        (partial / "card.md").write_text(card_text(card), "utf-8")
    return card


def write_rounded(encoder: Path, folder: Path) -> None:
    """Copy an encoder's config and write its weights in float16.

    Raises:
        UserError: They are larger than an encoder of the zoo may be.
    """
    (folder / CONFIG_FILE).write_text((encoder / CONFIG_FILE).read_text("utf-8"), "utf-8")
    weights = load_file(encoder / WEIGHTS_FILE)
    write_tensors(
        folder / WEIGHTS_FILE,
        {
            name: value.to(torch.float16) if value.is_floating_point() else value
            for name, value in sorted(weights.items())
        },
    )
    size_bytes = (folder / WEIGHTS_FILE).stat().st_size
    if size_bytes > MOST_BYTES:
        raise UserError(
            f"an encoder of the zoo has at most {MOST_BYTES / 1e6:g} MB, found "
            f"{size_bytes / 1e6:.1f}; train a smaller one"
        )


def rounding(exact: dict[str, Any], rounded: dict[str, Any]) -> dict[str, Any]:
    """Return what float16 changes.

    Raises:
        UserError: The error changes by `MOST_ROUNDING_ERROR` or more.
    """
    names = ("error", "accuracy_1", "tau_b")
    change = {name: rounded[name] - exact[name] for name in names if exact[name] is not None}
    if abs(change.get("error", 0.0)) >= MOST_ROUNDING_ERROR:
        raise UserError(
            f"float16 changes the alignment error by {change['error']:.2%}, at most "
            f"{MOST_ROUNDING_ERROR:.1%} is allowed; train again with more weight decay"
        )
    return {"figures_in_float32": {name: exact[name] for name in names}, "change": change}


def shape(encoder: Encoder, weights: Path) -> dict[str, Any]:
    """Return what is to be known of an encoder before it is used."""
    return {
        "kind": encoder.kind,
        "image_size_px": encoder.image_size_px,
        "dimension": encoder.dimension,
        "parameters": sum(parameter.numel() for parameter in encoder.parameters()),
        "bytes": weights.stat().st_size,
    }


def recording_entry(folder: Path) -> dict[str, Any]:
    """Return name, digest and command of a recording that one command made.

    Raises:
        UserError: It was made by several.
    """
    request = dataset_format.read_json(folder / dataset_format.REQUEST_FILE)
    if request["first_id"] or len(open_recording(folder)) != request["episodes"]:
        raise UserError(
            f"{folder} was made by several commands; record each part into a folder of its own"
        )
    options = ["--episodes", request["episodes"], "--size", request["size_px"]]
    options += ["--views", *request["views"], "--split", request["split"]]
    options += ["--policy", request["policy"], "--seed", request["seed"]]
    options += ["--embodiment", request["embodiment"]]
    task = request["task"].rpartition("/")[2]
    words = ["tcn-robot", "record", task, "--out", f"data/{folder.name}", *options]
    return {
        "name": folder.name,
        "digest": digest_of_recording(folder),
        "command": shlex.join(map(str, words)),
    }


def command_of(config: TrainConfig, datasets: Sequence[str], name: str) -> str:
    """Return the command that trains such an encoder: options that are not the usual ones."""
    usual = dict(leaves(default_config(config.objective, config.encoder)))
    words = ["tcn-robot", "train", *(f"data/{Path(path).name}" for path in datasets)]
    words += ["--objective", config.objective, "--encoder", config.encoder]
    for option, value in leaves(config):
        if option in ("objective", "encoder", *KEYLESS_OPTIONS) or value == usual.get(option):
            continue
        flag = f"--{option.replace('_', '-')}"
        if isinstance(value, bool):
            words.append(flag if value else f"--no-{option.replace('_', '-')}")
        else:
            words += [flag, *map(str, value if isinstance(value, tuple) else (value,))]
    return shlex.join([*words, "--out", f"runs/{name}"])


def _across_views(figures: dict[str, Any]) -> str:
    """Return a warning where a moment is not found in another view, "" where it is."""
    trained, chance = (figures[row].get("error") for row in ("trained", "chance"))
    if trained is None or trained < chance / 2:
        return ""
    return (
        " A moment is not found in another view, which its objective never asked for: use it with "
        "one camera at a time."
    )


def _no_order(figures: dict[str, Any]) -> str:
    """Return a warning where the order across episodes may be the untrained network's, else ""."""
    trained, untrained = figures["trained"], figures["untrained"]
    interval = trained.get("tau_b_interval")
    if interval is None or interval[0] > untrained["tau_b"]:
        return ""
    return " Its order across episodes is not told from that of the untrained network."


def card_text(card: dict[str, Any]) -> str:
    """Return a card as a person reads it."""
    change = card["float16"]["change"]
    commands = [entry["command"] for entry in card["data"]] + [card["command"]]
    digests = ", ".join(f"{entry['name']} {entry['digest']}" for entry in card["data"])
    return "\n".join(
        [
            f"# {card['name']}",
            "",
            f"{card['task']}, trained for `{card['objective']}`: frames of {card['image_size_px']} "
            f"px to {card['dimension']} numbers; {card['kind']}, {card['parameters']:,} "
            f"parameters, {card['bytes'] / 1000:.0f} kB as float16.",
            "",
            "```python",
            f'encoder = tcn_robot.load_encoder("{card["name"]}")',
            f"encoder.embed(frames)  # uint8 (N, H, W, 3) -> float32 (N, {card['dimension']})",
            "```",
            "",
            f"On {card['episodes']} held-out episodes, views {', '.join(card['views'])}; in "
            "brackets 95 % intervals over episodes:",
            "",
            alignment_markdown([card["figures"]]),
            "",
            f"Float16 changes the error by {100 * change.get('error', 0.0):+.3f} % and tau_b by "
            f"{change.get('tau_b', 0.0):+.4f}.",
            "",
            "Seen were only simulated films of this task, from these views, with one body: for "
            "another camera, body or light train your own."
            + _across_views(card["figures"])
            + _no_order(card["figures"]),
            "",
            "```",
            *commands,
            "```",
            "",
            f"Recordings: {digests}. Commit {(card['commit'] or 'unknown')[:10]}, torch "
            f"{card['versions']['torch']}.",
            "",
        ]
    )


def main() -> int:
    """Read the options and make the entry."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("name")
    parser.add_argument("run", type=Path)
    parser.add_argument("test", type=Path, help="recording with held-out episodes")
    parser.add_argument("--out", type=Path, default=Path("tcn_robot/zoo"))
    options = parser.parse_args()
    try:
        card = make_entry(options.name, options.run, options.test, options.out)
    except UserError as error:
        print(f"make_zoo: {error}", file=sys.stderr)
        return 2
    error = card["figures"]["trained"]["error"]
    print(f"{options.out / options.name}: error {error:.2%}, {card['bytes'] / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
