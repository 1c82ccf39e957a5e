"""Draws docs/images/overview.png: what each camera saw of one demonstration, and the chain of work.

Run it from the checkout's root: .venv/bin/python scripts/make_overview_picture.py
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tcn_robot.envs import make_task, scripted_policy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TASK = "tcn_robot/MujocoPush-v0"
VIEWS = ("front", "left", "top")
SHARES = (0.02, 0.30, 0.55, 0.75, 0.99)
SAME_MOMENT = 2
PICTURE_PX = 224
INK, ACCENT, PALE, GREY = "#1f2933", "#d9480f", "#fff4e6", "#687785"
CHAIN = (
    ("record", "films of a few\ndemonstrations,\nand of play"),
    ("train", "an embedding: the\nsame moment lies at\nthe same place"),
    ("bench", "is it so, on films\nnever seen?"),
    ("imitate", "films become a\nreward, a policy\nlearns from it"),
    ("report", "one page with\nall that happened"),
)


def film_demonstration(seed: int) -> dict[str, np.ndarray]:
    """Return one scripted push, {view: uint8 (T, H, W, 3)}."""
    env = make_task(TASK)
    env.reset(seed=seed)
    task = env.unwrapped
    size = (PICTURE_PX, PICTURE_PX)
    moments = [task.render_views(VIEWS, size=size)]
    for action in scripted_policy(TASK, "expert")(task, np.random.default_rng(seed)):
        _, _, _, truncated, _ = env.step(action)
        moments.append(task.render_views(VIEWS, size=size))
        if truncated:
            break
    env.close()
    return {view: np.stack([moment[view] for moment in moments]) for view in VIEWS}


def draw(films: dict[str, np.ndarray], path: Path) -> None:
    """Draw the picture and write it as PNG."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt
    from matplotlib.patches import Rectangle

    figure = plt.figure(figsize=(11, 6.1), dpi=120, facecolor="white")
    left, bottom, width, height, gap = 0.075, 0.335, 0.115, 0.2074, 0.006
    for row, view in enumerate(VIEWS):
        film = films[view]
        for column, share in enumerate(SHARES):
            corner = (left + column * (width + gap), bottom + (2 - row) * (height + gap))
            axes = figure.add_axes((*corner, width, height))
            axes.imshow(film[round(share * (len(film) - 1))])
            axes.set_axis_off()
        middle = bottom + (2 - row) * (height + gap) + height / 2
        figure.text(left - 0.015, middle, view, ha="right", va="center", color=INK, fontsize=13)
    frame = Rectangle(
        (left + SAME_MOMENT * (width + gap) - 0.005, bottom - 0.009),
        width + 0.010,
        3 * height + 2 * gap + 0.018,
        transform=figure.transFigure,
        fill=False,
        edgecolor=ACCENT,
        linewidth=2.5,
    )
    figure.add_artist(frame)
    figure.text(0.71, 0.80, "the same moment,", color=ACCENT, fontsize=14, weight="bold")
    figure.text(0.71, 0.75, "whichever camera", color=ACCENT, fontsize=14, weight="bold")
    told = (
        "No labels, no actions, no reward\nwritten by hand: from films alone\n"
        "tcn_robot learns what counts as\nthe same moment, and pays the\n"
        "robot for getting on."
    )
    figure.text(0.71, 0.50, told, color=INK, fontsize=11.5, linespacing=1.5)
    _draw_chain(figure.add_axes((0.02, 0.01, 0.96, 0.28)))
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
    plt.close(figure)


def _draw_chain(axes: Axes) -> None:
    """Draw the commands as boxes with arrows between them."""
    from matplotlib.patches import FancyBboxPatch

    axes.set_axis_off()
    axes.set_xlim(0, 5)
    axes.set_ylim(0, 1)
    for position, (command, words) in enumerate(CHAIN):
        box = FancyBboxPatch(
            (position + 0.08, 0.10),
            0.80,
            0.78,
            boxstyle="round,pad=0.02,rounding_size=0.06",
            facecolor=PALE,
            edgecolor=ACCENT,
            linewidth=1.2,
        )
        axes.add_patch(box)
        centre = position + 0.48
        axes.text(
            centre, 0.74, command, ha="center", va="center", color=INK, fontsize=13, weight="bold"
        )
        axes.text(centre, 0.37, words, ha="center", va="center", color=GREY, fontsize=10)
        if position:
            start, end = (position - 0.085, 0.49), (position + 0.05, 0.49)
            axes.annotate(
                "", end, start, arrowprops={"arrowstyle": "->", "color": ACCENT, "lw": 1.8}
            )


def main() -> None:
    """Film one demonstration and draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/images/overview.png"))
    parser.add_argument("--seed", type=int, default=3)
    options = parser.parse_args()
    draw(film_demonstration(options.seed), options.out)
    print(f"wrote {options.out}")


if __name__ == "__main__":
    main()
