"""`tcn-robot import-weights`: a published network as an encoder that training starts from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from tcn_robot.errors import UserError
from tcn_robot.workflows.options import parse_and_run, value_of

if TYPE_CHECKING:
    from tcn_robot.models import Encoder, EncoderConfig
    from tcn_robot.models.weights import WeightsReport

SHOWN_NAMES = 5


def import_weights(
    weights: Path,
    out: Path,
    kind: str,
    config: EncoderConfig,
    key_map: Path | None = None,
    partial: bool = False,
    seed: int = 0,
) -> WeightsReport:
    """Write an encoder with foreign weights and print what became of them.

    Args:
        weights: A .pth or .safetensors file; nothing in it is run.
        out: Encoder folder to write.
        kind: A name of `tcn_robot.models.ENCODERS`.
        config: The network's shape.
        key_map: JSON file from the beginnings of foreign names to ours; guessed when None.
        partial: Accept that a part of the network is not among the weights.
        seed: Draws whatever the weights lack, such as the head.

    Raises:
        UserError: If the file cannot be read or does not fit.
    """
    from tcn_robot.models import build_encoder, seeded_generator
    from tcn_robot.models.foreign_weights import import_weights as put
    from tcn_robot.models.foreign_weights import read_key_map

    if out.exists():
        raise UserError(f"{out} exists already; choose another --out")
    encoder = build_encoder(kind, config, seeded_generator(seed))
    report = put(
        encoder, weights, read_key_map(key_map) if key_map is not None else None, partial=partial
    )
    encoder.eval().save(out)
    _tell(encoder, report, weights)
    print(f"encoder: {out}; start from it with: tcn-robot train … --encoder {kind} --weights {out}")
    return report


def _tell(encoder: Encoder, report: WeightsReport, weights: Path) -> None:
    from tcn_robot.models.foreign_weights import needless

    print(f"{len(report.used)} tensors of {weights} used")
    if report.inflated:
        print(f"averaged over colours and repeated for more channels: {_listed(report.inflated)}")
    if report.missing:
        print(f"not among them, freshly drawn: {_listed(report.missing)}")
    if report.misfits:
        shapes = [f"{name} {list(found)}" for name, found, _ in report.misfits]
        print(f"of another shape, not used: {_listed(shapes)}")
    behind, others = needless(encoder.kind, report.unused)
    if behind:
        print(f"not needed, layers behind the ones taken: {_listed(behind)}")
    if others:
        print(f"not known, not used: {_listed(others)}")


def _listed(names: Any) -> str:
    shown = ", ".join(list(names)[:SHOWN_NAMES])
    more = len(names) - SHOWN_NAMES
    return f"{shown} and {more} more" if more > 0 else shown


def _command(kind: str, defaults: EncoderConfig) -> Callable[..., None]:
    """Return the function behind the command line for a kind of encoder."""

    def command(
        weights: Annotated[Path, tyro.conf.Positional],
        /,
        *,
        out: Path,
        encoder: str = kind,
        config: EncoderConfig = defaults,
        key_map: Path | None = None,
        partial: bool = False,
        seed: int = 0,
    ) -> None:
        """Turn published weights into an encoder.

        Reads .pth and .safetensors files and runs nothing that is in them. ResNet and InceptionV3
        take torchvision's names; other names are matched by their ends, or by --key-map.
        `--encoder NAME --help` shows the options of that kind.

        Args:
            weights: File with a state dict, or a checkpoint with one in it.
            out: Encoder folder to write.
            encoder: Kind of network: {kinds}.
            config: Its shape.
            key_map: JSON file from the beginnings of foreign names to ours, null to leave out:
                {{"module.": "backbone.", "fc.": null}}.
            partial: Accept that a part of the network is not among the weights.
            seed: Draws whatever the weights lack, such as the head.
        """
        import_weights(weights, out, encoder, config, key_map, partial, seed)

    from tcn_robot.models import ENCODERS

    text = (command.__doc__ or "").replace("{kinds}", ", ".join(ENCODERS))
    command.__doc__ = text.replace("{{", "{").replace("}}", "}")
    command.__annotations__["config"] = type(defaults)
    return command


def main(arguments: list[str]) -> None:
    """Parse the command line and import."""
    from tcn_robot.models import find_encoder

    kind = value_of("--encoder", arguments) or "resnet"
    defaults = find_encoder(kind).Config()
    parse_and_run(_command(kind, defaults), arguments, name="import-weights")
