"""Every figure is drawn in every look; what it shows is what the evidence says."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tcn_robot.look import DARK, LIGHT, LOOKS, Look, drawing, render_png
from tcn_robot.report.figures_embedding import plane_figure, similarity_figure, training_figure
from tcn_robot.report.figures_policy import (
    reward_figure,
    standings_figure,
    strokes_of,
    success_figure,
)
from tcn_robot.report.policy_evidence import SuccessCurve
from tests.report.synthetic import full_evidence, policy_runs

EVIDENCE = full_evidence()
FIGURES: dict[str, Callable] = {
    "similarity": lambda look: similarity_figure(EVIDENCE.similarity, look),
    "plane": lambda look: plane_figure(EVIDENCE.planes, look),
    "training": lambda look: training_figure(EVIDENCE.training, look),
    "reward": lambda look: reward_figure(EVIDENCE.rewards, look),
    "standings": lambda look: standings_figure(EVIDENCE.runs, look),
    "success": lambda look: success_figure(EVIDENCE.runs, look),
}


@pytest.mark.parametrize("name", FIGURES)
def test_figures_have_labels_on_every_axis_and_fit_the_page(name: str) -> None:
    for look in LOOKS:
        with drawing(look):
            figure = FIGURES[name](look)
            figure.canvas.draw()
            box = figure.get_tightbbox()
        assert figure.get_figwidth() == pytest.approx(look.width_inches)
        # Nothing is cut off: not a legend, not a title.
        assert box.x0 > -0.02
        assert box.x1 < look.width_inches + 0.02
        plots = [axis for axis in figure.axes if axis.get_xticks().size and axis.lines]
        assert all(axis.get_xlabel() for axis in plots)


@pytest.mark.parametrize("name", FIGURES)
def test_light_and_dark_differ_and_are_transparent(name: str) -> None:
    pictures = {
        look: Image.open(io.BytesIO(render_png(FIGURES[name], look))) for look in (LIGHT, DARK)
    }
    light, dark = (np.asarray(picture.convert("RGBA")) for picture in pictures.values())
    assert light.shape == dark.shape
    assert light[0, 0, 3] == 0
    assert (light != dark).any()


def test_one_reward_has_one_colour_and_another_another() -> None:
    assert LIGHT.colour("progress") == Look(narrow=True).colour("progress")
    assert LIGHT.colour("progress") != LIGHT.colour("sparse")
    assert LIGHT.colour("my_own_reward").startswith("#")


def test_the_curve_is_the_given_middle_with_its_interval_and_each_seed() -> None:
    nan = np.nan
    curve = SuccessCurve(
        np.array([0.0, 10.0, 20.0]), np.array([[0.0, 0.5, nan], [0.2, 1.0, 0.9]]),
        np.array([0.1, 0.75, nan]), np.array([[0.0, 0.3], [nan, nan], [nan, nan]]), 20,
    )  # fmt: skip
    with drawing(LIGHT):
        axis = success_figure([replace(policy_runs()[0], curve=curve)], LIGHT).axes[0]
    assert [line.get_linewidth() for line in axis.lines] == [0.8, 0.8, 2.4]
    np.testing.assert_allclose(axis.lines[1].get_ydata(), [0.2, 1.0, 0.9])
    np.testing.assert_allclose(axis.lines[-1].get_ydata(), [0.1, 0.75])
    np.testing.assert_allclose(axis.lines[-1].get_xdata(), [0, 10])
    corners = axis.collections[0].get_paths()[0].vertices
    assert {(0.0, 0.0), (0.0, 0.3), (10.0, 0.75)} <= {tuple(corner) for corner in corners}


def test_a_single_seed_is_drawn_once() -> None:
    curve = policy_runs()[0].curve
    assert curve is not None
    one = replace(policy_runs()[0], curve=replace(curve, success=curve.success[:1]))
    with drawing(LIGHT):
        assert len(success_figure([one], LIGHT).axes[0].lines) == 1


def test_behaviour_cloning_is_a_level_line_at_its_last_success() -> None:
    curve = SuccessCurve(
        np.array([5.0, 9.0]), np.array([[0.9, 0.5], [0.1, np.nan]]), np.full(2, np.nan),
        np.full((2, 2), np.nan), 20, is_level=True,
    )  # fmt: skip
    run = replace(policy_runs()[0], reward="none", name="behaviour cloning", curve=curve)
    with drawing(LIGHT):
        (line,) = success_figure([run], LIGHT).axes[0].lines
    np.testing.assert_allclose(line.get_ydata(), [0.3, 0.3])
    assert line.get_label() == "behaviour cloning"


def test_no_two_runs_of_a_task_are_drawn_alike() -> None:
    first, sparse = policy_runs()
    runs = [replace(first, name=f"progress ({number})") for number in range(12)] + [sparse]
    strokes = strokes_of(runs)
    assert len(set(map(str, strokes))) == len(runs)
    assert strokes[0].colour(LIGHT) == LIGHT.colour("progress")
    assert strokes[-1].colour(DARK) == DARK.colour("sparse")


def test_standings_show_mean_interval_and_seeds() -> None:
    unfinished = replace(policy_runs()[0], name="progress (b)", figures=None)
    runs = [*policy_runs(), unfinished, replace(policy_runs()[0], task="Reach-v0")]
    with drawing(LIGHT):
        axis = standings_figure(runs, LIGHT).axes[0]
    labels = [text.get_text() for text in axis.get_yticklabels()]
    assert labels == ["MujocoPush-v0", "progress", "sparse", "Reach-v0, progress"]
    drawn = [tuple(np.round(line.get_xdata(), 6)) for line in axis.lines]
    assert drawn[:3] == [(0.87, 0.97), (0.92,), (0.92, 0.92, 0.92)]
    with drawing(LIGHT):
        axis = standings_figure(runs[:3], LIGHT).axes[0]
    assert [text.get_text() for text in axis.get_yticklabels()] == ["progress", "sparse"]
    assert axis.lines[-1].get_color() == LIGHT.colour("sparse")
