"""What every encoder is: frames in, features, embeddings out; and how its shape is described."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from tcn_robot.errors import UserError
from tcn_robot.models.resize import resize_frames


@dataclass(frozen=True, kw_only=True)
class EncoderConfig:
    """What the shapes of all encoders have in common; stored beside the weights.

    Attributes:
        image_size_px: Height and width it works at.
        dimension: Length D of an embedding.
        unit_length: Whether embeddings are scaled to length 1.
        num_frames: Frames T that make one embedding: the frame itself and T - 1 before it.
        stride_frames: Distance between two of them in frames of the film.
        differences: Several frames: see their T - 1 differences and not the frames.
    """

    image_size_px: int = 64
    dimension: int = 32
    unit_length: bool = True
    num_frames: int = 1
    stride_frames: int = 1
    differences: bool = False


class Encoder(nn.Module):
    """Frames to embeddings: the base of all encoders.

    A subclass has `features` and `project`; the two after each other, scaled to length 1 if the
    config says so, are `forward`. Heads of objectives stand on the features, as projection heads
    do.

    Attributes:
        config: Its shape.
        dimension: Length D of an embedding.
        feature_width: Length F of the features.
    """

    Config: ClassVar[type[EncoderConfig]]
    kind: ClassVar[str]
    config: Any
    dimension: int
    feature_width: int

    def __init__(self, config: EncoderConfig) -> None:
        """Keep the config; the subclass makes its layers and sets `feature_width`."""
        super().__init__()
        self.config = config
        self.dimension = config.dimension

    @property
    def image_size_px(self) -> int:
        """Height and width of the images `forward` takes."""
        return self.config.image_size_px

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        for tensor in (*self.parameters(), *self.buffers()):
            return tensor.device
        return torch.device("cpu")

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Return what the last head starts from.

        Args:
            images: (N, S, S, 3), or (N, T, S, S, 3) for T > 1 frames, the newest last; uint8 or
                float, both from 0 to 255.

        Returns:
            (N, F) float32.
        """
        raise NotImplementedError

    def project(self, features: torch.Tensor) -> torch.Tensor:
        """Map features (N, F) to embeddings (N, D) float32 whose length is not yet 1."""
        raise NotImplementedError

    def normalise(self, embeddings: torch.Tensor) -> torch.Tensor:
        """Scale embeddings (N, D) to length 1, if the config says so."""
        return F.normalize(embeddings, dim=1) if self.config.unit_length else embeddings

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Embed images of the encoder's own size.

        Args:
            images: As `features` takes them.

        Returns:
            (N, D) float32.
        """
        return self.normalise(self.project(self.features(images)))

    @torch.inference_mode()
    def embed(self, frames: np.ndarray, batch_frames: int = 64) -> np.ndarray:
        """Embed frames of any size, in batches, on the device the weights are on.

        Args:
            frames: uint8 (N, H, W, 3), RGB; other sizes than the encoder's are resized.
            batch_frames: Frames per forward pass; few stay in a CPU's cache, which is faster.

        Returns:
            float32 (N, D); the same frames give the same bits on the same machine. The mode, of
            training or evaluation, does not matter.

        Raises:
            UserError: If the frames are not uint8 (N, H, W, 3).
        """
        if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[-1] != 3:
            raise UserError(
                f"embed expects uint8 frames (N, H, W, 3), found {frames.dtype} {frames.shape}; "
                "for one frame pass frame[None]"
            )
        device = self.device
        embeddings = np.empty((len(frames), self.dimension), np.float32)
        was_training = self.training
        self.eval()
        try:
            for start in range(0, len(frames), batch_frames):
                part = torch.from_numpy(np.array(frames[start : start + batch_frames])).to(device)
                embedded = self(resize_frames(part, self.image_size_px))
                embeddings[start : start + batch_frames] = embedded.cpu().numpy()
        finally:
            self.train(was_training)
        return embeddings

    def save(self, folder: Path | str) -> None:
        """Write config.json and model.safetensors; the folder is whole or absent."""
        from tcn_robot.models.files import save_encoder

        save_encoder(self, Path(folder))


def seeded_generator(seed: int) -> torch.Generator:
    """Return a CPU generator started from `seed`."""
    return torch.Generator().manual_seed(seed)


def num_parameters(encoder: nn.Module) -> int:
    """Return how many numbers are learnt."""
    return sum(math.prod(parameter.shape) for parameter in encoder.parameters())
