"""From embedded demonstrations, and play of two bodies, to what the progress reward keeps."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tcn_robot.errors import unknown_name
from tcn_robot.rewards.bodies import BODY_MAPS, AffineMap, quantile_factor
from tcn_robot.rewards.frames import EmbeddedDemo, embed_demos
from tcn_robot.rewards.interface import Embedder
from tcn_robot.rewards.nearest import CLOCKS, FrameBank
from tcn_robot.rewards.notes import RewardWarning
from tcn_robot.rewards.progress_config import ProgressConfig

SHOWN, ACTING = "shown", "acting"
#: Play of a body is thinned evenly to about as many frames; the moments of 32 numbers need no more.
MOST_PLAY_FRAMES = 4000


@dataclass(frozen=True)
class FittedView:
    """What is fitted in one view.

    Attributes:
        bank: The demonstrations' frames.
        scale: The distance s, > 0.
        acting_map: What the acting body's embeddings go through before they are compared; None
            for nothing.
    """

    bank: FrameBank
    scale: float
    acting_map: AffineMap | None


@dataclass(frozen=True)
class EmbeddedPlay:
    """Unlabelled play of two bodies.

    Attributes:
        shown: Films of the demonstrations' body.
        acting: Films of the body that will be scored.
    """

    shown: list[EmbeddedDemo]
    acting: list[EmbeddedDemo]


def embed_play(
    shown_encoder: Embedder,
    acting_encoder: Embedder,
    play: Mapping[str, Sequence[Mapping[str, Any]]] | None,
    views: Sequence[str],
) -> EmbeddedPlay | None:
    """Embed play of both bodies, each by its encoder.

    Args:
        shown_encoder: Embeds the demonstrations' body.
        acting_encoder: Embeds the body that will be scored.
        play: {"shown": films, "acting": films}, a film {view: uint8 (T, H, W, 3)}.
        views: Those that the reward sees.

    Raises:
        UserError: Play of one body only, of anything else, or films that lack a view.
    """
    if play is None:
        return None
    for name in play:
        if name not in (SHOWN, ACTING):
            raise unknown_name("key of play", name, (SHOWN, ACTING))
    embedded = {}
    for name, encoder in ((SHOWN, shown_encoder), (ACTING, acting_encoder)):
        kind = f"play film of the {name} body"
        embedded[name] = embed_demos(encoder, play.get(name, ()), views, kind)[1]
    return EmbeddedPlay(**embedded)


def fit_view(
    view: str,
    demos: Sequence[EmbeddedDemo],
    withheld: Sequence[EmbeddedDemo],
    play: EmbeddedPlay | None,
    config: ProgressConfig,
) -> FittedView:
    """Fit one view.

    Args:
        view: Which.
        demos: The demonstrations.
        withheld: Further ones to calibrate on; none: the demonstrations with each other.
        play: Play of both bodies.
        config: The options, settled.
    """
    way = config.body_calibration
    films = [demo[view] for demo in demos]
    calibrating = [demo[view] for demo in withheld]
    acting_map = None
    if play is not None and way in BODY_MAPS:
        make = BODY_MAPS[way]
        shown_map = make(np.concatenate(_thinned(play.shown, view)))
        acting_map = make(np.concatenate(_thinned(play.acting, view)))
        films = [shown_map(film) for film in films]
        calibrating = [shown_map(film) for film in calibrating]
    bank = FrameBank.of(films, CLOCKS[config.clock])
    scale = calibrated_scale(bank, calibrating, config)
    if play is not None and way == "quantile":
        scale *= _play_factor(play, view, config)
    return FittedView(bank, scale, acting_map)


def _thinned(films: Sequence[EmbeddedDemo], view: str) -> list[NDArray[np.float32]]:
    frames = sum(len(film[view]) for film in films)
    every = -(-frames // MOST_PLAY_FRAMES)
    return [film[view][::every] for film in films]


def _play_factor(play: EmbeddedPlay, view: str, config: ProgressConfig) -> float:
    """Return how much wider the acting body's play lies from the shown body's than that itself."""
    bank = FrameBank.of(_thinned(play.shown, view))
    own = bank.distances_to_others(config.neighbours)
    other = [
        bank.progress(film, config.neighbours, 1.0).distance for film in _thinned(play.acting, view)
    ]
    return quantile_factor(np.concatenate(own) if own else np.zeros(0), np.concatenate(other))


def calibrated_scale(
    bank: FrameBank, withheld: Sequence[NDArray[np.float32]], config: ProgressConfig
) -> float:
    """Return s: a percentile of the distance of frames to demonstrations they are not from.

    Of a single demonstration with nothing withheld it is the median distance between two of its
    frames: that of a frame to those before and after it would tell how often it was filmed. At
    least the floor of the config: no distance is not a scale.
    """
    percentile = config.percentile
    if withheld:
        distances = [bank.progress(film, config.neighbours, 1.0).distance for film in withheld]
    elif len(np.unique(bank.demos)) > 1:
        distances = bank.distances_to_others(config.neighbours)
    else:
        percentile, distances = 50.0, [bank.distances_between_pairs()]
    found = np.concatenate(distances)
    floor = max(config.scale_floor * bank.root_mean_square_norm, 1e-12)
    return max(float(np.percentile(found, percentile)) if len(found) else 0.0, floor)


def tell_of_a_single_demo(demos: Sequence[EmbeddedDemo], calibrated: bool) -> None:
    """Warn in one line of what one demonstration leaves open, and of the fallback."""
    if len(demos) > 1 or calibrated:
        return
    if max(len(film) for film in demos[0].values()) > 1:
        fallback = "s is the median distance between two of its own frames"
    else:
        fallback = "of its only frame s is the scale_floor, a strict gate round that goal"
    warnings.warn(
        RewardWarning(
            "one demonstration: the scale s, how far successes lie from each other, cannot be "
            f"calibrated; {fallback}; record another, or one of split valid"
        ),
        stacklevel=3,
    )
