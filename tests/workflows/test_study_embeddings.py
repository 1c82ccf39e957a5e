"""A study of embeddings, end to end on a task that draws itself with numpy."""

import dataclasses
import json

import numpy as np
import pytest

from tcn_robot import cli
from tcn_robot.benchmarks import benchmark_alignment
from tcn_robot.errors import UserError
from tcn_robot.models import film_embedder, load_encoder
from tcn_robot.policies.results import read_lines
from tcn_robot.training.config import make_config
from tcn_robot.workflows import embedding_run, study, study_embeddings
from tcn_robot.workflows.embedding_plan import (
    find_result,
    load_embedding_study,
    result_key,
)
from tcn_robot.workflows.study_data import digest_of_recording
from tests.policies.point_task import TASK
from tests.support.point_recordings import DATA, RECORD, record_points

SMALL = {"steps": 2, "image_size_px": 16, "batch_frames": 16, "episodes_per_batch": 2}
PLAN = {
    "name": "tiny",
    "kind": "embedding",
    "data": DATA,
    "train": ["shown", "checked"],
    "test": "held-out",
    "defaults": SMALL,
    "runs": [{"objective": "tcn"}, {"name": "tcn-triplet", "objective": "tcn", "loss": "triplet"}],
    "seeds": [0],
}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """The recordings of the study, made once by the study's own means."""
    return record_points(tmp_path_factory.mktemp("data"))


def write_plan(folder, **changes):
    path = folder / "plan.json"
    path.write_text(json.dumps(PLAN | changes))
    return path


def work_off(plan, folder, data, *more):
    places = ["--results", folder / "results", "--runs", folder / "runs", "--data", data]
    study.main([str(plan), *map(str, places), "--workers", "1", *more])
    return read_lines(folder / "results" / "tiny.jsonl")


def of_kind(lines, kind):
    return [line for line in lines if line["kind"] == kind]


