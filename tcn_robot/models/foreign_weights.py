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
from tcn_robot.models.weights import (
    WeightsReport,
    check_complete,
    number_fault,
    plain,
    put_weights,
)

BACKBONE_PREFIX = "backbone."
# Kind -> what the published network has behind ours: left out, and no cause for worry.
BEHIND: dict[str, tuple[str, ...]] = {
    "resnet": ("fc.", "layer2.", "layer3.", "layer4."),
    "inception": ("AuxLogits.", "Mixed_6", "Mixed_7", "fc."),
}
# Kind -> what says how many blocks there are.
DEPTH_OPTIONS = {"resnet": "--depth", "transformers": "--model-options"}
# What torch raises for a file that is none, is damaged, or wants to run something.
_UNREADABLE = (
    *(RuntimeError, EOFError, OSError, ValueError, KeyError, AttributeError, TypeError),
    *(IndexError, ModuleNotFoundError, AssertionError, RecursionError, MemoryError),
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
    largest: dict[str, torch.Tensor] = {}
    waiting, seen = [content], set()  # a dictionary may contain itself
    while waiting:
        one = waiting.pop(0)
        if not isinstance(one, Mapping) or id(one) in seen:
            continue
        seen.add(id(one))
        own = {str(k): v for k, v in one.items() if isinstance(v, torch.Tensor)}
        largest = max(largest, own, key=len)
        waiting += one.values()
    return largest


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
        UserError: If the file cannot be read, nothing fits, not the whole network does, its
            network has more blocks in a stage, or what is taken are no finite numbers.
    """
    foreign = read_weights(path)
    ours = list(encoder.state_dict())
    if key_map is None:
        key_map = guessed_key_map(list(foreign), ours)
    weights = renamed(foreign, key_map)
    _check_taken(path, weights, encoder.state_dict())
    report = put_weights(encoder, weights)
    if not report.used:
        raise UserError(
            f"none of the {len(foreign)} tensors of {path}, such as {next(iter(foreign))}, is one "
            f"of the encoder's, such as {ours[0] if ours else 'none'}; name them with --key-map"
        )
    if not partial:
        check_complete(report, path)
    _check_blocks(encoder.kind, path, report.unused, ours)
    return report


def _check_taken(
    path: Path, weights: Mapping[str, torch.Tensor], own: Mapping[str, torch.Tensor]
) -> None:
    """Raise UserError if a tensor that will be used is not of finite numbers."""
    for name in sorted(weights.keys() & own.keys()):
        if own[name].is_floating_point():
            fault = number_fault(weights[name])
        else:  # a count
            fault = None if plain(weights[name]) else "is no plain tensor"
        if fault:
            raise UserError(f"{path}: {name} {fault}; save plain float weights, and those again")


def _check_blocks(kind: str, path: Path, unused: Iterable[str], ours: Iterable[str]) -> None:
    """Raise UserError if a row of blocks, such as a stage, is taken without its last ones.

    Published names number the blocks of a row: of layer1.2.conv1 the row is layer1.
    """
    rows = {row for name in ours for row, _ in _places(name)}
    blocks = {row + block for name in ours for row, block in _places(name)}
    for name in unused:
        for row, block in _places(name):
            if row in rows and row + block not in blocks:
                raise UserError(
                    f"{path} is of a network with more blocks, such as {row}{block}; name it with "
                    f"{DEPTH_OPTIONS.get(kind, 'its own options')}, or leave blocks out with a "
                    "--key-map"
                )


def _places(name: str) -> list[tuple[str, str]]:
    """Return (what stands before, number) of each number between the dots of a name."""
    parts = name.split(".")
    return [
        (".".join([*parts[:index], ""]), part)
        for index, part in enumerate(parts)
        if part.isdigit() and parts[0] + "." == BACKBONE_PREFIX
    ]


def needless(kind: str, names: Iterable[str]) -> tuple[list[str], list[str]]:
    """Split names that were not used into those of layers behind ours, and the others."""
    behind = tuple(BACKBONE_PREFIX + start for start in BEHIND.get(kind, ()))
    known = [name for name in names if name.startswith(behind)] if behind else []
    return known, [name for name in names if name not in set(known)]
