"""Every option of a training run, typed, frozen, and stored with the run."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from tcn_robot.data.augmentation import AugmentationOptions
from tcn_robot.data.sampling import SMALLEST_BATCH_FRAMES, BatchOptions
from tcn_robot.errors import UserError
from tcn_robot.models import ConvolutionalConfig, EncoderConfig, find_encoder
from tcn_robot.objectives import RegulariserOptions, find_objective
from tcn_robot.objectives.tcn import TcnOptions
from tcn_robot.option_ranges import expect_at_least
from tcn_robot.training.flat import leaves, with_values
from tcn_robot.training.health import HealthOptions
from tcn_robot.training.optimisers import OptimisationOptions
from tcn_robot.training.precision import PrecisionName
from tcn_robot.training.selection import SelectionOptions
from tcn_robot.typed_options import options_from_json


@dataclass(frozen=True)
class TrainConfig:
    """Options of `tcn-robot train`; `make_config` makes one from flat names.

    Attributes:
        objective: What to train for: a name of `tcn_robot.objectives.OBJECTIVES`, of a plug-in,
            or module:Class. Its own options follow.
        objective_options: The objective's own options, an instance of its `Options`.
        encoder: What is trained: a name of `tcn_robot.models.ENCODERS`. Its options follow.
        encoder_options: The encoder's options, an instance of its config class.
        steps: Optimisation steps.
        seed: At least 0. Same seed, data, machine and thread count: same weights, bit by bit.
        views: Views to train on; all if none is named.
        foreground: Paint frames before they are seen: bodies in one grey, things in their colours,
            the background black. Needs films of two bodies or more by cameras that stand still;
            the encoder keeps what it needs for that.
        batch: How large a batch is.
        optimisation: How the weights are moved.
        augmentation: How frames are changed before they are seen.
        regulariser: Terms against collapse that are added to the objective's.
        selection: Which step's encoder is kept, and when to stop early.
        health: When a training that has gone wrong is stopped.
        precision: bf16 autocast where the processor multiplies bf16 in hardware (auto), or fp32,
            bf16, or on a GPU fp16.
        device: cpu, cuda, or auto for cuda where there is one.
        log_every_steps: Steps between two lines of metrics.jsonl.
        validate_every_steps: Steps between two measurements on the validation episodes.
        checkpoint_every_steps: Steps between two checkpoints to resume from.
        validation_episodes: Validation episodes that are measured, at most.
        compile: Let torch compile the encoder, which takes minutes and needs a compiler; measure
            whether it pays.
        projector: When the embedded frames of these are written for TensorBoard's projector: at
            the end, with every validation, or never.
    """

    objective: str = "tcn"
    objective_options: Any = field(default_factory=TcnOptions)
    encoder: str = "convolutional"
    encoder_options: EncoderConfig = field(
        default_factory=lambda: ConvolutionalConfig(unit_length=False)
    )
    steps: int = 1500
    seed: int = 0
    views: tuple[str, ...] = ()
    foreground: bool = False
    batch: BatchOptions = field(default_factory=BatchOptions)
    optimisation: OptimisationOptions = field(default_factory=OptimisationOptions)
    augmentation: AugmentationOptions = field(default_factory=AugmentationOptions)
    regulariser: RegulariserOptions = field(default_factory=RegulariserOptions)
    selection: SelectionOptions = field(default_factory=SelectionOptions)
    health: HealthOptions = field(default_factory=HealthOptions)
    precision: PrecisionName = "auto"
    compile: bool = False
    device: str = "auto"
    log_every_steps: int = 10
    validate_every_steps: int = 250
    checkpoint_every_steps: int = 250
    validation_episodes: int = 8
    projector: Literal["end", "validations", "never"] = "end"

    @property
    def image_size_px(self) -> int:
        """Height and width of the frames the encoder sees."""
        return self.encoder_options.image_size_px

    def changed(self, **values: Any) -> TrainConfig:
        """Return the config with options changed by their flat names.

        Objective and encoder stay; unless `unit_length` is named, embeddings have the length that
        the objective now wants.

        Raises:
            UserError: If there is no such option, or it cannot have that value.
        """
        config = with_values(self, values)
        return config if "unit_length" in values else with_fitting_length(config)

    def check(self) -> None:
        """Raise UserError for numbers that cannot work; the parts check what is theirs."""
        expect_at_least(self, 0, "steps", "seed", "validation_episodes")
        every = ("log_every_steps", "validate_every_steps", "checkpoint_every_steps")
        expect_at_least(self, 1, *every)
        # What else a batch must be, its sampler says, when the films are known.
        expect_at_least(self.batch, SMALLEST_BATCH_FRAMES, "batch_frames")
        expect_at_least(self.batch, 1, "episodes_per_batch")
        for view in self.views:
            if self.views.count(view) > 1:
                raise UserError(f"--views names {view!r} twice; name each view once")
        self.encoder_options.check()
        for part in (self.optimisation, self.regulariser, self.selection, self.health):
            part.check()
        # An objective of somebody else's need not have one.
        check_objective = getattr(self.objective_options, "check", None)
        if check_objective is not None:
            check_objective()


def make_config(objective: str = "tcn", **values: Any) -> TrainConfig:
    """Return a config from flat names, as the command line has them.

    Args:
        objective: What to train for.
        values: Any option by its name, wherever it stands in `TrainConfig`; `encoder` names the
            kind of encoder. What is not named has the objective's default.

    Raises:
        UserError: If a name or a value cannot be.
    """
    values = dict(values)
    encoder = values.pop("encoder", None)
    return default_config(objective, encoder).changed(**values)


def default_config(objective: str, encoder: str | None = None) -> TrainConfig:
    """Return the defaults of an objective with an encoder of some kind.

    Args:
        objective: What to train for.
        encoder: Kind of encoder; None for the objective's usual one.

    Raises:
        UserError: If there is no such objective or encoder.
    """
    what = find_objective(objective)
    encoder = encoder or str(what.defaults.get("encoder", TrainConfig.encoder))
    config = TrainConfig(
        objective=objective,
        objective_options=what.Options(),
        encoder=encoder,
        encoder_options=find_encoder(encoder).Config(),
    )
    known = {name for name, _ in leaves(config)} - {"encoder"}
    return config.changed(**{k: v for k, v in what.defaults.items() if k in known})


def with_fitting_length(config: TrainConfig) -> TrainConfig:
    """Return the config with embeddings of the length that the objective wants."""
    wanted = find_objective(config.objective).unit_length(config.objective_options)
    return replace(config, encoder_options=replace(config.encoder_options, unit_length=wanted))


# Options that runs from before them lack; their defaults are what was.
_CAME_LATER = ("foreground",)


def config_from_dict(values: Any, where: str) -> TrainConfig:
    """Return the config that `dataclasses.asdict` made `values` of, by way of JSON.

    Args:
        values: Field name to value, nested.
        where: File they stand in, for the error.

    Raises:
        UserError: If a name is unknown or missing, or a value of the wrong type.
    """
    if not isinstance(values, dict) or not {"objective", "encoder"} <= values.keys():
        raise UserError(f"{where} names no objective and encoder; tcn_robot did not write it")
    options = find_objective(str(values["objective"])).Options
    encoder_config = find_encoder(str(values["encoder"])).Config
    return options_from_json(
        TrainConfig,
        values,
        where,
        _CAME_LATER,
        objective_options=options_from_json(options, values.get("objective_options"), where),
        encoder_options=options_from_json(encoder_config, values.get("encoder_options"), where),
    )
