"""Encoders: frames to embeddings. All but `transformers` need torch and safetensors only."""

from tcn_robot.models.backbone import BackboneConfig, BackboneEncoder
from tcn_robot.models.bodies import embed_film, film_embedder, for_body
from tcn_robot.models.convolutional import ConvolutionalConfig, ConvolutionalEncoder
from tcn_robot.models.digest import encoder_digest, encoder_sha256
from tcn_robot.models.encoder import Encoder, EncoderConfig, num_parameters, seeded_generator
from tcn_robot.models.files import load_encoder, save_encoder
from tcn_robot.models.foreground import FilmOfBody, Foreground, fit_foreground
from tcn_robot.models.inception import InceptionConfig, InceptionEncoder
from tcn_robot.models.pixels import PixelsConfig, PixelsEncoder
from tcn_robot.models.resnet import ResNetConfig, ResNetEncoder
from tcn_robot.models.stages import embed_layers, layer_names, stage_maps
from tcn_robot.models.table import ENCODERS, build_encoder, find_encoder, untrained_encoder
from tcn_robot.models.transformers_backbone import TransformersConfig, TransformersEncoder

__all__ = [
    "ENCODERS",
    "BackboneConfig",
    "BackboneEncoder",
    "ConvolutionalConfig",
    "ConvolutionalEncoder",
    "Encoder",
    "EncoderConfig",
    "FilmOfBody",
    "Foreground",
    "InceptionConfig",
    "InceptionEncoder",
    "PixelsConfig",
    "PixelsEncoder",
    "ResNetConfig",
    "ResNetEncoder",
    "TransformersConfig",
    "TransformersEncoder",
    "build_encoder",
    "embed_film",
    "embed_layers",
    "encoder_digest",
    "encoder_sha256",
    "film_embedder",
    "find_encoder",
    "fit_foreground",
    "for_body",
    "layer_names",
    "load_encoder",
    "num_parameters",
    "save_encoder",
    "seeded_generator",
    "stage_maps",
    "untrained_encoder",
]
