"""Out of memory: how large a batch would have fitted."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from tcn_robot.errors import UserError
from tcn_robot.models import Encoder
from tcn_robot.training.config import TrainConfig
from tcn_robot.training.state import TrainingState

if TYPE_CHECKING:
    from tcn_robot.training.parts import Parts

# What torch says of a CPU that has no more; there is no exception type for it.
_CPU_WORDS = ("can't allocate memory", "not enough memory")


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that a device or the machine has no memory left."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(words in text for words in _CPU_WORDS)


def largest_that_fits(attempt: Callable[[int], None], failed: int, multiple: int) -> int:
    """Return the largest batch that fits, found by trying.

    Args:
        attempt: Does with a number of frames what a step does; raises when memory is out.
        failed: A number of frames that did not fit.
        multiple: Numbers that are multiples of this are tried; 1 or more.

    Returns:
        A multiple of `multiple` below `failed`, 0 if not even the smallest fits.
    """
    fits, too_many = 0, -(-failed // multiple)  # in units of `multiple`; too_many does not fit
    while too_many - fits > 1:
        middle = (fits + too_many) // 2
        if _succeeds(attempt, middle * multiple):
            fits = middle
        else:
            too_many = middle
    return fits * multiple


def _succeeds(attempt: Callable[[int], None], count: int) -> bool:
    try:
        attempt(count)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        return False
    finally:
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
    return True


def training_pass(
    encoder: Encoder, autocast: Callable[[], torch.autocast]
) -> Callable[[int], None]:
    """Return a function that runs an encoder forward and backward on any number of black frames.

    Weights, gradients and running statistics of the encoder are changed or lost: for the end of a
    training that has failed.

    Args:
        encoder: What is trained.
        autocast: Context of the forward pass.
    """
    size, frames, device = encoder.image_size_px, encoder.config.num_frames, encoder.device

    def attempt(count: int) -> None:
        shape = (count, size, size, 3) if frames == 1 else (count, frames, size, size, 3)
        encoder.zero_grad(set_to_none=True)
        body = torch.zeros(count, dtype=torch.int64, device=device) if encoder.bodies else None
        with autocast():
            embedded = encoder(torch.zeros(shape, device=device), body).float()
        loss = (embedded @ embedded.T).sum()  # losses compare all with all: N x N numbers
        if loss.requires_grad:
            loss.backward()

    return attempt


def advise(device: torch.device, batch_frames: int, fits: int) -> str:
    """Return the one line about a batch that did not fit.

    Args:
        device: Where memory is out.
        batch_frames: Frames of a batch.
        fits: The largest number that fits, 0 if none does.
    """
    where = "the GPU" if device.type == "cuda" else "the machine"
    if fits == 0:
        return (
            f"out of memory: {where} cannot hold a training step of even the smallest batch; take "
            "a smaller --image-size-px or a smaller encoder"
        )
    return (
        f"out of memory: {where} cannot hold a training step of {batch_frames} frames; the largest "
        f"batch that fits is about --batch-frames {fits}, or take a smaller --image-size-px"
    )


@contextmanager
def advice_when_out_of_memory(
    config: TrainConfig, parts: Parts, state: TrainingState
) -> Iterator[None]:
    """Turn a full memory into one line with the largest batch that would have fitted.

    Raises:
        UserError: When the block runs out of memory.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        failed = error
    else:
        return
    # Outside the handler: a traceback holds on to what the step has filled the memory with.
    failed.__traceback__ = None
    state.optimizer.zero_grad(set_to_none=True)
    wanted, together = config.batch.batch_frames, parts.processes.world_size
    multiple = _frames_of_one_sample(parts, state)
    attempt = training_pass(state.encoder, state.precision.autocast)
    fits = largest_that_fits(attempt, -(-wanted // together), multiple)
    raise UserError(advise(parts.device, wanted, fits * together))


def _frames_of_one_sample(parts: Parts, state: TrainingState) -> int:
    """Return of how many frames a batch is a multiple: 2 for pairs, 4 for quadruples."""
    return math.prod(parts.sampler.draw(state.sampling_rng).shape[:-1])
