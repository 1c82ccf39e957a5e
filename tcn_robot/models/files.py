"""Encoders on disk: config.json and model.safetensors, never a pickle.

An encoder that sees painted frames has foreground.safetensors beside them.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from tcn_robot.atomic import atomic_folder
from tcn_robot.errors import UserError
from tcn_robot.models.encoder import Encoder, EncoderConfig, seeded_generator
from tcn_robot.models.foreground import Foreground, foreground_from_tensors, foreground_tensors
from tcn_robot.models.table import ENCODERS, build_encoder
from tcn_robot.models.weights import number_fault
from tcn_robot.tensors import write_tensors
from tcn_robot.typed_options import options_from_json
from tcn_robot.zoo import find_encoder_folder

FORMAT_VERSION = 2
VERSION_1_KEYS = {
    *("image_size_px", "dimension", "channels", "strides", "map_channels", "hidden"),
    "unit_length",
}
# What torch raises for a shape that no machine has memory for.
_IMPOSSIBLE = (RuntimeError, OSError, ValueError, TypeError, MemoryError, OverflowError)
# Kinds that embed an image while they are made: that takes numbers, not shapes alone.
_LOOKS_WHEN_MADE = ("transformers",)
CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
FOREGROUND_FILE = "foreground.safetensors"
PAINTED = "painted"
"""Key of config.json, of encoders that have a foreground: without its file they see nothing."""
# Where a training took weights from: a stored encoder is whole, and loading it reads nothing else.
SOURCES = ("weights", "pretrained")


def save_encoder(encoder: Encoder, folder: Path) -> None:
    """Write an encoder; the folder is whole or absent."""
    described = {"format_version": FORMAT_VERSION, "kind": encoder.kind}
    described |= dataclasses.asdict(encoder.config)
    described |= {name: "" for name in SOURCES if name in described}
    if encoder.foreground is not None:
        described[PAINTED] = True
    with atomic_folder(folder) as partial:
        (partial / CONFIG_FILE).write_text(json.dumps(described, indent=2) + "\n", "utf-8")
        write_tensors(partial / WEIGHTS_FILE, dict(_weights(encoder)))
        if encoder.foreground is not None:
            write_tensors(partial / FOREGROUND_FILE, foreground_tensors(encoder.foreground))


def _weights(encoder: Encoder) -> list:
    return sorted(encoder.state_dict().items())


def load_encoder(path: Path | str) -> Encoder:
    """Load an encoder from a run folder, from an encoder folder, or one that ships.

    Args:
        path: What `tcn-robot train --out` wrote, the `encoder` folder inside it, or a name of the
            zoo such as "push-tcn" (`tcn-robot zoo` lists them). A path that exists wins.

    Returns:
        The encoder on the CPU, in evaluation mode; weights are float32 in memory.

    Raises:
        UserError: If there is no encoder, or a file is damaged or of an unknown version.
    """
    given = folder = find_encoder_folder(path)
    if (folder / "encoder").is_dir():
        folder = folder / "encoder"
    _check_folder(given, folder)
    kind, config, painted = parse_config(folder / CONFIG_FILE)
    weights_path = folder / WEIGHTS_FILE
    try:
        weights = load_file(weights_path)
        _check_shapes(weights, kind, config)
        encoder = build_encoder(kind, config, seeded_generator(0))
        _check_numbers(weights, encoder.state_dict())
        encoder.load_state_dict(weights)
    except (SafetensorError, *_IMPOSSIBLE) as error:
        first_line = next(iter(str(error).splitlines()), repr(error))
        raise UserError(
            f"{weights_path} is damaged or does not fit {CONFIG_FILE}: {first_line}; "
            "copy it again or train again"
        ) from error
    if painted:
        encoder.foreground = _read_foreground(folder / FOREGROUND_FILE, encoder.image_size_px)
    return encoder.eval()


def _read_foreground(path: Path, size_px: int) -> Foreground:
    """Return the foreground of an encoder's folder."""
    if not path.is_file():
        raise UserError(
            f"{path} is missing, and the encoder sees painted frames; copy its folder whole, or "
            "train again"
        )
    try:
        return foreground_from_tensors(load_file(path), size_px)
    except (SafetensorError, OSError, ValueError) as error:
        raise UserError(f"{path} is damaged: {error}; copy it again or train again") from error


