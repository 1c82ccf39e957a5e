"""A fine-tuned network on disk: an encoder as any other, the layer of classes, what it was for."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file

from tcn_robot.atomic import atomic_folder
from tcn_robot.errors import UserError
from tcn_robot.fine_tuning.network import ActionNetwork
from tcn_robot.fine_tuning.options import SpreadName
from tcn_robot.models import load_encoder, seeded_generator
from tcn_robot.tensors import write_tensors
from tcn_robot.typed_options import options_from_json

ENCODER_FOLDER = "encoder"
CLASSIFIER_FILE = "classifier.safetensors"
DESCRIPTION_FILE = "classifier.json"
FORMAT_VERSION = 1


@dataclass(frozen=True)
class CheckpointDescription:
    """What a fine-tuned network is for, and what it reached.

    Attributes:
        classes: Names, in the order of the logits.
        split: Split that it was trained on: it may be tested on no other.
        labels_per_class: How many labels it saw: all, 5, 10% …
        test_frames: Frames of a film that its test looked at.
        test_spread: And which.
        figures: What the test said: top_1 and top_5.
        num_parts: Parts of a film that have weights of their own.
        format_version: Of the folder.
    """

    classes: tuple[str, ...]
    split: int
    labels_per_class: str
    test_frames: int
    test_spread: SpreadName
    figures: dict[str, float] = field(default_factory=dict)
    num_parts: int = 1
    format_version: int = FORMAT_VERSION


def save_network(network: ActionNetwork, description: CheckpointDescription, folder: Path) -> None:
    """Write a fine-tuned network; the folder is whole or absent.

    Its `encoder` folder makes it a run for whoever asks for one.
    """
    with atomic_folder(folder) as partial:
        network.encoder.save(partial / ENCODER_FOLDER)
        write_tensors(partial / CLASSIFIER_FILE, network.classifier.state_dict())
        text = json.dumps(asdict(description), indent=2) + "\n"
        (partial / DESCRIPTION_FILE).write_text(text, "utf-8")


def load_network(folder: Path) -> tuple[ActionNetwork, CheckpointDescription]:
    """Load what `save_network` wrote, on the CPU and in evaluation mode.

    Raises:
        UserError: If there is no such network, or it is damaged or of another version.
    """
    path = folder / DESCRIPTION_FILE
    if not path.is_file():
        raise UserError(
            f"{folder} holds no fine-tuned network: expected {DESCRIPTION_FILE}; give a checkpoint "
            "that `tcn-robot bench fine-tuning … --checkpoints DIR` wrote"
        )
    description = _described(path)
    encoder = load_encoder(folder)
    network = ActionNetwork(
        encoder, len(description.classes), seeded_generator(0), description.num_parts
    )
    try:
        network.classifier.load_state_dict(load_file(folder / CLASSIFIER_FILE))
    except (OSError, RuntimeError, ValueError, SafetensorError) as error:
        first_line = next(iter(str(error).splitlines()), repr(error))
        raise UserError(
            f"{folder / CLASSIFIER_FILE} is damaged ({first_line}); copy the checkpoint again"
        ) from error
    return network.eval(), description  # type: ignore[return-value]


def _described(path: Path) -> CheckpointDescription:
    try:
        content: Any = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path} is not readable JSON: {error}; copy it again") from error
    # Checkpoints from before --ordered do not say that all their frames are one part.
    description = options_from_json(CheckpointDescription, content, str(path), ("num_parts",))
    if description.format_version != FORMAT_VERSION:
        raise UserError(
            f"{path} is of format {description.format_version}, expected {FORMAT_VERSION}; use the "
            "version of tcn_robot that wrote it"
        )
    return description
