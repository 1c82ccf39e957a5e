"""Every figure is drawn in every look; what it shows is what the evidence says."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from tcn_robot.look import DARK, LIGHT, LOOKS, Look, drawing, render_png
from tcn_robot.report.evidence import SuccessCurve
from tcn_robot.report.figures_embedding import plane_figure, similarity_figure, training_figure
from tcn_robot.report.figures_policy import reward_figure, success_figure
from tests.report.synthetic import curves, full_evidence

EVIDENCE = full_evidence()
FIGURES: dict[str, Callable] = {
    "similarity": lambda look: similarity_figure(EVIDENCE.similarity, look),
    "plane": lambda look: plane_figure(EVIDENCE.planes, look),
    "training": lambda look: training_figure(EVIDENCE.training, look),
    "reward": lambda look: reward_figure(EVIDENCE.rewards, look),
    "success": lambda look: success_figure(EVIDENCE.curves, look),
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


def test_the_mean_curve_is_the_mean_of_the_seeds_that_were_evaluated() -> None:
    nan = np.nan
    curve = SuccessCurve(
        "progress", np.array([0.0, 10.0, 20.0]),
        np.array([[0.0, 0.5, nan], [0.2, 1.0, nan]]), (0, 1), 20,
    )  # fmt: skip
    with drawing(LIGHT):
        lines = success_figure([curve], LIGHT).axes[0].lines
    assert [line.get_linewidth() for line in lines] == [0.8, 0.8, 2.4]
    np.testing.assert_allclose(lines[-1].get_ydata(), [0.1, 0.75])
    np.testing.assert_allclose(lines[-1].get_xdata(), [0, 10])


def test_a_single_seed_is_drawn_once() -> None:
    one = [SuccessCurve(c.reward, c.steps, c.success[:1], (0,), c.starts) for c in curves()]
    with drawing(LIGHT):
        assert len(success_figure(one, LIGHT).axes[0].lines) == 2
