"""Weights put into an encoder: which tensors fit, and what is left over on both sides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from tcn_robot.errors import UserError
from tcn_robot.models.encoder import Encoder
from tcn_robot.models.planes import inflated

HEAD_PREFIX = "head."
# A count that nothing here depends on.
_COUNTER = "num_batches_tracked"


@dataclass(frozen=True)
class WeightsReport:
    """What became of weights that were put into an encoder.

    Attributes:
        used: Names of the encoder's tensors that were set.
        inflated: Those of them that were set for another number of channels.
        missing: The encoder's tensors that the weights lack; they stay as they were.
        misfits: (name, shape found, shape expected) of those of another shape, not used.
        unused: Names of the weights that the encoder has no tensor for.
    """

    used: tuple[str, ...]
    inflated: tuple[str, ...]
    missing: tuple[str, ...]
    misfits: tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...]
    unused: tuple[str, ...]


@torch.no_grad()
def put_weights(encoder: Encoder, weights: Mapping[str, torch.Tensor]) -> WeightsReport:
    """Copy the tensors that fit into an encoder.

    A first convolution that reads 3 channels is inflated for an encoder that reads more.

    Args:
        encoder: Changed in place.
        weights: By the names of the encoder's state dict.
    """
    mine = encoder.state_dict()
    used, grown, misfits = [], [], []
    for name in sorted(mine.keys() & weights.keys()):
        target, value = mine[name], weights[name]
        if _wants_inflation(value.shape, target.shape):
            value = inflated(value, target.shape[1])
            grown.append(name)
        if value.shape != target.shape:
            misfits.append((name, tuple(value.shape), tuple(target.shape)))
            continue
        target.copy_(value)
        used.append(name)
    found = {name for name in mine if not name.endswith(_COUNTER)}
    given = {name for name in weights if not name.endswith(_COUNTER)}
    return WeightsReport(
        used=tuple(used),
        inflated=tuple(grown),
        missing=tuple(sorted(found - given)),
        misfits=tuple(misfits),
        unused=tuple(sorted(given - found)),
    )


def plain(value: torch.Tensor) -> bool:
    """Return whether a tensor has its numbers, and one after the other."""
    dense = value.layout == torch.strided
    return dense and not (value.is_meta or value.is_quantized or value.is_nested)


def number_fault(value: torch.Tensor) -> str | None:
    """Return why a tensor cannot stand for real numbers, None where it can.

    Args:
        value: As a file has it: it may lack its numbers, or have them in a way of its own.
    """
    if not plain(value):
        kind = "quantised" if value.is_quantized else str(value.layout).removeprefix("torch.")
        return f"is no plain tensor but {'without numbers' if value.is_meta else kind}"
    if not value.is_floating_point():
        return f"holds {str(value.dtype).removeprefix('torch.')}, expected floating-point numbers"
    if not bool(torch.isfinite(value.detach().float()).all()):
        return "holds numbers that are not finite"
    return None


def _wants_inflation(found: torch.Size, wanted: torch.Size) -> bool:
    if len(found) != 4 or len(wanted) != 4:
        return False
    same = (found[0], found[2:]) == (wanted[0], wanted[2:])
    return same and found[1] == 3 and wanted[1] != 3


def check_complete(report: WeightsReport, source: Path | str) -> None:
    """Raise UserError unless everything but the head was set."""
    misfits = [each for each in report.misfits if not each[0].startswith(HEAD_PREFIX)]
    if misfits:
        name, found, wanted = misfits[0]
        raise UserError(
            f"{source}: {len(misfits)} tensors are of another shape, such as {name}: found "
            f"{list(found)}, expected {list(wanted)}; give the options of the network it is of"
        )
    missing = [name for name in report.missing if not name.startswith(HEAD_PREFIX)]
    if missing:
        raise UserError(
            f"{source} lacks {len(missing)} tensors of the network, such as {missing[0]}; give the "
            "options of the network it is of, or a --key-map"
        )


def start_from(encoder: Encoder, folder: str) -> WeightsReport:
    """Set an encoder's weights to those of another of its kind; a head may differ.

    Args:
        encoder: Changed in place.
        folder: Run or encoder folder.

    Raises:
        UserError: If there is none, it is of another kind, or its network of another shape.
    """
    from tcn_robot.models.files import load_encoder

    other = load_encoder(folder)
    if other.kind != encoder.kind:
        raise UserError(
            f"--weights {folder} is of kind {other.kind}, expected {encoder.kind}; "
            f"use --encoder {other.kind}"
        )
    report = put_weights(encoder, other.state_dict())
    check_complete(report, folder)
    return report
