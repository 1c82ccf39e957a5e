"""Fine-tunings on the splits of an action set: few labels or all, pre-trained or from scratch."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tcn_robot.atomic import write_text_atomically
from tcn_robot.benchmarks.recognition.clips import Clip, Split
from tcn_robot.benchmarks.recognition.few_labels import draw_per_class, draw_share
from tcn_robot.benchmarks.recognition.scores import confusion_matrix, top_k_hits
from tcn_robot.benchmarks.recognition.validation import validation_clips
from tcn_robot.errors import UserError
from tcn_robot.fine_tuning.amounts import parsed_amount
from tcn_robot.fine_tuning.checkpoint import CheckpointDescription, save_network
from tcn_robot.fine_tuning.evaluation import film_logits
from tcn_robot.fine_tuning.film_frames import FilmFrames
from tcn_robot.fine_tuning.loop import Diverged, LabelledFilms, fine_tune
from tcn_robot.fine_tuning.network import ActionNetwork, encoder_for
from tcn_robot.fine_tuning.options import FineTuningOptions
from tcn_robot.fine_tuning.state import Validation
from tcn_robot.models import Encoder, seeded_generator

StartName = Literal["pretrained", "scratch"]
RESULT_FILE = "result.json"
CHECKPOINT_FOLDER = "checkpoint"
# What a seed is drawn for.
_VALID, _LABELS, _TRAINING = range(3)


@dataclass(frozen=True)
class Cell:
    """One fine-tuning of a study.

    Attributes:
        split: Its number.
        amount: Labels per class: all, 5, 10% …
        draw: Which draw of the labels, from 0.
        start: From the encoder's weights, or from fresh ones.
    """

    split: int
    amount: str
    draw: int
    start: StartName

    @property
    def name(self) -> str:
        """What its folder is called."""
        amount = self.amount.replace("%", "percent")
        return f"split{self.split}-{amount}-draw{self.draw}-{self.start}"


def cells_of(
    splits: tuple[int, ...], amounts: tuple[str, ...], draws: int, from_scratch: bool
) -> list[Cell]:
    """Return the fine-tunings of a study, in the order in which they are done.

    Of all labels there is one draw; the seed of the training changes with the draw as well.
    """
    starts: tuple[StartName, ...] = ("pretrained", "scratch") if from_scratch else ("pretrained",)
    return [
        Cell(split, amount, draw, start)
        for amount in amounts
        for split in splits
        for draw in range(draws)
        for start in starts
    ]


class FilmPool:
    """The films of all splits of a study, each decoded once.

    Attributes:
        frames: Their frames.
        names: Their names.
        labels: int64 (C,), their classes.
    """

    def __init__(self, splits: tuple[Split, ...], size_px: int, memory_gib: float) -> None:
        """Read the films of the splits, as many as the memory holds."""
        clips = {clip.name: clip for split in splits for clip in (*split.train, *split.test)}
        self.names = tuple(clips)
        self.labels = splits[0].labels(tuple(clips.values()))
        self.frames = FilmFrames(tuple(clips.values()), size_px, memory_gib)
        self._place = {name: index for index, name in enumerate(self.names)}

    def places(self, clips: tuple[Clip, ...]) -> NDArray[np.int64]:
        """Return where clips are, int64 (N,)."""
        return np.array([self._place[clip.name] for clip in clips], np.int64)


def films_of(pool: FilmPool, split: Split, cell: Cell, seed: int) -> LabelledFilms:
    """Return what a fine-tuning sees of a split's training half.

    The films that the weights are chosen by are the same for all fine-tunings of a split: whole
    groups of its training half. Labels are drawn from the others; fewer are a part of more.
    """
    train = pool.places(split.train)
    generator = np.random.default_rng([seed, _VALID, split.number])
    groups = [clip.group for clip in split.train]
    is_valid = validation_clips(pool.labels[train], groups, generator)
    left, valid = train[~is_valid], train[is_valid]
    number, is_share = parsed_amount(cell.amount)
    if number is not None:
        generator = np.random.default_rng([seed, _LABELS, split.number, cell.draw])
        labels = pool.labels[left]
        known = (
            draw_share(labels, number, generator)
            if is_share
            else draw_per_class(labels, int(number), generator)
        )
        left = left[known]
    return LabelledFilms(pool.frames, pool.labels, left, valid, pool.names)


def run_cell(
    cell: Cell,
    split: Split,
    pool: FilmPool,
    encoder: Encoder,
    options: FineTuningOptions,
    seed: int,
    folder: Path | None,
    on_step: Callable[[int, str], None] | None = None,
) -> dict[str, Any]:
    """Fine-tune once for each learning rate, test the one that validates best.

    Args:
        cell: What to do.
        split: Its split.
        pool: Where its films are.
        encoder: That of the run; left as it is.
        options: How.
        seed: Of the study.
        folder: Of this cell: states while it is running, then the network and the result. A result
            that is there is returned. None keeps nothing.
        on_step: Called after each step with the steps of this rate and a text.

    Returns:
        What `summary.py` reads, as JSON has it.

    Raises:
        UserError: If every learning rate diverges, or a state cannot be gone on with.
        KeyboardInterrupt: After the state was saved.
    """
    if folder is not None and (folder / RESULT_FILE).is_file():
        return json.loads((folder / RESULT_FILE).read_text("utf-8"))  # type: ignore[no-any-return]
    films = films_of(pool, split, cell, seed)
    own_seed = _seed_of(cell, seed)
    chosen: _Trained | None = None
    for trained in _trainings(cell, split, films, encoder, options, own_seed, folder, on_step):
        if chosen is None or trained.is_better_than(chosen):
            chosen = trained
    if chosen is None:
        raise UserError(
            f"the loss of {cell.name} is not finite with any of --learning-rates "
            f"{' '.join(f'{rate:g}' for rate in options.learning_rates)}; give lower ones"
        )
    result = _tested(cell, split, pool, films, chosen, options)
    if folder is not None:
        described = CheckpointDescription(
            split.classes,
            split.number,
            cell.amount,
            options.test_frames,
            options.test_spread,
            {name: float(np.mean(result[name])) for name in ("top_1", "top_5")},
        )
        save_network(chosen.network, described, folder / CHECKPOINT_FOLDER)
        write_text_atomically(folder / RESULT_FILE, json.dumps(result) + "\n")
        for state in folder.glob("rate-*"):
            shutil.rmtree(state)
    return result


@dataclass(frozen=True)
class _Trained:
    network: ActionNetwork
    rate: float
    curve: list[Validation]

    @property
    def best(self) -> Validation | None:
        return max(self.curve, key=lambda one: (one.accuracy, -one.loss), default=None)

    def is_better_than(self, other: _Trained) -> bool:
        return self.best is not None and self.best.is_better_than(other.best)


def _trainings(
    cell: Cell,
    split: Split,
    films: LabelledFilms,
    encoder: Encoder,
    options: FineTuningOptions,
    seed: int,
    folder: Path | None,
    on_step: Callable[[int, str], None] | None,
) -> Iterator[_Trained]:
    """Yield the network of each learning rate that does not diverge."""
    for rate in options.learning_rates:
        fresh = seed if cell.start == "scratch" else None
        starting = encoder_for(encoder, options.input, fresh)
        network = ActionNetwork(starting, len(split.classes), seeded_generator(seed))
        network.freeze_until(options.freeze_until)
        state = None if folder is None else folder / f"rate-{rate:g}"
        try:
            curve = fine_tune(films, network, options, rate, seed, state, on_step)
        except Diverged:
            continue
        yield _Trained(network, rate, curve)


def _seed_of(cell: Cell, seed: int) -> int:
    """Return the seed of a training: that of both starts and of all amounts is the same."""
    words = np.random.SeedSequence([seed, _TRAINING, cell.split, cell.draw]).generate_state(1)
    return int(words[0])


def _tested(
    cell: Cell,
    split: Split,
    pool: FilmPool,
    films: LabelledFilms,
    trained: _Trained,
    options: FineTuningOptions,
) -> dict[str, Any]:
    places = pool.places(split.test)
    logits = film_logits(trained.network, pool.frames, places, options)
    labels = pool.labels[places]
    best = trained.best
    steps = options.num_steps(len(films.train))
    return {
        **vars(cell),
        "num_labels": len(films.train),
        "num_valid": len(films.valid),
        "learning_rate": trained.rate,
        "steps": steps,
        "kept_step": best.step if best else steps,
        "curve": [vars(validation) for validation in trained.curve],
        "top_1": top_k_hits(logits, labels, 1).tolist(),
        "top_5": top_k_hits(logits, labels, min(5, len(split.classes))).tolist(),
        "confusion": confusion_matrix(logits, labels).tolist(),
    }
