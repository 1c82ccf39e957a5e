"""What every encoder is: frames in, features, embeddings out; and how its shape is described."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from tcn_robot.clips import expand_clip
from tcn_robot.errors import UserError, unknown_name
from tcn_robot.models.films import look_back, windows
from tcn_robot.models.foreground import Foreground
from tcn_robot.models.resize import resize_frames
from tcn_robot.option_ranges import expect_at_least


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
        weights: Folder of an encoder of the same kind that it starts from, such as
            `tcn-robot import-weights` writes; a head of another shape starts fresh.
    """

    image_size_px: int = 64
    dimension: int = 32
    unit_length: bool = True
    num_frames: int = 1
    stride_frames: int = 1
    differences: bool = False
    weights: str = ""

    def check(self) -> None:
        """Raise UserError for a shape that cannot be."""
        expect_at_least(self, 1, "image_size_px", "dimension", "num_frames", "stride_frames")
        if self.differences and self.num_frames < 2:
            raise UserError(
                f"--differences needs 2 frames or more, found --num-frames {self.num_frames}; "
                "6 frames give the 5 differences of TCE"
            )

    @property
    def input_channels(self) -> int:
        """Channels of all frames, or of their differences, behind each other."""
        return 3 * (self.num_frames - self.differences)


class Stage(NamedTuple):
    """A place on the way through an encoder.

    Attributes:
        name: Such as "stage2".
        module: Its output is what the next stage starts from.
        activation: What the encoder does with the output first; None if nothing.
    """

    name: str
    module: nn.Module
    activation: Callable[[torch.Tensor], torch.Tensor] | None = None


