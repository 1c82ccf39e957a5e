"""Fine-tunings of a whole set: what each sees, what is chosen by, what is summed up."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tcn_robot.benchmarks.recognition.clips import ActionSet, open_action_set
from tcn_robot.errors import UserError
from tcn_robot.fine_tuning import study, summary
from tcn_robot.fine_tuning.amounts import parsed_amount
from tcn_robot.fine_tuning.cells import Cell, FilmPool, cells_of, divided, films_of
from tcn_robot.fine_tuning.checkpoint import load_network
from tcn_robot.fine_tuning.checkpoint_evaluation import evaluate_checkpoint
from tcn_robot.fine_tuning.options import FineTuningOptions
from tcn_robot.fine_tuning.study import planned, run_cell
from tcn_robot.fine_tuning.table import fine_tuning_table, per_class_table
from tcn_robot.models import ConvolutionalConfig, Encoder, build_encoder, load_encoder
from tcn_robot.models import seeded_generator as seeded
from tests.support.action_sets import write_ucf101

OPTIONS = FineTuningOptions(
    epochs=1,
    min_steps=4,
    batch_clips=8,
    test_frames=3,
    validations=2,
    learning_rates=(0.01, 0.02),
    augmentation="none",
    precision="fp32",
    device="cpu",
)


@pytest.fixture(scope="module")
def actions(tmp_path_factory: pytest.TempPathFactory) -> ActionSet:
    return open_action_set(write_ucf101(tmp_path_factory.mktemp("actions") / "set"))


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    config = ConvolutionalConfig(
        image_size_px=16, channels=(4, 4), strides=(2, 1), hidden=8, map_channels=2, dimension=4
    )
    return build_encoder("convolutional", config, seeded(0)).eval()


@pytest.fixture(scope="module")
def pool(actions: ActionSet, encoder: Encoder) -> FilmPool:
    return FilmPool(tuple(actions.splits.values()), encoder.image_size_px, 1.0)


def cell(**changes: Any) -> Cell:
    return replace(Cell(split=1, amount="all", draw=0, start="pretrained"), **changes)


def test_amounts_of_labels() -> None:
    assert parsed_amount("all") == (None, False)
    assert parsed_amount("5") == (5.0, False)
    assert parsed_amount("10%") == (pytest.approx(0.1), True)
    for wrong in ("0", "-1", "2.5", "101%", "0%", "few", "5 %"):
        with pytest.raises(UserError, match="--labels-per-class"):
            parsed_amount(wrong)


def test_films_that_choose_are_whole_groups_of_the_training_half(
    actions: ActionSet, pool: FilmPool
) -> None:
    split = actions.split(1)
    films = films_of(pool, split, cell(), seed=0)
    groups = {clip.name: clip.group for clip in (*split.train, *split.test)}
    group_of = [groups[name] for name in films.names]
    fit, valid = ({group_of[place] for place in some} for some in (films.train, films.valid))
    assert len(films.valid) > 0
    assert not fit & valid
    half = sorted(pool.places(split.train).tolist())
    assert sorted([*films.train, *films.valid]) == half
    assert set(pool.labels[films.train]) == {0, 1, 2, 3}


def test_few_labels_are_part_of_more_and_the_same_for_both_starts(
    actions: ActionSet, pool: FilmPool
) -> None:
    split = actions.split(2)

    def known(amount: str, **changes: Any) -> set[int]:
        return set(films_of(pool, split, cell(amount=amount, **changes), 0).train.tolist())

    assert len(known("1")) == 4
    assert known("1") < known("2") < known("all")
    assert known("1") == known("1", start="scratch")
    assert any(known("1", draw=draw) != known("1") for draw in range(1, 4))
    shares = [len(known(amount)) for amount in ("1%", "50%", "100%")]
    assert shares == [4, len(known("all")) // 2, len(known("all"))]
    valid = films_of(pool, split, cell(amount="1"), 0).valid
    np.testing.assert_array_equal(valid, films_of(pool, split, cell(), 0).valid)


def test_cells() -> None:
    cells = cells_of((1, 2), ("1", "10%"), 2, from_scratch=True)
    assert len(cells) == len({one.name for one in cells}) == 16
    assert cells[0].name == "split1-1-draw0-pretrained"
    assert cells[-1].name == "split2-10percent-draw1-scratch"
    assert {one.start for one in cells_of((1,), ("all",), 1, False)} == {"pretrained"}


@pytest.mark.parametrize("ordered", [False, True])
def test_a_cell_that_was_interrupted_ends_as_if_it_had_not_been(
    actions: ActionSet, pool: FilmPool, encoder: Encoder, tmp_path: Path, ordered: bool
) -> None:
    split, options = actions.split(1), replace(OPTIONS, ordered=ordered)
    whole = run_cell(cell(), split, pool, encoder, options, 0, tmp_path / "whole")
    steps: list[int] = []

    def stop(step: int, note: str) -> None:
        steps.append(step)
        if len(steps) == 7:  # in the training with the second rate
            raise KeyboardInterrupt

    folder = tmp_path / "broken"
    with pytest.raises(KeyboardInterrupt):
        run_cell(cell(), split, pool, encoder, options, 0, folder, stop)
    again = run_cell(cell(), split, pool, encoder, options, 0, folder)
    assert again == whole
    for name in ("encoder/model.safetensors", "classifier.safetensors"):
        first, second = (
            (tmp_path / kept / "checkpoint" / name).read_bytes() for kept in ("whole", "broken")
        )
        assert first == second
    assert sorted(path.name for path in folder.iterdir()) == ["checkpoint", "result.json"]
    assert run_cell(cell(), split, pool, encoder, options, 0, folder, stop) == whole  # no step


@pytest.mark.parametrize("ordered", [False, True])
def test_a_checkpoint_gives_its_figures_again(
    actions: ActionSet, pool: FilmPool, encoder: Encoder, tmp_path: Path, ordered: bool
) -> None:
    options = replace(OPTIONS, ordered=ordered)
    result = run_cell(cell(), actions.split(1), pool, encoder, options, 0, tmp_path)
    again = evaluate_checkpoint(
        tmp_path / "checkpoint", actions, FineTuningOptions(device="cpu"), 1.0
    )
    assert again["top_1"] == again["stored"]["top_1"] == np.mean(result["top_1"])
    assert again["confusion"] == result["confusion"]
    network, description = load_network(tmp_path / "checkpoint")
    assert description.classes == actions.classes
    assert network.num_parts == description.num_parts == (OPTIONS.segments if ordered else 1)
    tuned = load_encoder(tmp_path / "checkpoint")
    assert tuned.config == network.encoder.config
    with pytest.raises(UserError, match="no fine-tuned network"):
        load_network(tmp_path)
    other = replace(actions, classes=("a", "b"))
    with pytest.raises(UserError, match="knows 4 classes"):
        evaluate_checkpoint(tmp_path / "checkpoint", other, OPTIONS, 1.0)


def test_a_checkpoint_from_before_parts_has_one(
    actions: ActionSet, pool: FilmPool, encoder: Encoder, tmp_path: Path
) -> None:
    run_cell(cell(), actions.split(1), pool, encoder, OPTIONS, 0, tmp_path)
    path = tmp_path / "checkpoint" / "classifier.json"
    described = json.loads(path.read_text())
    assert described.pop("num_parts") == 1
    path.write_text(json.dumps(described))
    assert load_network(tmp_path / "checkpoint")[0].num_parts == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"segments": 4}, "--test-frames of at least --segments, found 3 and 4"),
        ({"segments": 1}, "--segments of at least 2, found 1"),
        ({"test_spread": "tce"}, "--test-spread even, found tce"),
    ],
)
def test_every_segment_has_to_be_tested(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        replace(OPTIONS, ordered=True, **options).check()
    replace(OPTIONS, **options).check()


def test_the_rate_that_validates_best_is_tested(
    actions: ActionSet, pool: FilmPool, encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []
    fine_tune = study.fine_tune

    def noted(*arguments: Any) -> Any:
        asked.append(arguments[3])
        return fine_tune(*arguments)

    monkeypatch.setattr(study, "fine_tune", noted)
    options = replace(OPTIONS, learning_rates=(1e12, 0.01, 1e-12))
    result = run_cell(cell(), actions.split(1), pool, encoder, options, 0, None)
    assert asked == [1e12, 0.01, 1e-12]
    assert result["learning_rate"] == 0.01
    with pytest.raises(UserError, match="not finite with any"):
        run_cell(
            cell(),
            actions.split(1),
            pool,
            encoder,
            replace(OPTIONS, learning_rates=(1e12,)),
            0,
            None,
        )


def test_few_labels_are_chosen_by_among_themselves(
    actions: ActionSet, pool: FilmPool, encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    split, few = actions.split(1), cell(amount="3")
    films = films_of(pool, split, few, 0)
    choosing = divided(films, pool, split, few, 0)
    assert sorted([*choosing.train, *choosing.valid]) == sorted(films.train)
    assert len(choosing.valid) > 0
    groups = {clip.name: clip.group for clip in split.train}
    learnt, chose = (
        {groups[films.names[place]] for place in some} for some in (choosing.train, choosing.valid)
    )
    assert not learnt & chose
    found = run_cell(few, split, pool, encoder, OPTIONS, 0, None)
    assert found["num_labels"] == len(films.train)
    assert found["num_valid"] == len(choosing.valid)
    assert found["kept_step"] == found["steps"]
    # Labels outside of the budget change no weight: neither the rate nor the step is theirs.
    hidden = np.full_like(pool.labels, 3)
    seen = [*films.train, *pool.places(split.test)]
    hidden[seen] = pool.labels[seen]
    for name in ("films_of", "divided"):
        made = films if name == "films_of" else choosing
        blind = replace(made, labels=hidden)
        monkeypatch.setattr(study, name, lambda *_, blind=blind: blind)
    other = run_cell(few, split, pool, encoder, OPTIONS, 0, None)
    assert other["top_1"] == found["top_1"]
    assert other["confusion"] == found["confusion"]
    assert other["curve"] != found["curve"]


def test_with_one_label_per_class_the_first_rate_counts(
    actions: ActionSet, pool: FilmPool, encoder: Encoder
) -> None:
    split, lonely = actions.split(1), cell(amount="1")
    plan = planned(lonely, split, pool, OPTIONS, 0)
    assert plan.choosing is None
    assert plan.steps == OPTIONS.num_steps(4)
    steps: list[int] = []
    found = run_cell(lonely, split, pool, encoder, OPTIONS, 0, None, lambda s, _: steps.append(s))
    assert len(steps) == plan.steps
    assert found["learning_rate"] == OPTIONS.learning_rates[0]
    assert found["num_valid"] == 0


@pytest.mark.parametrize("amount", ["3", "all"])
def test_the_steps_that_are_planned_are_those_that_are_done(
    amount: str, actions: ActionSet, pool: FilmPool, encoder: Encoder
) -> None:
    split, one, steps = actions.split(1), cell(amount=amount), []
    run_cell(one, split, pool, encoder, OPTIONS, 0, None, lambda s, _: steps.append(s))
    assert len(steps) == planned(one, split, pool, OPTIONS, 0).steps


def result_of(start: str, split: int, top_1: list[float], accuracies: list[float]) -> Any:
    return {
        "split": split,
        "amount": "all",
        "draw": 0,
        "start": start,
        "num_labels": 8,
        "num_valid": 4,
        "num_watched": 4,
        "learning_rate": 0.01,
        "steps": 40,
        "kept_step": 40,
        "curve": [{"step": 10 * (i + 1), "accuracy": a} for i, a in enumerate(accuracies)],
        "top_1": top_1,
        "top_5": [1.0] * len(top_1),
        "confusion": np.eye(4).tolist(),
    }


def test_the_saving_has_an_interval_over_trainings() -> None:
    quick, slow = [0.6, 0.8, 0.8, 0.8], [0.1, 0.2, 0.4, 0.6]

    def saving(*scratch: list[float], wanted: float = 0.6) -> list[float] | None:
        of_start = {
            "pretrained": [result_of("pretrained", 1, [1.0], quick) for _ in scratch],
            "scratch": [result_of("scratch", 1, [1.0], curve) for curve in scratch],
        }
        (row,) = summary.steps_to(of_start, 0, [wanted])
        return row["saving_interval"]

    assert saving(slow, slow, slow) == [4.0, 4.0]
    assert saving(slow, slow) is None  # no spread can be told of two
    assert saving(quick, quick, quick, slow) == [1.0, 4.0]
    # Two of three or four trainings in a draw never get there, and the mean does not either.
    never = [0.1, 0.1, 0.1, 0.1]
    assert saving(never, slow, quick, quick, wanted=0.6) is None
    assert saving(quick, quick, quick, wanted=0.9) is None


def test_what_is_summed_up(actions: ActionSet) -> None:
    splits = [actions.split(1), actions.split(2)]
    count = len(splits[0].test)
    ours, theirs = [1.0] * count, [1.0, 0.0] * (count // 2)
    results = [
        result
        for split in (1, 2)
        for result in (
            result_of("pretrained", split, ours, [0.6, 0.8, 0.8, 0.9]),
            result_of("scratch", split, theirs, [0.2, 0.4, 0.6, 0.8]),
        )
    ]
    found = summary.summarised(results, splits, seed=0)
    rows = found["amounts"]["all"]
    assert rows["pretrained"]["top_1"] == 1.0
    assert rows["scratch"]["top_1"] == 0.5
    assert rows["difference"]["top_1"] == 0.5
    low, high = rows["difference"]["top_1_interval"]
    assert low <= 0.5 <= high
    assert found["chance"]["top_1"] == 0.25
    assert found["chance"]["majority"] == pytest.approx(0.25)
    steps = [(row["pretrained"], row["scratch"], row["saving"]) for row in rows["steps_to"]]
    assert steps == [(10, 20, 2.0), (10, 30, 3.0), (20, 40, 2.0), (20, 40, 2.0)]
    (asked,) = summary.steps_to({"pretrained": results[::2], "scratch": results[1::2]}, 0, [0.85])
    assert asked["pretrained"] == 40
    assert asked["scratch"] is asked["saving"] is asked["saving_interval"] is None
    table = fine_tuning_table(found)
    assert "+50.0" in table
    assert "saving" in table
    assert actions.classes[0] in per_class_table(found)
