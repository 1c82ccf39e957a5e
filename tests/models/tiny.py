"""Small encoders of every kind that needs no further package, and frames for them."""

import numpy as np

from tcn_robot.models import ENCODERS, Encoder, build_encoder, seeded_generator

SMALL = {"channels": (4, 8), "strides": (2, 1), "hidden": 16, "map_channels": 2}
# Name of the case -> (kind, options).
CASES = {
    "convolutional": ("convolutional", SMALL),
    "batch norm": ("convolutional", {**SMALL, "norm": "batch"}),
    "group norm": ("convolutional", {**SMALL, "norm": "group"}),
    "frames": ("convolutional", {**SMALL, "num_frames": 3, "stride_frames": 2}),
    "differences": ("convolutional", {**SMALL, "num_frames": 3, "differences": True}),
    "resnet": ("resnet", {"stages": 2}),
    "resnet group": ("resnet", {"stages": 1, "norm": "group"}),
    "resnet none": ("resnet", {"stages": 2, "norm": "none"}),
    "resnet frozen_batch": ("resnet", {"stages": 1, "norm": "frozen_batch"}),
    "resnet pooled": ("resnet", {"stages": 1, "head": "pooled", "dimension": 64}),
    "resnet tcn": ("resnet", {"stages": 2, "head": "tcn", "head_channels": 8, "head_hidden": 16}),
    "resnet frames": ("resnet", {"stages": 1, "num_frames": 2}),
    "resnet differences": ("resnet", {"stages": 1, "num_frames": 6, "differences": True}),
    "resnet frozen": ("resnet", {"stages": 2, "trainable": "last-1"}),
    "inception": ("inception", {"image_size_px": 80, "head_channels": 8, "head_hidden": 16}),
    "pixels": ("pixels", {"grid_px": 4}),
    "pixels frames": ("pixels", {"grid_px": 4, "colour": True, "num_frames": 2}),
}


def tiny(case: str, seed: int = 0, **options) -> Encoder:
    """Return an encoder of a case, in training mode."""
    kind, own = CASES[case]
    values = {"image_size_px": 32, "dimension": 8, **own, **options}
    return build_encoder(kind, ENCODERS[kind].Config(**values), seeded_generator(seed))


def frames(count: int = 5, height: int = 32, width: int = 32, seed: int = 0) -> np.ndarray:
    """Return frames of noise."""
    drawn = np.random.default_rng(seed).integers(0, 256, (count, height, width, 3))
    return drawn.astype(np.uint8)
