"""The encoders by name, and how one is made."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from tcn_robot.errors import unknown_name
from tcn_robot.models.convolutional import ConvolutionalEncoder
from tcn_robot.models.encoder import Encoder, EncoderConfig, seeded_generator
from tcn_robot.models.inception import InceptionEncoder
from tcn_robot.models.pixels import PixelsEncoder
from tcn_robot.models.resnet import ResNetEncoder
from tcn_robot.models.transformers_backbone import TransformersEncoder

# Each says by its `Config` what describes its shape.
ENCODERS: dict[str, type[Encoder]] = {
    "convolutional": ConvolutionalEncoder,
    "resnet": ResNetEncoder,
    "inception": InceptionEncoder,
    "transformers": TransformersEncoder,
    "pixels": PixelsEncoder,
}


def find_encoder(kind: str) -> type[Encoder]:
    """Return the class of a kind of encoder.

    Raises:
        UserError: If there is no such kind.
    """
    if kind not in ENCODERS:
        raise unknown_name("encoder", kind, ENCODERS)
    return ENCODERS[kind]


def build_encoder(kind: str, config: EncoderConfig, generator: torch.Generator) -> Encoder:
    """Make an encoder with fresh weights, or those that its config names.

    Args:
        kind: A name of `ENCODERS`.
        config: Its shape, of the class that the kind's `Config` names.
        generator: Draws the weights.

    Returns:
        The encoder on the CPU, in training mode. Its own config says nothing of where weights
        came from: saved, it is whole by itself.

    Raises:
        UserError: If there is no such kind, the shape cannot be, or the weights do not fit.
    """
    encoder_class: Any = find_encoder(kind)
    encoder: Encoder = encoder_class(replace(config, weights=""), generator)
    if config.weights:
        from tcn_robot.models.weights import start_from

        start_from(encoder, config.weights)
    return encoder


def untrained_encoder(like: Encoder, seed: int) -> Encoder:
    """Return an encoder of the same shape with freshly drawn weights: the baseline."""
    fresh = build_encoder(like.kind, like.config, seeded_generator(seed)).to(like.device)
    fresh.foreground = like.foreground
    return fresh
