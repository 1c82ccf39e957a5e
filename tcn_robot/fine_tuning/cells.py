"""What there is to fine-tune in a study, and which films each fine-tuning sees."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tcn_robot.benchmarks.recognition.clips import Clip, Split
from tcn_robot.benchmarks.recognition.few_labels import draw_per_class, draw_share
from tcn_robot.benchmarks.recognition.validation import validation_clips
from tcn_robot.fine_tuning.amounts import parsed_amount
from tcn_robot.fine_tuning.film_frames import FilmFrames
from tcn_robot.fine_tuning.loop import LabelledFilms

StartName = Literal["pretrained", "scratch"]
# What a seed is drawn for; 2 is taken by the trainings.
_VALID, _LABELS, _CHOICE = 0, 1, 3


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
    """Return the films that the network which is tested trains on, and those that validate it.

    Whole groups of the training half, the same for all fine-tunings of a split, are set aside.
    With all labels the weights are chosen by them. With few, they only draw the curve over the
    steps: their labels are none of those that are counted, so nothing may be chosen by them.
    Labels are drawn from the other films; fewer are a part of more.
    """
    train = pool.places(split.train)
    generator = np.random.default_rng([seed, _VALID, split.number])
    groups = [clip.group for clip in split.train]
    is_valid = validation_clips(pool.labels[train], groups, generator)
    left, valid = train[~is_valid], train[is_valid]
    number, is_share = parsed_amount(cell.amount)
    if number is None:
        return LabelledFilms(pool.frames, pool.labels, left, valid, pool.names)
    generator = np.random.default_rng([seed, _LABELS, split.number, cell.draw])
    labels = pool.labels[left]
    known = (
        draw_share(labels, number, generator)
        if is_share
        else draw_per_class(labels, int(number), generator)
    )
    return LabelledFilms(pool.frames, pool.labels, left[known], valid, pool.names, keeps_best=False)


def divided(
    films: LabelledFilms, pool: FilmPool, split: Split, cell: Cell, seed: int
) -> LabelledFilms:
    """Return few labelled films with a fifth of them, whole groups, set aside to choose by.

    Of a class with one labelled film, or group, none is set aside; there may be none at all.
    """
    group_of = dict(zip(pool.places(split.train).tolist(), split.train, strict=True))
    groups = [group_of[place].group for place in films.train.tolist()]
    generator = np.random.default_rng([seed, _CHOICE, split.number, cell.draw])
    chooses = validation_clips(pool.labels[films.train], groups, generator)
    return replace(films, train=films.train[~chooses], valid=films.train[chooses])