class Encoder(nn.Module, ABC):
    """Frames to embeddings: the base of all encoders.

    A subclass has `features` and `project`; the two after each other, scaled to length 1 if the
    config says so, are `forward`. Heads of objectives stand on the features, as projection heads
    do.

    Attributes:
        config: Its shape.
        dimension: Length D of an embedding.
        feature_width: Length F of the features.
        bodies: Bodies that it keeps statistics of, each its own; none for most encoders.
        foreground: How frames are painted before it sees them; None: it sees them as they are.
    """

    Config: ClassVar[type[EncoderConfig]]
    kind: ClassVar[str]
    config: Any
    dimension: int
    feature_width: int
    bodies: tuple[str, ...] = ()
    foreground: Foreground | None

    def __init__(self, config: EncoderConfig) -> None:
        """Keep the config; the subclass makes its layers and sets `feature_width`.

        Raises:
            UserError: If the shape cannot be.
        """
        super().__init__()
        config.check()
        self.config = config
        self.dimension = config.dimension
        self.foreground = None

    def set_dimension(self, dimension: int) -> None:
        """Say the dimension of an encoder whose embeddings are not of any wished length."""
        self.dimension = dimension
        self.config = replace(self.config, dimension=dimension)

    @property
    def image_size_px(self) -> int:
        """Height and width of the images `forward` takes."""
        return self.config.image_size_px

    @property
    def num_frames(self) -> int:
        """Frames that make one embedding."""
        return self.config.num_frames

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        for tensor in (*self.parameters(), *self.buffers()):
            return tensor.device
        return torch.device("cpu")

    def stages(self) -> Sequence[Stage]:
        """Return the places on the way to the features that can be looked at, in order."""
        return ()

    def frozen_modules(self) -> list[nn.Module]:
        """Return the parts that are not trained: they stay in evaluation mode."""
        return []

    def train(self, mode: bool = True) -> Encoder:
        """Change to training or evaluation mode; what is frozen stays in evaluation."""
        super().train(mode)
        for module in self.frozen_modules():
            module.eval()
        return self

    @abstractmethod
    def features(self, images: torch.Tensor, body: torch.Tensor | None = None) -> torch.Tensor:
        """Return what the last head starts from.

        Args:
            images: (N, S, S, 3), or (N, T, S, S, 3) for T > 1 frames, the newest last; uint8 or
                float, both from 0 to 255.
            body: int64 (N,), positions in `bodies`; encoders without bodies do not look at it.

        Returns:
            (N, F) float32.
        """

    @abstractmethod
    def project(self, features: torch.Tensor) -> torch.Tensor:
        """Map features (N, F) to embeddings (N, D) float32 whose length is not yet 1."""

    def normalise(self, embeddings: torch.Tensor) -> torch.Tensor:
        """Scale embeddings (N, D) to length 1, if the config says so."""
        return F.normalize(embeddings, dim=1) if self.config.unit_length else embeddings

    def forward(self, images: torch.Tensor, body: torch.Tensor | None = None) -> torch.Tensor:
        """Embed images of the encoder's own size, painted already if it has a foreground.

        Args:
            images: As `features` takes them.
            body: Likewise.

        Returns:
            (N, D) float32.
        """
        return self.normalise(self.project(self.features(images, body)))

    @torch.inference_mode()
    def embed(
        self, frames: np.ndarray, batch_frames: int = 64, body: str | None = None
    ) -> np.ndarray:
        """Embed frames of any size, in batches, on the device the weights are on.

        Args:
            frames: uint8 (N, H, W, 3), RGB; other sizes than the encoder's are resized. For an
                encoder of several frames, the consecutive frames of one film: each is embedded
                with those before it, and before the start the first frame is repeated.
            batch_frames: Frames per forward pass; few stay in a CPU's cache, which is faster.
            body: Whose film it is, for an encoder with statistics per body.

        Returns:
            float32 (N, D); the same frames give the same bits on the same machine. The mode, of
            training or evaluation, does not matter.

        Raises:
            UserError: If the frames are not uint8 (N, H, W, 3), the body is unknown, or a batch
                holds no frame.
        """
        if batch_frames < 1:
            raise UserError(f"embed expects batch_frames of 1 or more, found {batch_frames}")
        if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[-1] != 3:
            raise UserError(
                f"embed expects uint8 frames (N, H, W, 3), found {frames.dtype} {frames.shape}; "
                "for one frame pass frame[None]"
            )
        embeddings = np.empty((len(frames), self.dimension), np.float32)
        stride = self.config.stride_frames
        lag = look_back(self.num_frames, stride)
        with evaluating(self):
            for start in range(0, len(frames), batch_frames):
                stop = min(start + batch_frames, len(frames))
                first = max(start - lag, 0)
                part = np.array(frames[first:stop])
                window = expand_clip(np.arange(start, stop), self.num_frames, stride)
                embeddings[start:stop] = self._embed_windows(part, window - first, body)
        return embeddings

    def embed_stream(
        self, frames: Iterable[np.ndarray], body: str | None = None
    ) -> Iterator[np.ndarray]:
        """Embed the frames of one film as they come, in constant memory.

        Args:
            frames: uint8 (H, W, 3) each.
            body: As `embed` takes it.

        Yields:
            float32 (D,) for each frame, as soon as it is there; equal to what `embed` gives for
            the whole film.

        Raises:
            UserError: If a frame is not uint8 (H, W, 3).
        """
        for window in windows(frames, self.num_frames, self.config.stride_frames):
            if window.dtype != np.uint8 or window.ndim != 4 or window.shape[-1] != 3:
                raise UserError(
                    f"embed_stream expects uint8 frames (H, W, 3), found {window.dtype} "
                    f"{window.shape[1:]}; convert them first"
                )
            with torch.inference_mode(), evaluating(self):
                indices = np.arange(self.num_frames)[None]
                embedded = self._embed_windows(window, indices, body)[0]
            yield embedded

    @torch.inference_mode()
    def embed_windows(self, windows: np.ndarray, body: str | None = None) -> np.ndarray:
        """Embed windows of frames, such as those of several environments, in one pass.

        Args:
            windows: uint8 (N, T, H, W, 3), RGB, the newest frame last.
            body: As `embed` takes it.

        Returns:
            float32 (N, D).

        Raises:
            UserError: If they are not T frames each.
        """
        if windows.dtype != np.uint8 or windows.ndim != 5 or windows.shape[1] != self.num_frames:
            raise UserError(
                f"embed_windows expects uint8 (N, {self.num_frames}, H, W, 3), found "
                f"{windows.dtype} {windows.shape}; take the frames that the encoder looks at"
            )
        count, num_frames = windows.shape[:2]
        frames = np.array(windows).reshape(-1, *windows.shape[2:])  # (N * T, H, W, 3)
        indices = np.arange(count * num_frames).reshape(count, num_frames)
        with evaluating(self):
            return self._embed_windows(frames, indices, body)

    def prepare(self, frames: torch.Tensor) -> torch.Tensor:
        """Return frames uint8 (N, H, W, 3) of any size as `forward` takes them: (N, S, S, 3)."""
        sized = resize_frames(frames, self.image_size_px)
        return sized if self.foreground is None else self.foreground(sized)

    def _embed_windows(
        self, frames: np.ndarray, windows: np.ndarray, body: str | None
    ) -> np.ndarray:
        """Return embeddings (N, D) of windows int64 (N, T) into frames uint8 (M, H, W, 3)."""
        sized = self.prepare(torch.from_numpy(frames).to(self.device))
        picked = sized[torch.from_numpy(windows).to(self.device)]  # (N, T, S, S, 3)
        images = picked if self.num_frames > 1 else picked[:, 0]
        return self(images, self.body_index(body, len(images))).cpu().numpy()

    def body_index(self, body: str | None, count: int) -> torch.Tensor | None:
        """Return a body's place in `bodies` as int64 (count,); None if there are none."""
        if not self.bodies:
            return None
        if body is None and len(self.bodies) > 1:
            raise UserError(
                f"this encoder has statistics of {', '.join(self.bodies)}; say whose frames they "
                "are: embed(frames, body=...), or --body"
            )
        if body is not None and body not in self.bodies:
            raise unknown_name("body of the encoder", body, self.bodies)
        index = 0 if body is None else self.bodies.index(body)
        return torch.full((count,), index, device=self.device)

    def save(self, folder: Path | str) -> None:
        """Write config.json and the tensors; the folder is whole or absent."""
        from tcn_robot.models.files import save_encoder

        save_encoder(self, Path(folder))


@contextmanager
def evaluating(encoder: Encoder) -> Iterator[None]:
    """Evaluation mode inside a `with`; the mode before it afterwards."""
    was_training = encoder.training
    if was_training:
        encoder.eval()
    try:
        yield
    finally:
        if was_training:
            encoder.train()


def seeded_generator(seed: int) -> torch.Generator:
    """Return a CPU generator started from `seed`."""
    return torch.Generator().manual_seed(seed)


def num_parameters(encoder: nn.Module) -> int:
    """Return how many numbers are learnt."""
    return sum(math.prod(parameter.shape) for parameter in encoder.parameters())
