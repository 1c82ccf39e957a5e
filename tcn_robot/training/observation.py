"""What is looked at beside the steps: curves, validation, pictures, and whether all is well."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from tcn_robot.errors import SharedFault
from tcn_robot.training.checkpoint import latest_good_checkpoint, save_checkpoint
from tcn_robot.training.config import TrainConfig
from tcn_robot.training.curves import Curves
from tcn_robot.training.embedded import EmbeddedEpisode, embed_episodes
from tcn_robot.training.health import describe_embeddings
from tcn_robot.training.parts import Parts
from tcn_robot.training.pictures import batch_picture
from tcn_robot.training.precision import all_finite
from tcn_robot.training.projector import points_of
from tcn_robot.training.run_folder import STATE_FOLDER
from tcn_robot.training.state import TrainingState
from tcn_robot.training.validation import measure_alignment, neighbour_strip

# A state is tried on this many frames before it takes the place of an older one.
TRIED_FRAMES = 64


@dataclass(frozen=True)
class Seen:
    """What a step has left behind.

    Attributes:
        scalars: "loss", "gradient_norm" before clipping, "terms/…" and "figures/…".
        images: (R, …) the last batch as this process has embedded it.
        embeddings: (N, D) of all its frames; None if the objective embedded none.
        shape: How its N frames are laid out.
        body: (R,) the images' bodies, for an encoder with statistics per body.
    """

    scalars: dict[str, torch.Tensor]
    images: torch.Tensor
    embeddings: torch.Tensor | None
    shape: tuple[int, ...]
    body: torch.Tensor | None = None


class Observation:
    """Looks at a training between its steps; writes in the main process only."""

    def __init__(
        self, config: TrainConfig, parts: Parts, curves: Curves, folder: Path, first_step: int
    ) -> None:
        """Watch a training that has done `first_step` steps."""
        self._config = config
        self._parts = parts
        self._curves = curves
        self._states = folder / STATE_FOLDER
        self._timed_from = (first_step, time.perf_counter())
        self._shown = False
        self._note = ""

    def look(self, state: TrainingState, seen: Seen) -> str:
        """Write curves, validate and draw, when that is due.

        Returns:
            What there is to say, for the one who waits.

        Raises:
            UserError: If the training has gone wrong.
        """
        validating = self.is_validating(state.step)
        if not (self._is_due(state.step, self._config.log_every_steps) or validating):
            return self._note
        figures = {name: float(value) for name, value in seen.scalars.items()}
        if seen.embeddings is not None:
            num_anchors = seen.shape[1] if len(seen.shape) == 2 and seen.shape[0] == 2 else 0
            figures |= describe_embeddings(seen.embeddings, num_anchors)
        tolerated = ("gradient_norm",) if state.precision.skips_steps else ()
        self._stop(state.step, state.health.look(figures, tolerated))
        figures["learning_rate"] = self._config.optimisation.rate(
            state.step - 1, self._config.steps
        )
        figures["frames_per_second"] = self._rate(state.step)
        if self._parts.processes.is_main:
            if self._curves.has_pictures and (validating or not self._shown):
                self._draw_batch(state.step, seen)
            if validating:
                figures |= self._validate(state)
        self._curves.write(state.step, figures)
        self._note = f"loss {figures['loss']:.3f}"
        self._timed_from = (state.step, time.perf_counter())
        return self._note

    def is_validating(self, step: int) -> bool:
        """Return whether validation episodes are measured after a step."""
        return self._is_due(step, self._config.validate_every_steps)

    def keep(self, state: TrainingState, seen: Seen, asked: bool) -> None:
        """Save a checkpoint when it is due and the training is well, or when it is asked for.

        Args:
            state: What to save.
            seen: Of the last step; the state is tried on its images first.
            asked: Whether this is the last chance to save.

        Raises:
            UserError: If the state embeds to numbers that are not finite; the one before is kept.
        """
        due = self._is_due(state.step, self._config.checkpoint_every_steps)
        if not (asked or due):
            return
        self._stop(state.step, self._try(state, seen))
        if not (asked or state.health.is_well):
            return
        if self._parts.processes.is_main:
            self._curves.flush()
            save_checkpoint(state, self._states, keep_older=not state.health.is_well)
        self._parts.processes.barrier()

    def _is_due(self, step: int, every_steps: int) -> bool:
        return step % every_steps == 0 or step == self._config.steps

    def _rate(self, step: int) -> float:
        first_step, began_seconds = self._timed_from
        frames = self._config.batch.batch_frames * self._config.optimisation.accumulate_batches
        return frames * (step - first_step) / (time.perf_counter() - began_seconds)

    def _stop(self, step: int, reason: str | None) -> None:
        """Raise UserError if there is a reason, here or in another process."""
        reason = self._parts.processes.first_of(reason)
        if reason is None:
            return
        kept = latest_good_checkpoint(self._states)
        remains = f"the state before that is kept in {kept}" if kept else "no good state was saved"
        raise SharedFault(
            f"stopped at step {step}: {reason}; {remains}; start again with another --out"
        )

    @torch.no_grad()
    def _try(self, state: TrainingState, seen: Seen) -> str | None:
        """Return what is wrong with the weights after a step, None if nothing is.

        The loss of a step is that of the weights before it; what a step has ruined shows only when
        the weights after it embed something.
        """
        was_training = state.encoder.training
        state.encoder.eval()  # Running statistics stay as they are.
        try:
            with state.precision.autocast():
                body = None if seen.body is None else seen.body[:TRIED_FRAMES]
                embedded = state.encoder(seen.images[:TRIED_FRAMES], body)
        finally:
            state.encoder.train(was_training)
        # Heads do not show in what the encoder embeds.
        weights = [*state.encoder.parameters(), *state.objective.parameters()]
        tried = {"embeddings": [embedded], "weights": weights}
        return state.health.look(
            {name: 0.0 if bool(all_finite(t)) else math.nan for name, t in tried.items()}
        )

    def _draw_batch(self, step: int, seen: Seen) -> None:
        alone = self._parts.processes.world_size == 1
        shape = seen.shape if alone else (1, len(seen.images))
        self._curves.write_image(step, "batch", batch_picture(seen.images, shape))
        self._shown = True

    def _validate(self, state: TrainingState) -> dict[str, float]:
        episodes, encoder = self._parts.validation, state.judged
        if not episodes:
            return {}
        embedded = embed_episodes(encoder, episodes)
        figures = measure_alignment(embedded)
        state.selection.look(state.step, figures, encoder)
        if self._curves.has_pictures:
            strip = neighbour_strip(embedded[0])
            self._curves.write_image(state.step, "validation/neighbours", strip)
            self._project(embedded, state)
        return figures

    def _project(self, embedded: Sequence[EmbeddedEpisode], state: TrainingState) -> None:
        when = self._config.projector
        at_end = state.step == self._config.steps or state.selection.is_over
        if when == "validations" or (when == "end" and at_end):
            self._curves.write_points(state.step, points_of(embedded))
