"""Every option of a training run, typed, frozen, and stored with the run."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Literal

from tcn_robot.data.augmentation import AugmentationOptions
from tcn_robot.data.samplers import SamplingOptions
from tcn_robot.errors import UserError, unknown_name
from tcn_robot.models import ConvolutionalConfig
from tcn_robot.objectives import ObjectiveOptions


@dataclass(frozen=True)
class TrainConfig:
    """Options of `tcn-robot train`.

    Attributes:
        objective: What to train for: tcn, tcn_cosine, tcn_npairs, tcn_triplet, svtcn,
            svtcn_infonce, the name of a plug-in, or module:Class.
        steps: Optimisation steps.
        seed: Same seed, same data, same machine and thread count: same weights, bit by bit.
        image_size_px: Height and width of the frames the encoder sees.
        views: Views to train on; all if none is named.
        embedding_dimension: Length of an embedding.
        batch_frames: Frames per step, anchors and positives together.
        episodes_per_batch: Films they come from; fewer films mean harder negatives.
        negatives: Take negatives from the same episode only (the paper; for films of several
            bodies) or from all (for one body: objects are seen better).
        temperature: Of tcn_cosine and svtcn_infonce; a large one folds the embedding, and films
            of the same task no longer lie side by side.
        margin: The triplets' margin in squared distance.
        regularisation: n-pairs' weight on the embeddings' squared length.
        positive_radius_seconds: Single view: positives are at most this far in time.
        negative_radius_seconds: Single view: negatives are further than this.
        learning_rate: Peak of the cosine schedule.
        warmup_steps: Steps of linear warm-up before it.
        weight_decay: AdamW's decay; strong, so that films of the same task stay side by side.
        clip_norm: Largest gradient norm.
        shift_px: Augmentation: largest shift in x and y.
        brightness: Augmentation: brightness is scaled by up to 1 ± this.
        contrast: Augmentation: contrast is scaled by up to 1 ± this.
        saturation: Augmentation: saturation is scaled by up to 1 ± this.
        blur: Augmentation: largest share of a light blur.
        precision: bf16 autocast where the processor multiplies bf16 in hardware (auto), or one
            of the two everywhere.
        device: cpu, cuda, or auto for cuda where there is one.
        log_every_steps: Steps between two lines of metrics.jsonl.
        validate_every_steps: Steps between two measurements on the validation episodes.
        checkpoint_every_steps: Steps between two checkpoints to resume from.
        validation_episodes: Validation episodes that are measured, at most.
    """

    objective: str = "tcn"
    steps: int = 1500
    seed: int = 0
    image_size_px: int = 64
    views: tuple[str, ...] = ()
    embedding_dimension: int = 32
    batch_frames: int = 256
    episodes_per_batch: int = 8
    negatives: Literal["episode", "all"] = "episode"
    temperature: float = 0.03
    margin: float = 0.2
    regularisation: float = 0.002
    positive_radius_seconds: float = 0.2
    negative_radius_seconds: float = 0.4
    learning_rate: float = 2e-3
    warmup_steps: int = 50
    weight_decay: float = 0.3
    clip_norm: float = 1.0
    shift_px: int = 1
    brightness: float = 0.2
    contrast: float = 0.2
    saturation: float = 0.3
    blur: float = 0.5
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    device: str = "auto"
    log_every_steps: int = 10
    validate_every_steps: int = 250
    checkpoint_every_steps: int = 250
    validation_episodes: int = 8

    def check(self) -> None:
        """Raise UserError for numbers that cannot work; the parts check what is theirs."""
        at_least_one = ("steps", "embedding_dimension", "log_every_steps", "validate_every_steps")
        for name in (*at_least_one, "checkpoint_every_steps", "learning_rate", "temperature"):
            smallest = 1 if isinstance(getattr(self, name), int) else 0
            value = getattr(self, name)
            if not (value >= smallest and value > 0 and math.isfinite(value)):
                option = f"--{name.replace('_', '-')}"
                raise UserError(f"{option} must be above 0, found {value}")

    def _part(self, kind: type, **renamed: Any) -> Any:
        """Return another dataclass filled with the fields of the same name."""
        names = {field.name for field in dataclasses.fields(kind)}
        mine = {field.name for field in dataclasses.fields(self)}
        return kind(**{name: getattr(self, name) for name in names & mine}, **renamed)

    def sampling(self) -> SamplingOptions:
        """Return what the sampler is told."""
        return self._part(SamplingOptions)

    def objective_options(self) -> ObjectiveOptions:
        """Return what the objective is told."""
        return self._part(ObjectiveOptions)

    def augmentation(self) -> AugmentationOptions:
        """Return what the augmentation is told."""
        return self._part(AugmentationOptions)

    def encoder(self, unit_length: bool) -> ConvolutionalConfig:
        """Return the shape of the encoder."""
        return self._part(
            ConvolutionalConfig, dimension=self.embedding_dimension, unit_length=unit_length
        )


def config_from_dict(values: dict[str, Any], where: str) -> TrainConfig:
    """Return the config that `dataclasses.asdict` made `values` of, by way of JSON.

    Args:
        values: Field name to value.
        where: File they stand in, for the error.

    Raises:
        UserError: If a name is unknown.
    """
    names = [field.name for field in dataclasses.fields(TrainConfig)]
    for name in values:
        if name not in names:
            raise unknown_name(f"option in {where}", name, names)
    as_tuples: dict[str, Any] = dict(values)
    as_tuples |= {name: tuple(value) for name, value in values.items() if type(value) is list}
    return TrainConfig(**as_tuples)
