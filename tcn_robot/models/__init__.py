"""Encoders: frames to embeddings. The small default one needs torch and safetensors only."""

from tcn_robot.models.encoder import Encoder, EncoderConfig, seeded_generator, untrained_encoder
from tcn_robot.models.files import load_encoder, save_encoder

__all__ = [
    "Encoder",
    "EncoderConfig",
    "load_encoder",
    "save_encoder",
    "seeded_generator",
    "untrained_encoder",
]
