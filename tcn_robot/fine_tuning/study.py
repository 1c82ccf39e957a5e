"""Fine-tunings on the splits of an action set: few labels or all, pre-trained or from scratch."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tcn_robot.atomic import write_text_atomically
from tcn_robot.benchmarks.recognition.clips import Split
from tcn_robot.benchmarks.recognition.scores import confusion_matrix, top_k_hits
from tcn_robot.errors import UserError
from tcn_robot.fine_tuning.cells import Cell, FilmPool, divided, films_of
from tcn_robot.fine_tuning.checkpoint import CheckpointDescription, save_network
from tcn_robot.fine_tuning.evaluation import film_logits
from tcn_robot.fine_tuning.loop import Diverged, LabelledFilms, OnStep, fine_tune
from tcn_robot.fine_tuning.network import ActionNetwork, encoder_for
from tcn_robot.fine_tuning.options import FineTuningOptions
from tcn_robot.fine_tuning.state import Validation
from tcn_robot.models import Encoder, seeded_generator

RESULT_FILE = "result.json"
CHECKPOINT_FOLDER = "checkpoint"
# What a seed is drawn for; `cells.py` has the others.
_TRAINING = 2


def run_cell(
    cell: Cell,
    split: Split,
    pool: FilmPool,
    encoder: Encoder,
    options: FineTuningOptions,
    seed: int,
    folder: Path | None,
    on_step: OnStep | None = None,
) -> dict[str, Any]:
    """Fine-tune, with a learning rate that is chosen on validation films, and test.

    With all labels a network is trained for each rate and the one that validates best is tested.
    With few, the rate is chosen within the labelled films, a part of which is set aside; then all
    of them train. Where none can be set aside, as of one label per class, the first rate counts.

    Args:
        cell: What to do.
        split: Its split.
        pool: Where its films are.
        encoder: That of the run; left as it is.
        options: How.
        seed: Of the study.
        folder: Of this cell: states while it is running, then the network and the result. A result
            that is there is returned. None keeps nothing.
        on_step: Called after each step with the steps of this training and a text.

    Returns:
        What `summary.py` reads, as JSON has it.

    Raises:
        UserError: If every learning rate diverges, or a state cannot be gone on with.
        KeyboardInterrupt: After the state was saved.
    """
    if folder is not None and (folder / RESULT_FILE).is_file():
        return json.loads((folder / RESULT_FILE).read_text("utf-8"))  # type: ignore[no-any-return]
    plan = planned(cell, split, pool, options, seed)
    job = _Job(cell, split, encoder, options, _seed_of(cell, seed), folder, on_step)
    rates = options.learning_rates if plan.films.keeps_best else options.learning_rates[:1]
    if plan.choosing is not None:
        rates = (job.best_of(plan.choosing, options.learning_rates, "choice-").rate,)
    chosen = job.best_of(plan.films, rates)
    result = _tested(cell, split, pool, plan, chosen, options)
    if folder is not None:
        described = CheckpointDescription(
            split.classes,
            split.number,
            cell.amount,
            options.test_frames,
            options.test_spread,
            {name: float(np.mean(result[name])) for name in ("top_1", "top_5")},
            options.num_parts,
        )
        save_network(chosen.network, described, folder / CHECKPOINT_FOLDER)
        write_text_atomically(folder / RESULT_FILE, json.dumps(result) + "\n")
        for state in folder.glob("*rate-*"):
            shutil.rmtree(state)
    return result


@dataclass(frozen=True)
class Plan:
    """What a fine-tuning trains on.

    Attributes:
        films: Of the network that is tested.
        choosing: Of those, with few labels, that the learning rate is chosen by; None where
            nothing is left to choose, or nothing to choose by.
        steps: Of all trainings together.
    """

    films: LabelledFilms
    choosing: LabelledFilms | None
    steps: int


def planned(
    cell: Cell, split: Split, pool: FilmPool, options: FineTuningOptions, seed: int
) -> Plan:
    """Return what a fine-tuning will train on, and for how long."""
    films = films_of(pool, split, cell, seed)
    steps, num_rates = options.num_steps(len(films.train)), len(options.learning_rates)
    if films.keeps_best:
        return Plan(films, None, steps * num_rates)
    choosing = divided(films, pool, split, cell, seed) if num_rates > 1 else None
    if choosing is None or not len(choosing.valid):
        return Plan(films, None, steps)
    return Plan(films, choosing, options.num_steps(len(choosing.train)) * num_rates + steps)


@dataclass(frozen=True)
class _Trained:
    network: ActionNetwork
    rate: float
    curve: list[Validation]
    kept: Validation | None

    def is_better_than(self, other: _Trained) -> bool:
        return self.kept is not None and self.kept.is_better_than(other.kept)


@dataclass(frozen=True)
class _Job:
    cell: Cell
    split: Split
    encoder: Encoder
    options: FineTuningOptions
    seed: int
    folder: Path | None
    on_step: OnStep | None

    def best_of(self, films: LabelledFilms, rates: Sequence[float], prefix: str = "") -> _Trained:
        """Return the network of the learning rate that validates best, of those that work."""
        best: _Trained | None = None
        for rate in rates:
            try:
                trained = self._trained(films, rate, prefix)
            except Diverged:
                continue
            if best is None or trained.is_better_than(best):
                best = trained
        if best is None:
            raise UserError(
                f"the loss of {self.cell.name} is not finite with any of --learning-rates "
                f"{' '.join(f'{rate:g}' for rate in rates)}; give lower ones"
            )
        return best

    def _trained(self, films: LabelledFilms, rate: float, prefix: str) -> _Trained:
        fresh = self.seed if self.cell.start == "scratch" else None
        starting = encoder_for(self.encoder, self.options.input, fresh)
        num_classes = len(self.split.classes)
        network = ActionNetwork(
            starting, num_classes, seeded_generator(self.seed), self.options.num_parts
        )
        network.freeze_until(self.options.freeze_until)
        state = None if self.folder is None else self.folder / f"{prefix}rate-{rate:g}"
        curve = fine_tune(films, network, self.options, rate, self.seed, state, self.on_step)
        kept = curve[-1] if curve else None
        if films.keeps_best:
            kept = max(curve, key=lambda one: (one.accuracy, -one.loss), default=None)
        return _Trained(network, rate, curve, kept)


def _seed_of(cell: Cell, seed: int) -> int:
    """Return the seed of a training: that of both starts and of all amounts is the same."""
    words = np.random.SeedSequence([seed, _TRAINING, cell.split, cell.draw]).generate_state(1)
    return int(words[0])


def _tested(
    cell: Cell,
    split: Split,
    pool: FilmPool,
    plan: Plan,
    trained: _Trained,
    options: FineTuningOptions,
) -> dict[str, Any]:
    films = plan.films
    places = pool.places(split.test)
    logits = film_logits(trained.network, pool.frames, places, options)
    labels = pool.labels[places]
    chose = films if films.keeps_best else plan.choosing
    steps = options.num_steps(len(films.train))
    return {
        **vars(cell),
        "num_labels": len(films.train),
        "num_valid": 0 if chose is None else len(chose.valid),
        "num_watched": len(films.valid),
        "learning_rate": trained.rate,
        "steps": steps,
        "kept_step": trained.kept.step if trained.kept else steps,
        "curve": [vars(validation) for validation in trained.curve],
        "top_1": top_k_hits(logits, labels, 1).tolist(),
        "top_5": top_k_hits(logits, labels, min(5, len(split.classes))).tolist(),
        "confusion": confusion_matrix(logits, labels).tolist(),
    }
