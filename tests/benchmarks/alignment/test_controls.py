"""Every control scores what theory says it has to."""

import numpy as np
import pytest

from tcn_robot.benchmarks.alignment.comparison import ordinary
from tcn_robot.benchmarks.alignment.controls import (
    CHANGES,
    CONTROLS,
    changed_rows,
    collapsed,
    frame_counter,
    pixel_pca,
    pixels,
)
from tcn_robot.benchmarks.alignment.figures.figure import measured
from tcn_robot.benchmarks.alignment.references import chance_figures
from tcn_robot.benchmarks.alignment.suite import suite_figures
from tcn_robot.benchmarks.alignment.summary import mean
from tests.benchmarks.alignment.made_episodes import VIEWS, line, made

LENGTHS = (30, 41, 36, 33)
FIGURES = suite_figures((0, 1, 3), (0.1, 0.2))


def at_speed(length, exponent):
    """Return progress from 0 to 1 that is slow at first where the exponent is above 1."""
    return np.linspace(0, 1, length) ** exponent


@pytest.fixture(scope="module")
def episodes():
    speeds = (1.0, 2.0, 0.5, 1.5)
    return [made(n, progress=at_speed(n, e)) for n, e in zip(LENGTHS, speeds, strict=True)]


@pytest.fixture(scope="module")
def by_progress(episodes):
    """What knows the progress to a hair, and shows it in another view with a little noise."""
    films = []
    for i, episode in enumerate(episodes):
        way = episode.progress[:, None] * np.ones(3)
        noise = 1e-6 * np.random.default_rng(i).normal(size=(2, *way.shape))
        films.append({view: way + noise[v] for v, view in enumerate(VIEWS)})
    return films


def means(found):
    return {name: None if values is None else mean(values) for name, values in found.items()}


def test_collapsed_is_chance_in_every_figure(episodes):
    measured_ones = measured(episodes, [collapsed(one) for one in episodes], FIGURES)
    found = means(measured_ones)
    closed_forms = dict.fromkeys(FIGURES)
    chance = means(chance_figures(episodes, FIGURES, ordinary(episodes), closed_forms))
    known = [name for name, value in chance.items() if value is not None]
    assert {"error", "accuracy_1", "accuracy_0.1_seconds", "error_cosine", "tau_a"} <= set(known)
    for name in known:
        assert found[name] == pytest.approx(chance[name], abs=1e-12), name
    assert found["effective_states"] == pytest.approx(1.0)
    assert found["value_order"] == 0.0
    assert found["published_delft"] > 0.95  # the figure that takes a collapse for perfect

    shown = means(chance_figures(episodes, FIGURES, ordinary(episodes), measured_ones))
    assert {name for name in found if shown[name] is None} == {
        name
        for name, figure in FIGURES.items()
        if chance[name] is None and (figure.is_published or figure.better == "neither")
    } | {name for name in found if found[name] is None}
    assert shown["ties"] is shown["published_delft"] is None
    assert shown["cycle_2"] == found["cycle_2"]
    assert shown["retrieval_1"] == found["retrieval_1"]


def test_a_frame_counter_is_perfect_by_the_clock_alone(episodes, by_progress):
    counter = means(measured(episodes, [frame_counter(one) for one in episodes], FIGURES))
    knows = means(measured(episodes, by_progress, FIGURES))
    assert (counter["error"], counter["accuracy_0"], counter["retrieval_1"]) == (0.0, 1.0, 1.0)
    assert counter["tau_b"] > 0.98
    assert counter["progress_error"] > 5 * knows["progress_error"]


def test_reversed_and_shuffled_films(episodes, by_progress):
    trained = means(measured(episodes, by_progress, FIGURES))
    rows = {
        name: means(found)
        for name, found in changed_rows(episodes, by_progress, FIGURES, ordinary(episodes)).items()
    }
    assert set(rows) == set(CHANGES)
    assert rows["reversed"]["tau_a"] == pytest.approx(-trained["tau_a"], abs=1e-12)
    # A perfect embedding finds T - 1 - t: mean |T - 1 - 2t| / T, about 1/2.
    assert rows["reversed"]["error"] == pytest.approx(0.5, abs=0.02)
    assert rows["reversed"]["cycle_2"] == pytest.approx(trained["cycle_2"], abs=1e-12)
    assert rows["reversed"]["progress_error"] == pytest.approx(trained["progress_error"], abs=1e-12)
    assert abs(rows["shuffled"]["tau_a"]) < 0.12
    assert rows["shuffled"]["error"] == pytest.approx(1 / 3, abs=0.04)
    assert rows["shuffled"]["progress_error"] == pytest.approx(trained["progress_error"], abs=1e-12)


def test_pauses_and_speed(episodes, by_progress):
    trained = means(measured(episodes, by_progress, FIGURES))
    rows = changed_rows(episodes, by_progress, FIGURES, ordinary(episodes))
    paused, faster = means(rows["paused"]), means(rows["faster"])
    assert "error" not in paused
    # T / 2 + 1 equal frames of 3 T / 2: a ninth of the pairs, and a perfect order otherwise.
    assert paused["ties"] == pytest.approx(trained["ties"] * 4 / 9 + 1 / 9, abs=0.02)
    assert paused["tau_a"] == pytest.approx(1 - paused["ties"], abs=0.01)
    assert paused["tau_b"] == pytest.approx(np.sqrt(1 - paused["ties"]), abs=0.01)
    assert faster["tau_a"] == pytest.approx(trained["tau_a"], abs=0.03)
    assert faster["progress_error"] == pytest.approx(trained["progress_error"], abs=0.01)


def test_the_same_seed_shuffles_the_same(episodes, by_progress):
    compared = ordinary(episodes)
    first, again, other = (
        changed_rows(episodes, by_progress, FIGURES, compared, seed)["shuffled"]["error"]
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_pixels_are_grey_values_and_components_keep_their_distances():
    draw = np.random.default_rng(0)
    film = draw.integers(0, 256, (20, 32, 32, 3), np.uint8)
    episode = made(20)
    episode.frames.update(front=film, left=film[::-1])
    small = pixels(episode)
    assert small["front"].shape == (20, 256)
    np.testing.assert_allclose(small["front"].mean(axis=1), 0, atol=1e-5)
    np.testing.assert_allclose(small["left"], small["front"][::-1])
    [whole] = pixel_pca([small], [small], 256)
    gaps = [np.linalg.norm(one["front"][3] - one["front"][7]) for one in (small, whole)]
    assert gaps[0] == pytest.approx(gaps[1], rel=1e-4)
    [few] = pixel_pca([small], [small], 4)
    assert few["front"].shape == (20, 4)
    variances = few["front"].var(axis=0)
    assert (np.diff(variances) <= 1e-9).all()


def test_every_row_says_what_it_is_and_has_to_score():
    for control in (CONTROLS | CHANGES).values():
        assert control.what
        assert control.theory
    assert line(5).shape == (5, 3)