def _check_shapes(weights: Mapping[str, torch.Tensor], kind: str, config: EncoderConfig) -> None:
    """Raise ValueError if weights are of another shape, before memory is taken for the encoder."""
    if kind in _LOOKS_WHEN_MADE:
        return
    with torch.device("meta"):  # shapes alone
        wanted = build_encoder(kind, config, seeded_generator(0)).state_dict()
    for name in sorted(weights.keys() & wanted.keys()):
        if weights[name].shape != wanted[name].shape:
            found, expected = list(weights[name].shape), list(wanted[name].shape)
            raise ValueError(f"{name} has the shape {found}, expected {expected}")


def _check_numbers(weights: Mapping[str, torch.Tensor], own: Mapping[str, torch.Tensor]) -> None:
    """Raise ValueError unless what stands for real numbers is of them, and finite."""
    for name in sorted(weights.keys() & own.keys()):
        if own[name].is_floating_point() and (fault := number_fault(weights[name])):
            raise ValueError(f"{name} {fault}")


def _check_folder(given: Path, folder: Path) -> None:
    if (folder / WEIGHTS_FILE).is_file() and (folder / CONFIG_FILE).is_file():
        return
    if (given / "state").is_dir():
        raise UserError(
            f"{given} holds an unfinished training without an encoder; "
            f"finish it with `tcn-robot train --out {given} --resume`"
        )
    raise UserError(
        f"{given} holds no encoder: expected encoder/{CONFIG_FILE} and encoder/{WEIGHTS_FILE}; "
        "give the folder that `tcn-robot train --out` wrote"
    )


def parse_config(path: Path) -> tuple[str, EncoderConfig, bool]:
    """Read an encoder's config.json; unknown, missing and mistyped keys are errors.

    Args:
        path: The file. Version 1 knew the convolutional encoder only; what has come since has
            defaults that are what it was.

    Returns:
        The kind, a name of `ENCODERS`, the config, and whether it sees painted frames.

    Raises:
        UserError: If the file is not what `save_encoder` writes.
    """
    try:
        described = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path} is not readable JSON: {error}; copy it again") from error
    if not isinstance(described, dict):
        raise UserError(f"{path} expects a JSON object, found {described!r:.40}; copy it again")
    if missing := [key for key in ("format_version", "kind") if key not in described]:
        raise UserError(f"{path} lacks {', '.join(missing)}; it was not written by tcn_robot")
    version, kind = described.pop("format_version"), described.pop("kind")
    painted = described.pop(PAINTED, False)
    if not isinstance(painted, bool):
        raise UserError(
            f"{path}: {PAINTED} expects true or false, found {painted!r}; copy it again"
        )
    kinds = {1: ["convolutional"], FORMAT_VERSION: list(ENCODERS)}
    if version not in (1, FORMAT_VERSION) or kind not in kinds[version]:
        raise UserError(
            f"{path}: expected format_version {FORMAT_VERSION} and a kind of "
            f"{', '.join(ENCODERS)}, found {version!r} and {kind!r}; "
            "use the version of tcn_robot that wrote it"
        )
    config_class = ENCODERS[kind].Config
    names = {field.name for field in dataclasses.fields(config_class)}
    optional = names - VERSION_1_KEYS if version == 1 else ()
    config = options_from_json(config_class, described, str(path), optional)
    for name in SOURCES:
        if getattr(config, name, ""):
            raise UserError(
                f'{path} names {name} {getattr(config, name)!r}, expected ""; a stored encoder is '
                "whole by itself and nothing else is read: take it from where it was trained"
            )
    return kind, config, painted
