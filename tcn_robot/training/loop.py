"""The training loop. Needs torch, numpy and safetensors only."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from tcn_robot.data.augmentation import augment
from tcn_robot.data.frame_store import FrameStore, StoredEpisode
from tcn_robot.errors import UserError
from tcn_robot.models import Encoder
from tcn_robot.training.checkpoint import TrainingState, save_checkpoint
from tcn_robot.training.config import TrainConfig
from tcn_robot.training.curves import Curves
from tcn_robot.training.interrupt import DeferredInterrupt
from tcn_robot.training.parts import Parts, prepare, start
from tcn_robot.training.run_folder import ENCODER_FOLDER, STATE_FOLDER
from tcn_robot.training.step import TrainingStep, to_moments
from tcn_robot.training.validation import measure_alignment, neighbour_strip

# Called after each step with the number of steps done and what there is to say about it.
OnStep = Callable[[int, str], None]


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
            scalars = optimise(config, parts, state)
            if _is_due(state.step, config.log_every_steps, config.steps):
                figures = {name: float(value) for name, value in scalars.items()}
                figures["learning_rate"] = learning_rate(config, state.step - 1)
                figures["frames_per_second"] = _rate(config, timed_from, state.step)
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
    return config.batch.batch_frames * (step - first_step) / (time.perf_counter() - began_seconds)


def _check_finite(figures: dict[str, float], step: int) -> None:
    bad = [name for name, value in figures.items() if not math.isfinite(value)]
    if bad:
        raise UserError(
            f"{' and '.join(bad)} no longer finite at step {step}; lower --learning-rate, or "
            "train with --precision fp32"
        )


def learning_rate(config: TrainConfig, step: int) -> float:
    """Return the rate of a step, counted from 0: linear warm-up, then cosine down to 0."""
    options = config.optimisation
    warmup = min(1.0, (step + 1) / max(options.warmup_steps, 1))
    cosine = 0.5 * (1 + math.cos(math.pi * step / config.steps))
    return options.learning_rate * warmup * cosine


def optimise(config: TrainConfig, parts: Parts, state: TrainingState) -> dict[str, torch.Tensor]:
    """Draw a batch and take one step.

    Returns:
        Scalars: "loss", "gradient_norm" before clipping, "terms/…" and "figures/…".
    """
    batch = parts.sampler.draw(state.sampling_rng)
    images = augment(parts.frames.gather(batch), config.augmentation, state.augmentation_rng)
    losses = state.objective(
        TrainingStep(
            moments=to_moments(batch, parts.store.films, parts.device),
            images=images,
            encoder=state.encoder,
            progress=state.step / config.steps,
            generator=state.objective_rng,
            bf16=parts.bf16,
        )
    )
    loss = torch.stack([*losses.terms.values()]).sum()
    for group in state.optimizer.param_groups:
        group["lr"] = learning_rate(config, state.step)
    state.optimizer.zero_grad()
    loss.backward()
    gradient_norm = torch.nn.utils.clip_grad_norm_(
        [weights for group in state.optimizer.param_groups for weights in group["params"]],
        config.optimisation.clip_norm,
    )
    state.optimizer.step()
    state.step += 1
    scalars = {"loss": loss, "gradient_norm": gradient_norm}
    scalars |= {f"terms/{name}": value for name, value in losses.terms.items()}
    scalars |= {f"figures/{name}": value for name, value in losses.figures.items()}
    return {name: value.detach() for name, value in scalars.items()}


def validate(
    encoder: Encoder, episodes: Sequence[StoredEpisode], curves: Curves, step: int
) -> dict[str, float]:
    """Measure the encoder on validation episodes and draw a strip of nearest neighbours."""
    if not episodes:
        return {}
    curves.write_image(step, "validation/neighbours", neighbour_strip(encoder, episodes[0]))
    return measure_alignment(encoder, episodes)
