"""The training loop. Needs torch, numpy and safetensors only."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from tcn_robot.data.augmentation import augment
from tcn_robot.data.frame_store import FrameStore, StoredEpisode
from tcn_robot.data.samplers import SAMPLERS, Batch, Sampler
from tcn_robot.errors import UserError, unknown_name
from tcn_robot.models import ConvolutionalEncoder, Encoder, seeded_generator
from tcn_robot.objectives import Moments, Objective, find_objective
from tcn_robot.training.checkpoint import (
    TrainingState,
    latest_checkpoint,
    load_checkpoint,
    save_checkpoint,
)
from tcn_robot.training.config import TrainConfig
from tcn_robot.training.curves import Curves
from tcn_robot.training.device import choose_bf16, choose_device
from tcn_robot.training.device_frames import DeviceFrames
from tcn_robot.training.interrupt import DeferredInterrupt
from tcn_robot.training.run_folder import ENCODER_FOLDER, STATE_FOLDER
from tcn_robot.training.validation import measure_alignment, neighbour_strip

# Called after each step with the number of steps done and what there is to say about it.
OnStep = Callable[[int, str], None]


@dataclass(frozen=True)
class Parts:
    """What a training is made of besides its state."""

    training: tuple[StoredEpisode, ...]
    validation: tuple[StoredEpisode, ...]
    sampler: Sampler
    frames: DeviceFrames
    objective: Objective
    device: torch.device
    bf16: bool


def train(
    config: TrainConfig,
    store: FrameStore,
    folder: Path,
    on_step: OnStep | None = None,
    parts: Parts | None = None,
) -> Encoder:
    """Train an encoder into a run folder, continuing from its last checkpoint if there is one.

    Interrupted at any moment, Ctrl-C or kill, and called again, it ends with the same weights and
    the same curves as if it had not been, on the same machine with the same number of threads.

    Args:
        config: Every option.
        store: Frames; split "train" is trained on, split "valid" is measured.
        folder: A run folder as `run_folder.create_run` makes it.
        on_step: Called after each step, before its checkpoint, with the steps done and a text.
        parts: What `prepare` made of this config and store; made here when None.

    Returns:
        The encoder, which also lies in `folder / "encoder"`.

    Raises:
        UserError: If the data do not suit the objective, or the loss is no longer finite.
        KeyboardInterrupt: After a checkpoint was saved.
    """
    if parts is None:
        parts = prepare(config, store)
    state = start(config, parts, folder)
    note = ""
    with Curves(folder, state.step) as curves, DeferredInterrupt() as interrupt:
        timed_from = (state.step, time.perf_counter())
        while state.step < config.steps:
            loss, gradient_norm = optimise(config, parts, state)
            if _is_due(state.step, config.log_every_steps, config.steps):
                figures = {
                    "loss": float(loss),
                    "gradient_norm": float(gradient_norm),
                    "learning_rate": learning_rate(config, state.step - 1),
                    "frames_per_second": _rate(config, timed_from, state.step),
                }
                _check_finite(figures, state.step)
                if _is_due(state.step, config.validate_every_steps, config.steps):
                    figures |= validate(state.encoder, parts.validation, curves, state.step)
                curves.write(state.step, figures)
                note = f"loss {figures['loss']:.3f}"
                timed_from = (state.step, time.perf_counter())
            if on_step is not None:
                on_step(state.step, note)
            stopping = interrupt.pressed
            if stopping or _is_due(state.step, config.checkpoint_every_steps, config.steps):
                curves.flush()
                save_checkpoint(state, folder / STATE_FOLDER)
            if stopping:
                raise KeyboardInterrupt
    state.encoder.eval().save(folder / ENCODER_FOLDER)
    return state.encoder


def _is_due(step: int, every_steps: int, last_step: int) -> bool:
    return step % every_steps == 0 or step == last_step


def _rate(config: TrainConfig, timed_from: tuple[int, float], step: int) -> float:
    first_step, began_seconds = timed_from
    return config.batch_frames * (step - first_step) / (time.perf_counter() - began_seconds)


def _check_finite(figures: dict[str, float], step: int) -> None:
    bad = [name for name, value in figures.items() if not math.isfinite(value)]
    if bad:
        raise UserError(
            f"{' and '.join(bad)} no longer finite at step {step}; lower --learning-rate, or "
            "train with --precision fp32"
        )


def prepare(config: TrainConfig, store: FrameStore) -> Parts:
    """Make what a training needs: episodes, sampler, objective, device, precision."""
    config.check()
    objective = find_objective(config.objective)(config.objective_options())
    training = _with_views(store.split("train"), config.views)
    if not training:
        found = sorted({episode.split for episode in store.episodes})
        raise UserError(
            f"training expects episodes of split 'train', found {len(store.episodes)} episodes of "
            f"{', '.join(found) or 'no split'}; record some with --split train"
        )
    device = choose_device(config.device)
    return Parts(
        training=training,
        validation=_with_views(store.split("valid"), config.views)[: config.validation_episodes],
        sampler=SAMPLERS[objective.pairing](training, config.sampling()),
        frames=DeviceFrames(FrameStore(store.size_px, training), device),
        objective=objective,
        device=device,
        bf16=choose_bf16(config.precision, device),
    )


def _with_views(
    episodes: Sequence[StoredEpisode], views: tuple[str, ...]
) -> tuple[StoredEpisode, ...]:
    """Return the episodes with only those views; all if none is named."""
    known = sorted({view for episode in episodes for view in episode.views})
    for view in views:
        if episodes and view not in known:
            raise unknown_name("view", view, known)
    restricted = (episode.with_views(views or episode.views) for episode in episodes)
    return tuple(episode for episode in restricted if episode.views)


def start(config: TrainConfig, parts: Parts, folder: Path) -> TrainingState:
    """Return the state of a fresh training, or that of the folder's last checkpoint."""
    encoder_seed, sampling_seed, augmentation_seed = (
        int(seed) for seed in np.random.SeedSequence(config.seed).generate_state(3)
    )
    shape = config.encoder(unit_length=parts.objective.unit_length)
    encoder = ConvolutionalEncoder(shape, seeded_generator(encoder_seed)).to(parts.device)
    state = TrainingState(
        encoder=encoder,
        optimizer=torch.optim.AdamW(encoder.parameters(), weight_decay=config.weight_decay),
        sampling_rng=np.random.default_rng(sampling_seed),
        augmentation_rng=seeded_generator(augmentation_seed),
    )
    checkpoint = latest_checkpoint(folder / STATE_FOLDER)
    if checkpoint is not None:
        load_checkpoint(state, checkpoint)
    return state


