"""The control without a network: small grey or colour pictures as vectors."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from tcn_robot.errors import UserError
from tcn_robot.models.encoder import Encoder, EncoderConfig
from tcn_robot.models.planes import frame_differences, scaled_planes
from tcn_robot.models.resize import area_weights

# Rec. 601: shares of red, green and blue in brightness.
BRIGHTNESS = (0.299, 0.587, 0.114)


@dataclass(frozen=True, kw_only=True)
class PixelsConfig(EncoderConfig):
    """Shape of the control; its dimension follows from the grid.

    Attributes:
        grid_px: Height and width of the small picture.
        colour: Keep red, green and blue, and not the brightness only.
    """

    grid_px: int = 16
    colour: bool = False

    def check(self) -> None:
        """Raise UserError for a shape that cannot be."""
        super().check()
        if not 1 <= self.grid_px <= self.image_size_px:
            raise UserError(
                f"--grid-px must be from 1 to --image-size-px {self.image_size_px}, found "
                f"{self.grid_px}"
            )


class PixelsEncoder(Encoder):
    """Pixels averaged over the cells of a grid, flattened, without their mean; nothing is learnt.

    What an embedding has to beat: nearest neighbours by the pictures themselves.
    """

    Config = PixelsConfig
    kind = "pixels"
    config: PixelsConfig
    cells: torch.Tensor
    brightness: torch.Tensor

    def __init__(self, config: PixelsConfig, generator: torch.Generator) -> None:
        """Draw nothing from `generator`."""
        super().__init__(config)
        num_planes = (3 if config.colour else 1) * (config.num_frames - config.differences)
        self.feature_width = num_planes * config.grid_px**2
        self.set_dimension(self.feature_width)
        weights = area_weights(config.image_size_px, config.grid_px)
        self.register_buffer("cells", weights, persistent=False)
        self.register_buffer("brightness", torch.tensor(BRIGHTNESS), persistent=False)

    def features(self, images: torch.Tensor, body: torch.Tensor | None = None) -> torch.Tensor:
        """Return the small pictures as vectors (N, F) float32 of mean 0."""
        planes = scaled_planes(images)  # (N, 3, S, S) or (N, T, 3, S, S)
        if self.config.differences:
            planes = frame_differences(planes)
        if not self.config.colour:
            planes = torch.einsum("c,...chw->...hw", self.brightness, planes)
        grid = torch.einsum("ih,jw,...hw->...ij", self.cells, self.cells, planes)
        vectors = grid.flatten(1)  # (N, planes * G * G)
        return vectors - vectors.mean(dim=1, keepdim=True)

    def project(self, features: torch.Tensor) -> torch.Tensor:
        """Return the features as they are."""
        return features
