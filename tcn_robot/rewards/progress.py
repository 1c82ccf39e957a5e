"""How far along the demonstrations a frame is, if it looks like them at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tcn_robot.rewards.agreement import agreeing_demos
from tcn_robot.rewards.bodies import AffineMap
from tcn_robot.rewards.frames import EmbeddedDemo, embed_demos, embed_scored
from tcn_robot.rewards.fusion import FUSIONS
from tcn_robot.rewards.gates import GATES
from tcn_robot.rewards.history import FrameHistory
from tcn_robot.rewards.interface import Embedder, ViewFrames
from tcn_robot.rewards.memory import RunningMaximum
from tcn_robot.rewards.nearest import FrameBank, Progress
from tcn_robot.rewards.options import checked_options, stored_options
from tcn_robot.rewards.progress_config import ProgressConfig, ProgressExplanation
from tcn_robot.rewards.progress_fit import embed_play, fit_view, tell_of_a_single_demo
from tcn_robot.rewards.reading import array_of, files_of, numbers_per_view
from tcn_robot.rewards.storage import read_fitted, save_fitted, stored_encoder

_MAP_ARRAYS = ("shift", "matrix")


class ProgressReward:
    """Progress along the demonstrations times a gate; range [0, 1].

    Progress is the kernel-weighted place in their films (0 first frame, 1 last frame) of the
    nearest demonstration frames, measured along each film's way through the embedding. By itself
    it can be cheated: a scene that looks like nothing shown still has a nearest frame. So it is
    multiplied by a gate that closes as the mean distance d to those frames grows beyond s, the
    distance at which 95 % of the frames of demonstrations that were not compared with themselves
    lie. Several views: the mean, or as the option `fusion` says.

    Best calibrated on demonstrations that the encoder was not trained on: it has pulled the frames
    it knows together, and s comes out too small from those.
    """

    def __init__(
        self,
        encoder: Embedder,
        banks: dict[str, FrameBank],
        scales: dict[str, float],
        config: ProgressConfig | None = None,
        acting_maps: dict[str, AffineMap] | None = None,
    ) -> None:
        """Use `fit` to make one from demonstrations.

        Args:
            encoder: Maps frames to embeddings.
            banks: The demonstrations' frames, per view.
            scales: The calibrated distance s, per view, > 0.
            config: The options.
            acting_maps: Per view, what embeddings of scored frames go through before they are
                compared with the bank; none where bodies are not brought together.
        """
        self.encoder = encoder
        self.banks = banks
        self.scales = scales
        self.config = (config or ProgressConfig()).with_gate(play_given=False)
        self.acting_maps = acting_maps or {}
        self._history = FrameHistory(encoder, tuple(banks))
        self._highest = RunningMaximum()

    @classmethod
    def fit(
        cls,
        encoder: Embedder,
        demos: Sequence[Mapping[str, Any]],
        *,
        calibration: Sequence[Mapping[str, Any]] | None = None,
        views: Sequence[str] | None = None,
        play: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
        acting_encoder: Embedder | None = None,
        **options: Any,
    ) -> ProgressReward:
        """Embed the demonstrations and calibrate the scale of distances.

        Warns with one `RewardWarning` each of a single demonstration, and of demonstrations that
        disagree with the others.

        Args:
            encoder: Maps frames to embeddings.
            demos: {view: uint8 (T, H, W, 3)} per demonstration, successes of any length.
            calibration: Further demonstrations, best withheld from the encoder's training. When
                None each of `demos` is compared with the others; of a single one s is the median
                distance between two of its frames.
            views: The views to use; all those of the first demonstration when None.
            play: Unlabelled play of the demonstrations' body and of the one that will be scored,
                {"shown": films, "acting": films}, films as in `demos`; see `body_calibration`.
            acting_encoder: Embeds the body that will be scored, where that takes another encoder
                of the same space, such as `tcn_robot.models.for_body` gives; else `encoder`.
            **options: Fields of `ProgressConfig`.

        Raises:
            UserError: Demonstrations that lack frames or views, or a bad option.
        """
        config = checked_options("progress", ProgressConfig, options)
        painted = getattr(encoder, "foreground", None) is not None
        config = config.settled(play is not None, painted)
        chosen, embedded = embed_demos(encoder, demos, views)
        withheld: list[EmbeddedDemo] = []
        if calibration:
            _, withheld = embed_demos(encoder, calibration, chosen, "calibration demonstration")
        acting = acting_encoder if acting_encoder is not None else encoder
        both = embed_play(encoder, acting, play, chosen)
        embedded = agreeing_demos(embedded, config.neighbours, config.clock, config.drop_outliers)
        tell_of_a_single_demo(embedded, bool(withheld))
        fitted = {view: fit_view(view, embedded, withheld, both, config) for view in chosen}
        return cls(
            acting,
            {view: part.bank for view, part in fitted.items()},
            {view: part.scale for view, part in fitted.items()},
            config,
            {view: part.acting_map for view, part in fitted.items() if part.acting_map},
        )

    @property
    def views(self) -> tuple[str, ...]:
        """Views that it was fitted on."""
        return tuple(self.banks)

    @property
    def image_size_px(self) -> int:
        """Side at which frames are best rendered for it, pixels."""
        return self.encoder.image_size_px

    @property
    def memory_size(self) -> int:
        """Numbers of state per environment: 1, the highest score so far, if monotone; else 0."""
        return int(self.config.monotone)

    def memory(self) -> NDArray[np.float32]:
        """Return the state after the last `reset` or `step`, float32 (N, memory_size) in [0, 1]."""
        return self._highest.values[:, None][:, : self.memory_size]

    def reset(self, mask: NDArray[np.bool_], next_frame: int = 0) -> None:
        """Forget the frames before, which only an encoder of several frames looks at, and scores.

        Args:
            mask: (N,) bool, the environments that start anew.
            next_frame: Of no meaning here.
        """
        self._history.reset(mask)
        self._highest.reset(mask)

    def begin(self, frames: ViewFrames, mask: NDArray[np.bool_]) -> None:
        """Begin new episodes with their first frames, which are seen and not scored.

        An encoder of several frames looks back at them, and a score that never falls starts from
        theirs.

        Args:
            frames: {view: uint8 (M, H, W, 3)}, of the M environments that start anew.
            mask: (N,) bool with M True.

        Raises:
            UserError: None of the fitted views, or frames of another number of environments.
        """
        self._highest.reset(mask)
        self._history.begin(frames, mask)
        if self.config.monotone:
            first = self._explained(self._history.embed_first(frames)).reward
            self._highest.begin(mask, first)

    def step(self, frames: ViewFrames) -> NDArray[np.float32]:
        """Score one frame of each environment, {view: uint8 (N, H, W, 3)} -> float32 (N,)."""
        scores = self._explained(self._history.embed(frames)).reward
        return self._highest.raised_by(scores) if self.config.monotone else scores

    def score_episode(self, frames: ViewFrames) -> NDArray[np.float32]:
        """Score a film, {view: uint8 (T, H, W, 3)} -> float32 (T,) in [0, 1]."""
        return self.explain(frames).reward

    def explain(self, frames: ViewFrames) -> ProgressExplanation:
        """Return the reward of a film, {view: uint8 (T, H, W, 3)}, and what it is made of."""
        parts = self._explained(embed_scored(self.encoder, frames, self.views))
        if not self.config.monotone:
            return parts
        highest = np.maximum.accumulate(parts.reward)
        return ProgressExplanation(highest, parts.progress, parts.gate, parts.distance)

    def _explained(self, embedded: EmbeddedDemo) -> ProgressExplanation:
        found = [self._find(view, film) for view, film in embedded.items()]
        progress = np.stack([part.progress for part in found])  # (V, N)
        distance = np.stack(
            [part.distance / self.scales[view] for view, part in zip(embedded, found, strict=True)]
        )
        gate = GATES[self.config.gate](distance)
        scores = progress * gate
        weights = FUSIONS[self.config.fusion](scores, gate)
        return ProgressExplanation(
            *(
                np.asarray((weights * part).sum(axis=0), dtype=np.float32)
                for part in (scores, progress, gate, distance)
            )
        )

    def _find(self, view: str, embeddings: NDArray[np.float32]) -> Progress:
        if view in self.acting_maps:
            embeddings = self.acting_maps[view](embeddings)
        return self.banks[view].progress(
            embeddings, self.config.neighbours, kernel_width=self.scales[view]
        )

    def save(self, folder: Path) -> None:
        """Write the fitted reward and its encoder."""
        arrays: dict[str, NDArray[Any]] = {}
        for view, bank in self.banks.items():
            arrays[f"embeddings/{view}"] = bank.embeddings.astype(np.float32)
            arrays[f"times/{view}"] = bank.times
            arrays[f"demos/{view}"] = bank.demos
        for view, affine in self.acting_maps.items():
            arrays[f"shift/{view}"] = affine.shift
            arrays[f"matrix/{view}"] = affine.matrix
        options = {"scales": self.scales, "config": asdict(self.config)}
        save_fitted(folder, "progress", self.encoder, options, arrays)

    @classmethod
    def load(cls, folder: Path, encoder: Embedder | None = None) -> ProgressReward:
        """Read what `save` has written; the stored encoder is used when none is given.

        Raises:
            UserError: Nothing usable there, a damaged reward, or another encoder.
        """
        _, options, arrays = read_fitted(folder)
        with files_of(folder):
            scales = numbers_per_view(options["scales"], "scales", above=0.0)
            banks = {view: _read_bank(arrays, view) for view in scales}
            acting_maps = {
                view: _read_map(arrays, view, bank.embeddings.shape[1])
                for view, bank in banks.items()
                if any(f"{name}/{view}" in arrays for name in _MAP_ARRAYS)
            }
            config = stored_options("progress", ProgressConfig, options["config"])
        return cls(stored_encoder(folder, encoder, arrays), banks, scales, config, acting_maps)


def _read_bank(arrays: Mapping[str, NDArray[Any]], view: str) -> FrameBank:
    embeddings = array_of(arrays, f"embeddings/{view}", (None, None))
    frames = (len(embeddings),)
    times, demos = (array_of(arrays, f"{name}/{view}", frames) for name in ("times", "demos"))
    return FrameBank(embeddings, times, demos)


def _read_map(arrays: Mapping[str, NDArray[Any]], view: str, dimension: int) -> AffineMap:
    return AffineMap(
        array_of(arrays, f"shift/{view}", (dimension,)),
        array_of(arrays, f"matrix/{view}", (dimension, dimension)),
    )
