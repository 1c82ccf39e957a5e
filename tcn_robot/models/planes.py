"""From images as they are stored to what a convolution reads: normalised planes, stacked."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

# Mean and standard deviation of red, green and blue, of pixels from 0 to 1.
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
HALF = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def scaled_planes(images: torch.Tensor) -> torch.Tensor:
    """Return images as planes from -1 to 1.

    Args:
        images: (..., S, S, 3), uint8 or float, both from 0 to 255.

    Returns:
        (..., 3, S, S) float32, laid out in memory as the images are.
    """
    # A channels-last picture permuted is already what convolutions like best.
    return images.movedim(-1, -3).float() / 127.5 - 1.0


class Normalise(nn.Module):
    """Images as planes of about zero mean and unit spread, as a pretrained network expects them."""

    scale: torch.Tensor
    shift: torch.Tensor

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        """Take mean and standard deviation of red, green and blue, of pixels from 0 to 1."""
        super().__init__()
        spread = torch.tensor(std, dtype=torch.float64).view(3, 1, 1)
        centre = torch.tensor(mean, dtype=torch.float64).view(3, 1, 1)
        # On the device beforehand: made anew, they would have to be copied to a GPU each time.
        self.register_buffer("scale", (1 / (255 * spread)).float(), persistent=False)
        self.register_buffer("shift", (-centre / spread).float(), persistent=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map (..., S, S, 3), 0 to 255, to (..., 3, S, S) float32, laid out as the images are."""
        return torch.addcmul(self.shift, images.movedim(-1, -3).float(), self.scale)


def frame_differences(planes: torch.Tensor) -> torch.Tensor:
    """Return each frame minus the next: (N, T, 3, S, S) -> (N, T - 1, 3, S, S).

    The stack of differences of Temporally Coherent Embeddings (Knights et al. 2020, section
    III.C): of frames that are normalised already.
    """
    return planes[:, :-1] - planes[:, 1:]


def stacked(planes: torch.Tensor) -> torch.Tensor:
    """Put the frames' planes behind each other: (N, T, 3, S, S) -> (N, 3 T, S, S)."""
    together = planes.flatten(1, 2)  # (N, 3 * T, S, S)
    return together.contiguous(memory_format=torch.channels_last)


def inflated(weight: torch.Tensor, num_channels: int) -> torch.Tensor:
    """Return the weights of a first convolution for another number of channels.

    They are averaged over red, green and blue and repeated (Knights et al. 2020; there for a
    stack of 5 differences, 15 channels).

    Args:
        weight: (O, 3, K, K).
        num_channels: Channels it is to read.

    Returns:
        (O, num_channels, K, K).
    """
    return weight.mean(dim=1, keepdim=True).repeat(1, num_channels, 1, 1)
