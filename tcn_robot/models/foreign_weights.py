"""Weights that other projects have published, read without running anything and renamed to ours."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from tcn_robot.errors import UserError
from tcn_robot.models.encoder import Encoder
from tcn_robot.models.weights import WeightsReport, check_complete, put_weights

BACKBONE_PREFIX = "backbone."
# Kind -> what the published network has behind ours: left out, and no cause for worry.
BEHIND: dict[str, tuple[str, ...]] = {
    "resnet": ("fc.", "layer2.", "layer3.", "layer4."),
    "inception": ("AuxLogits.", "Mixed_6", "Mixed_7", "fc."),
}
# What torch raises for a file that is none, is damaged, or wants to run something.
_UNREADABLE = (
    *(RuntimeError, EOFError, OSError, ValueError, KeyError, AttributeError, TypeError),
    *(IndexError, ModuleNotFoundError, AssertionError),
)


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """Read the tensors of a .pth, .pt, .bin or .safetensors file.

    Args:
        path: A state dict, or a checkpoint with one in it: the largest is taken. Nothing in it is
            run: whatever is more than tensors and plain containers is refused.

    Returns:
        Name to tensor, on the CPU.

    Raises:
        UserError: If there is no such file, it is damaged, holds no tensors, or wants to run code.
    """
    if not path.is_file():
        raise UserError(f"no weights at {path}: expected a .pth or .safetensors file")
    if path.suffix == ".safetensors":
        try:
            return dict(load_file(path))
        except (SafetensorError, OSError) as error:
            raise _unreadable(path, error) from error
    refused = torch.serialization.pickle.UnpicklingError  # type: ignore[attr-defined]
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except refused as error:
        raise UserError(
            f"{path} is refused: it is damaged, or holds more than tensors and would run code when "
            "loaded; save its state_dict() alone, best as .safetensors"
        ) from error
    except _UNREADABLE as error:
        raise _unreadable(path, error) from error
    weights = _largest_state(content)
    if not weights:
        raise UserError(f"{path} holds no tensors by name: expected a state_dict()")
    return weights


def _unreadable(path: Path, error: BaseException) -> UserError:
    first_line = (str(error) or repr(error)).splitlines()[0]
    return UserError(f"{path} is damaged or holds no weights: {first_line}; copy it again")


def _largest_state(content: Any) -> dict[str, torch.Tensor]:
    """Return the dictionary with the most tensors, among this one and those inside it."""
    if not isinstance(content, Mapping):
        return {}
    own = {str(k): v for k, v in content.items() if isinstance(v, torch.Tensor)}
    return max([own, *map(_largest_state, content.values())], key=len)


def read_key_map(path: Path) -> dict[str, str | None]:
    """Read a JSON object from the beginnings of foreign names to ours, or to null to leave out.

    Raises:
        UserError: If it is none.
    """
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"--key-map {path} is not readable JSON: {error}") from error
    if not isinstance(found, dict) or not all(
        value is None or isinstance(value, str) for value in found.values()
    ):
        raise UserError(
            f'--key-map {path} expects an object such as {{"module.": "backbone.", "fc.": null}}'
        )
    return found


def renamed(
    weights: Mapping[str, torch.Tensor], key_map: Mapping[str, str | None]
) -> dict[str, torch.Tensor]:
    """Return weights by our names: of the beginnings that fit, the longest counts.

    Names that no beginning fits stay as they are.
    """
    ours = {}
    for name, value in weights.items():
        fitting = [start for start in key_map if name.startswith(start)]
        if not fitting:
            ours[name] = value
            continue
        start = max(fitting, key=len)
        replacement = key_map[start]
        if replacement is not None:
            ours[replacement + name[len(start) :]] = value
    return ours


def guessed_key_map(theirs: Iterable[str], ours: Iterable[str]) -> dict[str, str | None]:
    """Return the one renamed beginning that lets most names be ours.

    Wrappers put `module.`, `encoder.` and the like before every name; ours have `backbone.`.

    Args:
        theirs: Names of foreign tensors.
        ours: Names of the encoder's.
    """
    wanted = set(ours)
    starts = {""}
    for name in theirs:
        parts = name.split(".")
        starts |= {".".join(parts[:count]) + "." for count in range(1, min(len(parts), 4))}

    def hits(start: str, replacement: str) -> int:
        mine = (name for name in theirs if name.startswith(start))
        return sum(replacement + name[len(start) :] in wanted for name in mine)

    pairs = [(s, r) for s in sorted(starts, key=len) for r in ("", BACKBONE_PREFIX)]
    start, replacement = max(pairs, key=lambda pair: hits(*pair))
    return {start: replacement}


def import_weights(
    encoder: Encoder,
    path: Path,
    key_map: Mapping[str, str | None] | None = None,
    *,
    partial: bool = False,
) -> WeightsReport:
    """Put foreign weights into an encoder.

    Args:
        encoder: Changed in place.
        path: As `read_weights` takes it.
        key_map: Beginnings of foreign names to ours; guessed when None.
        partial: Accept that a part of the network is not among them.

    Raises:
        UserError: If the file cannot be read, nothing fits, or not the whole network does.
    """
    foreign = read_weights(path)
    ours = list(encoder.state_dict())
    if key_map is None:
        key_map = guessed_key_map(list(foreign), ours)
    weights = renamed(foreign, key_map)
    report = put_weights(encoder, weights)
    if not report.used:
        raise UserError(
            f"none of the {len(foreign)} tensors of {path}, such as {next(iter(foreign))}, is one "
            f"of the encoder's, such as {ours[0] if ours else 'none'}; name them with --key-map"
        )
    if not partial:
        check_complete(report, path)
    return report


def needless(kind: str, names: Iterable[str]) -> tuple[list[str], list[str]]:
    """Split names that were not used into those of layers behind ours, and the others."""
    behind = tuple(BACKBONE_PREFIX + start for start in BEHIND.get(kind, ()))
    known = [name for name in names if name.startswith(behind)] if behind else []
    return known, [name for name in names if name not in set(known)]
