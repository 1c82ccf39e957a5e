"""Figures of labels: they equal the metrics on the same frames, and say when there are none."""

import numpy as np
import pytest

from tcn_robot.benchmarks.alignment.figures.attributes import attribute_figures
from tcn_robot.benchmarks.alignment.figures.figure import measured
from tcn_robot.benchmarks.alignment.figures.films import film_figures, published_figures
from tcn_robot.benchmarks.alignment.figures.probed import probe_figures
from tcn_robot.benchmarks.alignment.summary import mean, summary
from tcn_robot.metrics import (
    attribute_error,
    class_recall,
    goal_values,
    published_kendall_tau,
    three_way_cycle_consistency,
    value_order_correlation,
)
from tests.benchmarks.alignment.made_episodes import VIEWS, made

LENGTHS = (24, 30, 27, 33, 26, 29)


def labelled(length, **changes):
    """Three phases of equal length; contact in the middle one."""
    phases = np.minimum(3 * np.arange(length) // length, 2)
    labels = {"phase_index": phases, "contact": phases == 1, "never": np.zeros(length, bool)}
    return made(length, labels=labels | changes)


EPISODES = [labelled(length) for length in LENGTHS]


def embeddings(noise):
    draw = np.random.default_rng(0)
    return [
        {
            view: np.eye(3)[one.labels["phase_index"]]
            + np.linspace(0, 0.5, length)[:, None]
            + noise * draw.normal(size=(length, 3))
            for view in VIEWS
        }
        for one, length in zip(EPISODES, LENGTHS, strict=True)
    ]


def by_name(*figures):
    return {figure.name: figure for figure in figures}


def joined(films):
    frames = [film[view] for film in films for view in VIEWS]
    owners = np.repeat(np.arange(len(films)).repeat(len(VIEWS)), [len(x) for x in frames])
    labels = {
        name: np.concatenate([one.labels[name] for one in EPISODES for _ in VIEWS])
        for name in ("contact", "phase_index")
    }
    return np.concatenate(frames), owners, labels


def test_attributes_are_those_of_the_metric():
    figures = by_name(*attribute_figures(EPISODES))
    assert "attribute_error_contact" in figures
    assert "attribute_error_never" not in figures  # nothing to tell apart
    films = embeddings(0.4)
    found = measured(EPISODES, films, figures)
    frames, owners, labels = joined(films)
    expected = attribute_error(frames, labels["contact"], owners)
    assert mean(found["attribute_error_contact"]) == pytest.approx(expected.error, abs=1e-12)
    assert mean(found["published_attribute_error_contact"]) == pytest.approx(expected.published)
    low, high = summary(found)["attribute_error_contact_interval"]
    assert low < expected.error < high
    recall = class_recall(frames, labels["phase_index"], owners, (5,))[5]
    weighted = [found["phase_retrieval_5"][i] * 2 * length for i, length in enumerate(LENGTHS)]
    assert sum(weighted) / (2 * sum(LENGTHS)) == pytest.approx(recall.recall, abs=1e-12)


def test_probes_read_what_is_there_and_collapsed_is_chance():
    figures = by_name(*probe_figures(EPISODES, 0))
    assert "phase_shots_3" in figures
    assert "phase_shots_5" not in figures  # three episodes on each side
    clear = summary(measured(EPISODES, embeddings(0.02), figures))
    assert clear["phase_100"] > 0.99
    assert clear["phase_shots_1"] > 0.95
    assert clear["event_error"] < 0.01
    assert clear["progression_r2"] > 0.9
    collapsed = [{view: np.zeros((n, 3)) for view in VIEWS} for n in LENGTHS]
    nothing = summary(measured(EPISODES, collapsed, figures))
    assert nothing["phase_100"] == pytest.approx(1 / 3, abs=0.05)
    assert nothing["progression_r2"] < 0.05
    assert nothing["event_error"] > 0.2


def test_probes_learn_on_training_episodes_where_there_are_some():
    figures = by_name(*probe_figures(EPISODES, 2))
    films = embeddings(0.02)
    wrong = [{view: -film for view, film in one.items()} for one in films[:2]]
    right = summary(measured(EPISODES, films, figures, training=(EPISODES[:2], films[:2])))
    assert right["phase_100"] > 0.99
    misled = summary(measured(EPISODES, films, figures, training=(EPISODES[:2], wrong)))
    assert misled["phase_100"] < 0.6


def test_without_labels_there_are_no_such_figures():
    films = [made(20) for _ in range(6)]
    assert probe_figures(films, 0) == attribute_figures(films) == ()
    assert probe_figures(EPISODES[:2], 0) == ()
    some = [*EPISODES[:3], made(20), *EPISODES[4:]]
    assert probe_figures(some, 0) == attribute_figures(some) == ()


def test_a_figure_that_short_films_do_not_allow_is_left_out():
    films = [made(8), made(9)]
    ways = [{view: np.arange(n)[:, None] for view in VIEWS} for n in (8, 9)]
    found = measured(films, ways, by_name(*film_figures(), *published_figures()))
    assert found["retrieval_10"] is None
    assert found["retrieval_5"].tolist() == [1.0, 1.0]
    assert found["cycle_3"] is None


def test_whole_films():
    films = embeddings(0.3)
    found = measured(EPISODES, films, by_name(*film_figures(), *published_figures()))
    view = VIEWS[0]
    orders = [value_order_correlation(goal_values(films[2][view])) for view in VIEWS]
    assert found["value_order"][2] == pytest.approx(np.mean(orders))
    cycles = [three_way_cycle_consistency(films[5][v], films[0][v], films[1][v]) for v in VIEWS]
    assert found["cycle_3"][5] == pytest.approx(np.mean(cycles))
    taus = [published_kendall_tau([one[view] for one in films]) for view in VIEWS]
    assert float(found["published_tau"]) == pytest.approx(np.mean(taus))
    assert found["retrieval_1"].shape == (len(films),)
    assert (found["retrieval_10"] >= found["retrieval_1"]).all()
    assert view == "front"
