"""How far along the demonstrations a frame is, if it looks like them at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tcn_robot.errors import UserError, unknown_name
from tcn_robot.rewards.frames import (
    EmbeddedDemo,
    average_over_views,
    embed_demos,
    embed_scored,
)
from tcn_robot.rewards.history import FrameHistory
from tcn_robot.rewards.interface import Embedder, ViewFrames
from tcn_robot.rewards.nearest import CLOCKS, FrameBank, Progress
from tcn_robot.rewards.options import checked_options
from tcn_robot.rewards.storage import read_fitted, save_fitted, stored_encoder

#: Share of the reward that is left at x = d / s, (T,) >= 0 -> (T,) in (0, 1].
Gate = Callable[[NDArray[np.float64]], NDArray[np.float64]]

GATES: dict[str, Gate] = {
    "smooth": lambda x: 1.0 / (1.0 + x**2),
    "heavy": lambda x: 1.0 / (1.0 + np.maximum(0.0, x - 1.0)),
    "exponential": lambda x: np.exp(-np.maximum(0.0, x - 1.0)),
}


@dataclass(frozen=True)
class ProgressConfig:
    """Options of the progress reward.

    Attributes:
        neighbours: How many of the nearest demonstration frames are asked, >= 1.
        gate: What is left of the reward at x = d / s. "smooth", `1 / (1 + x^2)`, pays most in the
            middle of the demonstrations. "heavy", `1 / (1 + max(0, x - 1))`, and "exponential",
            `exp(-max(0, x - 1))`, pay in full up to s, so that beside the goal nothing calls the
            policy nearer; the exponential one is flat far away.
        percentile: Of the calibration distances, that becomes the scale s, in (0, 100].
        clock: How far a demonstration has come at a frame: "path", the share of its way through
            the embedding, or "time", the share of its frames. Only by the path do a pause count
            for nothing and all frames in which the task lies done for 1.
        scale_floor: Smallest distance that is told from none, as a share of the embeddings' root
            mean square norm, > 0.
    """

    neighbours: int = 5
    gate: str = "smooth"
    percentile: float = 95.0
    clock: str = "path"
    scale_floor: float = 1e-3

    def __post_init__(self) -> None:
        """Refuse what has no meaning."""
        if self.gate not in GATES:
            raise unknown_name("gate", self.gate, GATES)
        if self.clock not in CLOCKS:
            raise unknown_name("clock", self.clock, CLOCKS)
        if self.neighbours < 1:
            raise UserError(f"expected 1 neighbour or more, found {self.neighbours}")
        if not 0.0 < self.percentile <= 100.0:
            raise UserError(f"expected a percentile in (0, 100], found {self.percentile}")
        if not (np.isfinite(self.scale_floor) and self.scale_floor > 0.0):
            raise UserError(f"expected a scale_floor above 0, found {self.scale_floor}")


@dataclass(frozen=True)
class ProgressExplanation:
    """What a progress reward is made of, averaged over the views; every array float32 (T,).

    Attributes:
        reward: In [0, 1], the mean over views of progress times gate.
        progress: In [0, 1], how far the demonstrations have come at the nearest frames.
        gate: In [0, 1], 1 where the frame looks like a demonstration.
        distance: Mean distance to those frames in units of the scale s; the gate closes above 1.
    """

    reward: NDArray[np.float32]
    progress: NDArray[np.float32]
    gate: NDArray[np.float32]
    distance: NDArray[np.float32]


class ProgressReward:
    """Progress along the demonstrations times a gate; range [0, 1].

    Progress is the kernel-weighted place in their films (0 first frame, 1 last frame) of the
    nearest demonstration frames, measured along each film's way through the embedding. By itself
    it can be cheated: a scene that looks like nothing shown still has a nearest frame. So it is
    multiplied by a gate that closes as the mean distance d to those frames grows beyond s, the
    distance at which 95 % of the frames of demonstrations that were not compared with themselves
    lie. Several views: the mean.

    Best calibrated on demonstrations that the encoder was not trained on: it has pulled the frames
    it knows together, and s comes out too small from those.
    """

    def __init__(
        self,
        encoder: Embedder,
        banks: dict[str, FrameBank],
        scales: dict[str, float],
        config: ProgressConfig | None = None,
    ) -> None:
        """Use `fit` to make one from demonstrations.

        Args:
            encoder: Maps frames to embeddings.
            banks: The demonstrations' frames, per view.
            scales: The calibrated distance s, per view, > 0.
            config: The options.
        """
        self.encoder = encoder
        self.banks = banks
        self.scales = scales
        self.config = config or ProgressConfig()
        self._history = FrameHistory(encoder, tuple(banks))

    @classmethod
    def fit(
        cls,
        encoder: Embedder,
        demos: Sequence[Mapping[str, Any]],
        *,
        calibration: Sequence[Mapping[str, Any]] | None = None,
        views: Sequence[str] | None = None,
        **options: Any,
    ) -> ProgressReward:
        """Embed the demonstrations and calibrate the scale of distances.

        Args:
            encoder: Maps frames to embeddings.
            demos: {view: uint8 (T, H, W, 3)} per demonstration, successes of any length.
            calibration: Further demonstrations, best withheld from the encoder's training. When
                None each of `demos` is compared with the others; a single one with its own
                other frames, which makes for a strict gate.
            views: The views to use; all those of the first demonstration when None.
            **options: Fields of `ProgressConfig`.

        Raises:
            UserError: Demonstrations that lack frames or views, or a bad option.
        """
        config = checked_options("progress", ProgressConfig, options)
        chosen, embedded = embed_demos(encoder, demos, views)
        withheld: list[EmbeddedDemo] = []
        if calibration:
            _, withheld = embed_demos(encoder, calibration, chosen, "calibration demonstration")
        clock = CLOCKS[config.clock]
        banks = {view: FrameBank.of([demo[view] for demo in embedded], clock) for view in chosen}
        scales = {
            view: _calibrated_scale(banks[view], [demo[view] for demo in withheld], config)
            for view in chosen
        }
        return cls(encoder, banks, scales, config)

    @property
    def views(self) -> tuple[str, ...]:
        """Views that it was fitted on."""
        return tuple(self.banks)

    @property
    def image_size_px(self) -> int:
        """Side at which frames are best rendered for it, pixels."""
        return self.encoder.image_size_px

    def reset(self, mask: NDArray[np.bool_], next_frame: int = 0) -> None:
        """Forget the frames before, which only an encoder of several frames looks at."""
        self._history.reset(mask)

    def step(self, frames: ViewFrames) -> NDArray[np.float32]:
        """Score one frame of each environment, {view: uint8 (N, H, W, 3)} -> float32 (N,)."""
        return self._explained(self._history.embed(frames)).reward

    def score_episode(self, frames: ViewFrames) -> NDArray[np.float32]:
        """Score a film, {view: uint8 (T, H, W, 3)} -> float32 (T,) in [0, 1]."""
        return self.explain(frames).reward

    def explain(self, frames: ViewFrames) -> ProgressExplanation:
        """Return the reward of a film, {view: uint8 (T, H, W, 3)}, and what it is made of."""
        return self._explained(embed_scored(self.encoder, frames, self.views))

    def _explained(self, embedded: EmbeddedDemo) -> ProgressExplanation:
        found = {view: self._find(view, film) for view, film in embedded.items()}
        gates = {view: self._gate(view, part.distance) for view, part in found.items()}
        return ProgressExplanation(
            reward=average_over_views([found[view].progress * gates[view] for view in found]),
            progress=average_over_views([part.progress for part in found.values()]),
            gate=average_over_views(list(gates.values())),
            distance=average_over_views(
                [part.distance / self.scales[view] for view, part in found.items()]
            ),
        )

    def _find(self, view: str, embeddings: NDArray[np.float32]) -> Progress:
        return self.banks[view].progress(
            embeddings, self.config.neighbours, kernel_width=self.scales[view]
        )

    def _gate(self, view: str, distance: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(GATES[self.config.gate](distance / self.scales[view]))

    def save(self, folder: Path) -> None:
        """Write the fitted reward and its encoder."""
        arrays: dict[str, NDArray[Any]] = {}
        for view, bank in self.banks.items():
            arrays[f"embeddings/{view}"] = bank.embeddings.astype(np.float32)
            arrays[f"times/{view}"] = bank.times
            arrays[f"demos/{view}"] = bank.demos
        options = {"scales": self.scales, "config": asdict(self.config)}
        save_fitted(folder, "progress", self.encoder, options, arrays)

    @classmethod
    def load(cls, folder: Path, encoder: Embedder | None = None) -> ProgressReward:
        """Read what `save` has written; the stored encoder is used when none is given."""
        _, options, arrays = read_fitted(folder)
        scales = {view: float(scale) for view, scale in options["scales"].items()}
        banks = {
            view: FrameBank(
                *(arrays[f"{name}/{view}"] for name in ("embeddings", "times", "demos"))
            )
            for view in scales
        }
        config = ProgressConfig(**options["config"])
        return cls(stored_encoder(folder, encoder, arrays), banks, scales, config)


def _calibrated_scale(
    bank: FrameBank, withheld: Sequence[NDArray[np.float32]], config: ProgressConfig
) -> float:
    """Return s: a percentile of the distance of frames to demonstrations they are not from.

    At least the floor of the config: no distance is not a scale.
    """
    if withheld:
        distances = [bank.progress(film, config.neighbours, 1.0).distance for film in withheld]
    else:
        distances = bank.distances_to_others(config.neighbours)
    floor = max(config.scale_floor * bank.root_mean_square_norm, 1e-12)
    scale = float(np.percentile(np.concatenate(distances), config.percentile)) if distances else 0.0
    return max(scale, floor)
