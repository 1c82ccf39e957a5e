"""What a step of fine-tuning sees: a pure function of the seed and the step's number.

Nothing is carried from one step to the next, so that a training that was interrupted goes on with
the very batches that it would have had.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from tcn_robot.data.augmentation import AugmentationOptions, augment
from tcn_robot.fine_tuning.film_frames import FilmFrames
from tcn_robot.fine_tuning.options import AugmentationName, FineTuningOptions
from tcn_robot.fine_tuning.segments import (
    segment_frames,
    spread_frames,
    window_places,
    windows_from,
)

# A film that is mirrored shows another action, so none of them flips.
AUGMENTATIONS: dict[AugmentationName, AugmentationOptions | None] = {
    "none": None,
    "light": AugmentationOptions(shift_px=2),
}
# What a seed is drawn for.
_ORDER, _FRAMES, _NOISE = range(3)


@dataclass(frozen=True)
class Window:
    """What one input of the encoder consists of.

    Attributes:
        num_frames: T; 1 is the frame itself.
        stride_frames: Distance between them.
    """

    num_frames: int = 1
    stride_frames: int = 1

    @property
    def extent_frames(self) -> int:
        """Frames of the film that it reaches over."""
        return (self.num_frames - 1) * self.stride_frames + 1


def films_of_step(num_films: int, batch_films: int, step: int, seed: int) -> NDArray[np.int64]:
    """Return which films a step sees, int64 (B,): each once per epoch, in an order of its own.

    Args:
        num_films: Films that are trained on.
        batch_films: Films of a step; the last step of an epoch may have fewer.
        step: The step, counted from 0.
        seed: Of the training.
    """
    per_epoch = -(-num_films // batch_films)
    epoch, place = divmod(step, per_epoch)
    order = np.random.default_rng([seed, _ORDER, epoch]).permutation(num_films)
    return order[place * batch_films : (place + 1) * batch_films]


def frames_of_step(
    num_frames: NDArray[np.int64], options: FineTuningOptions, window: Window, step: int, seed: int
) -> NDArray[np.int64]:
    """Draw which frames a step sees of its films.

    Args:
        num_frames: int64 (B,), frames of each film.
        options: How many segments a film has.
        window: What an input consists of.
        step: The step, counted from 0.
        seed: Of the training.

    Returns:
        int64 (B, S), or (B, S, T) for windows of several frames.
    """
    generator = np.random.default_rng([seed, _FRAMES, step])
    places = window_places(num_frames, window.extent_frames)
    first = segment_frames(places, options.segments, generator)  # (B, S)
    return _windows(first, num_frames, window)


def frames_of_test(
    num_frames: NDArray[np.int64], options: FineTuningOptions, window: Window
) -> NDArray[np.int64]:
    """Return which frames a test looks at, int64 (B, F) or (B, F, T); see `frames_of_step`."""
    count, spread = options.test_frames, options.test_spread
    # The published rule leaves room for the window itself.
    places = num_frames if spread == "tce" else window_places(num_frames, window.extent_frames)
    first = np.stack([spread_frames(int(n), count, spread) for n in places])  # (B, F)
    return _windows(first, num_frames, window)


def _windows(
    first: NDArray[np.int64], num_frames: NDArray[np.int64], window: Window
) -> NDArray[np.int64]:
    """Return first (B, S) itself, or windows (B, S, T) that begin there."""
    if window.num_frames == 1:
        return first
    of_film = np.repeat(num_frames, first.shape[1])  # (B * S,)
    length, stride = window.num_frames, window.stride_frames
    return windows_from(first.reshape(-1), of_film, length, stride).reshape(*first.shape, length)


def images_of_step(
    frames: FilmFrames,
    films: NDArray[np.int64],
    options: FineTuningOptions,
    window: Window,
    step: int,
    seed: int,
    device: torch.device,
) -> tuple[NDArray[np.int64], torch.Tensor]:
    """Return which of the films a step sees, and what it sees of them.

    Args:
        frames: Where they are.
        films: int64 (N,), positions in `frames` of the films that are trained on.
        options: Batch, segments and augmentation.
        window: What an input consists of.
        step: The step, counted from 0.
        seed: Of the training.
        device: Where the images are wanted.

    Returns:
        int64 (B,), places in `films`; and (B, S, E, E, 3), or (B, S, T, E, E, 3) for windows,
        uint8, or float32 from 0 to 255 where they are augmented.
    """
    chosen = films_of_step(len(films), options.batch_clips, step, seed)
    which = films[chosen]
    frame = frames_of_step(frames.num_frames[which], options, window, step, seed)
    images = torch.from_numpy(frames.gather(which, frame)).to(device)
    augmentation = AUGMENTATIONS[options.augmentation]
    if augmentation is not None:
        generator = noise_generator(seed, step)
        changed = augment(images.flatten(0, 1), augmentation, generator)  # each segment by itself
        images = changed.unflatten(0, images.shape[:2])
    return chosen, images


def noise_generator(seed: int, step: int, what: int = 0) -> torch.Generator:
    """Return the generator of what a step draws on the CPU besides its frames."""
    words = np.random.SeedSequence([seed, _NOISE, step, what]).generate_state(2)
    return torch.Generator().manual_seed(int(words[0]) << 16 ^ int(words[1]))
