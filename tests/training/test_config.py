"""Options: nested and frozen, named flatly, read back strictly."""

import json
import math
from collections import Counter
from dataclasses import asdict

import pytest

from tcn_robot.errors import UserError
from tcn_robot.models import ENCODERS
from tcn_robot.objectives import OBJECTIVES
from tcn_robot.training import make_config
from tcn_robot.training.config import TrainConfig, config_from_dict, default_config
from tcn_robot.training.flat import leaves


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_every_name_occurs_once(objective, encoder):
    """Flags have no prefixes."""
    names = Counter(name for name, _ in leaves(default_config(objective, encoder)))
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_config_survives_json(objective, encoder):
    config = default_config(objective, encoder)
    read = config_from_dict(json.loads(json.dumps(asdict(config))), "config.json")
    assert read == config


def test_the_default_is_that_of_tcn():
    assert make_config() == TrainConfig() == default_config("tcn")


def test_flat_names_reach_every_part():
    config = make_config("tcn", batch_frames=16, image_size_px=32, margin=1, channels=[4, 4])
    assert config.batch.batch_frames == 16
    assert config.image_size_px == 32
    assert config.objective_options.margin == 1.0
    assert config.encoder_options.channels == (4, 4)


def test_embeddings_have_the_length_that_the_loss_wants_unless_told_otherwise():
    assert not make_config("tcn").encoder_options.unit_length
    assert make_config("tcn", loss="triplet").encoder_options.unit_length
    assert not make_config("tcn", loss="triplet", unit_length=False).encoder_options.unit_length


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"objective": "tnc"}, "did you mean 'tcn'"),
        ({"encoder": "convolutonal"}, "did you mean 'convolutional'"),
        ({"batch_frame": 4}, "did you mean 'batch_frames'"),
        ({"steps": 1.5}, "steps expects int, found 1.5"),
        ({"loss": "tripplet"}, "loss expects one of"),
    ],
)
def test_what_cannot_be_named_is_said_in_one_line(values, said):
    with pytest.raises(UserError, match=said):
        make_config(**values)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"seed": -1}, "--seed must be at least 0, found -1"),
        ({"validation_episodes": -1}, "--validation-episodes must be at least 0, found -1"),
        ({"views": ("a", "b", "a")}, "--views names 'a' twice"),
        ({"rate_decay_factor": 1.01}, "--rate-decay-factor must be at most 1, found 1.01"),
        ({"sigreg_weight": -0.1}, "--sigreg-weight must be at least 0, found -0.1"),
        ({"variance_weight": math.inf}, "--variance-weight must be at least 0 and finite"),
        ({"covariance_weight": math.nan}, "--covariance-weight must be at least 0 and finite"),
        ({"sigreg_directions": 0}, "--sigreg-directions must be at least 1, found 0"),
        ({"variance_target": 0.0}, "--variance-target must be above 0, found 0"),
        ({"variance_target": math.nan}, "--variance-target must be above 0 and finite"),
    ],
)
def test_numbers_that_cannot_work_are_said_in_one_line(values, said):
    with pytest.raises(UserError) as caught:
        make_config(**values).check()
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_numbers_at_the_limits_are_taken():
    limits = {
        "seed": 0,
        "validation_episodes": 0,
        "rate_decay_factor": 1.0,
        "sigreg_directions": 1,
    }
    config = make_config(**limits)
    config.check()
    assert limits.items() <= dict(leaves(config)).items()
    for name in ("seed", "validation_episodes", "sigreg_directions"):
        with pytest.raises(UserError, match="must be at least"):
            config.changed(**{name: limits[name] - 1}).check()
