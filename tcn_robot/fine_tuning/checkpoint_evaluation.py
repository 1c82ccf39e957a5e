"""A fine-tuned network tested again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tcn_robot.benchmarks.recognition.clips import ActionSet
from tcn_robot.benchmarks.recognition.scores import confusion_matrix, top_k_hits
from tcn_robot.errors import UserError
from tcn_robot.fine_tuning.checkpoint import load_network
from tcn_robot.fine_tuning.evaluation import film_logits
from tcn_robot.fine_tuning.film_frames import FilmFrames
from tcn_robot.fine_tuning.options import FineTuningOptions
from tcn_robot.training.device import choose_device


def evaluate_checkpoint(
    checkpoint: Path, actions: ActionSet, options: FineTuningOptions, memory_gib: float
) -> dict[str, Any]:
    """Test a network on the split that it was trained for, on the frames of its own test.

    Args:
        checkpoint: What `save_network` wrote.
        actions: The set.
        options: Where to compute; frames and their number are those that are stored.
        memory_gib: Room for decoded films.

    Returns:
        "top_1", "top_5", "confusion", and "stored": the figures beside the network.

    Raises:
        UserError: If there is no such network, or the set has other classes.
    """
    network, description = load_network(checkpoint)
    if description.classes != actions.classes:
        raise UserError(
            f"{checkpoint} knows {len(description.classes)} classes, such as "
            f"{description.classes[0]}, and {actions.folder} has {len(actions.classes)} others; "
            "give the set it was trained on"
        )
    split = actions.split(description.split)
    network.to(choose_device(options.device))
    frames = FilmFrames(split.test, network.encoder.image_size_px, memory_gib)
    as_then = replace(
        options, test_frames=description.test_frames, test_spread=description.test_spread
    )
    labels = split.labels(split.test)
    films = np.arange(len(split.test))
    logits = film_logits(network, frames, films, as_then)
    return {
        "split": description.split,
        "labels_per_class": description.labels_per_class,
        "top_1": float(top_k_hits(logits, labels, 1).mean()),
        "top_5": float(top_k_hits(logits, labels, min(5, len(split.classes))).mean()),
        "confusion": confusion_matrix(logits, labels).tolist(),
        "stored": description.figures,
    }
