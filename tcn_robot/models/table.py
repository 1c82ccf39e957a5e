"""The encoders by name, and how one is made."""

from __future__ import annotations

from dataclasses import replace

import torch

from tcn_robot.errors import unknown_name
from tcn_robot.models.convolutional import ConvolutionalConfig, ConvolutionalEncoder
from tcn_robot.models.encoder import Encoder, EncoderConfig, seeded_generator
from tcn_robot.models.inception import InceptionConfig, InceptionEncoder
from tcn_robot.models.pixels import PixelsConfig, PixelsEncoder
from tcn_robot.models.resnet import ResNetConfig, ResNetEncoder
from tcn_robot.models.transformers_backbone import TransformersConfig, TransformersEncoder

# Name -> what describes its shape, what it is.
ENCODERS: dict[str, tuple[type[EncoderConfig], type[Encoder]]] = {
    "convolutional": (ConvolutionalConfig, ConvolutionalEncoder),
    "resnet": (ResNetConfig, ResNetEncoder),
    "inception": (InceptionConfig, InceptionEncoder),
    "transformers": (TransformersConfig, TransformersEncoder),
    "pixels": (PixelsConfig, PixelsEncoder),
}


def find_encoder(kind: str) -> tuple[type[EncoderConfig], type[Encoder]]:
    """Return the config class and the class of a kind of encoder.

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
        config: Its shape, of the class that `ENCODERS` names.
        generator: Draws the weights.

    Returns:
        The encoder on the CPU, in training mode. Its own config says nothing of where weights
        came from: saved, it is whole by itself.

    Raises:
        UserError: If there is no such kind, the shape cannot be, or the weights do not fit.
    """
    _, encoder_class = find_encoder(kind)
    encoder: Encoder = encoder_class(replace(config, weights=""), generator)  # type: ignore[call-arg]
    if config.weights:
        from tcn_robot.models.weights import start_from

        start_from(encoder, config.weights)
    return encoder


def untrained_encoder(like: Encoder, seed: int) -> Encoder:
    """Return an encoder of the same shape with freshly drawn weights: the baseline."""
    return build_encoder(like.kind, like.config, seeded_generator(seed)).to(like.device)
