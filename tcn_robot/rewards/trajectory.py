"""Distance to the trajectory of a demonstration, in the embedding: the reward of the TCN paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tcn_robot.errors import UserError
from tcn_robot.rewards.demo_films import DemoFilms, calibrated_unit
from tcn_robot.rewards.frames import (
    EmbeddedDemo,
    average_over_views,
    embed_demos,
    embed_scored,
)
from tcn_robot.rewards.history import FrameHistory
from tcn_robot.rewards.interface import Embedder, ViewFrames
from tcn_robot.rewards.options import checked_options, stored_options
from tcn_robot.rewards.reading import array_of, files_of, numbers_per_view
from tcn_robot.rewards.storage import read_fitted, save_fitted, stored_encoder
from tcn_robot.rewards.track import Track
from tcn_robot.rewards.trajectory_options import TrajectoryConfig

LONE_NOTE = (
    "one demonstration only: nothing to calibrate the unit of distance on, which is taken from its "
    "own motion; record another, or an episode of split 'valid'"
)


class TrajectoryReward:
    """How near an episode keeps to a demonstration as both go on.

    With d the distance of a frame's embedding to the demonstration's frame that it is aligned with,
    in calibrated units, and c(d) = alpha d^2 + beta sqrt(gamma + d^2):

    - alignments "frame" and "monotone": `-c(d)`, equation 2 of Sermanet et al. 2018 (time-
      contrastive networks). Range (-inf, -beta sqrt(gamma)].
    - "coverage": in [0, 1], see `alignments.Coverage`; c gives the similarity of two frames.
    - "transport": minus the mean c of what is matched, see `transport`. Range (-inf, 0].

    Several views: the mean; each view follows the demonstration that suits it.

    Differs from the paper: its weights are meant for embeddings of length 1, ours have any length,
    so distances are divided by what lies between a withheld success and its demonstration.
    """

    def __init__(
        self,
        encoder: Embedder,
        films: dict[str, DemoFilms],
        units: dict[str, float],
        config: TrajectoryConfig | None = None,
    ) -> None:
        """Use `fit` to make one from demonstrations.

        Args:
            encoder: Maps frames to embeddings.
            films: The embedded demonstrations, per view.
            units: The distance that counts as 1, per view, > 0.
            config: The options.
        """
        self.encoder = encoder
        self.films = films
        self.units = units
        self.config = config or TrajectoryConfig()
        # What the calibration lacked, in a line for the user; empty if nothing, or after loading.
        self.calibration_note = ""
        self._history = FrameHistory(encoder, tuple(films))
        self._tracks = {view: self._track(view) for view in films}
        self._moving: tuple[str, ...] = tuple(films)  # the views of the last frames

    @classmethod
    def fit(
        cls,
        encoder: Embedder,
        demos: Sequence[Mapping[str, Any]],
        *,
        calibration: Sequence[Mapping[str, Any]] | None = None,
        views: Sequence[str] | None = None,
        demo_index: int | None = None,
        **options: Any,
    ) -> TrajectoryReward:
        """Embed the demonstrations and calibrate the unit of distance.

        Args:
            encoder: Maps frames to embeddings.
            demos: {view: uint8 (T, H, W, 3)} per demonstration.
            calibration: Further demonstrations, best withheld from the encoder's training. When
                None, each of `demos` is compared with the others. A single one leaves nothing to
                compare: the unit is then taken from its own motion; see `calibration_note`.
            views: The views to use; all those of the first demonstration when None.
            demo_index: Follow this demonstration only.
            **options: Fields of `TrajectoryConfig`.

        Raises:
            UserError: Demonstrations that lack frames or views, or a bad option.
        """
        config = checked_options("trajectory", TrajectoryConfig, options)
        chosen, embedded = embed_demos(encoder, demos, views)
        _check_index(demo_index, len(embedded))
        withheld: list[EmbeddedDemo] = []
        if calibration:
            _, withheld = embed_demos(encoder, calibration, chosen, "calibration demonstration")
        if demo_index is None and config.choice == "median":
            demo_index = _median_length_index(embedded)
        followed = embedded if demo_index is None else [embedded[demo_index]]
        if demo_index is not None and not withheld:
            # The others are not followed, so they tell what lies between two successes.
            withheld = [demo for demo in embedded if demo is not followed[0]]
        units = {
            view: _unit([demo[view] for demo in followed], [d[view] for d in withheld], config)
            for view in chosen
        }
        films = {view: DemoFilms([demo[view] for demo in followed]) for view in chosen}
        fitted = cls(encoder, films, units, config)
        if config.units == "calibrated" and len(embedded) + len(withheld) == 1:
            fitted.calibration_note = LONE_NOTE
        return fitted

    @property
    def views(self) -> tuple[str, ...]:
        """Views that it was fitted on."""
        return tuple(self.films)

    @property
    def image_size_px(self) -> int:
        """Side at which frames are best rendered for it, pixels."""
        return self.encoder.image_size_px

    @property
    def scored_at_end(self) -> bool:
        """Whether scores are known only when an episode is over: see `seen_scores`."""
        return self.config.scored == "end"

    @property
    def memory_size(self) -> int:
        """How many numbers `memory` has per environment."""
        return self._tracks[self.views[0]].memory_size

    def reset(self, mask: NDArray[np.bool_], next_frame: int = 0) -> None:
        """Begin the demonstration anew in some environments.

        Args:
            mask: (N,) bool. Another N than before begins anew everywhere.
            next_frame: Index, in its episode, of the frame that the next `step` will see.
        """
        starts = np.asarray(mask, dtype=bool)
        self._history.reset(starts)
        for track in self._tracks.values():
            track.reset(starts, next_frame)

    def begin(self, frames: ViewFrames, mask: NDArray[np.bool_]) -> None:
        """Begin new episodes with their first frames, which are seen and not scored.

        Equal to `reset(mask)` and a step of those environments alone.

        Args:
            frames: {view: uint8 (M, H, W, 3)}, of the M environments that start anew.
            mask: (N,) bool with M True.
        """
        starts = np.asarray(mask, dtype=bool)
        for track in self._tracks.values():
            track.reset(starts)
        self._history.begin(frames, starts)
        self._advance(self._history.embed_first(frames), np.flatnonzero(starts))

    def step(self, frames: ViewFrames) -> NDArray[np.float32]:
        """Score one frame of each environment, {view: uint8 (N, H, W, 3)} -> float32 (N,).

        All 0 with `scored="end"`.

        Raises:
            UserError: The number of environments changed without a `reset`.
        """
        embedded = self._history.embed(frames)
        num_envs = len(next(iter(embedded.values())))
        known = self._tracks[self.views[0]].num_envs
        if not known:
            self.reset(np.ones(num_envs, dtype=bool))
        elif num_envs != known:
            raise UserError(
                f"expected frames of {known} environments, found {num_envs}; call reset first"
            )
        return self._advance(embedded, np.arange(num_envs))

    def _advance(self, embedded: EmbeddedDemo, envs: NDArray[np.int64]) -> NDArray[np.float32]:
        self._moving = tuple(embedded)
        return average_over_views(
            [self._tracks[view].step(rows, envs) for view, rows in embedded.items()]
        )

    def memory(self) -> NDArray[np.float32]:
        """Return what the reward knows of the episodes so far, float32 (N, memory_size) in [0, 1].

        The share of the demonstration that has passed ("frame", "transport") or been reached, and
        for "coverage" beside it how well what comes before was covered; mean over the views of the
        last frames. It belongs into a policy's observation: the same frame is worth more or less
        by it.
        """
        each = [self._tracks[view].memory() for view in self._moving]
        return np.mean(each, axis=0).astype(np.float32)

    def seen_scores(self, env: int) -> NDArray[np.float32]:
        """Score all frames that an environment has shown since its last reset, float32 (T,).

        Equal to `score_episode` of those frames, without embedding them again; call it when an
        episode is over, before `reset`. With `begin` the first score is that of the first frame.

        Args:
            env: Index of the environment.

        Raises:
            UserError: Unless `scored="end"`: then `step` has told the scores already.
        """
        if not self.scored_at_end:
            raise UserError("scores of whole episodes need alignment=transport and scored=end")
        return average_over_views([self._tracks[view].seen_scores(env) for view in self._moving])

    def score_episode(self, frames: ViewFrames) -> NDArray[np.float32]:
        """Score a film from the demonstration's beginning, {view: (T, H, W, 3)} -> float32 (T,)."""
        embedded = embed_scored(self.encoder, frames, self.views)
        return average_over_views([self._score_film(view, film) for view, film in embedded.items()])

    def _score_film(self, view: str, film: NDArray[np.float32]) -> NDArray[np.float64]:
        track = self._track(view)
        track.reset(np.ones(1, dtype=bool))
        only = np.zeros(1, dtype=np.int64)
        scores = [track.step(film[t : t + 1], only) for t in range(len(film))]
        return track.seen_scores(0) if self.scored_at_end else np.concatenate(scores)

    def _track(self, view: str) -> Track:
        return Track(self.films[view], self.units[view], self.config)

    def save(self, folder: Path) -> None:
        """Write the fitted reward and its encoder; the running state is not part of it."""
        arrays: dict[str, NDArray[Any]] = {}
        for view, films in self.films.items():
            each = [films.film(index) for index in range(len(films.lengths))]
            arrays[f"embeddings/{view}"] = np.concatenate(each).astype(np.float32)
            arrays[f"lengths/{view}"] = films.lengths
        options = {"units": self.units, "config": asdict(self.config)}
        save_fitted(folder, "trajectory", self.encoder, options, arrays)

    @classmethod
    def load(cls, folder: Path, encoder: Embedder | None = None) -> TrajectoryReward:
        """Read what `save` has written; the stored encoder is used when none is given.

        Raises:
            UserError: Nothing usable there, a damaged reward, another encoder, or fitted by a
                version that had no units.
        """
        _, options, arrays = read_fitted(folder)
        if "units" not in options:
            raise UserError(
                f"the trajectory reward in {folder} is of a version without calibrated units; fit "
                "it again"
            )
        with files_of(folder):
            units = numbers_per_view(options["units"], "units", above=0.0)
            films = {view: _read_films(arrays, view) for view in units}
            config = stored_options("trajectory", TrajectoryConfig, options["config"])
        return cls(stored_encoder(folder, encoder, arrays), films, units, config)


