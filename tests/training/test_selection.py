"""The best step by validation, and when patience runs out."""

import json

import pytest
from torch import nn

from tcn_robot.errors import UserError
from tcn_robot.training.selection import Selection, SelectionOptions


def encoder_of(value):
    made = nn.Linear(1, 1, bias=False)
    made.weight.data.fill_(value)
    return made


def looked(values, name="alignment_error", **options):
    selection = Selection(SelectionOptions(best_by=name, **options))
    for step, value in enumerate(values, 1):
        selection.look(step, {f"validation/{name}": value, "loss": 0.0}, encoder_of(step))
    return selection


def kept(selection):
    encoder = encoder_of(-1.0)
    selection.apply(encoder)
    return encoder.weight.item()


def test_the_best_is_kept_and_of_equals_the_first():
    selection = looked([0.3, 0.1, 0.2, 0.1], keep="best")
    assert (selection.best_step, selection.best_value) == (2, 0.1)
    assert kept(selection) == 2
    assert looked([0.3, 0.1, 0.9], "alignment_accuracy_1", keep="best").best_step == 3


def test_last_keeps_nothing_and_compares_nothing():
    selection = looked([0.3, 0.1, 0.2])
    assert selection.best_step is None
    assert kept(selection) == -1
    assert not selection.is_over


@pytest.mark.parametrize(
    ("values", "over"),
    [([3, 2, 1], False), ([1, 2], False), ([1, 2, 1], True), ([1, 2, 0, 2], False), ([1], False)],
)
def test_patience_counts_validations_in_a_row_that_are_no_better(values, over):
    assert looked(values, patience_validations=2).is_over == over


def test_weights_are_copied_and_not_followed():
    selection, encoder = Selection(SelectionOptions(keep="best")), encoder_of(1.0)
    selection.look(1, {"validation/alignment_error": 0.5}, encoder)
    encoder.weight.data.fill_(9.0)
    assert kept(selection) == 1


@pytest.mark.parametrize("values", [[], [0.3, 0.1, 0.2]])
def test_it_goes_on_from_a_checkpoint(values):
    before = looked(values, keep="best", patience_validations=2)
    after = Selection(SelectionOptions(keep="best", patience_validations=2))
    after.load_state(json.loads(json.dumps(before.state())), before.best_weights)
    for selection in (before, after):
        selection.look(9, {"validation/alignment_error": 0.2}, encoder_of(9))
    assert after.state() == before.state()
    assert kept(after) == kept(before)
    assert after.is_over == before.is_over


def test_training_figures_never_decide():
    selection = Selection(SelectionOptions(keep="best"))
    with pytest.raises(UserError, match="split 'valid'") as caught:
        selection.look(1, {"loss": 0.1, "alignment_error": 0.0}, encoder_of(1))
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="did you mean 'alignment_error'"):
        SelectionOptions(best_by="alignment_eror").check()
    with pytest.raises(UserError, match="--patience-validations"):
        SelectionOptions(patience_validations=-1).check()
