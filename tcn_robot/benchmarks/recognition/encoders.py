"""What is measured and what it is compared with: the encoder, the same untrained, plain pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tcn_robot.benchmarks.recognition.features import FrameEncoder
from tcn_robot.models import (
    Encoder,
    PixelsConfig,
    build_encoder,
    embed_layers,
    layer_names,
    seeded_generator,
)

PIXELS_GRID_PX = 16


def frame_encoder(encoder: Encoder, layers: Sequence[str]) -> FrameEncoder:
    """Return an encoder as something that turns frames into features.

    Args:
        encoder: Frozen; its weights are not changed.
        layers: Which of its layers, as `tcn_robot.models.layer_names` has them.
    """

    def embed(windows: NDArray[np.uint8], embodiment: str) -> Mapping[str, NDArray[np.float32]]:
        return embed_layers(encoder, windows, layers, embodiment or None)

    return FrameEncoder(
        embed,
        encoder.image_size_px,
        encoder.num_frames,
        encoder.config.stride_frames,
        per_body=bool(encoder.bodies),
    )


def pixel_encoder(size_px: int) -> FrameEncoder:
    """Return the control that sees a small colour picture and has learnt nothing.

    Args:
        size_px: Of the frames that it is shown; the picture is PIXELS_GRID_PX wide at most.
    """
    config = PixelsConfig(image_size_px=size_px, grid_px=min(PIXELS_GRID_PX, size_px), colour=True)
    return frame_encoder(build_encoder("pixels", config, seeded_generator(0)), ("embedding",))


def layers_to_probe(encoder: Encoder, representation: str, all_layers: bool) -> tuple[str, ...]:
    """Return the layers that have to be looked at: the one that is measured, or all of them."""
    return layer_names(encoder) if all_layers else (representation,)