def _read_films(arrays: Mapping[str, NDArray[Any]], view: str) -> DemoFilms:
    embeddings = array_of(arrays, f"embeddings/{view}", (None, None))
    lengths = array_of(arrays, f"lengths/{view}", (None,))
    if (lengths < 1).any() or lengths.sum() != len(embeddings):
        raise ValueError(f"expected lengths/{view} of {len(embeddings)} frames in all")
    return DemoFilms(np.split(embeddings, np.cumsum(lengths)[:-1]))


def _check_index(demo_index: int | None, count: int) -> None:
    """Refuse a demonstration that there is not.

    Raises:
        UserError: With the number of demonstrations.
    """
    if demo_index is None:
        return
    if isinstance(demo_index, bool) or not isinstance(demo_index, int):
        raise UserError(f"expected demo_index as a whole number, found {demo_index!r}")
    if not -count <= demo_index < count:
        raise UserError(f"demo_index {demo_index} is not among {count} demonstrations")


def _unit(
    films: Sequence[NDArray[np.float32]],
    withheld: Sequence[NDArray[np.float32]],
    config: TrajectoryConfig,
) -> float:
    if config.units == "raw":
        return 1.0
    by_start = config.choice in ("nearest", "median")
    return calibrated_unit(films, withheld, config.percentile, by_start)


def _median_length_index(demos: Sequence[EmbeddedDemo]) -> int:
    """Return the demonstration of median length; the shorter one of two in the middle."""
    lengths = [sum(map(len, demo.values())) for demo in demos]
    return sorted(range(len(demos)), key=lambda i: (lengths[i], i))[(len(demos) - 1) // 2]
