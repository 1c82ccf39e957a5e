"""Encoders: frames to embeddings. The small default one needs torch and safetensors only."""

from tcn_robot.models.convolutional import ConvolutionalConfig, ConvolutionalEncoder
from tcn_robot.models.encoder import Encoder, EncoderConfig, num_parameters, seeded_generator
from tcn_robot.models.files import load_encoder, save_encoder
from tcn_robot.models.table import ENCODERS, build_encoder, find_encoder, untrained_encoder

__all__ = [
    "ENCODERS",
    "ConvolutionalConfig",
    "ConvolutionalEncoder",
    "Encoder",
    "EncoderConfig",
    "build_encoder",
    "find_encoder",
    "load_encoder",
    "num_parameters",
    "save_encoder",
    "seeded_generator",
    "untrained_encoder",
]
