"""What an embedding has to beat, and films changed on purpose: rows whose scores theory knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tcn_robot.benchmarks.alignment.comparison import Comparison, Shown
from tcn_robot.benchmarks.alignment.figures.figure import Embedded, Figure, Measured, measured
from tcn_robot.benchmarks.alignment.held_out import HeldOutEpisode

# (frames, embodiment) -> embeddings: `tcn_robot.models.film_embedder` of an encoder.
Embed = Callable[[NDArray[np.uint8], str], NDArray[np.float32]]

#: Side of the grid that raw pixels are averaged over: 16 x 16 grey values.
PIXEL_GRID = 16
#: Most frames that principal components are fitted on.
MOST_FITTED = 4000


@dataclass(frozen=True)
class Control:
    """A row that nothing was learnt for.

    Attributes:
        what: What it is.
        theory: What it has to score.
    """

    what: str
    theory: str


#: Embeddings that stand beside the trained one.
CONTROLS: dict[str, Control] = {
    "untrained": Control(
        "the encoder with fresh weights, several seeds, averaged",
        "about chance across views; above it across episodes, where one view's pictures are alike",
    ),
    "collapsed": Control(
        "one vector for every frame",
        "chance in every figure: error (T² - 1) / 3T², tau 0, states in use 1",
    ),
    "frame_counter": Control(
        "the number of the frame, without a look at it",
        "error 0 and tau 1 by construction: films start together. Progress error tells it apart, "
        "since episodes are not equally fast",
    ),
    "pixels": Control(
        "16 x 16 grey values, no network",
        "about chance across views, good across episodes of one view",
    ),
    "pixel_pca": Control(
        "the same pixels in as many principal components as the embedding has dimensions",
        "as the pixels: a projection adds nothing",
    ),
}

#: Films of the trained embedding that were changed before they ask.
CHANGES: dict[str, Control] = {
    "reversed": Control(
        "films that ask run backwards",
        "tau is minus the trained one; error about 1/2, beyond chance; cycles and progress error, "
        "whose labels run backwards too, do not notice",
    ),
    "shuffled": Control(
        "frames of the films that ask in random order",
        "tau 0; error and accuracy as chance; progress error, whose labels move too, as trained",
    ),
    "paused": Control(
        "the middle frame of the films that ask stays for half their length",
        "with p the share of tied pairs a perfect order has tau_a 1 - p and tau_b √(1 - p), p "
        "being 1/9 more than without the pause; progress error about as trained",
    ),
    "faster": Control(
        "films that ask at twice the speed: every second frame",
        "tau and progress error as trained: order does not depend on speed",
    ),
}
#: What a pause or another speed leaves defined: the other view was not changed with it.
_WITHOUT_MOMENTS = ("paused", "faster")


def collapsed(episode: HeldOutEpisode) -> Embedded:
    """Return one vector for every frame."""
    return {view: np.zeros((len(film), 1)) for view, film in episode.frames.items()}


def frame_counter(episode: HeldOutEpisode) -> Embedded:
    """Return the number of each frame in its recording."""
    return {
        view: np.arange(len(film), dtype=np.float64)[:, None] * episode.frame_step
        for view, film in episode.frames.items()
    }


def pixels(episode: HeldOutEpisode) -> Embedded:
    """Return 16 x 16 grey values of each frame without their mean, float32 (T, 256)."""
    return {view: _small_pictures(film) for view, film in episode.frames.items()}


#: How those of `CONTROLS` embed an episode that look at nothing else.
EMBED_BY: dict[str, Callable[[HeldOutEpisode], Embedded]] = {
    "collapsed": collapsed,
    "frame_counter": frame_counter,
    "pixels": pixels,
}


def _small_pictures(film: NDArray[np.uint8]) -> NDArray[np.float32]:
    from tcn_robot.models.encoder import seeded_generator
    from tcn_robot.models.pixels import PixelsConfig, PixelsEncoder

    grid = min(PIXEL_GRID, *film.shape[1:3])
    config = PixelsConfig(image_size_px=min(film.shape[1:3]), grid_px=grid, unit_length=False)
    return PixelsEncoder(config, seeded_generator(0)).embed(film)


def pixel_pca(
    episodes: Sequence[Embedded], fitted_on: Sequence[Embedded], dimension: int
) -> list[Embedded]:
    """Return the pixels of episodes in the principal components of some films.

    Args:
        episodes: What `pixels` gave for each.
        fitted_on: Likewise, of the films whose components count; those of the training where
            there are any.
        dimension: How many components, at most the number of pixels.
    """
    everything = np.concatenate([film for one in fitted_on for film in one.values()])
    step = -(-len(everything) // MOST_FITTED)
    sample = everything[::step].astype(np.float64)  # (n, 256)
    centre = sample.mean(axis=0)
    _, vectors = np.linalg.eigh(np.cov(sample - centre, rowvar=False))  # ascending
    components = vectors[:, ::-1][:, :dimension]  # (256, dimension)
    return [
        {view: ((film - centre) @ components).astype(np.float32) for view, film in one.items()}
        for one in episodes
    ]


def changed_rows(
    episodes: Sequence[HeldOutEpisode],
    embedded: Sequence[Embedded],
    figures: Mapping[str, Figure],
    comparison: Comparison,
    seed: int = 0,
) -> dict[str, Measured]:
    """Return the figures of a trained embedding when the films that ask are changed.

    Args:
        episodes: The episodes.
        embedded: {view: (T, D)} of each.
        figures: What to measure; figures of the whole dataset are left out.
        comparison: What is compared.
        seed: Of the shuffling.
    """
    rows = {}
    for name in CHANGES:
        kept = {
            key: figure
            for key, figure in figures.items()
            if figure.over != "dataset"
            and not (name in _WITHOUT_MOMENTS and figure.over == "moments")
        }
        both, films, asked = _changed(name, episodes, embedded, comparison, seed)
        rows[name] = measured(both, films, kept, asked)
    return rows


def _changed(
    name: str,
    episodes: Sequence[HeldOutEpisode],
    embedded: Sequence[Embedded],
    comparison: Comparison,
    seed: int,
) -> tuple[list[HeldOutEpisode], list[Embedded], Comparison]:
    """Return all episodes and behind them the changed ones, which ask the others."""
    asking, films = [], []
    for position, (episode, views) in enumerate(zip(episodes, embedded, strict=True)):
        words = [seed, position]  # the same order in every view, as its labels have
        picked = {
            view: _frames_of(name, len(film), np.random.default_rng(words))
            for view, film in views.items()
        }
        films.append({view: film[picked[view]] for view, film in views.items()})
        asking.append(_relabelled(episode, name, picked))
    first = len(episodes)
    changed = replace(
        comparison,
        name=name,
        queries=tuple(
            tuple(Shown(shown.episode + first, shown.view) for shown in item)
            for item in comparison.queries
        ),
        targets=comparison.queries if comparison.is_within else comparison.targets,
    )
    return [*episodes, *asking], [*embedded, *films], changed


def _frames_of(name: str, num_frames: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """Return which frame is shown at each moment of the changed film."""
    frames = np.arange(num_frames)
    if name == "reversed":
        return frames[::-1]
    if name == "shuffled":
        return generator.permutation(num_frames)
    if name == "paused":
        middle = num_frames // 2
        return np.insert(frames, middle, np.full(num_frames // 2, middle))
    return frames[::2]


def _relabelled(
    episode: HeldOutEpisode, name: str, picked: dict[str, NDArray[np.int64]]
) -> HeldOutEpisode:
    """Return the labels of a changed film: those of the frames that are shown, a running clock."""
    times = {}
    for view, seconds in episode.times_seconds.items():
        count = len(picked[view])
        step = float(np.median(np.diff(seconds))) if len(seconds) > 1 else 1.0
        times[view] = seconds if count == len(seconds) else seconds[0] + step * np.arange(count)
    shown = next(iter(picked.values()))
    progress = episode.progress
    return replace(
        episode,
        name=f"{episode.name}, {name}",
        times_seconds=times,
        progress=None if progress is None else progress[shown],
    )
