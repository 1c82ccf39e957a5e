"""The suite's tables in docs/benchmarks.md say what the results say, of every encoder and split."""

import json

import pytest

from tests.support.scripts import load_script

ROW = {"error": 0.0241, "error_interval": [0.02, 0.03], "tau_b": 0.9364, "phase_10": None}
UNTRAINED = {"error": 0.33, "tau_b": 0.6}


def encoder(error: float, names: tuple[str, ...]) -> dict:
    seeds = [
        {"run": f"runs/{name}", "trained": {"error": error}, "hard": {"error": 2 * error}}
        for name in names
    ]
    split = {
        "name": "unseen body (tongs: corner)",
        "rows": {"trained": {"error": 2 * error}, "untrained": UNTRAINED},
    }
    return {"trained": ROW | {"error": error}, "seeds": seeds, "splits": [split]}


def result(**more) -> dict:
    return {
        **encoder(0.0241, ("a-0", "a-1")),
        **{"untrained": UNTRAINED, "tasks": ["tcn_robot/MujocoPour-v0"], "commit": "c" * 40},
        **{"recordings": ["data/pour-final"], "episodes": 20, "views": ["front", "left"]},
        **{"seen": {"bodies": ["robot"], "views": ["front"]}, "machine": {"cpu": "c", "cores": 2}},
        **more,
    }


@pytest.fixture
def suite_tables():
    return load_script("suite_tables").suite_tables


def test_one_encoder_stands_beside_its_controls(tmp_path, suite_tables):
    (tmp_path / "one.json").write_text(json.dumps(result()))
    text = suite_tables(tmp_path)
    assert "### MujocoPour-v0: pour-final" in text
    assert "| row | error % | tau_b |" in text  # what nobody has is left out
    assert "| trained | 2.4 [2.0, 3.0] | 0.936 |" in text
    assert "| untrained | 33.0 | 0.600 |" in text
    assert "| unseen body (tongs: corner) | 4.8 | – |" in text
    assert "error % of each seed 2.4, 2.4; hard split: 4.8, 4.8." in text


def test_every_further_encoder_and_difference_is_there(tmp_path, suite_tables):
    difference = {
        "first": "runs/a-0 and 1 more seeds",
        "second": "runs/b-0",
        "ordinary": {"error": -0.072, "error_interval": [-0.09, -0.054]},
        "hard": None,
    }
    both = result(encoders=[encoder(0.096, ("b-0",))], differences=[difference])
    (tmp_path / "two.json").write_text(json.dumps(both))
    text = suite_tables(tmp_path)
    assert text.index("**a-0, a-1**") < text.index("**b-0**")
    assert "| ordinary episodes | 9.6 [2.0, 3.0] | 0.936 |" in text
    assert "a-0 and 1 more seeds less b-0: ordinary episodes -7.2 % [-9.0, -5.4]." in text
    assert "| collapsed" not in text


def test_without_results_there_is_no_part(tmp_path, suite_tables):
    assert suite_tables(tmp_path) == ""
