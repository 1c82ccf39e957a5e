"""The training loop. Needs torch, numpy and safetensors only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from tcn_robot.data.frame_store import FrameStore
from tcn_robot.data.sampling import Batch
from tcn_robot.models import Encoder
from tcn_robot.objectives import Losses, regulariser_terms
from tcn_robot.training.batches import Batches
from tcn_robot.training.config import TrainConfig
from tcn_robot.training.curves import open_curves
from tcn_robot.training.interrupt import DeferredInterrupt
from tcn_robot.training.memory import advice_when_out_of_memory
from tcn_robot.training.observation import Observation, Seen
from tcn_robot.training.optimisers import clip_gradients, set_rate, trained_parameters
from tcn_robot.training.parts import Parts, prepare, start
from tcn_robot.training.run_folder import ENCODER_FOLDER
from tcn_robot.training.state import TrainingState
from tcn_robot.training.step import TrainingStep, to_moments

# Called after each step with the number of steps done and what there is to say about it.
OnStep = Callable[[int, str], None]


def train(
    config: TrainConfig,
    store: FrameStore,
    folder: Path,
    on_step: OnStep | None = None,
    parts: Parts | None = None,
    state: TrainingState | None = None,
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
        state: What `start` made of these; made here when None.

    Returns:
        The encoder, which also lies in `folder / "encoder"`. With `keep` "best" that holds in the
        main process; the others, which do not validate, return the encoder of the last step.

    Raises:
        UserError: If the data do not suit the objective, the loss is no longer finite, or the
            embedding has collapsed; the last checkpoint is then of a step where all was well.
        KeyboardInterrupt: After a checkpoint was saved.
    """
    if parts is None:
        parts = prepare(config, store)
    if state is None:
        state = start(config, parts, folder)
    processes = parts.processes
    over = state.selection.is_over
    with (
        open_curves(folder, state.step, processes.is_main) as curves,
        open_batches(config, parts) as batches,
        DeferredInterrupt() as interrupt,
    ):
        observation = Observation(config, parts, curves, folder, state.step)
        while state.step < config.steps and not over:
            with advice_when_out_of_memory(config, parts, state):
                seen = optimise(config, parts, state, batches)
            note = observation.look(state, seen)
            if observation.is_validating(state.step):  # which only the main process does
                over = processes.any_of(state.selection.is_over)
            if on_step is not None:
                on_step(state.step, note)
            stopping = processes.any_of(interrupt.pressed)
            observation.keep(state, seen, asked=stopping or over or state.step == config.steps)
            if stopping:
                raise KeyboardInterrupt
    return _leave(parts, state, folder)


def _leave(parts: Parts, state: TrainingState, folder: Path) -> Encoder:
    """Write the encoder that the training was for, and return it."""
    encoder = state.judged.eval()
    state.selection.apply(encoder)
    if parts.processes.is_main:
        encoder.save(folder / ENCODER_FOLDER)
    parts.processes.barrier()
    return encoder


def open_batches(config: TrainConfig, parts: Parts) -> Batches:
    """Return the batches of a training; close them in the end."""
    return Batches(parts.sampler, parts.frames, config.augmentation, parts.processes)


def optimise(
    config: TrainConfig, parts: Parts, state: TrainingState, batches: Batches | None = None
) -> Seen:
    """Draw the batches of a step and take it.

    Args:
        config: Every option.
        parts: What the training is made of.
        state: One step further afterwards.
        batches: Those of the training; opened for this step alone when None.
    """
    if batches is None:
        with open_batches(config, parts) as batches:
            return optimise(config, parts, state, batches)
    options = config.optimisation
    count = options.accumulate_batches
    parameters = trained_parameters(state.optimizer)
    set_rate(state.optimizer, options.rate(state.step, config.steps))
    state.optimizer.zero_grad()
    scalars: dict[str, torch.Tensor] = {}
    for number in range(count):
        step, losses = forward(config, parts, state, batches, first=number == 0)
        found = _scalars(losses)
        state.precision.backward(found["loss"] / count)
        for name, value in found.items():
            scalars[name] = scalars.get(name, 0) + value.detach() / count
    parts.processes.average_gradients(parameters)
    for module in (state.encoder, state.objective):
        parts.processes.average_buffers(module)
    state.precision.unscale(state.optimizer)
    scalars["gradient_norm"] = clip_gradients(parameters, options.clip_norm)
    state.precision.step(state.optimizer)
    if state.average is not None:
        state.average.update(state.encoder)
    state.step += 1
    seen = None if step.seen is None else step.seen.detach()
    return Seen(scalars, step.images, seen, step.moments.shape, step.body)


def forward(
    config: TrainConfig,
    parts: Parts,
    state: TrainingState,
    batches: Batches,
    first: bool = True,
) -> tuple[TrainingStep, Losses]:
    """Draw a batch, embed the rows of this process, and return what the whole batch costs.

    Args:
        config: Every option.
        parts: What the training is made of.
        state: Its generators move on; its weights stay.
        batches: Where the batch comes from.
        first: Whether this is the first batch of a step.
    """
    batch, images = batches.next(state.sampling_rng, state.augmentation_rng)
    step = TrainingStep(
        moments=to_moments(batch, parts.store.films, parts.device),
        images=images,
        encoder=state.compiled or state.encoder,
        progress=state.step / config.steps,
        generator=state.objective_rng,
        precision=state.precision,
        processes=parts.processes,
        first=first,
        body=_bodies_of_rows(parts, batch),
    )
    losses = state.objective(step)
    if step.seen is None:
        return step, losses
    unit_length = config.encoder_options.unit_length
    terms = regulariser_terms(step.seen, config.regulariser, state.objective_rng, unit_length)
    return step, replace(losses, terms={**losses.terms, **terms})


def _bodies_of_rows(parts: Parts, batch: Batch) -> torch.Tensor | None:
    """Return the body of each row of this process, int64 (R,), where the encoder asks for it."""
    if parts.bodies is None:
        return None
    rows = parts.processes.rows(len(batch))
    return torch.from_numpy(parts.bodies[batch.episode])[rows].to(parts.device)


def _scalars(losses: Losses) -> dict[str, torch.Tensor]:
    scalars = {"loss": torch.stack([*losses.terms.values()]).sum()}
    scalars |= {f"terms/{name}": value for name, value in losses.terms.items()}
    return scalars | {f"figures/{name}": value for name, value in losses.figures.items()}
