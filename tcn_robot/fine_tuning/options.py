"""How a network is fine-tuned; checked before anything is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tcn_robot.errors import UserError
from tcn_robot.option_ranges import expect_above_zero, expect_at_least, flag

# No torch here: the command's options are read off this dataclass.
PrecisionName = Literal["auto", "fp32", "bf16", "fp16"]  # as in `training.precision`

InputName = Literal["rgb", "differences"]
AugmentationName = Literal["none", "light"]
SpreadName = Literal["even", "tce"]
# Frames whose differences are one input, as TCE has them.
DIFFERENCE_FRAMES = 6


@dataclass(frozen=True)
class FineTuningOptions:
    """How a network is fine-tuned for action recognition.

    TCE's own figures (Knights et al. 2020): 900 epochs at a rate of 0.05, a tenth of it after 375,
    100 films a batch, no augmentation; with differences 600 epochs and 25 films a batch.

    Attributes:
        input: rgb, differences (of 6 frames, 15 channels), or what the encoder sees if not given.
        epochs: Passes over the films that are trained on.
        min_steps: Optimisation steps at least: few films make short epochs.
        batch_clips: Films of a step.
        segments: Parts of a film; a step sees one frame, or window of frames, of each.
        ordered: Whether each segment has weights of its own in the layer of classes, so that it
            counts when something is seen; TCE's sum forgets the order.
        test_frames: Frames, or windows, of a film that a test looks at.
        test_spread: even, or tce, which sees less of short films (docs/fine_tuning.md).
        learning_rates: Of SGD; of several the one that does best on validation films is taken.
        decay_at: Shares of the steps after which the learning rate is multiplied by --decay-factor.
        decay_factor: What the learning rate is multiplied by, 0 to 1.
        momentum: Of SGD.
        weight_decay: Of SGD.
        clip_norm: Largest gradient norm; 0 for no limit, as TCE has it. Networks without batch
            normalisation need one.
        dropout: Share of the features that a step leaves out (TCE with rgb: 0.8).
        freeze_until: Name of the first layer that is trained; all are when it is empty.
        augmentation: none, or light: shifts, brightness, contrast, saturation, blur; the same for
            all frames of a window.
        validations: Times that the validation films are looked at, evenly over the steps; the
            weights of the best time are kept, which is how the number of epochs is chosen.
        precision: See `tcn-robot train`.
        device: cpu, cuda, or auto.
    """

    input: InputName | None = None
    epochs: int = 30
    min_steps: int = 200
    batch_clips: int = 32
    segments: int = 3
    ordered: bool = False
    test_frames: int = 19
    test_spread: SpreadName = "even"
    learning_rates: tuple[float, ...] = (0.01, 0.03)
    decay_at: tuple[float, ...] = (0.42,)
    decay_factor: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 0.0
    clip_norm: float = 1.0
    dropout: float = 0.0
    freeze_until: str = ""
    augmentation: AugmentationName = "light"
    validations: int = 10
    precision: PrecisionName = "auto"
    device: str = "auto"

    def check(self) -> None:
        """Raise UserError for numbers that cannot work."""
        expect_at_least(self, 1, "epochs", "batch_clips", "segments", "test_frames", "validations")
        expect_at_least(self, 0, "min_steps", "momentum", "weight_decay", "clip_norm", "dropout")
        expect_above_zero(self, "decay_factor")
        for name in ("momentum", "dropout"):
            if getattr(self, name) >= 1:
                raise UserError(f"{flag(name)} must be below 1, found {getattr(self, name)}")
        rates = self.learning_rates
        if not rates or not all(0 < rate < float("inf") for rate in rates):
            raise UserError(f"--learning-rates must be above 0 and finite, found {rates}")
        if self.ordered:
            self._check_order()
        if not all(0 < share < 1 for share in self.decay_at):
            raise UserError(
                "--decay-at expects shares of the steps between 0 and 1, found "
                f"{' '.join(map(str, self.decay_at))}"
            )

    def _check_order(self) -> None:
        """Refuse what leaves nothing to order, or segments that a test does not see."""
        if self.segments < 2:
            raise UserError("--ordered expects --segments of at least 2, found 1")
        if self.test_frames < self.segments:
            raise UserError(
                f"--ordered expects --test-frames of at least --segments, found {self.test_frames} "
                f"and {self.segments}: a test has to see every segment"
            )
        if self.test_spread != "even":
            raise UserError(
                f"--ordered expects --test-spread even, found {self.test_spread}, which does not "
                "see the end of short films"
            )

    @property
    def num_parts(self) -> int:
        """Parts of a film that the layer of classes tells apart."""
        return self.segments if self.ordered else 1

    def num_steps(self, num_clips: int) -> int:
        """Return the optimisation steps of a training on so many films."""
        return max(self.epochs * -(-num_clips // self.batch_clips), self.min_steps, 1)

    def rate(self, learning_rate: float, step: int, steps: int) -> float:
        """Return the learning rate of a step, counted from 0, of a training of `steps`."""
        passed = sum(step >= share * steps for share in self.decay_at)
        return learning_rate * self.decay_factor**passed

    def validation_steps(self, steps: int) -> list[int]:
        """Return after how many steps the validation films are looked at; the last is `steps`."""
        count = min(self.validations, steps)
        return [-(-steps * (index + 1) // count) for index in range(count)]