@pytest.fixture(scope="module")
def finished(recorded, tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    return folder, work_off(write_plan(folder), folder, recorded)


def test_each_seed_becomes_one_line(finished, recorded):
    folder, lines = finished
    [reference] = of_kind(lines, "alignment-reference")
    assert set(reference["rows"]) == {
        *("chance", "collapsed", "frame_counter", "ceiling", "simulator_state"),
    }
    trained = of_kind(lines, "embedding")
    assert [line["run"] for line in trained] == ["tcn", "tcn-triplet"]
    assert len({line["key"] for line in trained}) == 2
    line = trained[1]
    assert line["decides"]["options"]["loss"] == "triplet"
    assert line["decides"]["data"] == {
        name: digest_of_recording(recorded / name) for name in ("shown", "checked", "held-out")
    }
    assert line["threads"] == 1
    assert line["attempts"] == 1
    assert line["core_seconds"] > 0
    assert line["task"] == "PointReach-v0"
    assert str(folder.parent) not in json.dumps(lines)


def test_the_figures_are_those_of_the_benchmark(finished, recorded):
    """The study pools what `tcn-robot bench alignment` measures of the same encoder."""
    folder, lines = finished
    line = of_kind(lines, "embedding")[0]
    [run] = (path for path in (folder / "runs" / "tiny" / "tcn").iterdir() if path.is_dir())
    result = benchmark_alignment(
        embedding_run.held_out(recorded / "held-out"), film_embedder(load_encoder(run)), []
    )
    assert line["figures"] == result["trained"]
    [reference] = of_kind(lines, "alignment-reference")
    assert reference["rows"]["simulator_state"] == result["simulator_state"]
    assert np.mean(line["per_episode"]["error"]) == pytest.approx(
        line["figures"]["error"], abs=1e-4
    )
    assert np.shape(line["per_episode"]["tau_b"]) == (3, 3)


def test_what_is_in_the_results_is_not_run_again(finished, recorded, tmp_path, capsys):
    folder, lines = finished
    assert work_off(folder / "plan.json", folder, recorded) == lines
    more = write_plan(tmp_path, seeds=[0, 4])
    capsys.readouterr()
    assert work_off(more, folder, recorded, "--dry-run") == lines
    said = capsys.readouterr().out
    assert "2 of 4 seeds" in said
    assert "to run: tcn seed 4 (2 steps)" in said


def test_a_finished_run_without_its_line_gets_it_without_training(finished, recorded, monkeypatch):
    folder, lines = finished
    path = folder / "results" / "tiny.jsonl"
    kept = path.read_text()
    path.write_text("")
    monkeypatch.setattr(embedding_run, "_train", lambda *_: pytest.fail("trained again"))
    again = work_off(folder / "plan.json", folder, recorded)
    path.write_text(kept)
    without_date = [
        {name: value for name, value in line.items() if name != "finished_utc"}
        for line in (*lines, *again)
        if line["kind"] == "embedding"
    ]
    assert without_date[:2] == without_date[2:]


def test_an_interrupted_training_goes_on(finished, recorded, tmp_path, monkeypatch):
    """Stopped after the first step, started again: the same figures, two attempts."""
    from tcn_robot.training import observation

    plan = write_plan(tmp_path, runs=[{"objective": "tcn", "checkpoint_every_steps": 1}])
    save, saved = observation.save_checkpoint, []

    def save_and_stop(*arguments, **named):
        save(*arguments, **named)
        saved.append(1)
        if len(saved) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(observation, "save_checkpoint", save_and_stop)
    with pytest.raises(KeyboardInterrupt):
        work_off(plan, tmp_path, recorded)
    [line] = of_kind(work_off(plan, tmp_path, recorded), "embedding")
    assert line["attempts"] == 2
    [whole, _] = of_kind(finished[1], "embedding")
    assert line["figures"] == whole["figures"]
    assert line["key"] == whole["key"]  # how often it is saved does not decide


def test_an_attempt_is_counted_before_it_starts(recorded, tmp_path, monkeypatch):
    """A process that is killed hard never comes to what follows the training."""
    from tcn_robot.workflows import train

    plan = write_plan(tmp_path, runs=[{"objective": "tcn"}])
    planned = load_embedding_study(plan).training("", "tcn", 0)
    folder = tmp_path / "runs" / "seed_0"
    found = []

    def count_and_refuse(_, out, *rest, **named):
        found.append(embedding_run._cost(folder)["attempts"])
        assert not out.exists()
        if len(found) < 3:
            raise UserError("refused before it began")
        out.mkdir()

    monkeypatch.setattr(train, "train", count_and_refuse)
    for _ in range(2):
        with pytest.raises(UserError, match="refused"):
            embedding_run._train(planned, folder, recorded)
    assert found == [1, 1]  # what never began is no attempt
    embedding_run._train(planned, folder, recorded)
    cost = embedding_run._cost(folder)
    assert cost["attempts"] == 1
    assert cost["seconds"] > 0


def test_a_training_over_budget_is_told(recorded, tmp_path, capsys):
    plan = write_plan(tmp_path, runs=[{"objective": "tcn"}], max_core_seconds=1e-6)
    work_off(plan, tmp_path, recorded)
    assert "the study allows 1e-06" in capsys.readouterr().err


def test_what_is_missing_is_recorded_and_what_is_another_is_told(tmp_path, capsys):
    data = [{"name": "held-out", "record": [*RECORD, "--episodes", "2", "--split", "test"]}]
    plan = {"data": data, "train": ["held-out"], "test": "held-out"}
    path = write_plan(tmp_path, **plan)
    places = ["--results", tmp_path / "results", "--runs", tmp_path / "runs", "--data", tmp_path]
    study.main([str(path), *map(str, places), "--dry-run"])
    assert f"to record: {tmp_path / 'held-out'}" in capsys.readouterr().out
    assert not (tmp_path / "held-out").exists()
    with pytest.raises(UserError, match="failed; the reason stands above"):
        study.main([str(path), *map(str, places), "--workers", "1"])
    assert "expects episodes of split 'train', found 2 episodes" in capsys.readouterr().err
    digest = digest_of_recording(tmp_path / "held-out")
    study.main([str(path), *map(str, places), "--dry-run"])  # nothing is added
    assert digest_of_recording(tmp_path / "held-out") == digest
    data[0]["record"][-1] = "valid"
    with pytest.raises(UserError, match="was recorded with split 'test', the study asks for 'val"):
        study.main([str(write_plan(tmp_path, **plan)), *map(str, places), "--dry-run"])


@pytest.mark.parametrize(
    "change", [{"steps": 3}, {"loss": "triplet"}, {"learning_rate": 1e-3}, {"dimension": 8}]
)
def test_every_option_that_matters_is_in_the_key(change):
    usual, data = make_config("tcn"), {"a": "0"}
    assert result_key(usual, data) != result_key(usual.changed(**change), data)
    assert result_key(usual, data) != result_key(dataclasses.replace(usual, seed=1), data)
    assert result_key(usual, data) != result_key(usual, {"a": "1"})
    assert result_key(usual, data) == result_key(usual.changed(log_every_steps=3), data)


def line_with(config, data):
    from tcn_robot.workflows.embedding_plan import deciding

    return json.loads(json.dumps({"kind": "embedding", "decides": deciding(config, data)}))


def test_a_new_option_makes_no_result_out_of_date():
    config, data = make_config("tcn"), {"a": "0"}
    line = line_with(config, data)
    assert find_result([line], config, data) is line
    del line["decides"]["options"]["clip_norm"]  # as if it had come later
    assert find_result([line], config, data) is line
    assert find_result([line], config.changed(clip_norm=2.0), data) is None
    line["decides"]["options"]["weight_decay"] = 0.1  # as if its default had been another
    assert find_result([line], config, data) is None
    gone = line_with(config, data)
    gone["decides"]["options"]["gone"] = 1
    assert find_result([gone], config, data) is None
    older = line_with(config, data)
    older["decides"]["version"] = 0
    assert find_result([older], config, data) is None
    assert find_result([line_with(config, data)], config, {"a": "1"}) is None


BAD_PLANS = [
    ({"kind": "embeding"}, "did you mean 'embedding'"),
    ({"data": []}, 'expected "data" in a study of embeddings'),
    ({"train": "shown"}, "expected a list as \"train\", found 'shown'"),
    ({"test": "heldout"}, "did you mean 'held-out'"),
    ({"data": [{"name": "a"}]}, "expected data as"),
    ({"data": [{"name": "../a", "record": [TASK]}]}, "expected a folder's name for data"),
    ({"data": [{"name": "..", "record": [TASK]}]}, "expected a folder's name for data"),
    ({"max_core_seconds": "210"}, "expected max_core_seconds above 0, found '210'"),
    ({"seeds": [0, 0]}, "expected different seeds"),
    ({"seeds": ["a"]}, "expected different seeds"),
    ({"runs": [{"steps": 1}]}, "run 0: option 'objective' is missing"),
    ({"runs": [{"objective": "tcm"}]}, "did you mean 'tcn'"),
    ({"runs": [{"objective": "tcn", "stepz": 1}]}, "did you mean 'steps'"),
    ({"runs": [{"objective": "tcn", "steps": "many"}]}, "steps expects int, found 'many'"),
    ({"runs": [{"objective": "tcn", "seed": 1}]}, "belongs to the study"),
    ({"runs": [{"objective": "tcn", "name": "../a"}]}, "expected a name without /"),
    ({"runs": [{"objective": "tcn", "name": "a\\b"}]}, "expected a name without /"),
    ({"runs": [{"objective": "tcn", "name": ".."}]}, "expected a name without /"),
    ({"runs": [{"objective": "tcn"}] * 2}, "two runs are called 'tcn'"),
]


@pytest.mark.parametrize(("changes", "told"), BAD_PLANS)
def test_a_bad_plan_is_one_line(changes, told, tmp_path, capsys):
    assert cli.main(["study", str(write_plan(tmp_path, **changes))]) == 2
    complaint = capsys.readouterr().err
    assert told in complaint
    assert complaint.count("\n") == 1


def test_a_bad_recording_command_is_told_before_anything_is_recorded(tmp_path, capsys):
    data = [*DATA[:2], {"name": "held-out", "record": [TASK, "--episodez", "3"]}]
    plan = write_plan(tmp_path, data=data)
    assert cli.main(["study", str(plan), "--data", str(tmp_path / "data")]) == 2
    complaint = capsys.readouterr().err
    assert "data 'held-out'" in complaint
    assert "did you mean '--episodes'" in complaint
    assert not (tmp_path / "data").exists()


def test_policies_and_embeddings_do_not_mix_their_entries(tmp_path, capsys):
    path = tmp_path / "plan.json"
    path.write_text(json.dumps({"test": "a", "runs": [{"objective": "tcn"}]}))
    assert cli.main(["study", str(path)]) == 2
    assert f"unknown entry of {path} 'test'" in capsys.readouterr().err


def test_the_first_seed_of_every_run_comes_first(tmp_path):
    planned = load_embedding_study(write_plan(tmp_path, seeds=[5, 3]))
    queue = study_embeddings._queue(planned, tmp_path / "none.jsonl", {"": {}})
    assert [(one.run.name, one.seed) for one in queue] == [
        *(("tcn", 5), ("tcn-triplet", 5), ("tcn", 3), ("tcn-triplet", 3))
    ]
