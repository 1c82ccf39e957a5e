"""Options that cannot work, or that nothing reads, are one line before a run folder is made."""

import dataclasses
import re

import pytest

from tcn_robot.errors import UserError
from tcn_robot.objectives import OBJECTIVES
from tcn_robot.training import make_config
from tcn_robot.training.flat import leaves

INFINITE = float("inf")
WRONG = [
    *[(name, "projector_hidden", 0) for name in ("simclr", "byol", "tempo")],
    *[(name, "projector_dimension", -1) for name in ("simclr", "byol", "tempo")],
    *[("simclr", "temperature", value) for value in (0.0, INFINITE, float("nan"))],
    ("byol", "target_momentum", 1.5),
    ("tempo", "redundancy", -0.1),
    ("vip", "negative_weight", -1.0),
    ("vip", "length_weight", -0.001),
    ("vip", "step_frames", 0),
    ("vip", "discount", 1.0),
    ("vip", "steps_per_unit", INFINITE),
    *[(name, "log_variance_weight", -0.1) for name in ("tcc", "tcc_tcn")],
    *[(name, "temperature", INFINITE) for name in ("tcc", "tcc_tcn")],
    ("tcc_tcn", "regularisation", -0.1),
    ("tcc_tcn", "window_frames", 0),
    ("progress", "num_bins", 1),
    ("progress", "head_width", -1),
    ("progress", "rewind_share", 1.5),
    ("tce", "bank_slots", 0),
    ("tcn", "target_width_seconds", -0.1),
    ("tcn", "target_width_seconds", INFINITE),
]
UNREAD = [
    ("tcc", {"huber_delta": 0.2}),
    ("tcc", {"label_smoothing": 0.2, "cycle_loss": "regression_mse"}),
    ("tcc", {"log_variance_weight": 0.2, "cycle_loss": "classification"}),
    ("tcc_tcn", {"window_frames": 7, "partners": "views"}),
    ("tce", {"mining_rate": 2.0, "mining": False}),
    ("tcn", {"target_width_seconds": 0.5, "loss": "lifted"}),
    ("tcn", {"target_width_seconds": 0.5, "negatives": "others"}),
]


@pytest.mark.parametrize(("name", "option", "value"), WRONG)
def test_numbers_that_cannot_work_are_one_line(name, option, value):
    config = make_config(name, **{option: value})
    flag = "--" + option.replace("_", "-")
    with pytest.raises(UserError, match=f"{flag} must be .*, found {re.escape(str(value))}$"):
        config.check()


@pytest.mark.parametrize(("name", "options"), UNREAD)
def test_options_that_are_not_read_are_refused(name, options):
    option = next(iter(options))
    flag = "--" + option.replace("_", "-")
    with pytest.raises(UserError, match=f"{flag} .* is for .*found .*leave {flag} out"):
        make_config(name, **options).check()


def test_the_same_options_are_taken_where_they_are_read():
    for name, options in (
        ("tcc", {"huber_delta": 0.2, "cycle_loss": "regression_huber"}),
        ("tcc_tcn", {"label_smoothing": 0.2, "cycle_loss": "classification"}),
        ("tcc_tcn", {"window_frames": 7}),
        ("tce", {"mining_rate": 2.0}),
    ):
        config = make_config(name, **options)
        config.check()
        assert options.items() <= dict(leaves(config)).items()


@pytest.mark.parametrize("name", sorted(OBJECTIVES))
def test_defaults_pass_the_check_and_a_wrong_number_does_not(name):
    config = make_config(name)
    config.check()
    numbers = [
        field.name
        for field in dataclasses.fields(config.objective_options)
        if type(getattr(config.objective_options, field.name)) in (int, float)
    ]
    assert numbers
    for option in numbers:
        with pytest.raises(UserError, match=f"--{option.replace('_', '-')}"):
            config.changed(**{option: -7}).check()
