"""What a training is made of: films, sampler, frames, and the state it starts from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from tcn_robot.data.frame_store import FrameStore, StoredEpisode
from tcn_robot.data.sampling import Sampler
from tcn_robot.errors import UserError, unknown_name
from tcn_robot.models import Encoder, build_encoder, seeded_generator
from tcn_robot.models.bodies import body_indices
from tcn_robot.models.foreground import FilmOfBody, Foreground, fit_foreground
from tcn_robot.objectives import Setting, find_objective
from tcn_robot.training.averaging import WeightAverage
from tcn_robot.training.checkpoint import latest_checkpoint, load_checkpoint
from tcn_robot.training.compiling import CompiledEncoder, choose_compiling
from tcn_robot.training.config import TrainConfig
from tcn_robot.training.device_frames import DeviceFrames
from tcn_robot.training.health import Health
from tcn_robot.training.memory import is_out_of_memory
from tcn_robot.training.optimisers import build_optimiser, trained_parameters
from tcn_robot.training.precision import Precision, choose_precision
from tcn_robot.training.processes import Processes, join_processes
from tcn_robot.training.run_folder import STATE_FOLDER
from tcn_robot.training.selection import Selection
from tcn_robot.training.state import TrainingState


@dataclass(frozen=True)
class Parts:
    """What a training is made of besides its state.

    Attributes:
        training: Episodes that batches come from.
        validation: Episodes that are measured.
        sampler: Draws the batches.
        store: The training episodes' frames and times.
        frames: The same frames where they are computed with.
        processes: Those that train together; often this one alone.
        dtype: Numbers that the encoder computes in.
        compiling: Whether the encoder is compiled.
        notes: Sentences that the user should read before the training begins.
        bodies: int64 (E,), the encoder's body in each training episode; None where it has none.
        foreground: How the frames are painted, on the device; None: not at all.
    """

    training: tuple[StoredEpisode, ...]
    validation: tuple[StoredEpisode, ...]
    sampler: Sampler
    store: FrameStore
    frames: DeviceFrames
    processes: Processes
    dtype: torch.dtype
    compiling: bool
    notes: tuple[str, ...]
    bodies: np.ndarray | None
    foreground: Foreground | None

    @property
    def device(self) -> torch.device:
        """Where this process computes."""
        return self.processes.device


def prepare(config: TrainConfig, store: FrameStore, processes: Processes | None = None) -> Parts:
    """Make what a training needs: episodes, sampler, device, precision.

    Args:
        config: Every option.
        store: Frames of all splits.
        processes: Those that train together; found out when None.

    Raises:
        UserError: If the data or the machine do not suit the options.
    """
    config.check()
    processes = processes or join_processes(config.device)
    dtype = choose_precision(config.precision, processes.device)
    training = _with_views(store.split("train"), config.views)
    if not training:
        found = sorted({episode.split for episode in store.episodes})
        raise UserError(
            f"training expects episodes of split 'train', found {len(store.episodes)} episodes of "
            f"{', '.join(found) or 'no split'}; record some with --split train"
        )
    validation = _with_views(store.split("valid"), config.views)[: config.validation_episodes]
    if config.selection.compares and not any(len(film.views) > 1 for film in validation):
        config.selection.refuse()
    known = getattr(config.encoder_options, "bodies", ())
    films = [film.embodiment for film in (*training, *validation)]
    bodies = body_indices(known, films)[: len(training)] if known else None
    objective = find_objective(config.objective)
    own = FrameStore(store.size_px, training)
    sampler = objective.sampler(config.objective_options, training, config.batch)
    encoder = config.encoder_options
    foreground = _foreground(training).to(processes.device) if config.foreground else None
    compiling, notes = choose_compiling(config.compile, processes.device)
    return Parts(
        training=training,
        validation=validation,
        sampler=sampler,
        store=own,
        frames=DeviceFrames(
            own,
            processes.device,
            num_frames=encoder.num_frames,
            stride_frames=encoder.stride_frames,
            paint=foreground,
        ),
        processes=processes,
        dtype=dtype,
        compiling=compiling,
        notes=(*sampler.notes, *notes),
        bodies=bodies,
        foreground=foreground,
    )


def _foreground(episodes: Sequence[StoredEpisode]) -> Foreground:
    """Find what is background, and which colours are things', in the training's own films."""
    return fit_foreground(
        [
            FilmOfBody(episode.embodiment, view, episode.frames(view))
            for episode in episodes
            for view in episode.views
        ]
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


def _built(config: TrainConfig, seed: int) -> Encoder:
    """Return a fresh encoder, or say in one line that memory cannot hold it."""
    try:
        return build_encoder(config.encoder, config.encoder_options, seeded_generator(seed))
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise UserError(
            "out of memory: the encoder's weights alone do not fit; take a smaller --dimension "
            f"(found {config.encoder_options.dimension}) or a smaller --encoder"
        ) from None


def start(config: TrainConfig, parts: Parts, folder: Path) -> TrainingState:
    """Return the state of a fresh training, or that of the folder's last checkpoint."""
    encoder_seed, sampling_seed, augmentation_seed, objective_seed = (
        int(seed) for seed in np.random.SeedSequence(config.seed).generate_state(4)
    )
    encoder = _built(config, encoder_seed)
    encoder.foreground = parts.foreground
    objective_rng = seeded_generator(objective_seed)
    setting = Setting(encoder, parts.store.films.lengths, objective_rng)
    objective = find_objective(config.objective)(config.objective_options, setting)
    if not isinstance(objective, nn.Module):
        raise UserError(f"objective {config.objective!r} must make a torch.nn.Module")
    encoder, objective = encoder.to(parts.device), objective.to(parts.device)
    optimizer = build_optimiser(config.optimisation, [encoder, objective])
    if config.steps > 0 and not trained_parameters(optimizer):
        raise UserError("nothing to train: every weight is frozen; give --steps 0, or thaw some")
    decay = config.optimisation.average_decay
    state = TrainingState(
        encoder=encoder,
        objective=objective,
        optimizer=optimizer,
        sampling_rng=np.random.default_rng(sampling_seed),
        augmentation_rng=seeded_generator(augmentation_seed),
        objective_rng=objective_rng,
        precision=Precision(parts.dtype, parts.device),
        selection=Selection(config.selection),
        health=Health(config.health),
        average=WeightAverage(encoder, decay) if decay > 0 else None,
        compiled=CompiledEncoder(encoder) if parts.compiling else None,
    )
    checkpoint = latest_checkpoint(folder / STATE_FOLDER)
    if checkpoint is not None:
        load_checkpoint(state, checkpoint, config.steps)
    return state
