"""Summed logits of whole films: what a test and a validation look at."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from tcn_robot.fine_tuning.batches import Window, frames_of_test
from tcn_robot.fine_tuning.film_frames import FilmFrames
from tcn_robot.fine_tuning.network import ActionNetwork
from tcn_robot.fine_tuning.options import FineTuningOptions

# Few enough that their maps stay in a CPU's cache; fixed, because sums round by their size.
_FILMS_AT_ONCE = 8
# Enough for a mean and a spread.
_MOST_SETTLING_FILMS = 256


def window_of(network: ActionNetwork) -> Window:
    """Return what an input of a network consists of."""
    config = network.encoder.config
    return Window(config.num_frames, config.stride_frames)


@torch.inference_mode()
def settle_features(
    network: ActionNetwork,
    frames: FilmFrames,
    films: NDArray[np.int64],
    options: FineTuningOptions,
) -> None:
    """Set centre and scale of a network's features by the middles of films that it will see.

    Args:
        network: On its device; of its weights nothing changes.
        frames: Where the films' frames are.
        films: int64 (N,), positions of the films.
        options: What an input is; of each film one is looked at.
    """
    was_training = network.training
    network.eval()
    one = replace(options, test_frames=1, test_spread="even")
    found = []
    films = films[np.linspace(0, len(films) - 1, min(len(films), _MOST_SETTLING_FILMS)).astype(int)]
    for start in range(0, len(films), _FILMS_AT_ONCE):
        some = films[start : start + _FILMS_AT_ONCE]
        frame = frames_of_test(frames.num_frames[some], one, window_of(network))
        images = torch.from_numpy(frames.gather(some, frame)).to(network.encoder.device)
        found.append(network.encoder.features(images.flatten(0, 1)))
    network.classifier.settle(torch.cat(found))
    network.train(was_training)


@torch.inference_mode()
def film_logits(
    network: ActionNetwork,
    frames: FilmFrames,
    films: NDArray[np.int64],
    options: FineTuningOptions,
) -> NDArray[np.float32]:
    """Return the logits of films, summed over the frames that a test looks at, in float32.

    Args:
        network: Looked at in evaluation mode; the mode afterwards is the one before.
        frames: Where the films' frames are.
        films: int64 (N,), positions of the films.
        options: How many frames, and which.

    Returns:
        float32 (N, K).
    """
    was_training = network.training
    network.eval()
    device = network.encoder.device
    found = [np.empty((0, network.num_classes), np.float32)]
    for start in range(0, len(films), _FILMS_AT_ONCE):
        some = films[start : start + _FILMS_AT_ONCE]
        frame = frames_of_test(frames.num_frames[some], options, window_of(network))
        images = torch.from_numpy(frames.gather(some, frame)).to(device)
        found.append(network(images).cpu().numpy())
    network.train(was_training)
    return np.concatenate(found)


def mean_cross_entropy(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """Return the mean of -log softmax(logits)[label] over films, (N, K) and (N,)."""
    scores = logits.astype(np.float64)
    scores -= scores.max(axis=1, keepdims=True)
    log_sums = np.log(np.exp(scores).sum(axis=1))
    return float((log_sums - scores[np.arange(len(labels)), labels]).mean())