def learning_rate(config: TrainConfig, step: int) -> float:
    """Return the rate of a step, counted from 0: linear warm-up, then cosine down to 0."""
    warmup = min(1.0, (step + 1) / max(config.warmup_steps, 1))
    cosine = 0.5 * (1 + math.cos(math.pi * step / config.steps))
    return config.learning_rate * warmup * cosine


def optimise(
    config: TrainConfig, parts: Parts, state: TrainingState
) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw a batch and take one step.

    Returns:
        Loss and gradient norm before clipping, both scalars.
    """
    batch = parts.sampler.draw(state.sampling_rng)
    images = augment(parts.frames.gather(batch), config.augmentation(), state.augmentation_rng)
    with torch.autocast(parts.device.type, torch.bfloat16, enabled=parts.bf16):
        embeddings = state.encoder(images)
    loss = parts.objective(embeddings, to_moments(batch, parts.device))
    for group in state.optimizer.param_groups:
        group["lr"] = learning_rate(config, state.step)
    state.optimizer.zero_grad()
    loss.backward()
    gradient_norm = torch.nn.utils.clip_grad_norm_(state.encoder.parameters(), config.clip_norm)
    state.optimizer.step()
    state.step += 1
    return loss.detach(), gradient_norm


def to_moments(batch: Batch, device: torch.device) -> Moments:
    """Return what an objective may know of a batch, as tensors on a device."""
    columns = (batch.episode, batch.view, batch.moment, batch.time_seconds)
    return Moments(*(torch.from_numpy(column).to(device) for column in columns))


def validate(
    encoder: Encoder, episodes: Sequence[StoredEpisode], curves: Curves, step: int
) -> dict[str, float]:
    """Measure the encoder on validation episodes and draw a strip of nearest neighbours."""
    if not episodes:
        return {}
    curves.write_image(step, "validation/neighbours", neighbour_strip(encoder, episodes[0]))
    return measure_alignment(encoder, episodes)
