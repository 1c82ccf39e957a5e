"""A batch is a choice of frames: index arithmetic only, no picture is touched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from tcn_robot.data.film_table import FilmTable
from tcn_robot.errors import UserError

NegativeScope = Literal["episode", "others", "all"]

# Two samples of two frames: with less there is nothing to tell apart.
SMALLEST_BATCH_FRAMES = 4

# Columns of a table of pairs.
VIEW_A, FRAME_A, VIEW_B, FRAME_B = range(4)


class FilmedEpisode(Protocol):
    """What a sampler must know of an episode."""

    @property
    def views(self) -> tuple[str, ...]:
        """Names of the views."""

    def frames(self, view: str) -> np.ndarray:
        """Return uint8 (T, S, S, 3)."""

    def timestamps(self, view: str) -> np.ndarray:
        """Return float64 (T,), ascending, seconds."""


@dataclass(frozen=True)
class BatchOptions:
    """How large a batch is and how many films share it.

    Attributes:
        batch_frames: Frames in a batch, all parts together.
        episodes_per_batch: Films they come from; fewer films mean harder negatives.
    """

    batch_frames: int = 256
    episodes_per_batch: int = 8

    def check(self, parts: int = 2) -> None:
        """Raise UserError for a batch that cannot hold two samples of `parts` frames each."""
        if self.batch_frames < 2 * parts or self.batch_frames % parts:
            kind = "an even number" if parts == 2 else f"a multiple of {parts}"
            raise UserError(
                f"--batch-frames must be {kind} of at least {2 * parts}, found {self.batch_frames}"
            )
        if self.episodes_per_batch < 1:
            raise UserError(
                f"--episodes-per-batch must be at least 1, found {self.episodes_per_batch}"
            )


@dataclass(frozen=True)
class Batch:
    """Frames chosen for one step.

    Attributes:
        episode: int64 (N,), position of the film among the sampler's episodes.
        view: int64 (N,), position in `episodes[episode].views`.
        frame: int64 (N,), index into the view's frames.
        moment: int64 (N,), shared by the frames that show one moment and by nobody else.
        time_seconds: float64 (N,), measured.
        shape: How N is laid out: (2, P) is P anchors, then their partners in the same order;
            (V, T) is V films of T frames each.
    """

    episode: np.ndarray
    view: np.ndarray
    frame: np.ndarray
    moment: np.ndarray
    time_seconds: np.ndarray
    shape: tuple[int, ...]

    def __len__(self) -> int:
        """Return N."""
        return len(self.episode)


class Sampler(Protocol):
    """Draws batches from films; whatever it must find out it has found out when it is made.

    Attributes:
        notes: Sentences the user should read before the training begins, such as how many
            episodes are not used; () if there are none.
    """

    notes: tuple[str, ...]

    def draw(self, rng: np.random.Generator) -> Batch:
        """Return the next batch."""


def share_per_film(
    wanted: int, options: BatchOptions, usable: Sequence[int] | np.ndarray, least: int = 1
) -> int:
    """Return how many samples each film gives, rounded up.

    Args:
        wanted: Samples in a batch.
        options: How many films share it.
        usable: Films to draw from.
        least: A film gives at least so many, and fewer films share the batch: with negatives of
            the same film a single pair would have none.
    """
    return max(least, -(-wanted // min(options.episodes_per_batch, len(usable))))


def gather_from_films(
    films: np.ndarray,
    wanted: int,
    share: int,
    take: Callable[[int, int], np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """Take samples film by film until there are enough; fewer only if no film has more.

    Args:
        films: int (E,), positions of the films in the order in which they are asked.
        wanted: Samples in all.
        share: Samples that a film gives at most.
        take: Called with a film and a number; returns up to so many samples of it, (K, C).

    Returns:
        The film of each sample, int64 (P,), and the samples, (P, C).
    """
    parts: list[np.ndarray] = []
    missing = wanted
    for film in films:
        parts.append(take(int(film), min(share, missing)))
        missing -= len(parts[-1])
        if missing == 0:
            break
    counts = [len(part) for part in parts]
    return np.repeat(films[: len(parts)], counts), np.concatenate(parts)


def note_unused(unused: int, num_episodes: int, why: str) -> tuple[str, ...]:
    """Return the note about episodes that are not used; () if there are none.

    Args:
        unused: How many.
        num_episodes: Of how many.
        why: What they are or have, as in "are too short".
    """
    if unused == 0:
        return ()
    return (f"{unused} of {num_episodes} episodes {why} and are not used",)


def check_scope(negatives: NegativeScope, num_usable: int, options: BatchOptions) -> None:
    """Raise a UserError where negatives come from other episodes only and a batch has none.

    Args:
        negatives: Where negatives come from: the same episode, others, or all.
        num_usable: Episodes that batches are drawn from.
        options: How many of them share a batch.
    """
    if negatives != "others":
        return
    if num_usable < 2:
        raise UserError(
            f"--negatives others expects at least two usable episodes, found {num_usable}; record "
            "more, or take --negatives episode"
        )
    if options.episodes_per_batch < 2:
        raise UserError(
            "--negatives others expects --episodes-per-batch of at least 2, found "
            f"{options.episodes_per_batch}"
        )


def check_window(window_frames: int) -> None:
    """Raise a UserError for a stretch of film without two frames; 0 is the whole film."""
    if window_frames < 0 or window_frames == 1:
        raise UserError(
            f"--window-frames must be at least 2, or 0 for whole films, found {window_frames}"
        )


def pairs_to_batch(table: FilmTable, films: np.ndarray, pairs: np.ndarray) -> Batch:
    """Lay out pairs as a batch of shape (2, P): anchors, then positives.

    Args:
        table: Times of the films.
        films: int (P,), position of each pair's film.
        pairs: int (P, 4): view and frame of the anchor, view and frame of the positive.
    """
    pairs = pairs.astype(np.int64)
    episode = np.concatenate([films, films])
    view = np.concatenate([pairs[:, VIEW_A], pairs[:, VIEW_B]])
    frame = np.concatenate([pairs[:, FRAME_A], pairs[:, FRAME_B]])
    moment = np.tile(np.arange(len(pairs)), 2)
    times = table.times_seconds[table.positions(episode, view, frame)]
    return Batch(episode, view, frame, moment, times, (2, len(pairs)))
