"""The one style of all figures: palette, fonts and sizes, for light and dark, wide and narrow."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

REWARD_COLOURS = {
    "progress": ("#0f766e", "#2dd4bf"),
    "trajectory": ("#1d4ed8", "#7aa2ff"),
    "goal": ("#7c3aed", "#b79bff"),
    "sparse": ("#c2570c", "#fb9a52"),
    "dense": ("#78716c", "#a8a29e"),
}
OTHER_COLOURS = (("#be185d", "#f472b6"), ("#4d7c0f", "#a3d154"), ("#0369a1", "#5cc1f5"))
VIEW_MARKERS = ("o", "^", "s", "D", "v", "P")
TIME_COLOURS = "viridis"


@dataclass(frozen=True)
class Look:
    """How a figure is drawn: on a light or a dark page, for a wide or a narrow screen."""

    dark: bool = False
    narrow: bool = False

    @property
    def ink(self) -> str:
        """Colour of text."""
        return "#e8e6e1" if self.dark else "#1f1d1a"

    @property
    def muted(self) -> str:
        """Colour of axes and secondary text."""
        return "#9b968d" if self.dark else "#6d675e"

    @property
    def hairline(self) -> str:
        """Colour of grid lines."""
        return "#34343a" if self.dark else "#e3dfd7"

    @property
    def paper(self) -> str:
        """Colour of the page behind the figure, for halos; the figure itself is transparent."""
        return "#1b1c20" if self.dark else "#ffffff"

    @property
    def width_inches(self) -> float:
        """Width of a full-width figure."""
        return 3.7 if self.narrow else 9.4

    def colour(self, name: str) -> str:
        """Return the colour of a reward, the same in every figure of every report."""
        pair = REWARD_COLOURS.get(name)
        if pair is None:
            pair = OTHER_COLOURS[sum(name.encode()) % len(OTHER_COLOURS)]
        return pair[1] if self.dark else pair[0]

    def settings(self) -> dict[str, Any]:
        """Return the matplotlib settings of this look."""
        size = 8.0 if self.narrow else 9.0
        return {
            "font.family": "DejaVu Sans",
            "font.size": size,
            "axes.titlesize": size + 0.5,
            "axes.titlelocation": "left",
            "axes.titlepad": 7.0,
            "axes.titlecolor": self.ink,
            "axes.labelsize": size,
            "axes.labelcolor": self.muted,
            "axes.edgecolor": self.muted,
            "axes.linewidth": 0.7,
            "axes.facecolor": "none",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.axisbelow": True,
            "grid.color": self.hairline,
            "grid.linewidth": 0.6,
            "figure.facecolor": "none",
            "savefig.facecolor": "none",
            "legend.frameon": False,
            "legend.labelcolor": self.ink,
            "legend.fontsize": size,
            "lines.linewidth": 1.6,
            "lines.solid_capstyle": "round",
            "text.color": self.ink,
            "xtick.color": self.muted,
            "ytick.color": self.muted,
            "xtick.labelsize": size - 0.5,
            "ytick.labelsize": size - 0.5,
            "xtick.major.width": 0.7,
            "ytick.major.width": 0.7,
            "xtick.major.size": 3.0,
            "ytick.major.size": 3.0,
        }


LIGHT, DARK = Look(), Look(dark=True)
LOOKS = (LIGHT, DARK, Look(narrow=True), Look(dark=True, narrow=True))


@contextmanager
def drawing(look: Look) -> Iterator[None]:
    """Apply a look to everything drawn inside the block."""
    import matplotlib

    settings: Any = {"backend": "Agg", **look.settings()}
    with matplotlib.rc_context(settings):
        yield


def blank_figure(look: Look, height_inches: float) -> Figure:
    """Return an empty full-width figure that no window system knows of."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    layout = ConstrainedLayoutEngine(w_pad=0.06, h_pad=0.05)
    figure = Figure(figsize=(look.width_inches, height_inches), layout=layout)
    FigureCanvasAgg(figure)
    return figure


def percent_axis(axis: Any) -> None:
    """Show an axis of shares in [0, 1] as per cent, with as many digits as its ticks need."""
    from matplotlib.ticker import PercentFormatter

    axis.set_major_formatter(PercentFormatter(xmax=1.0))


def image_axes(axes: Axes) -> None:
    """Take grid, ticks and frame off axes that hold a picture."""
    axes.grid(False)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


def render_png(draw: Callable[[Look], Figure], look: Look) -> bytes:
    """Draw one figure in one look and return it as a PNG with a transparent background."""
    with drawing(look):
        figure = draw(look)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=250 if look.narrow else 180)
    return buffer.getvalue()
