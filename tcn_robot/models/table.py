"""The encoders by name, and how one is made."""

from __future__ import annotations

import torch

from tcn_robot.errors import unknown_name
from tcn_robot.models.convolutional import ConvolutionalConfig, ConvolutionalEncoder
from tcn_robot.models.encoder import Encoder, EncoderConfig, seeded_generator

# Name -> what describes its shape, what it is.
ENCODERS: dict[str, tuple[type[EncoderConfig], type[Encoder]]] = {
    "convolutional": (ConvolutionalConfig, ConvolutionalEncoder),
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
    """Make an encoder with fresh weights.

    Args:
        kind: A name of `ENCODERS`.
        config: Its shape, of the class that `ENCODERS` names.
        generator: Draws the weights.

    Raises:
        UserError: If there is no such kind, or the shape cannot be.
    """
    _, encoder_class = find_encoder(kind)
    return encoder_class(config, generator)  # type: ignore[call-arg]


def untrained_encoder(like: Encoder, seed: int) -> Encoder:
    """Return an encoder of the same shape with freshly drawn weights: the baseline."""
    return build_encoder(like.kind, like.config, seeded_generator(seed)).to(like.device)
