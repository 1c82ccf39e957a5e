"""Fine-tunes one network on labelled films."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from tcn_robot.fine_tuning.batches import images_of_step, noise_generator
from tcn_robot.fine_tuning.evaluation import (
    film_logits,
    mean_cross_entropy,
    settle_features,
    window_of,
)
from tcn_robot.fine_tuning.film_frames import FilmFrames
from tcn_robot.fine_tuning.network import ActionNetwork, dropout_mask, film_loss
from tcn_robot.fine_tuning.options import FineTuningOptions
from tcn_robot.fine_tuning.state import TuningState, Validation, load_state, save_state
from tcn_robot.provenance import key_of
from tcn_robot.training.device import choose_device
from tcn_robot.training.interrupt import DeferredInterrupt
from tcn_robot.training.optimisers import clip_gradients, set_rate
from tcn_robot.training.precision import Precision, choose_precision

_DROPOUT = 1
# Called after each step with the steps done and what there is to say.
OnStep = Callable[[int, str], None]


@dataclass(frozen=True)
class LabelledFilms:
    """Films that one training sees.

    Attributes:
        frames: Where the frames of all films are.
        labels: int64 (C,), class of every film in `frames`.
        train: int64 (N,), positions of the films that are trained on.
        valid: int64 (M,), positions of those that are looked at meanwhile; may be none.
        names: Of all films: what tells these data from others.
        keeps_best: Whether the weights of the best look count, which `valid` thereby chooses;
            otherwise those of the last step.
    """

    frames: FilmFrames
    labels: NDArray[np.int64]
    train: NDArray[np.int64]
    valid: NDArray[np.int64]
    names: tuple[str, ...]
    keeps_best: bool = True


class Diverged(ArithmeticError):
    """The loss is no longer finite: this learning rate is too high."""


def fine_tune(
    films: LabelledFilms,
    network: ActionNetwork,
    options: FineTuningOptions,
    learning_rate: float,
    seed: int,
    folder: Path | None = None,
    on_step: OnStep | None = None,
) -> list[Validation]:
    """Train a network; afterwards it has the weights that `films.keeps_best` says.

    Interrupted by Ctrl-C or killed, and called again with the same arguments, it ends with the same
    weights as if it had not been, bit for bit on the CPU of one machine.

    Args:
        films: What to train on and to choose by.
        network: Changed in place; moved to the device of the options.
        options: How.
        learning_rate: In place of those of the options.
        seed: Of the batches, the frames and the augmentation.
        folder: Where a state is kept that a later call goes on with; removed by nobody here. None
            keeps nothing.
        on_step: Called after each step.

    Returns:
        The validations, in order; none without validation films, and then the last weights count.

    Raises:
        Diverged: If the loss is no longer finite.
        UserError: If the state in the folder is damaged or another training's.
        KeyboardInterrupt: After the state was saved.
    """
    device = choose_device(options.device)
    network.to(device).train()
    settle_features(network, films.frames, films.train, options)
    state = _fresh(network, options, learning_rate, device)
    steps = options.num_steps(len(films.train))
    key = _key(films, network, options, learning_rate, seed)
    if folder is not None:
        load_state(state, folder, key)
    looks = set(options.validation_steps(steps))
    with DeferredInterrupt() as interrupt:
        while state.step < steps:
            loss = _step(state, films, options, learning_rate, steps, seed)
            is_look = state.step in looks
            if is_look:
                _look(state, films, options, loss)
            if on_step is not None:
                on_step(state.step, _said(state))
            if folder is not None and (is_look or interrupt.pressed):
                save_state(state, folder, key)
            if interrupt.pressed:
                raise KeyboardInterrupt
    if films.keeps_best:
        state.apply_best()
    network.eval()
    return state.curve


def _fresh(
    network: ActionNetwork, options: FineTuningOptions, learning_rate: float, device: torch.device
) -> TuningState:
    optimizer = torch.optim.SGD(
        network.trained_parameters(),
        lr=learning_rate,
        momentum=options.momentum,
        weight_decay=options.weight_decay,
    )
    precision = Precision(choose_precision(options.precision, device), device)
    return TuningState(network, optimizer, precision)


def _key(
    films: LabelledFilms,
    network: ActionNetwork,
    options: FineTuningOptions,
    learning_rate: float,
    seed: int,
) -> str:
    """Return what decides every bit of a training."""
    digest = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        digest.update(name.encode() + value.cpu().contiguous().numpy().tobytes())
    return key_of(
        {
            "options": {k: v for k, v in vars(options).items() if k != "learning_rates"},
            "rate": learning_rate,
            "seed": seed,
            "starts_from": digest.hexdigest(),
            "size_px": films.frames.size_px,
            "labels": films.labels.tolist(),
            "names": films.names,
            "train": films.train.tolist(),
            "valid": films.valid.tolist(),
        }
    )


def _step(
    state: TuningState,
    films: LabelledFilms,
    options: FineTuningOptions,
    learning_rate: float,
    steps: int,
    seed: int,
) -> torch.Tensor:
    """Take a step and return its loss."""
    network = state.network
    device = network.encoder.device
    set_rate(state.optimizer, options.rate(learning_rate, state.step, steps))
    window = window_of(network)
    chosen, images = images_of_step(
        films.frames, films.train, options, window, state.step, seed, device
    )
    labels = torch.from_numpy(films.labels[films.train[chosen]]).to(device)
    rows = len(chosen) * options.segments
    kept = dropout_mask(
        rows,
        network.encoder.feature_width,
        options.dropout,
        noise_generator(seed, state.step, _DROPOUT),
    )
    with state.precision.autocast():
        logits = network(images, None if kept is None else kept.to(device))
    loss = film_loss(logits, labels)
    state.optimizer.zero_grad()
    state.precision.backward(loss)
    state.precision.unscale(state.optimizer)
    clip_gradients(network.trained_parameters(), options.clip_norm)
    state.precision.step(state.optimizer)
    state.step += 1
    return loss.detach()


def _look(
    state: TuningState, films: LabelledFilms, options: FineTuningOptions, loss: torch.Tensor
) -> None:
    if not bool(torch.isfinite(loss)):
        raise Diverged(f"the loss is {float(loss)} after {state.step} steps")
    if not len(films.valid):
        return
    logits = film_logits(state.network, films.frames, films.valid, options)
    if not np.isfinite(logits).all():
        raise Diverged(f"logits are not finite after {state.step} steps")
    labels = films.labels[films.valid]
    accuracy = float((logits.argmax(axis=1) == labels).mean())
    state.note(Validation(state.step, accuracy, mean_cross_entropy(logits, labels)))


def _said(state: TuningState) -> str:
    return f"valid {100 * state.curve[-1].accuracy:.1f} %" if state.curve else ""
